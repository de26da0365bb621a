"""Records of the contract, whose field names have hyphens, which Python attributes cannot have."""

from wasmtime.component import Record


def record(**fields) -> Record:
    """A record: `max_recipients` is its field `max-recipients`."""
    made = Record()
    for name, value in fields.items():
        setattr(made, name.replace("_", "-"), value)
    return made


def plain(value):
    """Converts a value to JSON: `message-id` becomes `messageId`, and absent values are left out."""
    if isinstance(value, Record):
        fields = vars(value).items()
        return {camel_case(name): plain(inner) for name, inner in fields if inner is not None}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def camel_case(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(word.capitalize() for word in rest)

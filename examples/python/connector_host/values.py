"""Records of the contract, whose names have hyphens that Python's attributes cannot be written with."""

from wasmtime.component import Record


def record(**fields) -> Record:
    """A record: `max_recipients` is its field `max-recipients`."""
    made = Record()
    for name, value in fields.items():
        setattr(made, name.replace("_", "-"), value)
    return made


def plain(value):
    """A value as JSON has it: `message-id` becomes `messageId`, and what is absent is left out."""
    if isinstance(value, Record):
        fields = vars(value).items()
        return {camel_case(name): plain(inner) for name, inner in fields if inner is not None}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def camel_case(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(word.capitalize() for word in rest)

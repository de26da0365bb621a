"""The component's imports. Each becomes an operation of the session.

The bindings tell the cases of a result by the type of the value; `Variant` says which case it is where
both have the same type.
"""

from wasmtime.component import Linker, ResourceHost, ResourceType, Variant

from .attachments import Unavailable
from .failure import Failed
from .session import Session

PACKAGE = "connectors:smtp"
VERSION = "0.1.0"
# The types of our resources: any two different numbers.
CONTENT = 1
OUTGOING = 2


def add_imports(linker: Linker, session: Session) -> None:
    with linker.root() as root:
        with root.add_instance(name("types")):
            pass
        with root.add_instance(name("invocation")) as invocation:
            invocation.add_func("current", lambda store: session.run)
        with root.add_instance(name("account")) as account:
            account.add_func("current", lambda store: session.profile)
        with root.add_instance(name("attachments")) as attachments:
            add_attachments(attachments, session)
        with root.add_instance(name("transport")) as transport:
            add_transport(transport, session)


def name(interface: str) -> str:
    return f"{PACKAGE}/{interface}@{VERSION}"


def add_attachments(interface, session: Session) -> None:
    def opened(open_it, source):
        try:
            return ResourceHost.own(session.keep(open_it(source)), CONTENT)
        except Unavailable as error:
            return Variant(error.case, str(error))

    def metadata(store, this):
        return session.get(number(store, this)).metadata

    def read(store, this, most):
        try:
            return session.get(number(store, this)).read(most)
        except Unavailable as error:
            return Variant(error.case, str(error))

    interface.add_resource("content", ResourceType.host(CONTENT), lambda _, this: session.drop(this))
    interface.add_func("[method]content.metadata", metadata)
    interface.add_func("[method]content.read", read)
    interface.add_func("open-upload", lambda store, upload: opened(session.open_upload, upload))
    interface.add_func("fetch", lambda store, url: opened(session.fetch, url))


def add_transport(interface, session: Session) -> None:
    def begin(store, envelope):
        try:
            return ResourceHost.own(session.keep(session.begin(envelope)), OUTGOING)
        except Failed as error:
            return error.failure

    def write(store, this, chunk):
        try:
            session.get(number(store, this)).write(chunk)
        except Failed as error:
            return error.failure

    def finish(store, this):
        try:
            return Variant("ok", session.take(number(store, this)).finish())
        except Failed as error:
            return Variant("err", error.failure)

    interface.add_resource("outgoing", ResourceType.host(OUTGOING), lambda _, this: session.drop(this))
    interface.add_func("[method]outgoing.write", write)
    interface.add_func("[static]outgoing.finish", finish)
    interface.add_func("begin", begin)


def number(store, resource) -> int:
    """The session's name for a resource. Each handle that comes in must be taken exactly once."""
    return resource.to_host(store).rep

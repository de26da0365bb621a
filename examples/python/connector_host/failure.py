"""Failures, as the contract defines them."""

import re
import smtplib
import socket
import ssl

from wasmtime.component import Record

from .values import record

ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)")
CODES = {
    "starttls": "tls",
    "auth": "auth",
    "mail-from": "sender",
    "rcpt-to": "recipients",
    "data": "data",
    "body": "data",
    "final-reply": "data",
}


class Failed(Exception):
    """A failure of the contract, passed to the component."""

    def __init__(self, code, phase, retry, message, *, delivered="no", reply=None, refusals=()):
        super().__init__(message)
        self.failure = record(
            code=code,
            message=message,
            hint=None,
            phase=phase,
            retry=retry,
            delivered=delivered,
            reply=reply,
            refusals=list(refusals),
            message_id=None,
        )

    @classmethod
    def by_reply(cls, phase: str, reply: Record, refusals=()) -> "Failed":
        """The server refused."""
        too_large = reply.code == 552 and not (reply.enhanced or "").startswith("5.2.")
        code = "too-large" if too_large else CODES.get(phase, "connect")
        message = f"the server says no: {reply.code} {reply.text}".replace("\n", " ")
        return cls(code, phase, retry_of(phase, reply), message, reply=reply, refusals=refusals)

    @classmethod
    def by_exception(cls, phase: str, error: Exception) -> "Failed":
        """The server did not answer."""
        if phase == "final-reply":
            # The end of the message was sent, but no clear answer came.
            message = "nobody can tell whether the message was sent: the server did not answer"
            return cls("connect", phase, "never", message, delivered="unknown")
        match error:
            case ssl.SSLError():
                code = "tls"
            case socket.gaierror():
                code, phase = "dns", "resolve"
            case TimeoutError():
                code = "timeout"
            case smtplib.SMTPNotSupportedError():
                code = "tls" if phase == "starttls" else "auth"
            case _:
                code = "connect"
        return cls(code, phase, "later", f"the server cannot be reached: {error}")


def reply_of(code: int, text: bytes) -> Record:
    """Builds a reply from smtplib's text: its lines without the codes, joined by newlines."""
    lines = text.decode("utf-8", "replace").split("\n")
    enhanced = ENHANCED.match(lines[0])
    shown = "\n".join(ENHANCED.sub("", line, count=1) if enhanced else line for line in lines)
    return record(code=code, enhanced=enhanced and enhanced[1], text=shown)


def refusal(recipient: str, reply: Record) -> Record:
    return record(recipient=recipient, field=None, reply=reply, retry=retry_of("rcpt-to", reply))


def retry_of(phase: str, reply: Record) -> str:
    if reply.code < 500 or (reply.code == 552 and reply.enhanced == "5.2.2"):
        return "later"
    settings = phase in ("connect", "greeting", "ehlo", "starttls", "auth")
    by_policy = (reply.enhanced or "").startswith("5.7.")
    return "after-config-change" if settings or by_policy else "never"


def queue_id(reply: Record) -> str | None:
    """The server's queue id, in Postfix's wording, which many servers use."""
    found = re.search(r"queued as ([^\s<>,\"]+)", reply.text, re.IGNORECASE)
    return found and found[1]

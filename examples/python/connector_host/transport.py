"""Sends one message to the account's server, with smtplib."""

import os
import smtplib
import socket
import ssl
from contextlib import contextmanager

from wasmtime.component import Record

from .failure import Failed, queue_id, refusal, reply_of
from .values import record

# The longest time that the server may be silent.
TIMEOUT_SECONDS = 120


def connect(account: dict) -> smtplib.SMTP:
    """Connects, encrypts and logs in."""
    security = account["security"]
    connection_type = smtplib.SMTP_SSL if security == "tls" else smtplib.SMTP
    own_name = account.get("ehloName", "localhost")
    with failing_at("connect"):
        smtp = connection_type(
            account["host"], account["port"], local_hostname=own_name, timeout=TIMEOUT_SECONDS
        )
    # Without this, the message's end waits 40 ms for the server to acknowledge earlier data.
    smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with failing_at("ehlo"):
        smtp.ehlo_or_helo_if_needed()
    if security == "starttls":
        with failing_at("starttls"):
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo()
    if "username" in account:
        with failing_at("auth"):
            smtp.login(account["username"], os.environ[account["passwordVariable"]])
    return smtp


class Outgoing:
    """A message that is being sent."""

    def __init__(self, smtp: smtplib.SMTP, accepted: list[str], refused: list[Record]) -> None:
        self.smtp = smtp
        self.accepted = accepted
        self.refused = refused
        # The last two octets, to detect the start of a line: a dot there is doubled, even between chunks.
        self.tail = b"\r\n"

    @classmethod
    def begin(cls, smtp: smtplib.SMTP, envelope: Record) -> "Outgoing":
        """Begins a message, up to the server's reply to DATA."""
        try:
            accepted, refused = offer_envelope(smtp, envelope)
            with failing_at("data"):
                smtp.putcmd("DATA")
                go_ahead = smtp.getreply()
            if go_ahead[0] != 354:
                raise Failed.by_reply("data", reply_of(*go_ahead))
        except Failed:
            smtp.close()
            raise
        return cls(smtp, accepted, refused)

    def write(self, chunk: bytes) -> None:
        octets = self.tail + chunk
        stuffed = octets.replace(b"\r\n.", b"\r\n..")[len(self.tail) :]
        self.tail = octets[-2:]
        with failing_at("body"):
            self.smtp.send(stuffed)

    def finish(self) -> Record:
        try:
            with failing_at("final-reply"):
                self.smtp.send(b".\r\n")
                reply = reply_of(*self.smtp.getreply())
            if reply.code >= 400:
                raise Failed.by_reply("final-reply", reply)
            self.smtp.putcmd("QUIT")
        finally:
            self.smtp.close()
        return record(
            reply=reply, accepted=self.accepted, refused=self.refused, queue_id=queue_id(reply)
        )

    def abandon(self) -> None:
        """Closes the connection before the message's end, so the server discards what it has."""
        self.smtp.close()


def offer_envelope(smtp: smtplib.SMTP, envelope: Record) -> tuple[list[str], list[Record]]:
    sender, recipients = envelope.sender, envelope.recipients
    with failing_at("mail-from"):
        reply = reply_of(*smtp.mail(sender, mail_options(smtp, envelope)))
    if reply.code != 250:
        raise Failed.by_reply("mail-from", reply)
    accepted, refused = [], []
    for recipient in recipients:
        with failing_at("rcpt-to"):
            reply = reply_of(*smtp.rcpt(recipient, rcpt_options(smtp, envelope)))
        if reply.code in (250, 251):
            accepted.append(recipient)
        else:
            refused.append(refusal(recipient, reply))
    if refused and not (accepted and getattr(envelope, "allow-partial")):
        raise Failed.by_reply("rcpt-to", refused[-1].reply, refused)
    return accepted, refused


def mail_options(smtp: smtplib.SMTP, envelope: Record) -> list[str]:
    options = []
    if envelope.size is not None and smtp.has_extn("size"):
        options.append(f"SIZE={envelope.size}")
    addresses = "".join([envelope.sender, *envelope.recipients])
    if getattr(envelope, "utf8-headers") or not addresses.isascii():
        if not smtp.has_extn("smtputf8"):
            message = "the server does not take addresses beyond ASCII"
            raise Failed("recipients", "mail-from", "never", message)
        options += ["BODY=8BITMIME", "SMTPUTF8"]
    wanted = envelope.notification
    if wanted and smtp.has_extn("dsn"):
        if wanted.report:
            options.append({"full": "RET=FULL", "headers": "RET=HDRS"}[wanted.report])
        if getattr(wanted, "envelope-id"):
            options.append(f"ENVID={xtext(getattr(wanted, 'envelope-id'))}")
    return options


def rcpt_options(smtp: smtplib.SMTP, envelope: Record) -> list[str]:
    if not envelope.notification or not smtp.has_extn("dsn"):
        return []
    events = sorted(envelope.notification.notify) or ["never"]
    return ["NOTIFY=" + ",".join(events).upper()]


def xtext(text: str) -> str:
    """Encodes a value as xtext (RFC 3461 section 4)."""
    return "".join(c if c not in "+=" else f"+{ord(c):02X}" for c in text)


@contextmanager
def failing_at(phase: str):
    """Converts smtplib's exceptions to a failure of this phase."""
    try:
        yield
    except smtplib.SMTPResponseException as error:
        raise Failed.by_reply(phase, reply_of(error.smtp_code, error.smtp_error)) from error
    except (OSError, smtplib.SMTPException) as error:
        raise Failed.by_exception(phase, error) from error

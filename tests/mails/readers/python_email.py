"""Reads messages with Python's `email` package and its `policy.default`."""

import base64
from email import message_from_bytes, policy

from frames import serve


def read_message(raw):
    message = message_from_bytes(raw, policy=policy.default)
    leaves = []
    return {
        "subject": str(message["Subject"]),
        "from": mailboxes(message["From"]),
        "to": mailboxes(message["To"]),
        "cc": mailboxes(message["Cc"]),
        "replyTo": mailboxes(message["Reply-To"]),
        "custom": [str(value) for name, value in message.items() if name == "X-Custom"],
        "tree": tree(message, leaves),
        "leaves": leaves,
        "defects": [repr(defect) for part in message.walk() for defect in part.defects],
    }


def mailboxes(header):
    if header is None:
        return []
    return [[address.display_name, address.addr_spec] for address in header.addresses]


def tree(part, leaves):
    kind = part.get_content_type()
    if kind.startswith("multipart/"):
        return [kind, [tree(child, leaves) for child in part.get_payload()]]
    content = b"" if kind == "message/rfc822" else part.get_payload(decode=True)
    leaves.append({
        "type": kind,
        "disposition": part.get_content_disposition() or "",
        "filename": part.get_filename() or "",
        "cid": (part["Content-ID"] or "").strip("<>"),
        "bytes": base64.b64encode(content).decode("ascii"),
    })
    return kind


serve(read_message)

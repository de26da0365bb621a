"""Reads messages with GMime 3, the C library of several mail programs."""

import base64

import gi

gi.require_version("GMime", "3.0")
from gi.repository import GMime  # noqa: E402

from frames import serve  # noqa: E402

GMime.init()


def read_message(raw):
    stream = GMime.StreamMem.new_with_buffer(raw)
    message = GMime.Parser.new_with_stream(stream).construct_message(None)
    leaves = []
    headers = message.get_header_list()
    custom = [headers.get_header_at(index) for index in range(headers.get_count())]
    return {
        "subject": message.get_subject() or "",
        "from": mailboxes(message.get_from()),
        "to": mailboxes(message.get_to()),
        "cc": mailboxes(message.get_cc()),
        "replyTo": mailboxes(message.get_reply_to()),
        "custom": [header.get_value() for header in custom if header.get_name() == "X-Custom"],
        "tree": tree(message.get_mime_part(), leaves),
        "leaves": leaves,
        "defects": [],
    }


def mailboxes(addresses):
    found = [addresses.get_address(index) for index in range(addresses.length())]
    return [
        [mailbox.get_name() or "", mailbox.get_idn_addr()]
        for mailbox in found
        if isinstance(mailbox, GMime.InternetAddressMailbox)
    ]


def tree(part, leaves):
    kind = part.get_content_type().get_mime_type()
    if isinstance(part, GMime.Multipart):
        children = [part.get_part(index) for index in range(part.get_count())]
        return [kind, [tree(child, leaves) for child in children]]
    disposition = part.get_content_disposition()
    leaves.append({
        "type": kind,
        "disposition": disposition.get_disposition() if disposition else "",
        "filename": file_name(part, disposition),
        "cid": part.get_content_id() or "",
        "bytes": base64.b64encode(content(part)).decode("ascii"),
    })
    return kind


def file_name(part, disposition):
    if isinstance(part, GMime.Part):
        return part.get_filename() or ""
    return (disposition and disposition.get_parameter("filename")) or ""


def content(part):
    if not isinstance(part, GMime.Part):
        return b""
    wrapper = part.get_content()
    if wrapper is None:
        return b""
    stream = GMime.StreamMem.new()
    wrapper.write_to_stream(stream)
    return bytes(stream.get_byte_array())


serve(read_message)

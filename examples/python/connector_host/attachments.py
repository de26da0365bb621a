"""Files that are not in the input: uploads that the platform holds, and files on the web."""

import json
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from wasmtime.component import Record

from .values import record

# The longest time that a web server may be silent.
FETCH_SECONDS = 30


class Unavailable(Exception):
    """The reason for missing bytes. `case` is the contract's name for it."""

    def __init__(self, case: str, sentence: str) -> None:
        super().__init__(sentence)
        self.case = case


class Content:
    """An open attachment."""

    def __init__(self, metadata: Record, source: BinaryIO) -> None:
        self.metadata = metadata
        self.source = source

    def read(self, most: int) -> bytes:
        try:
            return self.source.read(most)
        except OSError as error:
            raise Unavailable("unavailable", f"the file cannot be read further: {error}") from error

    def abandon(self) -> None:
        self.source.close()


def open_upload(uploads: dict, folder: Path, upload: str) -> Content:
    """A file that the user uploaded to the platform."""
    # The id comes from the component: it is looked up, and never used as a path.
    if upload not in uploads:
        raise Unavailable("not-found", f"there is no upload {json.dumps(upload)}")
    told = uploads[upload]
    path = folder / told["path"]
    metadata = record(
        filename=told.get("filename", path.name),
        media_type=told.get("mediaType"),
        size=path.stat().st_size,
    )
    return Content(metadata, path.open("rb"))


def fetch_file(account: dict, url: str) -> Content:
    """A file on the web. Connects only to hosts that the account's policy names."""
    parts = urlsplit(url)
    if parts.netloc not in account.get("attachmentUrlHosts", []):
        raise Unavailable("forbidden", f"files from {parts.netloc} are not attached for this account")
    try:
        response = WITHOUT_REDIRECTS.open(url, timeout=FETCH_SECONDS)
    except urllib.error.HTTPError as error:
        case = "unavailable" if error.code >= 500 else "not-found"
        raise Unavailable(case, f"the web server answered {error.code}") from error
    except OSError as error:
        raise Unavailable("unavailable", f"the file cannot be fetched: {error}") from error
    length = response.headers.get("Content-Length")
    metadata = record(
        filename=file_name(response.headers, parts.path),
        media_type=response.headers.get("Content-Type"),
        size=int(length) if length else None,
    )
    return Content(metadata, response)


def file_name(headers: Message, path: str) -> str | None:
    return headers.get_filename() or PurePosixPath(unquote(path)).name or None


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects, which could lead to any host."""

    def redirect_request(self, *_args):
        return None


WITHOUT_REDIRECTS = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))

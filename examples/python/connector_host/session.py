"""The platform's side of the contract: what a run may know, and its open resources."""

import json
import time
import uuid
from pathlib import Path

from wasmtime.component import Record

from .attachments import fetch_file, open_upload
from .transport import Outgoing, connect
from .values import record


class Platform:
    """An account and the uploads of its user."""

    def __init__(self, account: dict, uploads: dict, folder: Path) -> None:
        self.account = account
        self.uploads = uploads
        self.folder = folder

    @classmethod
    def read(cls, file: str) -> "Platform":
        settings = json.loads(Path(file).read_text())
        return cls(settings["account"], settings.get("uploads", {}), Path(file).parent)

    def session(self, run: dict) -> "Session":
        return Session(self, run)


class Session:
    """One run."""

    def __init__(self, platform: Platform, run: dict) -> None:
        self.platform = platform
        self.profile = profile(platform.account)
        self.run = record(
            id=run.get("id") or str(uuid.uuid4()),
            started_at=run.get("startedAt") or int(time.time()),
            dry_run=run.get("dryRun", False),
        )
        self.things: dict[int, object] = {}
        self.made = 0

    def open_upload(self, upload: str):
        return open_upload(self.platform.uploads, self.platform.folder, upload)

    def fetch(self, url: str):
        return fetch_file(self.platform.account, url)

    def begin(self, envelope: Record) -> Outgoing:
        if getattr(self.run, "dry-run"):
            raise RuntimeError("a dry run sends nothing")
        return Outgoing.begin(connect(self.platform.account), envelope)

    def keep(self, thing) -> int:
        self.made += 1
        self.things[self.made] = thing
        return self.made

    def get(self, this: int):
        return self.things[this]

    def take(self, this: int):
        return self.things.pop(this)

    def drop(self, this: int) -> None:
        """The component dropped a resource. An unfinished message is never sent."""
        self.take(this).abandon()

    def close(self) -> None:
        for this in list(self.things):
            self.drop(this)


def profile(account: dict) -> Record:
    return record(
        name=account["name"],
        default_sender=account.get("defaultSender"),
        default_reply_to=account.get("defaultReplyTo"),
        domain=account.get("domain"),
        max_message_bytes=account.get("maxMessageBytes", 25 << 20),
        max_recipients=account.get("maxRecipients", 100),
        max_attachments=account.get("maxAttachments", 50),
    )

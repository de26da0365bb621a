"""Starts a mail server, sends a mail to it through the component, and prints what arrived.

python demo.py smtp-connector.wasm
"""

import json
import socket
import sys
import tempfile
from pathlib import Path

from aiosmtpd.controller import Controller

from connector_host.sandbox import Sandbox
from connector_host.session import Platform

INPUT = {
    "to": "{{customer.email}}",
    "subject": "Your order",
    "contentType": "both",
    "body": "<p>Hi {{customer.name}}, here is your invoice.</p>",
    "attachments": [{"upload": "invoice"}],
}
KEYWORDS = {"customer": {"name": "Bob", "email": "Bob <bob@example.net>"}}


class Shown:
    """A handler that prints each message."""

    async def handle_DATA(self, server, session, envelope):
        print(f"-- arrived, for {envelope.rcpt_tos}\n{envelope.content.decode()}", flush=True)
        return "250 2.0.0 Ok: queued as 1"


def main() -> None:
    component = sys.argv[1] if len(sys.argv) > 1 else "smtp-connector.wasm"
    server = Controller(Shown(), hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            answer = send(component, Path(folder), server.port)
    finally:
        server.stop()
    print(f"-- answer\n{json.dumps(answer, indent=2)}")


def send(component: str, folder: Path, port: int) -> dict:
    (folder / "invoice.txt").write_text("One umbrella: 12.50\n")
    uploads = {"invoice": {"path": "invoice.txt", "mediaType": "text/plain"}}
    account = {"name": "work", "host": "127.0.0.1", "port": port, "security": "none"}
    account["defaultSender"] = "Alice <alice@example.com>"
    session = Platform(account, uploads, folder).session({})
    request = {"input": json.dumps(INPUT), "keywords": json.dumps(KEYWORDS)}
    try:
        return Sandbox(component).run(request, session)
    finally:
        session.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()

"""Reads one request per line of standard input, and writes one answer per line of standard output.

    python -m connector_host smtp-connector.wasm platform.json < requests.jsonl

A request is {"call", "action", "input", "keywords", "run": {"id", "startedAt", "dryRun"}}, where input and
keywords are JSON as text. An answer has one of: manifest, findings, result, invalid, failed.
"""

import json
import sys

from .sandbox import Sandbox
from .session import Platform


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: python -m connector_host COMPONENT.wasm PLATFORM.json < REQUESTS.jsonl")
    component, platform_file = sys.argv[1:]
    platform = Platform.read(platform_file)
    sandbox = Sandbox(component)
    for line in sys.stdin:
        if line.strip():
            print(json.dumps(answer(sandbox, platform, json.loads(line))), flush=True)


def answer(sandbox: Sandbox, platform: Platform, request: dict) -> dict:
    session = platform.session(request.get("run", {}))
    try:
        return sandbox.run(request, session)
    finally:
        session.close()


if __name__ == "__main__":
    main()

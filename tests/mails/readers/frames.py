"""The protocol between the readers and the tests: messages in, readings out.

A message comes on standard input as its length in four octets, big-endian, and its bytes. Its reading goes
to standard output as one line of JSON.
"""

import json
import struct
import sys


def serve(read_message):
    """Answers each message with the result of `read_message`."""
    while header := sys.stdin.buffer.read(4):
        (length,) = struct.unpack(">I", header)
        message = sys.stdin.buffer.read(length)
        sys.stdout.write(json.dumps(read_message(message)) + "\n")
        sys.stdout.flush()

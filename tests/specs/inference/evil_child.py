"""A decode child that misbehaves on request: the pool must survive whatever a codec could do."""

from __future__ import annotations

import os
import struct
import sys
from typing import Any

from sightloop.inference.child_loop import Answer, serve
from sightloop.inference.decode_child import handle


def misbehave(request: dict[str, Any], payloads: list[bytes]) -> Answer:
    """Crash, hang, hoard or lie as the bytes say; decode them otherwise."""
    match payloads[0]:
        case b"abort":
            os.abort()
        case b"hang":
            while True:
                pass
        case b"hoard":
            bytearray(10 << 30)
        case b"babble":
            os.write(3, b"\xff" * 64)
            os.write(4, b"\xff" * 64)
        case b"shrink":
            os.ftruncate(int(sys.argv[3]), 0)
        case b"overclaim":
            claim = b'{"sizes": [%d], "shared": 1}' % (1 << 29)
            os.write(4, struct.pack("<I", len(claim)) + claim)
    return handle(request, payloads)


if __name__ == "__main__":
    serve(misbehave)

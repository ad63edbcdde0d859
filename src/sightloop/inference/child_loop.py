"""What runs inside a child: limits are set, then one request after another is answered until the pipe closes."""

from __future__ import annotations

import mmap
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from sightloop.errors import SightloopError
from sightloop.inference.frames import Payload, read_message, write_message

Answer = tuple[dict[str, Any], Sequence[Payload]]
Handler = Callable[[dict[str, Any], list[bytes]], Answer]

MAX_OPEN_FILES = 64


def serve(handle: Handler) -> None:
    """Answer requests from standard input until it closes. In the command line: the limits, bytes and seconds, and
    the descriptor of the memory that answers may lie in, -1 where there is none.

    The child may use so much memory and, for each request, so much processor time; it can open few files,
    write none, and leaves no core dump. A SightloopError goes back to the caller as it is; a request that
    runs out of memory ends the child.
    """
    memory_bytes, cpu_s, shared = map(int, sys.argv[1:4])
    room = None if shared < 0 else mmap.mmap(shared, 0)
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "r+b") as nowhere:
        os.dup2(nowhere.fileno(), 0)
        os.dup2(nowhere.fileno(), 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    write_message(answers, {"ready": True})
    while True:
        try:
            header, payloads = read_message(requests)
        except EOFError:
            return
        except MemoryError:
            write_message(answers, {"lost": "out_of_memory"})
            return
        spent_s = int(time.process_time()) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (spent_s + cpu_s, resource.RLIM_INFINITY))
        try:
            reply, parts = handle(header, payloads)
        except SightloopError as error:
            reply, parts = {"problem": error.problem()}, ()
        except MemoryError:
            write_message(answers, {"lost": "out_of_memory"})
            return
        write_message(answers, reply, parts, room)

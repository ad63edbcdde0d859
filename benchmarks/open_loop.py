"""Load that does not wait for answers: requests leave at random times of a given rate, whatever became of those before.

A closed loop slows down with the server and so hides what waiting costs. One process and one thread of asyncio on
bare connections; at some hundred requests a second it takes a few percent of a core (`client_cpu_s` says).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

CONNECTIONS = 512
KEPT_S = 2.0  # servers close what is idle for longer

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Seen:
    """What came of a load: answers by status, latencies of the accepted, refusals without Retry-After, lost ones."""

    seconds: float
    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    accepted_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    lost: int = 0
    client_cpu_s: float = 0.0

    def report(self) -> dict[str, Any]:
        return {
            "seconds": round(self.seconds, 2),
            "sent": self.sent,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "accepted_per_s": round(len(self.accepted_ms) / self.seconds, 2),
            "accepted_p50_ms": quantile(self.accepted_ms, 0.5),
            "accepted_p99_ms": quantile(self.accepted_ms, 0.99),
            "refused_p99_ms": quantile(self.refused_ms, 0.99),
            "without_retry_after": self.without_retry_after,
            "lost": self.lost,
            "client_cpu_s": round(self.client_cpu_s, 2),
        }


def open_loop(url: str, body: bytes, headers: Mapping[str, str], *, rate: float, seconds: float, seed: int = 0) -> Seen:
    """Sends `rate` requests a second on average, at exponentially distributed distances, and waits for all answers."""
    return asyncio.run(_load(url, body, headers, rate, seconds, random.Random(seed)))  # noqa: S311


def quantile(values: list[float], share: float) -> float | None:
    """The smallest value that at least this share of the values does not pass."""
    return round(sorted(values)[min(len(values) - 1, int(share * len(values)))], 1) if values else None


async def _load(
    url: str, body: bytes, headers: Mapping[str, str], rate: float, seconds: float, draw: random.Random
) -> Seen:
    to = urlsplit(url)
    named = {"host": f"{to.hostname}:{to.port}", "content-length": str(len(body)), **headers}
    head = f"POST {to.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in named.items()) + "\r\n"
    message = head.encode() + body
    idle: list[tuple[float, Connection]] = []
    seen, cpu, began = Seen(seconds), time.process_time(), time.perf_counter()
    places = asyncio.Semaphore(CONNECTIONS)
    due = 0.0
    async with asyncio.TaskGroup() as group:
        while (due := due + draw.expovariate(rate)) < seconds:
            await asyncio.sleep(max(0.0, began + due - time.perf_counter()))
            seen.sent += 1
            group.create_task(_ask(str(to.hostname), to.port or 80, message, idle, seen, places, began + due))
    seen.client_cpu_s = time.process_time() - cpu
    for _, (_, writer) in idle:
        writer.close()
    return seen


async def _ask(
    host: str,
    port: int,
    message: bytes,
    idle: list[tuple[float, Connection]],
    seen: Seen,
    places: asyncio.Semaphore,
    due: float,
) -> None:
    """One request; its latency counts from when it was due, so that a slow client is not taken for a fast server."""
    async with places:
        try:
            reader, writer = _kept(idle) or await asyncio.open_connection(host, port)
            writer.write(message)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            seen.lost += 1
            return
        idle.append((time.perf_counter(), (reader, writer)))
    status, spent_ms = int(head.split(b" ", 2)[1]), 1000 * (time.perf_counter() - due)
    seen.statuses[status] += 1
    (seen.accepted_ms if status == 200 else seen.refused_ms).append(spent_ms)
    seen.without_retry_after += status != 200 and b"\r\nretry-after: 1\r\n" not in head


def _kept(idle: list[tuple[float, Connection]]) -> Connection | None:
    """The connection that was used last, if that is not too long ago; then all are closed."""
    if idle and time.perf_counter() - idle[-1][0] < KEPT_S:
        return idle.pop()[1]
    while idle:
        idle.pop()[1][1].close()
    return None

"""Requests that got no prediction: counted by minute and status, and on disk each second."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

from sightloop.domain import now
from sightloop.serving.traffic import Window

KEPT: Final = timedelta(days=90)
_SINCE: Final = "since"


class Refusals:
    """Counts what one serving process refused or failed. A kill takes a second of them at most."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str, int]] = Counter()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (folder / _SINCE).exists():
            with suppress(OSError):  # a full disk does not keep predictions from being answered
                (folder / _SINCE).write_text(now().isoformat())

    def count(self, workspace: str, deployment: str, status: int) -> None:
        """One request more that ended with this status."""
        minute = now().replace(second=0, microsecond=0).isoformat()
        with self._lock:
            self._counts[workspace, deployment, minute, status] += 1

    def sync(self) -> None:
        """Appends what was counted to the files of its days; raises OSError, and then keeps it for the next time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        try:
            for day in sorted({key[2][:10] for key in counts}):
                lines = [orjson.dumps([*key, count]) + b"\n" for key, count in counts.items() if key[2][:10] == day]
                with (self._folder / f"{day}.jsonl").open("ab") as file:
                    file.write(b"".join(lines))
                self._drop_old(day)
        except OSError:
            with self._lock:
                self._counts += counts
            raise

    def _drop_old(self, day: str) -> None:
        oldest = f"{datetime.fromisoformat(day) - KEPT:%Y-%m-%d}.jsonl"
        for path in self._folder.glob("*.jsonl"):
            if path.name < oldest:
                path.unlink(missing_ok=True)


def refused(folder: Path, workspace: str, deployment: str, window: Window) -> Sequence[int | None]:
    """How many requests of each bin got no prediction; None for bins that ended before anything was counted."""
    since = folder / _SINCE
    if not since.exists():
        return [None] * window.bins
    began = (datetime.fromisoformat(since.read_text()) - window.start).total_seconds() / window.bin_s
    counts: list[int | None] = [0 if number + 1 > began else None for number in range(window.bins)]
    for path in sorted(folder.glob("*.jsonl")):
        if f"{window.start:%Y-%m-%d}" <= path.stem <= f"{window.end:%Y-%m-%d}":
            for line in path.read_bytes().splitlines(keepends=True):
                if not line.endswith(b"\n"):  # being written
                    continue
                of, name, minute, _, count = orjson.loads(line)
                at = datetime.fromisoformat(minute)
                if (of, name) == (workspace, deployment) and window.start <= at < window.end:
                    number = int((at - window.start).total_seconds() / window.bin_s)
                    counts[number] = (counts[number] or 0) + count
    return counts

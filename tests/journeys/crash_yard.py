"""Prepared installations, and trials on copies of them: kill, recover, repeat, compare."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.journeys.crash_operations import OPERATIONS, Place, attempt, end_left_over, prepare, repeat
from tests.journeys.crash_process import run
from tests.journeys.webhook_receiver import WebhookReceiver

# Which operation dies at which point, and in which pass (the first, unless it says another one).
KILLS: Mapping[str, str] = {
    "begin": "records.migrating workspace.registered change.before_commit answer.unkept answer.kept",
    "ingest": """blob.unsynced blob.unnamed blob.named blob.written table.unsynced table.written change.unaudited
        ingest.after_blobs ingest.after_lance ingest.after_sql ingest.regrouped
        run.registered run.running run.finished""",
    "label": "label.demoted change.committed",
    "review": "review.unkept campaign.decided",
    "commit": "commit.after_blob commit.after_lance",
    "train": """run.step.done run.step.before_commit run.step.committed train.fitted train.after_blob train.evaluated
        register.after_blobs""",
    "promote": "gate.after_blob promote.after_blob promote.moved",
    "deploy": "file.unnamed deployment.published deployment.answering",
    "switch": "switch.loaded@2",
    "predict": "media.unnamed media.spooled prediction.unlogged segment.opened prediction.logged",
    "look": """import.after_lance import.after_sql import.removed monitor.after_blobs monitor.alarmed monitor.advanced
        cycle.begun cycle.made cycle.noted cycle.after_blob cycle.moved""",
    "look again": "table.deleted",
    "deliver": "delivery.before_send delivery.after_send delivery.noted",
    "collect": "fsck.deleted fsck.restored table.collected",
}
TRIALS = [(name, *point.partition("@")[::2]) for name, points in KILLS.items() for point in points.split()]


@contextmanager
def shared_yard(home: Path) -> Iterator[Yard]:
    """The yard of all processes that ask for it; the last one to leave removes it."""
    with home.with_suffix(".users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield Yard(home)
        with suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(home)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one kill: what fsck found, where the state differs, seconds until it had recovered.

    `different` holds, by part of the state, what there is and what a run that never crashed holds.
    """

    problems: list[str]
    different: Mapping[str, Any]
    recovered_s: float


class Yard:
    """Templates under `home`, made once whoever comes first; each trial works on a copy."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._count = 0
        home.mkdir(exist_ok=True)
        with self._once("prepared") as answer:
            if answer.exists():
                return
            code, said = run(prepare, home, answer=home / "made.json")
            assert code == 0, said
            torn = Place(home / "torn", home / "images")
            code, said = run(attempt, torn, "look", "import.after_lance=kill", answer=home / "torn.json")
            assert code == -signal.SIGKILL, said
            answer.touch()

    def kill(self, name: str, point: str, nth: int = 1) -> Outcome | None:
        """What came of the operation killed in the nth pass of the point; None where it ended before that."""
        expected = self.expected(name)
        with self.trial(name) as (place, receiver):
            if not self._killed(place, name, f"{point}=kill@{nth}"):
                return None
            after = self._after(place, name)
        held = after["state"] | {"received": list(dict.fromkeys(receiver.ids))}
        different = {part: (held[part], expected[part]) for part in expected if held[part] != expected[part]}
        return Outcome(after["problems"], different, after["recovered_s"])

    def kills(self, name: str, point: str, first: int, count: int) -> Iterator[tuple[int, Outcome]]:
        """So many kills, with the pass of each: the first one, the next ... and, after the last, from the first on."""
        passes, at = 0, first
        for _ in range(count):
            outcome = self.kill(name, point, at)
            if outcome is None:
                assert at > first, "the point was not passed"
                passes, at = at - first, first
                outcome = self.kill(name, point, at)
                assert outcome is not None, "the point was passed before and is not now"
            yield at, outcome
            at = first + (at - first + 1) % passes if passes else at + 1

    def expected(self, name: str) -> Any:
        """What the installation holds after the operation where the process never died."""
        with self._once(f"expected-{name}") as answer:
            if not answer.exists():
                with self.trial(name) as (place, receiver):
                    assert not self._killed(place, name, "")
                    answer.write_text(json.dumps(self._after(place, name)["state"] | {"received": receiver.ids}))
            return json.loads(answer.read_text())

    @contextmanager
    def trial(self, name: str, below: Path | None = None) -> Iterator[tuple[Place, WebhookReceiver]]:
        """A copy of the operation's template, with a receiver of webhooks; gone when the block ends well."""
        self._count += 1
        folder = (below or self.home) / f"trial-{os.getpid()}-{self._count}"
        template = self.home / OPERATIONS[name].template
        if template.exists():
            shutil.copytree(template, folder)
        receiver = WebhookReceiver()
        try:
            yield Place(folder, self.home / "images", receiver.url), receiver
        finally:
            receiver.close()
            end_left_over(folder)
        shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _once(self, name: str) -> Iterator[Path]:
        """A file of the yard, while no other process asks for it."""
        with (self.home / f"{name}.lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            yield self.home / f"{name}.json"

    def _killed(self, place: Place, name: str, faults: str) -> bool:
        code, said = run(attempt, place, name, faults, answer=place.folder.with_suffix(".attempt"))
        assert code in (0, -signal.SIGKILL), said
        return code != 0

    def _after(self, place: Place, name: str) -> dict[str, Any]:
        code, said = run(repeat, place, name, answer=place.folder.with_suffix(".repeat"))
        assert code == 0, said
        found: dict[str, Any] = said
        return found

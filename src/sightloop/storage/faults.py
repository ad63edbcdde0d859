"""Named places where a test may stop the process: between the writes whose order the house depends on."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Mapping

from sightloop.errors import InvalidInput, Unavailable

FAULT_POINTS: Mapping[str, str] = {
    "blob.written": "a blob is durable; nothing points at it yet",
    "table.written": "a Lance version is durable; no SQL pointer names it yet",
    "change.before_commit": "a unit of work is written but not committed",
    "change.committed": "a unit of work is committed; the caller has not heard of it",
    "ingest.after_blobs": "media and thumbnails are durable; their rows are not",
    "ingest.after_lance": "the rows are durable; their pointer is not committed",
    "ingest.after_sql": "the samples are committed; the step has not returned",
    "run.registered": "a run is in SQL; the executor has not taken it yet",
    "run.step.before_commit": "a step has run; its result is not stored",
    "run.step.committed": "a step's result is stored; the run has not gone on",
    "delivery.before_send": "a webhook delivery is about to be sent",
    "delivery.after_send": "a webhook delivery was sent; its success is not stored",
    "prediction.logged": "a prediction is in its segment; the answer is not sent yet",
}

_RULE = re.compile(r"(?P<name>[a-z_.]+)=(?P<action>kill|raise)(?:@(?P<nth>[1-9]\d*))?")
_lock = threading.Lock()
_rules: dict[str, tuple[str, int]] = {}
_passed: dict[str, int] = {}


def configure_faults(text: str) -> None:
    """Returns nothing; arms the points of `settings.faults`: "name=kill", "name=raise", "name=kill@3" (third pass)."""
    rules: dict[str, tuple[str, int]] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _RULE.fullmatch(part)
        if match is None:
            raise InvalidInput(
                f'"{part}" is not a fault rule.', hint='Write "name=kill", "name=raise" or "name=kill@3".'
            )
        rules[match["name"]] = (match["action"], int(match["nth"] or 1))
    with _lock:
        _rules.clear()
        _rules.update(rules)
        _passed.clear()


def faultpoint(name: str) -> None:
    """Returns at once unless a test armed this point; then the process dies, or Unavailable is raised."""
    if not _rules or name not in _rules:
        return
    with _lock:
        _passed[name] = _passed.get(name, 0) + 1
        action, nth = _rules[name]
        due = _passed[name] == nth
    if due and action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if due:
        raise Unavailable(f'The fault point "{name}" was armed.', hint="Clear the setting faults.", point=name)

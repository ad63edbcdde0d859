"""Named places where a test may stop the process: between the writes whose order the house depends on."""

from __future__ import annotations

import errno
import os
import re
import signal
import threading
import time
from collections.abc import Mapping

from sightloop.errors import InvalidInput, Unavailable

FAULT_POINTS: Mapping[str, str] = {
    "records.migrating": "the schema is written and not committed",
    "workspace.registered": "a workspace is in SQL; its folders are not made",
    "blob.unsynced": "a blob's bytes lie under incoming/, perhaps only in memory",
    "blob.unnamed": "a blob's bytes are on the disk and have no name",
    "blob.named": "a blob has its name; the folder that names it is not synced",
    "blob.written": "blobs are durable; nothing points at them yet",
    "table.deleted": "an upsert has deleted the rows that it knows and not added the new ones",
    "table.unsynced": "a Lance version is written, perhaps only in memory",
    "table.written": "a Lance version is durable; no SQL pointer names it yet",
    "table.collected": "old versions of one table are gone; the sweep is not over",
    "change.unaudited": "a unit of work has done its writes; its audit entry is not written",
    "change.before_commit": "a unit of work is written but not committed",
    "change.committed": "a unit of work is committed; the caller has not heard of it",
    "answer.unkept": "a request is done; its answer is not kept under its idempotency key",
    "answer.kept": "an answer is kept; the client has not got it",
    "delivery.before_send": "a webhook delivery is about to be sent",
    "delivery.after_send": "a webhook delivery was sent; its success is not stored",
    "delivery.noted": "a delivery's success is stored; the next one has not begun",
    "ingest.after_blobs": "media and thumbnails are durable; their rows are not",
    "ingest.after_lance": "the rows are durable; their pointer is not committed",
    "ingest.after_sql": "the samples are committed; the step has not returned",
    "ingest.regrouped": "the groups of some samples are in Lance; SQL points at the old version",
    "commit.after_blob": "a dataset version's hashes are a blob; its entries are not written",
    "commit.after_lance": "a dataset version's entries are in Lance; no SQL row names them",
    "label.demoted": "the old revision of a label is no longer the head; the new one is not written",
    "review.unkept": "an answer's annotation is written; the answer itself is not",
    "campaign.decided": "a campaign's next move is decided and its evidence durable; SQL does not know",
    "run.registered": "a run is in SQL; the executor has not taken it yet",
    "run.running": "a run is marked as running; none of its steps has begun",
    "run.step.done": "a step has done its work; its lineage is not stored",
    "run.step.before_commit": "a step's lineage is stored; its result is not",
    "run.step.committed": "a step's result is stored; the run has not gone on",
    "run.finished": "a run's end is in SQL; the executor does not know",
    "train.fitted": "a head is fitted; its bundle is not stored",
    "train.after_blob": "a bundle is stored; the step has not returned",
    "train.evaluated": "a bundle is evaluated; it is not registered",
    "register.after_blobs": "bundle and evaluation are durable; no model version names them",
    "gate.after_blob": "a gate's evidence is durable; its verdict is not",
    "promote.after_blob": "the evidence of an alias's move is durable; the alias has not moved",
    "promote.moved": "an alias names its new version; the move has no row",
    "file.unnamed": "a file's new content is durable beside it; the old one still stands",
    "deployment.published": "the deployment file names the new version; nobody has checked that it answers",
    "deployment.answering": "the new version answers; SQL names the old one",
    "switch.loaded": "the serving process has loaded the new version; the old one answers",
    "media.unnamed": "a medium lies in the spool under no name",
    "media.spooled": "a medium is in the spool; its prediction is not made",
    "prediction.unlogged": "a prediction is made; it is in no segment",
    "segment.opened": "a new segment lies there, empty",
    "prediction.logged": "a prediction is in its segment; the answer is not sent yet",
    "import.after_lance": "predictions are in the log's table; their pointer and offsets are not",
    "import.after_sql": "predictions are imported; their segments still lie there",
    "import.removed": "one imported segment is deleted; others are not",
    "monitor.after_blobs": "monitors have moved in memory, with the evidence durable; SQL does not know",
    "monitor.alarmed": "an alert and its receipt are written and not committed",
    "monitor.advanced": "monitors have moved in SQL; memory has not followed",
    "cycle.begun": "a cycle is begun; nobody has looked at it",
    "cycle.made": "a cycle's state has made something; the cycle does not know of it",
    "cycle.noted": "a cycle knows what its state has made; the state is not over",
    "cycle.after_blob": "the evidence of a cycle's move is durable; the cycle has not moved",
    "cycle.moved": "a cycle has moved; its next state has not begun",
    "fsck.deleted": "orphan blobs are swept up; orphan tables are not",
    "fsck.restored": "a table is taken back to its pointer; the pointer does not name the new version",
}

_RULE = re.compile(r"(?P<name>[a-z_.]+)=(?P<action>kill|raise|enospc|sleep)(?:@(?P<nth>[1-9]\d*))?")
SLEEP_S = 30.0
_lock = threading.Lock()
_rules: dict[str, tuple[str, int]] = {}
_passed: dict[str, int] = {}


def configure_faults(text: str) -> None:
    """Returns nothing; arms the points of `settings.faults`: "name=kill@3" acts on the third pass, once.

    Actions: `kill` (SIGKILL), `raise` (Unavailable), `enospc` (OSError, as a full disk says it), `sleep` (30 s).
    """
    rules: dict[str, tuple[str, int]] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _RULE.fullmatch(part)
        if match is None:
            raise InvalidInput(
                f'"{part}" is not a fault rule.',
                hint='Write "name=kill" or "name=kill@3"; also: raise, enospc, sleep.',
            )
        rules[match["name"]] = (match["action"], int(match["nth"] or 1))
    with _lock:
        _rules.clear()
        _rules.update(rules)
        _passed.clear()


def faultpoint(name: str) -> None:
    """Returns at once unless a test armed this point; then the process dies, or what `configure_faults` says."""
    if not _rules or name not in _rules:
        return
    with _lock:
        _passed[name] = _passed.get(name, 0) + 1
        action, nth = _rules[name]
        due = _passed[name] == nth
    if not due:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "enospc":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    elif action == "sleep":
        time.sleep(SLEEP_S)
    else:
        raise Unavailable(f'The fault point "{name}" was armed.', hint="Clear the setting faults.", point=name)

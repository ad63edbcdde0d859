"""The prediction log as control sees it: segments imported once, read in one order that never changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from sightloop.domain import PROBE, Caller, Prediction, Role, new_id, now
from sightloop.errors import InvalidInput, not_found
from sightloop.events import Events
from sightloop.serving.deployment_file import ServingFolder, replace_file
from sightloop.serving.newest import Newest
from sightloop.serving.ports import SampleMedia
from sightloop.serving.prediction_rows import to_prediction, to_table
from sightloop.serving.refusals import refused
from sightloop.serving.segments import SUFFIX, damaged_at, frame, read_frames
from sightloop.serving.tables import PREDICTIONS, outcomes, prediction_heads, segment_offsets
from sightloop.serving.traffic import READ, TrafficBin, Window, binned
from sightloop.storage import Records, Stores, Tables, faultpoint, move_pointer, pointer

ACTOR: Final = "sys_serving"
BATCH: Final = "bat"
COMMIT_ROWS: Final = 512
COMMIT_ROWS_MOST: Final = 4096
COMMIT_AGE: Final = timedelta(seconds=1)
IDS_A_FILTER: Final = 512
_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class PredictionLog:
    """Predictions of a workspace, with their outcomes.

    A sequence number is given at import and never changes; a prediction id is imported once, however often its
    segment holds it and wherever the process dies.
    """

    def __init__(self, folder: Path, records: Records, events: Events, stores: Stores, media: SampleMedia) -> None:
        self._place = ServingFolder(folder)
        self._records = records
        self._events = events
        self._stores = stores
        self._media = media
        self._newest = Newest(stores, media)

    def import_segments(self, workspace: str | None = None, *, flush: bool = False) -> int:
        """How many predictions are new in the log.

        A commit takes at least 512 rows, unless the oldest has waited for a second or `flush` asks for all.
        """
        folders = [self._place.segments / workspace] if workspace else sorted(self._place.segments.glob("*"))
        imported = 0
        for folder in filter(Path.is_dir, folders):
            with self._records.alone(f"{folder.name}.{PREDICTIONS}"):
                imported += self._import(folder, flush)
        return imported

    def write_batch(self, workspace: str, records: Iterable[Mapping[str, Any]]) -> None:
        """Returns once the records are in the log: those of batch prediction, in a segment of their own."""
        folder = self._place.segments / workspace
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(folder / f"{new_id(BATCH)}{SUFFIX}", b"".join(map(frame, records)))
        self.import_segments(workspace, flush=True)

    def read(self, caller: Caller, deployment: str, after: int, limit: int) -> Sequence[Prediction]:
        """The next predictions of the deployment (its name; empty for all) with `sequence` above `after`, ascending.

        Probes are left out: what watches, collects and decides reads here.
        """
        retired, head = self._span(caller.workspace)
        after = max(after, retired)
        found: list[dict[str, Any]] = []
        while after < head and len(found) < limit:
            upto = min(head, after + max(limit, COMMIT_ROWS_MOST))
            clauses = [f"sequence > {int(after)}", f"sequence <= {upto}", f"purpose != '{PROBE}'"]
            clauses += [f"deployment = '{_checked(deployment)}'"] if deployment else []
            rows = self._rows(caller, " AND ".join(clauses)).to_pylist()
            found += sorted(rows, key=lambda row: row["sequence"])
            after = upto
        return self._predictions(caller, found[:limit])

    def get(self, caller: Caller, prediction_id: str) -> Prediction:
        """The prediction; raises NotFound. One that was just answered is imported first."""
        condition = f"id = '{_checked(prediction_id)}'"
        rows = self._rows(caller, condition).to_pylist()
        if not rows and self.import_segments(caller.workspace, flush=True):
            rows = self._rows(caller, condition).to_pylist()
        if not rows:
            raise not_found("prediction", prediction_id, hint="List them: sightloop prediction list")
        return self._predictions(caller, rows)[0]

    def list(
        self,
        caller: Caller,
        *,
        deployment: str | None = None,
        sample: str | None = None,
        model_version: str | None = None,
        limit: int = 100,
        after: int = 0,
        newest: bool = False,
    ) -> Sequence[Prediction]:
        """Predictions in the order of the log, those that fit what is given; `after` is the last sequence seen.

        `newest` turns the order round; `after` 0 is then the end of the log.
        """
        clauses = [f"sequence {'<' if newest and after else '>'} {int(after)}"]
        if deployment is not None:
            clauses.append(f"deployment = '{_checked(deployment)}'")
        if sample is not None:
            digest = self._media.sample(caller, sample).content
            clauses.append(f"(media_digest = '{_checked(digest)}' OR sample = '{_checked(sample)}')")
        if model_version is not None:
            clauses.append(f"model_version = '{_checked(model_version)}'")
        where = " AND ".join(clauses)
        order = [("sequence", "descending" if newest else "ascending")]
        first = self._rows(caller, where, ["sequence"]).sort_by(order)["sequence"].to_pylist()[:limit]
        if not first:
            return []
        bound = f"{where} AND sequence {'>=' if newest else '<='} {first[-1]}"
        rows = self._rows(caller, bound).sort_by(order).to_pylist()
        return self._predictions(caller, rows)

    def newest(self, caller: Caller) -> tuple[str, pa.Table]:
        """`id`, `predicted` and `score` of each sample that has a prediction, and a stamp that moves with the log."""
        retired, head = self._span(caller.workspace)
        with self._records.read() as connection:
            version = pointer(connection, caller.workspace, PREDICTIONS)
        return self._newest.read(caller, version, retired, head)

    def newest_stamp(self, caller: Caller) -> str:
        """Moves with the log; nothing of it is read."""
        return "{}.{}".format(*self._span(caller.workspace))

    def newest_of(self, caller: Caller, sample: str) -> Prediction | None:
        """The last prediction on the sample's media, probes left out; None where there is none. Raises NotFound."""
        digest = self._media.sample(caller, sample).content
        where = f"media_digest = '{_checked(digest)}' AND purpose != '{PROBE}'"
        found = self._rows(caller, where, ["sequence"])["sequence"].to_pylist()
        if not found:
            return None
        return self._predictions(caller, self._rows(caller, f"sequence = {max(found)}").to_pylist())[0]

    def traffic(self, caller: Caller, deployment: str, window: Window) -> Sequence[TrafficBin]:
        """What the deployment answered in each bin of the window, as far as the log still holds it."""
        start, end = window.start.isoformat(), window.end.isoformat()
        where = f"deployment = '{_checked(deployment)}' AND made_at >= '{start}' AND made_at < '{end}'"
        rows = self._rows(caller, f"{where} AND purpose != '{PROBE}'", READ)
        return binned(rows, window, refused(self._place.refusals, caller.workspace, deployment, window))

    def counts(self, caller: Caller) -> dict[str, int]:
        """How many predictions each model version made."""
        counted = self._rows(caller, "sequence > 0", ["model_version"])["model_version"].value_counts()
        return {row["values"]: row["counts"] for row in counted.to_pylist()}

    def outcome(self, caller: Caller, prediction_id: str, outcome: Mapping[str, Any]) -> Prediction:
        """The prediction with its delayed truth or business result; a later outcome takes the place of an earlier."""
        prediction = self.get(caller, prediction_id)
        mine = (outcomes.c.workspace_id == caller.workspace) & (outcomes.c.prediction == prediction.id)
        row = {"outcome": dict(outcome), "actor": caller.actor, "made_at": now().isoformat()}
        with self._events.change(caller, "prediction.outcome", prediction.id) as change:
            if not change.execute(sa.update(outcomes).where(mine).values(**row)).rowcount:
                key = {"workspace_id": caller.workspace, "prediction": prediction.id}
                change.execute(sa.insert(outcomes), {**row, **key})
            change.emit("sightloop.prediction.outcome_recorded", {"prediction": prediction.id})
        return self.get(caller, prediction_id)

    def media(self, caller: Caller, digest: str) -> bytes | None:
        """The bytes that were predicted on, or None where they are no longer spooled."""
        if not _DIGEST.fullmatch(digest):
            raise InvalidInput("This is no SHA-256 digest.", hint="Take it from a prediction.")
        try:
            return (self._place.media / _checked(caller.workspace) / digest).read_bytes()
        except FileNotFoundError:
            return None

    def retire(self, caller: Caller, before: datetime, upto: int) -> int:
        """How many predictions are gone with their outcomes: those made before the moment, from the log's start on.

        None after the first younger one goes, and none whose sequence is above `upto`, which somebody still reads.
        The bytes go with the old versions of the table: see `fsck --collect`.
        """
        with self._records.alone(f"{caller.workspace}.{PREDICTIONS}"):
            retired, head = self._span(caller.workspace)
            rows = self._rows(
                caller, f"sequence > {retired} AND sequence <= {min(upto, head)}", ["sequence", "made_at"]
            )
            young = [row["sequence"] for row in rows.to_pylist() if datetime.fromisoformat(row["made_at"]) >= before]
            last = min(young, default=min(upto, head) + 1) - 1
            if last <= retired:
                return 0
            gone = self._rows(caller, f"sequence <= {last}", ["id"])["id"].to_pylist()
            tables = self._stores.workspace(caller.workspace).tables
            self._take_back(caller.workspace, tables)
            version = tables.delete(PREDICTIONS, f"sequence <= {last}")
            with self._events.change(caller, "predictions.retire", PREDICTIONS) as change:
                move_pointer(change.connection, caller.workspace, PREDICTIONS, version)
                mine = prediction_heads.c.workspace_id == caller.workspace
                change.execute(sa.update(prediction_heads).where(mine).values(retired=last))
                for start in range(0, len(gone), IDS_A_FILTER):
                    these = outcomes.c.prediction.in_(gone[start : start + IDS_A_FILTER])
                    change.execute(sa.delete(outcomes).where(outcomes.c.workspace_id == caller.workspace, these))
                change.emit("sightloop.predictions.retired", {"count": len(gone), "upto": last})
            return len(gone)

    def check(self, workspace: str) -> Sequence[str]:
        """What is wrong with the log: what is neither retired nor there once, and frames that are not whole."""
        caller = _system(workspace)
        retired, head = self._span(workspace)
        table = self._rows(caller, "sequence > 0", ["id", "sequence"])
        numbers, ids = table["sequence"].to_pylist(), table["id"].to_pylist()
        problems = []
        if sorted(numbers) != list(range(retired + 1, head + 1)):
            problems.append(
                f"The prediction log should hold {retired + 1} to {head} once each; it holds {len(numbers)} rows."
            )
        if len(set(ids)) != len(ids):
            problems.append(f"{len(ids) - len(set(ids))} predictions stand in the log twice.")
        known = self._offsets(workspace)
        for path in sorted((self._place.segments / workspace).glob(f"*{SUFFIX}")):
            at = damaged_at(path, known.get(path.name, 0))
            if at is not None:
                problems.append(f"The segment {path.stem} is damaged at byte {at}; what stands behind it is not read.")
        return problems

    def _import(self, folder: Path, flush: bool) -> int:
        imported = 0
        while True:
            records, offsets = self._pending(folder)
            if not records:
                self._remove_imported(folder)
                return imported
            old = now() - COMMIT_AGE > datetime.fromisoformat(records[0]["made_at"])
            if not (flush or old or len(records) >= COMMIT_ROWS):
                return imported
            imported += self._commit(folder.name, records, offsets)

    def _pending(self, folder: Path) -> tuple[Sequence[dict[str, Any]], dict[str, int]]:
        """The next records in import order (by segment name, then offset), and the offsets behind them."""
        known = self._offsets(folder.name)
        records: list[dict[str, Any]] = []
        offsets: dict[str, int] = {}
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            room = COMMIT_ROWS_MOST - len(records)
            for record, offset in read_frames(path, known.get(path.name, 0), room):
                records.append(record)
                offsets[path.name] = offset
        return records, offsets

    def _commit(self, workspace: str, records: Sequence[dict[str, Any]], offsets: Mapping[str, int]) -> int:
        known = self._known([record["id"] for record in records], workspace)
        new = {record["id"]: record for record in reversed(records) if record["id"] not in known}
        rows = [record for record in records if new.get(record["id"]) is record]
        head = self._head(workspace)
        version = None
        if rows:
            tables = self._stores.workspace(workspace).tables
            self._take_back(workspace, tables)
            version = tables.upsert(PREDICTIONS, to_table(rows, head + 1), "id")
        faultpoint("import.after_lance")
        with self._events.change(_system(workspace), "predictions.import", PREDICTIONS) as change:
            if version is not None:
                move_pointer(change.connection, workspace, PREDICTIONS, version)
                mine = prediction_heads.c.workspace_id == workspace
                last = {"sequence": head + len(rows)}
                if not change.execute(sa.update(prediction_heads).where(mine).values(**last)).rowcount:
                    change.execute(sa.insert(prediction_heads), {"workspace_id": workspace, **last})
            for name, offset in offsets.items():
                this = (segment_offsets.c.workspace_id == workspace) & (segment_offsets.c.name == name)
                if not change.execute(sa.update(segment_offsets).where(this).values(offset=offset)).rowcount:
                    change.execute(
                        sa.insert(segment_offsets), {"workspace_id": workspace, "name": name, "offset": offset}
                    )
            there = [path.name for path in (self._place.segments / workspace).glob(f"*{SUFFIX}")]
            of_workspace = segment_offsets.c.workspace_id == workspace
            change.execute(sa.delete(segment_offsets).where(of_workspace, segment_offsets.c.name.not_in(there)))
            change.emit("sightloop.predictions.imported", {"count": len(rows), "sequence": head + len(rows)})
        faultpoint("import.after_sql")
        return len(rows)

    def _take_back(self, workspace: str, tables: Tables) -> None:
        """Undo what no pointer names: of a crash, or of a process that wrote after it was judged dead."""
        with self._records.read() as connection:
            truth = pointer(connection, workspace, PREDICTIONS)
        if truth is not None and tables.latest(PREDICTIONS) != truth:
            tables.restore(PREDICTIONS, truth)

    def _remove_imported(self, folder: Path) -> None:
        """Delete segments that are wholly in the table: all but the newest, which a process may still be writing."""
        offsets = self._offsets(folder.name)
        paths = sorted(folder.glob(f"*{SUFFIX}"))
        live = [path for path in paths if not path.name.startswith(f"{BATCH}_")][-1:]
        for path in paths:
            if path not in live and offsets.get(path.name) == path.stat().st_size:
                path.unlink()
                faultpoint("import.removed")

    def _known(self, ids: Sequence[str], workspace: str) -> set[str]:
        caller, known = _system(workspace), set[str]()
        for start in range(0, len(ids), IDS_A_FILTER):
            listed = ", ".join(f"'{_checked(name)}'" for name in ids[start : start + IDS_A_FILTER])
            known.update(self._rows(caller, f"id IN ({listed})", ["id"])["id"].to_pylist())
        return known

    def _rows(self, caller: Caller, where: str, columns: Sequence[str] | None = None) -> pa.Table:
        with self._records.read() as connection:
            version = pointer(connection, caller.workspace, PREDICTIONS)
        if version is None:
            return to_table([], 1)
        return self._stores.workspace(caller.workspace).tables.read(PREDICTIONS, version, columns, where)

    def _predictions(self, caller: Caller, rows: Sequence[Mapping[str, Any]]) -> Sequence[Prediction]:
        samples = self._media.find_media(caller, {row["media_digest"] for row in rows if not row["sample"]})
        results = self._outcomes(caller.workspace, [row["id"] for row in rows])
        return [
            to_prediction(row, row["sample"] or samples.get(row["media_digest"], ""), results.get(row["id"], {}))
            for row in rows
        ]

    def _outcomes(self, workspace: str, ids: Sequence[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        with self._records.read() as connection:
            for start in range(0, len(ids), IDS_A_FILTER):
                query = sa.select(outcomes.c.prediction, outcomes.c.outcome).where(
                    outcomes.c.workspace_id == workspace,
                    outcomes.c.prediction.in_(ids[start : start + IDS_A_FILTER]),
                )
                found.update({row.prediction: row.outcome for row in connection.execute(query)})
        return found

    def _head(self, workspace: str) -> int:
        return self._span(workspace)[1]

    def _span(self, workspace: str) -> tuple[int, int]:
        """The last sequence number that was retired, and the last one given."""
        columns = prediction_heads.c.retired, prediction_heads.c.sequence
        with self._records.read() as connection:
            row = connection.execute(sa.select(*columns).where(prediction_heads.c.workspace_id == workspace)).first()
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def _offsets(self, workspace: str) -> dict[str, int]:
        query = sa.select(segment_offsets).where(segment_offsets.c.workspace_id == workspace)
        with self._records.read() as connection:
            return {row.name: row.offset for row in connection.execute(query)}


def _system(workspace: str) -> Caller:
    return Caller(workspace=workspace, actor=ACTOR, role=Role.ENGINEER)


def _checked(text: str) -> str:
    """The text, fit to stand in a Lance filter; raises InvalidInput."""
    if not _ID.fullmatch(text):
        raise InvalidInput(f'"{text}" is no id or name.', hint="Use letters, digits, dot, dash and underscore.")
    return text

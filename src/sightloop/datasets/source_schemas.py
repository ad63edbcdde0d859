"""The schema of each source, window by window, and how it drifts.

A run's summary opens a window, or joins the newest one while that tells of fewer than ENOUGH samples; a window is
compared with those before it, as many as make REFERENCE samples. So a source of many small runs is compared as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import sqlalchemy as sa

from sightloop.datasets import tables
from sightloop.datasets.fields import SchemaSummary, summary_from
from sightloop.datasets.schema_drift import ENOUGH, SchemaFinding, drift
from sightloop.domain import Caller, derived_id, now
from sightloop.errors import not_found
from sightloop.events import Events
from sightloop.storage import Records

REFERENCE: Final = 500
KEPT: Final = 50


@dataclass(frozen=True, slots=True)
class SourceSchema:
    """The fields of a source in one window of its runs.

    Attributes:
        number: 1 for the first window of the source, rising.
        runs: those that it tells of.
        fields: by name: types, low, high, top, lost (see fields.py), present, and the share `missing`, 0 to 1.
        findings: what differs from the windows before.
        accepted_at: when a person said that the findings are as they should be; empty while nobody did.
    """

    source: str
    number: int
    runs: tuple[str, ...]
    samples: int
    fields: Mapping[str, Mapping[str, Any]]
    findings: tuple[SchemaFinding, ...]
    made_at: str
    accepted_at: str


class SourceSchemas:
    """Records what runs saw, and tells what has changed."""

    def __init__(self, records: Records, events: Events) -> None:
        self._records = records
        self._events = events

    def record(self, caller: Caller, source: str, run: str, seen: SchemaSummary) -> dict[str, int]:
        """`number` of the window, how many `fields` it has, and how many `findings`; a run counts once."""
        home = tables.source_schemas
        with self._records.alone(f"{caller.workspace}.source_schemas"):
            rows = self._rows(caller, source)
            held = next((row for row in rows if run in row.runs), None)
            if held is not None:
                return _told(held.number, held.summary, held.findings)
            joins = bool(rows) and rows[0].samples < ENOUGH
            earlier = rows[1:] if joins else rows
            whole = summary_from(rows[0].summary) if joins else SchemaSummary()
            whole.take(seen)
            number = rows[0].number if joins else (rows[0].number + 1 if rows else 1)
            findings = [asdict(one) for one in drift(_reference(earlier), whole)]
            row = {
                "workspace_id": caller.workspace,
                "source": source,
                "number": number,
                "runs": [*(rows[0].runs if joins else ()), run],
                "samples": whole.samples,
                "summary": asdict(whole),
                "findings": findings,
                "drifted": bool(findings),
                "made_at": now().isoformat(),
                "accepted_at": "",
            }
            mine = (home.c.workspace_id == caller.workspace) & (home.c.source == source)
            with self._events.change(caller, "source.schema", derived_id("srs", source, str(number))) as change:
                change.execute(
                    sa.delete(home).where(mine, (home.c.number == number) | (home.c.number <= number - KEPT))
                )
                change.execute(sa.insert(home), row)
                change.emit("sightloop.source.schema_seen", {"run": run, "samples": whole.samples})
                if findings:
                    told = [{"field": one["field"], "kind": one["kind"]} for one in findings]
                    change.emit("sightloop.source.schema_drifted", {"run": run, "findings": told})
        return _told(number, asdict(whole), findings)

    def list(self, caller: Caller, source: str) -> Sequence[SourceSchema]:
        """The windows of a source, the newest first; raises NotFound where nothing was taken in from it."""
        rows = self._rows(caller, source)
        if not rows:
            known = sorted({row.source for row in self._rows(caller)})
            raise not_found("schema of source", source, known, hint="Take something in: sightloop source sync NAME")
        return [_schema(row) for row in rows]

    def drifted(self, caller: Caller) -> Sequence[SourceSchema]:
        """The newest window of each source that has findings which nobody accepted, by source."""
        newest: dict[str, Any] = {}
        for row in self._rows(caller, open_only=True):
            newest.setdefault(row.source, row)
        return [_schema(newest[name]) for name in sorted(newest)]

    def current(self, caller: Caller) -> Sequence[SourceSchema]:
        """Of each source the newest window that somebody has to look at, else its newest, by source."""
        shown = {one.source: one for one in self.drifted(caller)}
        for row in self._rows(caller):
            if row.source not in shown:
                shown[row.source] = _schema(row)
        return [shown[name] for name in sorted(shown)]

    def accept(self, caller: Caller, source: str) -> Sequence[SourceSchema]:
        """The windows, whose findings are as they should be from now on."""
        self.list(caller, source)
        home = tables.source_schemas
        mine = (home.c.workspace_id == caller.workspace) & (home.c.source == source) & (home.c.accepted_at == "")
        with self._events.change(caller, "source.accept_schema", derived_id("srs", source)) as change:
            count = change.execute(sa.update(home).where(mine).values(accepted_at=now().isoformat())).rowcount
            change.emit("sightloop.source.schema_accepted", {"windows": count})
        return self.list(caller, source)

    def _rows(self, caller: Caller, source: str = "", *, open_only: bool = False) -> Sequence[Any]:
        """The newest first."""
        home = tables.source_schemas
        query = sa.select(home).where(home.c.workspace_id == caller.workspace).order_by(home.c.number.desc())
        if source:
            query = query.where(home.c.source == source)
        if open_only:
            query = query.where(home.c.accepted_at == "", home.c.drifted)
        with self._records.read() as connection:
            return connection.execute(query).all()


def _reference(rows: Sequence[Any]) -> SchemaSummary:
    whole = SchemaSummary()
    for row in rows:
        if whole.samples >= REFERENCE:
            break
        whole.take(summary_from(row.summary))
    return whole


def _told(number: int, summary: Mapping[str, Any], findings: Sequence[Any]) -> dict[str, int]:
    return {"number": number, "fields": len(summary["fields"]), "findings": len(findings)}


def _schema(row: Any) -> SourceSchema:
    fields = {
        name: {**one, "present": sum(one["types"].values()), "missing": 1 - sum(one["types"].values()) / row.samples}
        for name, one in row.summary["fields"].items()
    }
    findings = tuple(SchemaFinding(**one) for one in row.findings)
    return SourceSchema(
        row.source, row.number, tuple(row.runs), row.samples, fields, findings, row.made_at, row.accepted_at
    )

"""Runs and links as rows: a new run is checked, a stored one becomes a value."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sightloop.domain import ArtifactLink, Caller, Resources, Run, RunState, now
from sightloop.errors import InvalidInput, Refused


def new_row(
    caller: Caller,
    kind: str,
    params: Mapping[str, Any],
    resources: Resources,
    kinds: Collection[str],
    code_version: str,
) -> dict[str, Any]:
    """The row of a run that has not begun.

    Raises:
        InvalidInput: no such kind, or parameters that are not JSON.
        Refused: this machine does not have the resources.
    """
    if kind not in kinds:
        raise InvalidInput(f'There is no kind of run "{kind}".', hint=f"Kinds: {', '.join(sorted(kinds))}.")
    try:
        plain = json.loads(json.dumps(dict(params), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidInput("The parameters of a run are JSON values.", hint=f"{error}.") from error
    if resources.accelerator:
        raise Refused(
            f'This machine offers no accelerator "{resources.accelerator}".', hint="Ask for cpu, or use another one."
        )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if resources.memory_bytes > memory:
        raise Refused(
            f"The run wants {resources.memory_bytes} bytes of memory and this machine has {memory}.",
            hint="Ask for less.",
        )
    return {
        "workspace_id": caller.workspace,
        "id": caller.new_id("run"),
        "kind": kind,
        "state": str(RunState.PENDING),
        "params": plain,
        "resources": asdict(resources),
        "progress": {},
        "output": {},
        "error": {},
        "actor": caller.actor,
        "role": str(caller.role),
        "trace_id": caller.trace_id,
        "code_version": code_version,
        "started_at": now().isoformat(),
        "ended_at": "",
    }


def run_of(row: sa.Row[Any], live: Mapping[str, dict[str, Any]]) -> Run:
    """The run; `live` holds the progress of those that go on in this process."""
    return Run(
        id=row.id,
        kind=row.kind,
        state=RunState(row.state),
        params=row.params,
        started_at=datetime.fromisoformat(row.started_at),
        ended_at=datetime.fromisoformat(row.ended_at) if row.ended_at else None,
        progress=dict(live.get(row.id) or row.progress),
        output=row.output,
        error=row.error,
        resources=Resources(**row.resources),
        code_version=row.code_version,
        actor=row.actor,
    )


def link_rows(workspace: str, links: Sequence[ArtifactLink]) -> list[dict[str, str]]:
    """The rows of the edges."""
    return [
        {
            "workspace_id": workspace,
            "run_id": link.run,
            "direction": link.direction,
            "kind": link.kind,
            "artifact": link.artifact,
        }
        for link in links
    ]

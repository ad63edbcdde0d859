"""The REST API, asked thousands of questions that nobody meant: schemathesis makes them from its own description.

    python -m benchmarks.fuzz_api [CASES]

Half of the cases fit the description, half break it. Names and ids that exist are put in now and then, so that
handlers are reached and not only their refusals. Counted are answers by status, and findings: a status of 500 or
more (503 and 507 are answers by design), a status, content type, header or body that the description does not have,
a crash, and a run that was started by the way and failed as no run should.
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.core.failures import FailureGroup

from benchmarks.results import keep
from tests.specs.interfaces.house import House, write_pictures

BY_DESIGN = (503, 507)
LOOKED_AT = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
)  # fmt: skip
SHARE_KNOWN = 0.4
MOST_ROUNDS = 5


@dataclass
class Found:
    """What came of it: cases, answers by status, and one line for each finding."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    reproduce: dict[str, str] = field(default_factory=dict)

    def note(self, finding: str, how: str) -> None:
        self.findings[finding] += 1
        self.reproduce.setdefault(finding, how)


def small_world(house: House, folder: Path) -> dict[str, Sequence[str]]:
    """Names and ids of what there is, by the name of the field or parameter that could hold them."""
    ws = house.workspace()
    run = ws.ingest(write_pictures(folder, 4))
    samples = [sample.id for sample in ws.samples.list()]
    schema = ws.schemas.create("grades", ["good", "bad"])
    version = ws.datasets.create("parts", schema="grades").commit(where={}, splits={"train": 0.5, "test": 0.5})
    campaign = ws.campaigns.start(name="parts", schema="grades", samples=samples[:2], seed_count=1)
    item = ws.queue.next(campaign)
    assert item is not None
    versions = [version.id, "parts@1", "parts@latest"]
    return {
        "sample": samples, "samples": samples, "run": [run.id], "campaign": [campaign.id], "item": [item.id],
        "version": versions, "a": versions, "b": versions, "dataset": versions, "test": versions,
        "schema": ["grades", schema.id], "name": ["parts", "grades"], "label": ["good"], "verb": ["accept", "fix"],
        "format": ["csv", "folder", "coco"], "state": ["pending"], "split": ["train"], "source": samples,
        "thing": [*samples, version.id, run.id], "cursor": [samples[0], "1"],
    }  # fmt: skip


def fuzz(client: httpx.Client, known: Mapping[str, Sequence[str]], cases: int, first_seed: int = 0) -> Found:
    """What was found in at least so many cases, in each round the same number for each operation."""
    found, chance = Found(), random.Random(first_seed)  # noqa: S311  cases, not secrets
    schema = schemathesis.openapi.from_dict(client.get("/api/v1/openapi.json").json())
    results: list[Any] = list(schema.get_all_operations())
    operations = [result.ok() for result in results]
    checks = CHECKS.get_by_names(LOOKED_AT)

    def ask(case: Any) -> None:
        put_known(case, known, chance)
        answered(client, case, checks, found)

    for turn in range(MOST_ROUNDS):  # some operations cannot be broken, some questions cannot be sent
        each = max(1, math.ceil((cases - found.cases) / len(operations) / 2))
        for number, operation in enumerate(operations):
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                try:
                    _asked(ask, operation, mode, each, first_seed + turn * len(operations) + number)
                except Exception as error:  # a parameterless operation cannot be broken
                    if type(error).__name__ not in ("Unsatisfiable", "NoSuchTest"):
                        found.note(f"{operation.label}: not generated, {type(error).__name__}", str(error)[:200])
        if found.cases >= cases:
            break
    for run in client.get("/api/v1/runs", params={"limit": 500}).json()["items"]:
        if (run["error"] or {}).get("status") == 500:
            found.note(f"run {run['kind']}: failed", str(run["error"]))
    return found


def _asked(ask: Callable[[Any], None], operation: Any, mode: GenerationMode, count: int, first_seed: int) -> None:
    """Asks so many questions of this kind."""
    unhurried = settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    seed(first_seed)(unhurried(given(case=operation.as_strategy(generation_mode=mode))(ask)))()


def put_known(case: Any, known: Mapping[str, Sequence[str]], chance: random.Random) -> None:
    """The case with some of its values replaced by ones that exist; a stream ends by itself."""
    for holder in (case.path_parameters, case.query, case.body):
        if isinstance(holder, dict):
            for name, value in list(holder.items()):
                if name in known and chance.random() < SHARE_KNOWN:
                    some = chance.choice(known[name])
                    holder[name] = [some] if isinstance(value, list) else some
    if case.path.endswith("/events"):
        case.query = {**(case.query or {}), "follow": "false"}
    if isinstance(case.query, dict):
        case.query.pop("wait_s", None)


def answered(client: httpx.Client, case: Any, checks: Sequence[Any], found: Found) -> None:
    kwargs = case.as_transport_kwargs(base_url="http://localhost")
    sent = {name: kwargs[name] for name in ("method", "url", "headers", "params", "json", "data") if name in kwargs}
    try:
        request = requests.Request(**sent).prepare()
        headers = {name: str(value) for name, value in request.headers.items() if name.lower() != "authorization"}
        body: Any = request.body or b""
        prepared = client.build_request(
            str(request.method), str(request.url), content=body, headers=headers, timeout=60
        )
    except (ValueError, httpx.InvalidURL, requests.RequestException):
        return
    label, found.cases = case.operation.label, found.cases + 1
    try:
        response = client.send(prepared)
    except Exception as error:
        found.note(f"{label}: crash, {type(error).__name__}", f"{request.method} {request.url} {request.body!r}"[:400])
        return
    found.statuses[response.status_code] += 1
    if response.status_code in BY_DESIGN:
        return
    how = f"{request.method} {request.url} {request.body!r} -> {response.status_code} {response.text}"[:700]
    try:
        case.validate_response(response, checks=checks)
    except FailureGroup as group:
        for failure in group.exceptions:
            found.note(f"{label}: {type(failure).__name__}, {response.status_code}", how)


def main() -> None:
    """Fuzz a fresh installation and keep the counts."""
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder) / "installation")
        try:
            found = fuzz(house.owner(), small_world(house, Path(folder) / "pictures"), cases)
        finally:
            house.close()
    for finding, how in found.reproduce.items():
        print(f"{found.findings[finding]:4d} {finding}\n     {how}")
    statuses = {str(status): count for status, count in sorted(found.statuses.items())}
    keep("fuzz_api", {"cases": found.cases, "statuses": statuses, "findings": dict(found.findings)})


if __name__ == "__main__":
    main()

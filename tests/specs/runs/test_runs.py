"""Runs: started once, followed, ended with a result or an error that keeps its class."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sightloop.domain import ArtifactLink, Resources, RunState
from sightloop.errors import Conflict, InvalidInput, NotEnoughData, NotFound, Refused, SightloopError, Unavailable
from sightloop.events import Events
from sightloop.runs import RunContext, Runs
from sightloop.storage import Records
from tests.specs.runs.conftest import ADMIN, STRANGER


def double(context: RunContext, params: dict[str, Any]) -> dict[str, Any]:
    return {"doubled": context.step("double", lambda: params["number"] * 2)}


class Halfway:
    """Work of two parts that goes on when it may."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.begun, self.ended = 0, False

    def work(self, context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        self.begun += 1
        context.step("first", self.pause)
        context.step("second", lambda: None)
        self.ended = True
        return {}

    def pause(self) -> None:
        self.reached.set()
        self.go_on.wait(20.0)


@pytest.fixture
def launched(runs: Runs) -> Runs:
    runs.register("double", double)
    runs.launch()
    return runs


def test_a_run_ends_with_the_output_of_its_function(launched: Runs) -> None:
    run = launched.wait(ADMIN, launched.start(ADMIN, "double", {"number": 21}).id)
    assert (run.state, run.output, run.code_version, run.actor) == (
        RunState.SUCCEEDED,
        {"doubled": 42},
        "1.2.3",
        "usr_ada",
    )


def test_the_same_key_is_the_same_run(launched: Runs) -> None:
    ids = {launched.start(ADMIN.keyed("k"), "double", {"number": 1}).id for _ in range(3)}
    launched.wait(ADMIN, ids.pop())
    assert (ids, len(launched.list(ADMIN))) == (set(), 1)


def test_start_and_end_are_told_as_events(launched: Runs, events: Events) -> None:
    launched.wait(ADMIN, launched.start(ADMIN, "double", {"number": 1}).id)
    assert [event["type"] for event in events.since("default", 0)] == [
        "sightloop.run.started",
        "sightloop.run.succeeded",
    ]


def test_a_failed_run_raises_the_same_class_of_error_for_who_waits(runs: Runs) -> None:
    def fail(_context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        raise NotEnoughData("Too few labels.", hint="Label 12 more.", missing=12)

    runs.register("fail", fail)
    runs.launch()
    started = runs.start(ADMIN, "fail", {})
    with pytest.raises(NotEnoughData) as caught:
        runs.wait(ADMIN, started.id)
    assert (caught.value.hint, caught.value.facts, runs.get(ADMIN, started.id).state) == (
        "Label 12 more.",
        {"missing": 12},
        RunState.FAILED,
    )


def test_a_foreign_error_tells_its_type_and_keeps_its_words_in_the_log(runs: Runs) -> None:
    def fail(context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        return {"never": context.step("read", lambda: open("/secret/path"))}

    runs.register("fail", fail)
    runs.launch()
    with pytest.raises(SightloopError) as caught:
        runs.wait(ADMIN, runs.start(ADMIN, "fail", {}).id)
    assert caught.value.message == 'The step "read" failed with FileNotFoundError.'


def test_a_step_gives_its_result_as_json_does(runs: Runs) -> None:
    def pairs(context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        return {"is_list": isinstance(context.step("pair", lambda: (1, 2)), list)}

    runs.register("pairs", pairs)
    runs.launch()
    assert runs.wait(ADMIN, runs.start(ADMIN, "pairs", {}).id).output == {"is_list": True}


def test_lineage_is_found_from_both_ends(runs: Runs) -> None:
    def link(context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        context.step("use", lambda: context.uses_all("sample", ["smp_1", "smp_2", "smp_1"]))
        context.makes("dataset_version", "dsv_1")
        return {}

    runs.register("link", link)
    runs.launch()
    run = runs.wait(ADMIN, runs.start(ADMIN, "link", {}).id)
    made = ArtifactLink(run.id, "makes", "dataset_version", "dsv_1")
    used = [ArtifactLink(run.id, "uses", "sample", sample) for sample in ("smp_1", "smp_2")]
    assert runs.links(ADMIN, run=run.id) == [made, *used]
    assert (runs.links(ADMIN, artifact="dsv_1"), runs.links(STRANGER, artifact="dsv_1")) == ([made], [])


def test_progress_is_seen_while_the_run_goes_on(runs: Runs) -> None:
    halfway, go_on = threading.Event(), threading.Event()

    def work(context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        context.progress(1, 2, "halfway")
        halfway.set()
        go_on.wait(20.0)
        return {}

    runs.register("work", work)
    runs.launch()
    started = runs.start(ADMIN, "work", {})
    halfway.wait(20.0)
    seen = runs.get(ADMIN, started.id)
    go_on.set()
    assert (seen.state, seen.progress) == (RunState.RUNNING, {"done": 1, "total": 2, "note": "halfway"})
    assert runs.wait(ADMIN, started.id).progress == seen.progress


def test_a_run_may_wait_for_another_that_wants_all_cores(runs: Runs) -> None:
    def outer(context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        caller = context.caller.keyed(context.run_id, "inner")
        inner = runs.start(caller, "double", {"number": 4}, resources=Resources(cpu=64))
        return dict(runs.wait(context.caller, inner.id).output)

    runs.register("double", double)
    runs.register("outer", outer)
    runs.launch()
    run = runs.start(ADMIN, "outer", {}, resources=Resources(cpu=2))
    assert runs.wait(ADMIN, run.id).output == {"doubled": 8}


def test_runs_never_hold_more_cores_than_there_are(runs: Runs) -> None:
    lock, at_once, most = threading.Lock(), [0], [0]

    def work(context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        with lock:
            at_once[0] += context.threads
            most[0] = max(most[0], at_once[0])
        threading.Event().wait(0.02)
        with lock:
            at_once[0] -= context.threads
        return {}

    runs.register("work", work)
    runs.launch()
    started = [runs.start(ADMIN, "work", {}, resources=Resources(cpu=1 + n % 2)) for n in range(6)]
    for run in started:
        runs.wait(ADMIN, run.id)
    assert most[0] <= 2


def test_a_machine_without_the_resources_refuses(launched: Runs) -> None:
    for resources in (Resources(accelerator="cuda"), Resources(memory_bytes=1 << 60)):
        with pytest.raises(Refused):
            launched.start(ADMIN, "double", {}, resources=resources)


def test_an_unknown_kind_and_parameters_that_are_not_json_are_refused(launched: Runs) -> None:
    with pytest.raises(InvalidInput, match="no kind of run"):
        launched.start(ADMIN, "dubble", {})
    with pytest.raises(InvalidInput, match="JSON"):
        launched.start(ADMIN, "double", {"number": object()})


def test_another_workspaces_run_is_not_found(launched: Runs) -> None:
    started = launched.start(ADMIN, "double", {"number": 1})
    launched.wait(ADMIN, started.id)
    with pytest.raises(NotFound):
        launched.get(STRANGER, started.id)
    assert launched.list(STRANGER) == []


def test_runs_are_listed_newest_first_page_by_page(launched: Runs) -> None:
    made = [launched.start(ADMIN, "double", {"number": n}).id for n in range(4)]
    first = launched.list(ADMIN, limit=3)
    rest = launched.list(ADMIN, kind="double", limit=3, cursor=first[-1].id)
    for run_id in made:
        launched.wait(ADMIN, run_id)
    assert [run.id for run in [*first, *rest]] == made[::-1]


def wait_until_still(runs: Runs) -> None:
    with runs._changed:
        assert runs._changed.wait_for(lambda: not runs._live, 20.0)


@pytest.fixture
def halfway(runs: Runs) -> Iterator[Halfway]:
    """Runs of the kind "work" can be looked at halfway."""
    halfway = Halfway()
    runs.register("work", halfway.work)
    runs.launch()
    yield halfway
    halfway.go_on.set()


def test_a_cancelled_run_stops_at_its_next_step_and_writes_no_more(runs: Runs, halfway: Halfway) -> None:
    started = runs.start(ADMIN, "work", {})
    assert halfway.reached.wait(20.0)
    cancelled = runs.cancel(ADMIN, started.id)
    halfway.go_on.set()
    wait_until_still(runs)
    assert (cancelled.state, halfway.ended) == (RunState.CANCELLED, False)
    assert runs.get(ADMIN, started.id) == cancelled


def test_a_run_that_ends_without_another_step_after_it_was_cancelled_stays_cancelled(runs: Runs) -> None:
    halfway = Halfway()

    def work(_context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        halfway.pause()
        return {"ended": True}

    runs.register("work", work)
    runs.launch()
    started = runs.start(ADMIN, "work", {})
    assert halfway.reached.wait(20.0)
    cancelled = runs.cancel(ADMIN, started.id)
    halfway.go_on.set()
    wait_until_still(runs)
    assert runs.get(ADMIN, started.id) == cancelled


def test_who_waits_for_a_cancelled_run_is_told(runs: Runs, halfway: Halfway, events: Events) -> None:
    started = runs.start(ADMIN, "work", {})
    assert halfway.reached.wait(20.0)
    runs.cancel(ADMIN, started.id)
    with pytest.raises(Refused, match="cancelled"):
        runs.wait(ADMIN, started.id)
    assert events.since("default", 0)[-1]["type"] == "sightloop.run.cancelled"


def test_a_cancelled_run_is_not_begun_again(runs: Runs, halfway: Halfway) -> None:
    started = runs.start(ADMIN.keyed("k"), "work", {})
    assert halfway.reached.wait(20.0)
    runs.cancel(ADMIN, started.id)
    halfway.go_on.set()
    runs.close()
    runs.launch()
    again = runs.start(ADMIN.keyed("k"), "work", {})
    assert (again.id, again.state, halfway.begun) == (started.id, RunState.CANCELLED, 1)


def test_a_run_that_has_ended_is_not_cancelled_and_one_that_was_stays_so(runs: Runs, halfway: Halfway) -> None:
    halfway.go_on.set()
    done = runs.wait(ADMIN, runs.start(ADMIN, "work", {}).id)
    with pytest.raises(Refused, match="ended"):
        runs.cancel(ADMIN, done.id)
    halfway.go_on.clear()
    other = runs.start(ADMIN, "work", {})
    assert runs.cancel(ADMIN, other.id) == runs.cancel(ADMIN, other.id)
    with pytest.raises(NotFound):
        runs.cancel(STRANGER, other.id)


def test_waiting_has_an_end(runs: Runs) -> None:
    go_on = threading.Event()

    def work(_context: RunContext, _params: dict[str, Any]) -> dict[str, Any]:
        go_on.wait(20.0)
        return {}

    runs.register("work", work)
    runs.launch()
    started = runs.start(ADMIN, "work", {})
    with pytest.raises(Unavailable, match="not ended"):
        runs.wait(ADMIN, started.id, timeout_s=0.0)
    go_on.set()
    runs.wait(ADMIN, started.id)


def test_a_second_installation_in_one_process_is_refused(launched: Runs, records: Records, events: Events) -> None:
    with pytest.raises(Conflict):
        Runs(records, events, launched._path.with_name("other.db")).launch()


def test_nothing_starts_before_the_launch(runs: Runs) -> None:
    runs.register("double", double)
    with pytest.raises(Unavailable):
        runs.start(ADMIN, "double", {})


def test_the_engine_logs_where_the_process_does_and_holds_no_stream(runs: Runs) -> None:
    runs.launch()
    logger = logging.getLogger("dbos")
    assert logger.propagate
    assert not [handler for handler in logger.handlers if isinstance(handler, logging.StreamHandler)]

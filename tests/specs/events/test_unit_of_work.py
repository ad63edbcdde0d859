"""The unit of work: a change, its audit entry and its events are one."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from sightloop.domain import Receipt
from sightloop.errors import InvalidInput, NotFound, SightloopError, Unavailable
from sightloop.events import Events
from sightloop.storage import Records, configure_faults, metadata
from tests.specs.events.conftest import ADMIN, STRANGER, answered

AUDIT = metadata.tables["audit"]


def accept(events: Events, *, key: str | None = None, kind: str = "labels.accept", outcome: int = 0) -> Receipt:
    caller = ADMIN if key is None else ADMIN.keyed(key)
    with events.change(caller, "labels.accept", "cmp_1") as change:
        change.emit("sightloop.labels.accepted", {})
        return change.receipt(
            kind, rule="betting-audit/1", subject="cmp_1", claim={}, evidence={}, inputs={}, outcome={"n": outcome}
        )


def test_a_change_without_an_event_is_undone(events: Events, records: Records) -> None:
    def change_silently() -> None:
        with events.change(ADMIN, "dataset.commit", "dsv_1") as change:
            change.execute(sa.insert(metadata.tables["table_pointers"]).values(workspace_id="w", name="n", version=1))

    with pytest.raises(SightloopError, match="emitted no event"):
        change_silently()
    with records.read() as connection:
        assert connection.execute(sa.select(metadata.tables["table_pointers"])).all() == []


def test_a_change_that_raises_leaves_neither_event_nor_audit_entry(events: Events) -> None:
    def fail() -> None:
        with events.change(ADMIN, "dataset.commit", "dsv_1") as change:
            change.emit("sightloop.dataset.committed", {})
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert (events.since("default", 0), events.audit(ADMIN)) == ([], [])


def test_an_event_is_a_cloud_event_with_its_place_in_the_order(events: Events) -> None:
    event_id = answered(events, 7)
    event = events.since("default", 0)[0]
    assert (event["specversion"], event["id"], event["type"], event["subject"], event["sequence"], event["data"]) == (
        "1.0",
        event_id,
        "sightloop.labels.answered",
        "itm_7",
        1,
        {"number": 7},
    )


def test_events_are_read_on_from_where_one_was(events: Events) -> None:
    for number in range(5):
        answered(events, number)
    assert [event["sequence"] for event in events.since("default", 2, limit=2)] == [3, 4]


def test_one_workspace_never_sees_anothers_events_receipts_or_audit(events: Events) -> None:
    receipt = accept(events)
    with pytest.raises(NotFound):
        events.receipt(STRANGER, receipt.id)
    assert (events.since("elsewhere", 0), events.receipts(STRANGER), events.audit(STRANGER)) == ([], [], [])


def test_the_audit_entry_names_who_did_what_to_which_thing(events: Events) -> None:
    event_id = answered(events, 7)
    entry = events.audit(ADMIN)[0]
    assert (entry.actor, entry.role, entry.action, entry.subject, entry.events) == (
        "usr_ada",
        "admin",
        "labels.answer",
        "itm_7",
        (event_id,),
    )


def test_a_step_that_runs_again_does_not_tell_twice(events: Events) -> None:
    first = answered(events, 1, ADMIN.keyed("run", "1"))
    second = answered(events, 1, ADMIN.keyed("run", "1"))
    assert (second, len(events.since("default", 0))) == (first, 1)


def test_two_different_events_under_one_key_are_both_told(events: Events) -> None:
    with events.change(ADMIN.keyed("k"), "labels.answer", "cmp_1") as change:
        change.emit("sightloop.labels.answered", {"number": 1})
        change.emit("sightloop.labels.answered", {"number": 2})
    assert [event["data"]["number"] for event in events.since("default", 0)] == [1, 2]


def test_an_event_type_without_our_prefix_is_refused(events: Events) -> None:
    with events.change(ADMIN, "x.do", "x_1") as change:
        with pytest.raises(InvalidInput):
            change.emit("labels.answered", {})
        change.emit("sightloop.x.done", {})


def test_a_receipt_comes_back_as_it_was_left(events: Events) -> None:
    left = accept(events, outcome=12)
    assert (events.receipt(ADMIN, left.id), left.outcome, left.code_version) == (left, {"n": 12}, "1.2.3")


def test_under_one_key_the_first_receipt_stays(events: Events) -> None:
    first, second = accept(events, key="round 3", outcome=1), accept(events, key="round 3", outcome=2)
    other_kind = accept(events, key="round 3", kind="model.gate")
    assert (second, other_kind.id != first.id, len(events.receipts(ADMIN))) == (first, True, 2)


def test_receipts_are_listed_newest_first_page_by_page(events: Events) -> None:
    made = [accept(events, outcome=number).id for number in range(5)]
    first = events.receipts(ADMIN, limit=3)
    rest = events.receipts(ADMIN, limit=3, cursor=first[-1].id)
    assert [receipt.id for receipt in [*first, *rest]] == made[::-1]


def test_receipts_are_found_by_kind_and_subject(events: Events) -> None:
    accept(events)
    gate = accept(events, kind="model.gate")
    assert events.receipts(ADMIN, kind="model.gate", subject="cmp_1") == [gate]
    assert events.receipts(ADMIN, subject="cmp_2") == []


def test_who_waits_is_woken_by_the_next_event(events: Events) -> None:
    got: list[str] = []
    waiting = threading.Thread(target=lambda: got.extend(e["type"] for e in events.wait("default", 0, 20.0)))
    waiting.start()
    answered(events)
    waiting.join()
    assert got == ["sightloop.labels.answered"]


def test_who_waits_for_nothing_gets_nothing(events: Events) -> None:
    assert events.wait("default", 0, 0.0) == []


def test_threads_that_change_at_once_leave_one_unbroken_chain(events: Events) -> None:
    threads = [threading.Thread(target=lambda: [answered(events, n) for n in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = events.audit_verify("default")
    assert (report.ok, report.entries, len(events.since("default", 0))) == (True, 40, 40)


def test_a_fault_before_the_commit_leaves_nothing(events: Events) -> None:
    configure_faults("change.before_commit=raise")
    with pytest.raises(Unavailable):
        answered(events)
    assert events.since("default", 0) == []

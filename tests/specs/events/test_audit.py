"""The audit chain: append-only, and any change to it shows."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from sightloop.errors import Refused
from sightloop.events import Events
from sightloop.storage import Records, metadata
from tests.specs.events.conftest import ADMIN, answered

AUDIT = metadata.tables["audit"]
CHAINS = metadata.tables["chains"]


@pytest.fixture
def chain(events: Events) -> Events:
    for number in range(5):
        answered(events, number)
    return events


def tamper(records: Records, *statements: sa.Executable) -> None:
    with records.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_refuses_update")
        connection.exec_driver_sql("DROP TRIGGER audit_refuses_delete")
        for statement in statements:
            connection.execute(statement)


def test_an_untouched_chain_verifies_and_tells_its_head(chain: Events) -> None:
    report = chain.audit_verify("default")
    assert (report.ok, report.entries, report.head) == (True, 5, chain.audit(ADMIN)[-1].hash)


@pytest.mark.parametrize("statement", [sa.update(AUDIT).values(actor="usr_eve"), sa.delete(AUDIT)])
def test_the_database_refuses_to_change_the_chain(chain: Events, records: Records, statement: sa.Executable) -> None:
    def change() -> None:
        with records.write() as connection:
            connection.execute(statement)

    with pytest.raises(Refused, match="append-only"):
        change()
    assert chain.audit_verify("default").ok


@pytest.mark.parametrize("column", ["actor", "action", "subject", "at", "role"])
def test_a_changed_entry_shows(chain: Events, records: Records, column: str) -> None:
    tamper(records, sa.update(AUDIT).where(AUDIT.c.sequence == 3).values({column: "usr_eve"}))
    assert chain.audit_verify("default").problems == ("Entry 3 is not what was written.",)


def test_a_deleted_entry_shows(chain: Events, records: Records) -> None:
    tamper(records, sa.delete(AUDIT).where(AUDIT.c.sequence == 3))
    assert chain.audit_verify("default").problems == ("Entries 3 to 3 are missing.",)


def test_a_cut_off_end_shows(chain: Events, records: Records) -> None:
    tamper(records, sa.delete(AUDIT).where(AUDIT.c.sequence > 3))
    assert chain.audit_verify("default").problems == ("Entries 4 to 5 are missing at the end.",)


def test_a_cut_off_end_shows_even_where_the_head_was_moved_back(chain: Events, records: Records) -> None:
    third = chain.audit(ADMIN)[2]
    tamper(
        records,
        sa.delete(AUDIT).where(AUDIT.c.sequence > 3),
        sa.update(CHAINS).values(audit_sequence=3, audit_hash=third.hash),
    )
    assert chain.audit_verify("default").problems == ("Entries 4 to 5 are missing at the end.",)


def test_a_rewritten_entry_with_a_fresh_hash_breaks_the_next_one(chain: Events, records: Records) -> None:
    tamper(records, sa.update(AUDIT).where(AUDIT.c.sequence == 2).values(hash="0" * 64))
    assert "Entry 3 does not follow the one before it." in chain.audit_verify("default").problems


def test_an_empty_workspace_verifies(events: Events) -> None:
    assert events.audit_verify("nowhere").ok

"""What the migrations make is what the rooms declare."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from sightloop.errors import Refused
from sightloop.storage import Records, metadata
from tests.guards.source_files import SOURCE

MIGRATIONS = SOURCE / "storage" / "migrations"
for _room in sorted(SOURCE.glob("*/tables.py")):
    importlib.import_module(f"sightloop.{_room.parent.name}.tables")

Description = dict[str, Any]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    path = tmp_path_factory.mktemp("migrated") / "sightloop.db"
    records = Records(f"sqlite:///{path}")
    records.migrate()
    records.close()
    engine = sa.create_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def declared() -> Iterator[sa.Engine]:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def test_both_hold_the_same_tables(migrated: sa.Engine, declared: sa.Engine) -> None:
    assert set(sa.inspect(migrated).get_table_names()) - {"alembic_version"} == set(
        sa.inspect(declared).get_table_names()
    )


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_the_table_is_made_as_it_is_declared(migrated: sa.Engine, declared: sa.Engine, table: str) -> None:
    assert _described(migrated, table) == _described(declared, table)


def test_the_migrations_speak_postgresql_too() -> None:
    said = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": said})
    scripts = ScriptDirectory(str(MIGRATIONS))
    with Operations.context(context):
        for script in reversed(list(scripts.walk_revisions())):
            script.module.upgrade()
    assert said.getvalue().count("CREATE TABLE") >= len(metadata.tables)


def test_a_migrated_folder_is_left_as_it_stands(tmp_path: Path) -> None:
    records = Records(f"sqlite:///{tmp_path / 'sightloop.db'}")
    records.migrate()
    with records.write() as connection:
        connection.execute(metadata.tables["loop_stops"].insert().values(workspace_id="w", actor="a", at="t"))
    records.migrate()
    with records.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(metadata.tables["loop_stops"])) == 1
    records.close()


def test_a_folder_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    records = Records(f"sqlite:///{tmp_path / 'sightloop.db'}")
    records.migrate()
    with records.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Refused, match="newer version"):
        records.migrate()
    records.close()


def _described(engine: sa.Engine, table: str) -> Description:
    found = sa.inspect(engine)
    columns = [(one["name"], str(one["type"]), one["nullable"], one["default"]) for one in found.get_columns(table)]
    triggers = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
    with engine.connect() as connection:
        guards = [tuple(row) for row in connection.execute(triggers, {"table": table})]
    return {
        "columns": columns,
        "primary key": found.get_pk_constraint(table),
        "unique": {one["name"]: one["column_names"] for one in found.get_unique_constraints(table)},
        "indexes": {one["name"]: (one["column_names"], one["unique"]) for one in found.get_indexes(table)},
        "foreign keys": found.get_foreign_keys(table),
        "triggers": sorted(guards),
    }

"""A backup holds what was acknowledged when it was made, and only a whole one is restored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sightloop.domain import Caller, Role
from sightloop.errors import Corrupt, Forbidden, Refused
from sightloop.events import Events
from sightloop.governance import Backups, restore_backup
from sightloop.runs import Runs
from sightloop.storage import Records, Stores, configure_faults
from tests.specs.governance.test_fsck import House, rows

ADMIN = Caller("default", "tester", Role.ADMIN)


class Kept(House):
    """A house with backups."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.segments = folder / "serving" / "segments"
        (self.segments / "default").mkdir(parents=True)
        (self.segments / "default" / "one.seg").write_bytes(b"logged, not imported")
        self.runs = Runs(self.records, self.events, folder / "runs.db")
        self.backups = Backups(
            folder / "backups",
            {"serving/segments": self.segments},
            records=self.records,
            stores=self.stores,
            events=self.events,
            runs=self.runs,
            code_version="1",
        )
        self.runs.launch()

    def back_up(self) -> Path:
        run = self.runs.wait(ADMIN, self.backups.create(ADMIN).id)
        return self.folder / "backups" / str(run.output["id"])

    def restore(self, backup: Path, into: Path) -> tuple[Records, Stores]:
        into.mkdir(exist_ok=True)
        records = Records(f"sqlite:///{into / 'sightloop.db'}")
        stores = Stores(into, records)
        restore_backup(backup, into, records, stores)
        return records, stores


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Kept]:
    opened = Kept(tmp_path / "house")
    yield opened
    configure_faults("")
    opened.runs.close()
    opened.records.close()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()


def test_a_restored_house_holds_every_blob_row_and_log(house: Kept, tmp_path: Path) -> None:
    records, stores = house.restore(house.back_up(), tmp_path / "again")
    store = stores.workspace("default")
    assert store.blobs.get(house.blob) == b"held by a room"
    assert store.tables.read("samples", house.version).to_pydict() == {"id": ["a"]}
    assert Events(records).audit_verify("default").ok
    assert (tmp_path / "again/serving/segments/default/one.seg").read_bytes() == b"logged, not imported"


def test_what_happens_after_the_moment_of_the_backup_is_not_in_it(house: Kept, tmp_path: Path) -> None:
    backup = house.back_up()
    house.write_version("late", b"late")
    records, _ = house.restore(backup, tmp_path / "again")
    with records.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM table_pointers")) == 1


def test_the_second_backup_shares_what_has_not_changed(house: Kept) -> None:
    first = house.back_up()
    second = house.back_up()
    same = f"objects/default/blobs/{house.blob[:2]}/{house.blob}"
    assert (first / same).stat().st_ino == (second / same).stat().st_ino
    assert house.backups.list(ADMIN)[1].linked > 0


def test_an_altered_file_is_named_and_nothing_is_restored(house: Kept, tmp_path: Path) -> None:
    backup = house.back_up()
    (backup / f"objects/default/blobs/{house.blob[:2]}/{house.blob}").write_bytes(b"altered")
    with pytest.raises(Corrupt, match=house.blob):
        house.restore(backup, tmp_path / "again")


def test_a_shortened_list_of_files_is_found_out(house: Kept, tmp_path: Path) -> None:
    backup = house.back_up()
    listing = backup / "files.jsonl"
    listing.write_text("".join(listing.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(Corrupt, match=r"files\.jsonl"):
        house.restore(backup, tmp_path / "again")


def test_an_unfinished_backup_is_none(house: Kept, tmp_path: Path) -> None:
    backup = house.back_up()
    (backup / "backup.json").unlink()
    assert house.backups.list(ADMIN) == []
    with pytest.raises(Refused, match="no finished backup"):
        house.restore(backup, tmp_path / "again")


def test_an_installation_is_never_restored_over(house: Kept) -> None:
    backup = house.back_up()
    house.store.blobs.delete(house.blob)
    with pytest.raises(Refused, match="already"):
        restore_backup(backup, house.folder, house.records, house.stores)
    assert not house.store.blobs.exists(house.blob)


def test_an_interrupted_restore_is_repeated(house: Kept, tmp_path: Path) -> None:
    backup = house.back_up()
    records_file, aside = backup / "records.db", backup / "aside"
    records_file.rename(aside)
    with pytest.raises(Corrupt):
        house.restore(backup, tmp_path / "again")
    aside.rename(records_file)
    records, _ = house.restore(backup, tmp_path / "again")
    assert Events(records).audit_verify("default").entries > 0


def test_a_backup_shows_what_its_seal_says(house: Kept) -> None:
    backup = house.back_up()
    listed = [json.loads(line) for line in (backup / "files.jsonl").read_text().splitlines()]
    (told,) = house.backups.list(ADMIN)
    assert (told.files, told.size_bytes) == (len(listed), sum(one["size"] for one in listed))
    assert {path.relative_to(backup).as_posix() for path in backup.rglob("*") if path.is_file()} == {
        "backup.json", "files.jsonl", *(one["path"] for one in listed)
    }  # fmt: skip


def test_another_workspace_makes_and_sees_no_backup(house: Kept) -> None:
    stranger = Caller("other", "tester", Role.ADMIN)
    for ask in (house.backups.create, house.backups.list):
        with pytest.raises(Forbidden):
            ask(stranger)


def test_a_table_that_is_written_meanwhile_stays_readable_in_the_copy(house: Kept, tmp_path: Path) -> None:
    backup = house.back_up()
    house.store.tables.append("samples", rows("b"))
    _, stores = house.restore(backup, tmp_path / "again")
    restored = stores.workspace("default").tables
    assert restored.count("samples", restored.append("samples", rows("c"))) == 2

"""Which folder a record database outside of it belongs to: each is half of one installation."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from sightloop.domain import new_id, now
from sightloop.errors import Refused
from sightloop.storage.durability import replace_durably
from sightloop.storage.records import Records
from sightloop.storage.tables import installation

NAME = "installation"


def bind(folder: Path, records: Records) -> str:
    """The id of the installation, which FOLDER/installation and the database share from the first opening on.

    Raises:
        Refused: the database belongs to another folder.
    """
    path = folder / NAME
    with records.write() as connection:
        known = connection.scalar(sa.select(installation.c.id))
        written = path.read_text().strip() if path.exists() else ""
        if known is None:
            known = written or new_id("ins")
            if not written:  # before the commit: a file without a row is taken up again, a row without a file is not
                replace_durably(path, f"{known}\n".encode())
            connection.execute(sa.insert(installation).values(id=known, made_at=now().isoformat()))
        elif written != known:
            raise Refused(
                "These records belong to another installation folder.",
                hint="Open that folder, copy its file `installation` with the rest of it, or name another database.",
            )
    return str(known)

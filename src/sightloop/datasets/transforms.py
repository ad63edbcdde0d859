"""Declared transforms: their versions, and samples made by them from samples, old and late ones alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import sqlalchemy as sa
import yaml
from pydantic import ValidationError

from sightloop.datasets import tables
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.contents import Contents
from sightloop.datasets.filters import Where
from sightloop.datasets.sources import Entry
from sightloop.domain import Caller, derived_id, now
from sightloop.errors import InvalidInput, InvalidMedia, SightloopError, not_found
from sightloop.events import Events
from sightloop.inference import Transform, png_of
from sightloop.storage import Records

KIND: Final = "transform"
MADE_BY: Final = "transform"
MADE_FROM: Final = "derived_from"
_PICTURES: Final = ("image", "frame")
_KEPT: Final = ("captured_at", "licence", "consent", "subject", "purpose")
_LONGEST: Final = 20_000


class Transforms:
    """What may be done to pictures, and the entries of the samples that come of it."""

    def __init__(self, records: Records, events: Events, catalogue: Catalogue, opened: Contents) -> None:
        self._records = records
        self._events = events
        self._catalogue = catalogue
        self._opened = opened

    def set(self, caller: Caller, text: str) -> Transform:
        """The transform in the YAML, the next number of its name; the same steps again are the same transform."""
        given = read_transform(text)
        with self._records.alone(f"{caller.workspace}.transforms"):
            known = [one for one in self.list(caller) if one.name == given.name]
            if known and known[-1].digest == given.digest:
                return known[-1]
            made = given.model_copy(update={"number": len(known) + 1})
            row = {
                "workspace_id": caller.workspace,
                "id": derived_id("trf", caller.workspace, made.title),
                "name": made.name,
                "number": made.number,
                "steps": [one.model_dump(mode="json") for one in made.steps],
                "made_at": now().isoformat(),
            }
            with self._events.change(caller, "transform.set", str(row["id"])) as change:
                change.execute(sa.insert(tables.transforms), row)
                change.emit("sightloop.transform.set", {"number": made.number, "digest": made.digest})
        return made

    def list(self, caller: Caller) -> Sequence[Transform]:
        """Every version, by name and number."""
        home = tables.transforms
        query = sa.select(home).where(home.c.workspace_id == caller.workspace).order_by(home.c.name, home.c.number)
        with self._records.read() as connection:
            rows = connection.execute(query).all()
        return [Transform.model_validate({"name": row.name, "number": row.number, "steps": row.steps}) for row in rows]

    def get(self, caller: Caller, reference: str) -> Transform:
        """The transform that "name@2" or a name, its newest, means."""
        known = self.list(caller)
        found = [one for one in known if reference in (one.title, one.name)]
        if not found:
            hint = "List them: sightloop transform list"
            raise not_found("transform", reference, [one.title for one in known], hint=hint)
        return found[-1]

    def source(self, caller: Caller, reference: str, where: Where | None) -> dict[str, Any]:
        """What an ingest takes in: what the transform makes of the samples that the filter selects."""
        done = self.get(caller, reference)
        self._catalogue.chosen(caller, where)
        return {"kind": KIND, "name": f"transform {done.name}", "transform": done.title, "where": dict(where or {})}

    def entries(self, caller: Caller, source: Mapping[str, Any], after: str) -> Iterator[Entry]:
        """An entry for each picture to make, by name, after that name; what was made already is left out."""
        title = source["transform"]
        done = self.get(caller, title)
        view, selected = self._catalogue.chosen(caller, source["where"])
        metadata = view.metadata()
        made = {one[MADE_FROM] for one in metadata if one.get(MADE_BY) == title}
        kinds, names = view.column("kind"), view.column("name")
        chosen = [
            (f"{names[i]}#{title}~{str(view.ids[i])[-8:]}", int(i))
            for i in np.flatnonzero(selected)
            if kinds[i] in _PICTURES and MADE_BY not in metadata[i] and str(view.ids[i]) not in made
        ]
        for name, number in sorted(chosen):
            if name <= after:
                continue
            sample = view.samples([number])[0]
            given = {field: getattr(sample, field) for field in _KEPT if getattr(sample, field)}
            if sample.captured_at:
                given["captured_at"] = sample.captured_at.isoformat()
            given |= {**sample.metadata, MADE_BY: title, MADE_FROM: sample.id}
            count = self._count(caller, done, sample.id)
            for tile in range(count):
                said = {"tile": tile} if done.splits else {}
                yield Entry(f"{name}.{tile:03}" if done.splits else name, key=f"{sample.id}/{tile}", given=given | said)

    def read(self, caller: Caller, source: Mapping[str, Any], entry: Entry) -> bytes:
        """The picture of an entry, as PNG; raises InvalidMedia, reason `transform`, where there is none to make."""
        sample, _, tile = entry.key.partition("/")
        try:
            (pixels,) = self._opened.pixels(caller, [sample])
            return png_of(self.get(caller, source["transform"]).tiles(pixels)[int(tile)])
        except SightloopError as error:
            raise InvalidMedia(error.message, hint=error.hint, reason=KIND) from error

    def _count(self, caller: Caller, done: Transform, sample: str) -> int:
        """How many pictures come of the sample; one that cannot be made is refused when it is read."""
        if not done.splits:
            return 1
        try:
            (pixels,) = self._opened.pixels(caller, [sample])
            return len(done.tiles(pixels))
        except SightloopError:
            return 1


def read_transform(text: str) -> Transform:
    """The transform in YAML: name, and steps; raises InvalidInput naming the field."""
    if len(text) > _LONGEST:
        raise InvalidInput("The transform has too many characters.", hint=f"Write {_LONGEST} at most.")
    try:
        given = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidInput("The transform is no YAML.", hint="Check colons, indents and quotes.") from error
    if not isinstance(given, dict) or "number" in given:
        raise InvalidInput("The transform is no mapping of name and steps.", hint="Write name: and below it steps:.")
    try:
        found = Transform.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(
            f'The transform\'s "{where}" does not fit: {first["msg"]}.', hint="Correct the field."
        ) from error
    if any(step.do == "split" for step in found.steps[:-1]):
        raise InvalidInput("A split is not the last step.", hint="Put it last: what comes of it is not changed again.")
    if any(step.do == "normalise" and step.low >= step.high for step in found.steps):
        raise InvalidInput("A normalise step has no range.", hint="Give a low below the high.")
    return found

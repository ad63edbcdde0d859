"""What a calibration makes of a group: points of its sweep on its images, and labels that lie beside the media."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.datasets.calibrations import Calibration, Calibrations
from sightloop.datasets.catalogue import Catalogue
from sightloop.datasets.contents import Contents
from sightloop.datasets.interchange import Interchange
from sightloop.datasets.kitti_folder import (
    ATTRIBUTES,
    CLASSES,
    LABELLED,
    LIDAR,
    RECTIFIED,
    Place,
    Told,
    calibration_of,
    objects_of,
    place_of,
    told_by,
)
from sightloop.datasets.schemas import Schemas
from sightloop.datasets.sources import Entry, Reader
from sightloop.domain import Caller, Sample
from sightloop.errors import InvalidInput, InvalidMedia, NotFound, SightloopError
from sightloop.vision import moved, seen_at

LONGEST: Final = 1 << 20  # bytes of a file of calib/ or label_2/
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What the files of calib/ say: the id of the calibration of each moment."""

    by_place: Mapping[Place, str]
    unread: int


class Rigs:
    """Brings calibrations and the samples of a group together."""

    def __init__(
        self,
        catalogue: Catalogue,
        calibrations: Calibrations,
        schemas: Schemas,
        interchange: Interchange,
        opened: Contents,
    ) -> None:
        self._catalogue = catalogue
        self._calibrations = calibrations
        self._schemas = schemas
        self._interchange = interchange
        self._opened = opened

    def put(self, caller: Caller, name: str, document: Mapping[str, Any], kitti: str = "") -> Calibration:
        """The calibration of a document, or of the text of a file of KITTI's calib/."""
        return self._calibrations.put(caller, name, calibration_of(kitti) if kitti else document)

    def calibration(self, caller: Caller, sample: str) -> Calibration:
        """That of the sample's group: the one that its first sample names which names any. Raises NotFound."""
        for one in self._moment(caller, sample):
            if one.calibration:
                return self._calibrations.get(caller, one.calibration)
        raise NotFound(
            "Nothing says how the sensors of this sample stand to each other.",
            hint='Name a calibration: the field "calibration" of a manifest, or a default of the source.',
        )

    def projected(self, caller: Caller, sample: str, most: int) -> npt.NDArray[np.float32]:
        """Points of the group's sweep on this image, float32 (N, 4): x, y in pixels, depth in metres, intensity.

        Of at most so many points those that the camera sees, the nearest last.
        """
        calibration = self.calibration(caller, sample)
        moment = self._moment(caller, sample)
        image = next(one for one in moment if one.id == sample)
        sweeps = [one for one in moment if one.kind == "sweep" and calibration.holds(one.slot)]
        if not calibration.holds(image.slot) or not sweeps:
            raise NotFound(
                f'The calibration "{calibration.name}" does not lead from a sweep of the group to this sample.',
                hint=f"Its sensors are {', '.join(calibration.document['sensors'])}; slots have the same names.",
            )
        lens = calibration.lens(image.slot)
        if lens is None:
            raise InvalidInput(f'The sensor "{image.slot}" is no camera.', hint="Give its fx, fy, cx and cy.")
        points = self._opened.points(caller, sweeps[0].id, most).astype(np.float64)
        points[:, :3] += [float(sweeps[0].metadata.get(f"min_{axis}", 0.0)) for axis in "xyz"]
        seen = moved(points[:, :3], calibration.between(sweeps[0].slot, image.slot))
        pixels = seen_at(seen, lens)
        with np.errstate(invalid="ignore"):
            inside = ((pixels >= 0) & (pixels < [image.width, image.height])).all(1)
        found = np.column_stack([pixels, seen[:, 2], points[:, 3]])[inside]
        return np.asarray(found[np.argsort(-found[:, 2], kind="stable")], np.float32)

    def told_on(self, caller: Caller, image: str) -> Told | None:
        """How the cuboids of the group's sweep are told on this image; None where nothing leads there."""
        view = self._catalogue.view(caller)
        if not view.table["group"][view.row_numbers([image])[0]].as_py():
            return None
        moment = self._moment(caller, image)
        shown = next(one for one in moment if one.id == image)
        named = next((one.calibration for one in moment if one.calibration), "")
        sweep = next((one for one in moment if one.kind == "sweep"), None)
        if not named or sweep is None:
            return None
        calibration = self._calibrations.get(caller, named)
        if not all(map(calibration.holds, (shown.slot, sweep.slot, RECTIFIED))):
            return None
        lens = calibration.lens(shown.slot)
        return (
            None if lens is None or shown.kind == "sweep" else Told(sweep.id, calibration, shown.slot, sweep.slot, lens)
        )

    def calibrated(self, caller: Caller, source: str, files: Mapping[str, str]) -> Calibrated:
        """The calibrations that files of calib/ tell, by name and text; one of the same content for many moments."""
        ids: dict[str, str] = {}
        unread = 0
        places = {place: files[name] for place, name in told_by(files, "calib").items()}
        for text in sorted(set(places.values())):
            try:
                ids[text] = self._calibrations.put(caller, named(source), calibration_of(text)).id
            except InvalidInput:
                unread += 1
        return Calibrated({place: ids[text] for place, text in places.items() if text in ids}, unread)

    def label(self, caller: Caller, source: str, files: Mapping[str, str], found: Calibrated) -> dict[str, Any]:
        """What was imported of files of label_2/, onto samples of which nothing was said yet."""
        view = self._catalogue.view(caller)
        rows = np.flatnonzero(view.column("source") == source)
        members: dict[Place, dict[str, str]] = defaultdict(dict)
        for row in rows.tolist():
            folder, place = place_of(str(view.column("name")[row]))
            members[place].setdefault(folder, str(view.ids[row]))
        truth = self._catalogue.truth(caller)
        said = {*truth.heads["sample"].to_pylist(), *truth.objects["sample"].to_pylist()}
        known = {one.id: one for one in self._calibrations.list(caller)}
        fresh: list[dict[str, Any]] = []
        unread = 0
        for place, name in sorted(told_by(files, "label_2").items()):
            there = members.get(place, {})
            try:
                boxes, cuboids = objects_of(files[name], known.get(found.by_place.get(place, "")))
            except ValueError:
                unread += 1
                continue
            for folder, objects in ((LABELLED, boxes), (LIDAR, cuboids)):
                if objects and folder in there and there[folder] not in said:
                    fresh.append({"sample": there[folder], "objects": objects})
        if not fresh:
            return {"labels": 0, "labels_unread": unread}
        schema = self._schema(caller, source, {one["label"] for row in fresh for one in row["objects"]})
        report = self._interchange.import_labels(caller, schema, fresh, "csv")
        return {"labels": report.written, "labels_unread": unread, "losses": list(report.losses), "schema": schema}

    def _schema(self, caller: Caller, source: str, classes: set[str]) -> str:
        """The schema of the source's name, which holds these classes, boxes and cuboids."""
        held: Sequence[str] = CLASSES
        try:
            known = self._schemas.schema(caller, named(source))
            held = known.classes
            if classes <= set(held) and {"box", "cuboid"} <= set(known.geometry_types):
                return known.id
        except NotFound:
            pass
        wanted = (*held, *sorted(classes - set(held)))
        numbers = {name: {"type": "number"} for name in ATTRIBUTES}
        kinds = ("box", "cuboid")
        return self._schemas.create_schema(caller, named(source), wanted, kinds, attributes=numbers).id

    def _moment(self, caller: Caller, sample: str) -> list[Sample]:
        view = self._catalogue.view(caller)
        numbers = view.row_numbers([one.sample for one in self._catalogue.group(caller, sample).members])
        return view.samples(numbers)


def named(source: str) -> str:
    """A source's name as a name of calibrations and schemas."""
    return _UNSAFE.sub("-", source).strip("-._")[:100] or "kitti"


def read_beside(entries: Iterable[Entry], reader: Reader) -> dict[str, str]:
    """The text of each file of calib/ and label_2/ that can be read, by its name."""
    found = {}
    for one in entries:
        if place_of(one.name)[0] in ("calib", "label_2") and one.name.endswith(".txt"):
            try:
                data, _ = reader.read(one)
                found[one.name] = data[:LONGEST].decode()
            except (InvalidMedia, SightloopError, UnicodeDecodeError):
                continue
    return found

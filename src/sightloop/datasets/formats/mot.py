"""MOTChallenge 1.1: each split a sequence, `<split>/gt/gt.txt` beside `<split>/img1/000001.jpg` and `seqinfo.ini`.

Columns after Dendorfer et al., "CVPR19 Tracking and Detection Challenge" (arXiv 1906.04567), table 2: frame, id, left,
top, width, height, considered, class, visibility; of `det/det.txt` frame, -1, box, score. Pixels count from 0 and the
classes stand in `gt/labels.txt`, as CVAT and Datumaro have it; without that file they are MOT's. Added is
`gt/frames.csv`, which tells the image of each frame. Frames are in the order of the names. Kept: boxes, and the
attributes `track_id` and `visibility`; `score` is read.
"""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from sightloop.datasets.formats.rows import (
    Content,
    Drawn,
    ExportItem,
    FormatObject,
    Items,
    LabelRow,
    Losses,
    Unpacked,
    numbered,
    unpack,
    unreadable,
)
from sightloop.domain import LabelSchema
from sightloop.vision import bounds_of

TITLE: Final = "MOT"
_HINT: Final = (
    "It needs gt/gt.txt or det/det.txt, each line frame,id,left,top,width,height,considered,class,visibility."
)
_CLASSES: Final = (
    "pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non motorized vehicle", "static person",
    "distractor", "occluder", "occluder on the ground", "occluder full", "reflection",
)  # fmt: skip
_PLACELESS: Final = ("class", "polyline", "cuboid")
_NO_TRACK: Final = -1
_FRAMES: Final = ("frame", "file", "sha256")


def read(data: bytes, losses: Losses) -> list[LabelRow]:
    """A row for each frame that has a box, or an image in the archive; detections only where there is no gt.txt."""
    unpacked = unpack(data, ".txt", ".ini", ".csv")
    if set(unpacked.texts) == {""}:
        return _sequence("", "", unpacked.texts[""], unpacked, losses)
    truth = {_root(name): name for name in unpacked.texts if PurePosixPath(name).parts[-2:] == ("gt", "gt.txt")}
    found = {_root(name): name for name in unpacked.texts if PurePosixPath(name).parts[-2:] == ("det", "det.txt")}
    if not truth and not found:
        raise unreadable("MOT", "gt.txt", _HINT, ValueError("no sequence"))
    rows = []
    for root, name in sorted((found | truth).items()):
        rows += _sequence(root, name, unpacked.texts[name], unpacked, losses)
    return rows


def write(items: Items, schema: LabelSchema, losses: Losses) -> Iterator[tuple[str, Content]]:
    """gt.txt, the classes, the frames and seqinfo.ini of each split."""
    number = {name: i for i, name in enumerate(schema.classes, start=1)}
    labels = "".join(f"{' '.join(name.split())}\n" for name in schema.classes).encode()
    for split, chosen in items.by_split():
        yield f"{split}/gt/gt.txt", _boxes(chosen, number, losses)
        yield f"{split}/gt/labels.txt", labels
        first = last = next(iter(chosen))
        lines = [_csv(_FRAMES)]
        for last in chosen:
            other = (last.width, last.height) != (first.width, first.height)
            losses["the size of an image that differs from the first of its sequence is left out"] += other
            lines.append(_csv((last.number, last.file, last.digest)))
        yield f"{split}/gt/frames.csv", "".join(lines).encode()
        told = {
            "name": split, "imDir": "img1", "frameRate": 1, "seqLength": last.number,
            "imWidth": first.width, "imHeight": first.height, "imExt": PurePosixPath(first.file).suffix,
        }  # fmt: skip
        yield f"{split}/seqinfo.ini", ("[Sequence]\n" + "".join(f"{k}={v}\n" for k, v in told.items())).encode()


def media_path(item: ExportItem) -> str:
    """Where a medium lies in the archive."""
    return f"{item.split}/img1/{item.number:06d}{PurePosixPath(item.file).suffix}"


def _boxes(items: Items, number: Mapping[str, int], losses: Losses) -> Iterator[bytes]:
    for item in items:
        losses["the class of an image is left out"] += bool(item.label)
        losses["the metadata of an image are left out"] += bool(item.metadata)
        for one in item.objects:
            if one.geometry_type in _PLACELESS:
                losses[f"a {one.geometry_type} is left out: MOT has none"] += 1
                continue
            if one.geometry_type != "box":
                losses[f"a {one.geometry_type} is written as its bounds"] += 1
            track = one.attributes.get("track_id", _NO_TRACK)
            whole = isinstance(track, int | float) and track is not True and float(track).is_integer()
            seen = one.attributes.get("visibility", 1)
            share = isinstance(seen, int | float) and seen is not True
            kept = (whole and "track_id" in one.attributes) + (share and "visibility" in one.attributes)
            losses["an attribute of an object is left out"] += len(one.attributes) - kept
            box = ",".join(f"{value:.12g}" for value in bounds_of(one.geometry_type, one.geometry))
            told = f"{int(track) if whole else _NO_TRACK},{box},1,{number[one.label]},{seen if share else 1:.12g}"
            yield f"{item.number},{told}\n".encode()


def _sequence(root: str, name: str, text: bytes, unpacked: Unpacked, losses: Losses) -> list[LabelRow]:
    classes = [" ".join(line.split()) for line in _beside(unpacked, root, "gt/labels.txt").splitlines()] or _CLASSES
    frames = {int(one["frame"]): one for one in _frames(unpacked, root)}
    images = _images(unpacked, root)
    boxes: dict[int, list[tuple[str, list[float]]]] = defaultdict(list)
    line = 0
    try:
        for line, content in numbered(text):  # noqa: B007  the error tells the line
            frame, values = _numbers(content)
            if values[5] == 0 and len(values) > 6:
                losses["a box that is not to be considered is left out"] += 1
                continue
            index = int(values[6]) if len(values) > 6 else -1
            if index == 0 or index > len(classes):
                raise ValueError("no such class")
            boxes[frame].append((classes[max(index, 1) - 1], values))
    except (ValueError, OverflowError) as error:
        raise unreadable("MOT", name, _HINT, error, line) from error
    rows = []
    for frame in sorted({*boxes, *images, *frames}):
        told = frames.get(frame, {})
        image = images.get(frame, (f"{frame:06d}", ""))
        rows.append(
            LabelRow(
                "",
                digest=told.get("sha256") or image[1],
                name=told.get("file") or image[0],
                split=PurePosixPath(root).name,
                objects=_maker(boxes.get(frame, ()), detected="det.txt" in name),
            )
        )
    return rows


def _numbers(content: str) -> tuple[int, list[float]]:
    """The frame, and track, left, top, width, height, considered, class, visibility as far as they are there."""
    words = content.split(",")
    if not 7 <= len(words) <= 10:
        raise ValueError("a line of other columns")
    frame, *values = (float(one) for one in words)
    if not all(map(math.isfinite, values)) or not frame.is_integer():
        raise ValueError("not finite")
    return int(frame), values


def _maker(boxes: Sequence[tuple[str, list[float]]], detected: bool) -> Drawn:
    def draw(width: int, height: int) -> Iterator[FormatObject]:
        for label, (track, x, y, w, h, considered, *rest) in boxes:
            told: dict[str, Any] = {} if track == _NO_TRACK else {"track_id": int(track)}
            if detected:
                told["score"] = considered
            elif len(rest) > 1 and rest[1] not in (-1, 1):
                told["visibility"] = rest[1]
            yield FormatObject(label, "box", {"x": x, "y": y, "width": w, "height": h}, told)

    return draw


def _root(name: str) -> str:
    parent = str(PurePosixPath(name).parent.parent)
    return "" if parent == "." else parent


def _beside(unpacked: Unpacked, root: str, name: str) -> str:
    return unpacked.texts.get(f"{root}/{name}".lstrip("/"), b"").decode("utf-8-sig", "replace")


def _frames(unpacked: Unpacked, root: str) -> Iterator[dict[str, str]]:
    name = f"{root}/gt/frames.csv".lstrip("/")
    try:
        for one in csv.DictReader(io.StringIO(_beside(unpacked, root, "gt/frames.csv")), strict=True):
            if not str(one.get("frame")).isdecimal():
                raise ValueError("no frame")
            yield {key: one.get(key) or "" for key in _FRAMES}
    except (csv.Error, ValueError) as error:
        raise unreadable("MOT", name, "It has the columns frame, file and sha256; or leave it out.", error) from error


def _images(unpacked: Unpacked, root: str) -> dict[int, tuple[str, str]]:
    """File name and digest of each frame's image in the archive."""
    found = {}
    for name, digest in unpacked.digests.items():
        path = PurePosixPath(name)
        if path.parent == PurePosixPath(root) / "img1" and path.stem.isdecimal():
            found[int(path.stem)] = (path.name, digest)
    return found


def _csv(values: Sequence[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(values)
    return buffer.getvalue()

"""Samples, predictions and annotations: neutral to modality and task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sightloop.domain.ids import digest_of


class SampleKind(StrEnum):
    IMAGE = "image"
    FRAME = "frame"
    CLIP = "clip"
    SWEEP = "sweep"
    SERIES = "series"
    AUDIO = "audio"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Address:
    """Where in a medium a sample lies. All empty: the whole medium.

    Attributes:
        start_s, end_s: time span, seconds from the start of the medium.
        pts: presentation timestamp of a frame, in units of the stream's time base.
        region: x, y, width, height in pixels of the medium, origin top left.
    """

    start_s: float | None = None
    end_s: float | None = None
    pts: int | None = None
    region: tuple[int, int, int, int] | None = None

    def key(self) -> str:
        """A stable text for this address; empty for the whole medium."""
        parts = (self.start_s, self.end_s, self.pts, self.region)
        return "" if all(part is None for part in parts) else repr(parts)


def part_digest(media_digest: str, address: str) -> str:
    """The medium's digest where the address key is empty, else one that names this part of it."""
    return digest_of(f"{media_digest}|{address}".encode()) if address else media_digest


@dataclass(frozen=True, slots=True)
class Sample:
    """One unit to look at: an address into media, and what is known of it.

    Attributes:
        id: derived from workspace, media digest and address: the same content is the same sample.
        media_digest: SHA-256 of the media bytes, hexadecimal.
        width, height: pixels, of the picture where the medium is no image; channels, bit_depth: as stored in it.
        brightness, contrast: mean and standard deviation of luma, 0..1.
        blur: variance of the Laplacian of luma in 0..255 (higher is sharper).
        reading: what the numbers of a measured image mean: {"quantity", "unit", "scale", "offset", "low", "high",
            "palette"}; empty where they are colours.
        mean_colour: mean of all pixels, 0xRRGGBB; None where it was not measured.
        phash: 64-bit perceptual hash, hexadecimal; phash_version names algorithm and decode path.
        metadata: facets such as {"cell_type": "mono"}; JSON scalars.
        group, slot: samples of one moment or rig, each in a named slot.
        calibration: id or name of that of its rig.
        entities: ids of camera, asset, person, work order, by kind.
    """

    id: str
    media_digest: str
    kind: SampleKind = SampleKind.IMAGE
    address: Address = field(default_factory=Address)
    source: str = ""
    name: str = ""
    size_bytes: int = 0
    format: str = ""
    width: int = 0
    height: int = 0
    channels: int = 0
    bit_depth: int = 8
    brightness: float = 0.0
    contrast: float = 0.0
    blur: float = 0.0
    phash: str = ""
    phash_version: str = ""
    thumbnail_digest: str = ""
    captured_at: datetime | None = None
    ingested_at: datetime | None = None
    clock: str = ""
    group: str = ""
    slot: str = ""
    entities: Mapping[str, str] = field(default_factory=dict)
    subject: str = ""
    consent: str = ""
    licence: str = ""
    purpose: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    mean_colour: int | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    calibration: str = ""

    @property
    def content(self) -> str:
        """Names what the sample shows, in 64 hexadecimal digits: the digest of its medium, or one of its part of it."""
        return part_digest(self.media_digest, self.address.key())


class PayloadKind(StrEnum):
    CLASS_SCORES = "class_scores"
    BOXES = "boxes"
    MASKS = "masks"
    KEYPOINTS = "keypoints"
    TRACK = "track"
    ANOMALY_MAP = "anomaly_map"
    TEXT = "text"


PROBE = "probe"
"""The purpose of smoke tests and load generators."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model version's claim about a sample, with score.

    Attributes:
        media_digest: what was looked at; sample is empty until the medium is a sample of the workspace.
        payload: for class_scores {"classes": [...], "probabilities": [...]}; for boxes, masks and keypoints {"objects":
            [{"label", "score", "geometry_type", "geometry"}]}, geometry as annotations have it.
        label, score: the top class and its calibrated probability.
        embedding: the bundle's embedding, float values; empty when not logged.
        deadline_ms: what the caller asked for, or 0.
        outcome: the delayed truth or business result, keyed by prediction id; empty until it comes.
        purpose: "probe" for smoke tests and load generators: logged, but kept out of monitors, rules and collection.
        facets: what the caller declared of the image, such as {"camera": "3"}.
        sequence: place in the imported log of the workspace, rising.
    """

    id: str
    sample: str
    media_digest: str
    model_version: str
    deployment: str
    made_at: datetime
    kind: PayloadKind
    payload: Mapping[str, Any]
    label: str
    score: float
    trace_id: str = ""
    embedding: tuple[float, ...] = ()
    latency_ms: float = 0.0
    deadline_ms: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    blur: float = 0.0
    outcome: Mapping[str, Any] = field(default_factory=dict)
    purpose: str = ""
    sequence: int = 0
    facets: Mapping[str, str] = field(default_factory=dict)


class Basis(StrEnum):
    """How an annotation came to be."""

    DRAWN = "drawn"
    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    AUTO_ACCEPTED = "auto_accepted"
    IMPORTED = "imported"
    UNDECIDED = "undecided"  # a rejection was taken back


class AuthorKind(StrEnum):
    PERSON = "person"
    MODEL = "model"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Annotation:
    """One append-only revision of the truth about a sample: about the whole image, or about one object on it.

    Attributes:
        revision: 1 for the first on its sample and schema, then rising by one, whichever object it is about.
        label: the class name; empty for a retraction.
        geometry: typed by `geometry_type` ("class" has none); attributes: schema-checked values.
        author: opaque id; basis tells whether drawn, accepted, corrected, auto-accepted or imported.
        duration_s: time the person took, seconds.
        receipt: id of the receipt where the basis is auto_accepted.
        queue_item: the item that asked for it, if one did.
        object: which thing on the sample; empty for the class of the whole image.
    """

    id: str
    sample: str
    schema: str
    revision: int
    label: str
    author: str
    author_kind: AuthorKind
    basis: Basis
    made_at: datetime
    geometry_type: str = "class"
    geometry: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    duration_s: float = 0.0
    receipt: str = ""
    queue_item: str = ""
    object: str = ""


@dataclass(frozen=True, slots=True)
class LabelSchema:
    """Classes, attributes and geometry types, versioned: a change makes a new version under the same name.

    Attributes:
        attributes: of an object, by name: {"type": "bool" | "number" | "text" | "choice", "choices": [...]}.
        colours: "#rrggbb" by class; how they are shown is no part of the version and may change within it.
        skeleton: of keypoints: {"points": [names], "edges": [[i, j], ...]}; empty where there are none.
    """

    id: str
    name: str
    version: int
    classes: tuple[str, ...]
    geometry_types: tuple[str, ...] = ("class",)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    colours: Mapping[str, str] = field(default_factory=dict)
    skeleton: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """What a dataset version holds about one sample: copied, never referred to.

    Attributes:
        objects: {"id", "revision", "label", "geometry_type", "geometry", "attributes", "origin", "annotation"} of each,
            by id.
    """

    sample: str
    media_digest: str
    split: str
    annotation: str
    revision: int
    label: str
    origin: str
    receipt: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    objects: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """Immutable content under a hash; splits belong to the version.

    Attributes:
        hash: Merkle root over key buckets of the entries (without ids and times), hexadecimal.
        counts: number of samples by split; label_counts: by label ("" is unlabelled).
        merged: the version of another branch that was taken in, beside the parent; empty for none.
    """

    id: str
    dataset: str
    number: int
    hash: str
    parent: str
    counts: Mapping[str, int]
    label_counts: Mapping[str, int]
    made_at: datetime
    note: str = ""
    run: str = ""
    branch: str = "main"
    merged: str = ""

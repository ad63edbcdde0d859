"""The bundle: one ONNX file that holds preprocessing, backbone, head and calibration, and a manifest.

The format is specified in docs/reference/bundle-format.md. Bundles are bytes here; callers keep them as blobs.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from typing import Annotated, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper, numpy_helper
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from sightloop.errors import InvalidBundle, InvalidInput
from sightloop.inference.children import ChildLost, Limits, ask_once
from sightloop.inference.embedders import Embedder
from sightloop.inference.transforms import Transform

FORMAT_VERSION: Final = 1
MAX_BUNDLE_BYTES: Final = 512 << 20
MAX_MANIFEST_BYTES: Final = 1 << 20
MAX_CLASSES: Final = 1000
MAX_EMBEDDING: Final = 256
MAX_SIDE: Final = 4096
MEMBERS: Final = ("manifest.json", "model.onnx")
LIMITS: Final = Limits(memory_bytes=4 << 30, cpu_s=60, wall_s=120.0)
_ZIP_END_BYTES: Final = 22  # the end record without a comment: APPNOTE.TXT, section 4.3.16

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ImageInput(_Part):
    """The one input of the graph: any height and width is taken, and resized to `height` x `width` inside."""

    name: Literal["image"] = "image"
    dtype: Literal["uint8"] = "uint8"
    layout: Literal["NHWC"] = "NHWC"
    color: Literal["RGB"] = "RGB"
    height: int = Field(gt=0, le=MAX_SIDE)
    width: int = Field(gt=0, le=MAX_SIDE)


class Calibration(_Part):
    """How logits become probabilities: softmax(logits / temperature) (Guo et al., ICML 2017, section 4.2)."""

    method: Literal["temperature"] = "temperature"
    temperature: float = Field(gt=0, allow_inf_nan=False)


class BundleFacts(_Part):
    """What training knows of a bundle, for its lineage."""

    training_run: Name
    dataset_version: Name
    label_schema: Name
    code_version: Name
    created_at: AwareDatetime
    licence_notes: tuple[str, ...] = ()


class BundleManifest(_Part):
    """What stands beside the graph. Outputs: `probabilities`, `logits` (N, classes), `embedding` (N, dimensions)."""

    format_version: Literal[1] = FORMAT_VERSION
    task: Literal["classification"] = "classification"
    classes: tuple[Name, ...] = Field(min_length=2, max_length=MAX_CLASSES)
    input: ImageInput
    embedding_dimensions: int = Field(gt=0, le=MAX_EMBEDDING)
    embedder: Name
    calibration: Calibration
    onnx_sha256: Sha256
    onnx_bytes: int = Field(gt=0, le=MAX_BUNDLE_BYTES)
    facts: BundleFacts
    transform: Transform | None = None

    @model_validator(mode="after")
    def _one_picture_stays_one(self) -> Self:
        if self.transform is not None and self.transform.splits:
            raise ValueError("the transform splits a picture")
        return self

    @model_validator(mode="after")
    def _classes_are_distinct(self) -> Self:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("two classes have the same name")
        return self


@dataclass(frozen=True)
class Bundle:
    """A manifest and its ONNX bytes. What comes from a stranger goes through `validate_bundle`."""

    manifest: BundleManifest
    onnx: bytes

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the archive, in hex: the address of the bundle as a blob."""
        return sha256(self.to_archive()).hexdigest()

    def to_archive(self) -> bytes:
        """One uncompressed ZIP file; the same bundle always gives the same bytes."""
        buffer = BytesIO()
        contents = (self.manifest.model_dump_json(indent=2, exclude_none=True).encode(), self.onnx)
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name, content in zip(MEMBERS, contents, strict=True):
                member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
                member.create_system = 3
                archive.writestr(member, content)
        return buffer.getvalue()

    @classmethod
    def from_archive(cls, data: bytes) -> Self:
        """The bundle in these bytes, its layout, manifest and digest checked; the graph itself is not looked at."""
        manifest_json, onnx = _members(data)
        try:
            manifest = BundleManifest.model_validate_json(manifest_json)
        except ValidationError as error:
            raise refuse_bundle("manifest", _first(error)) from error
        if len(onnx) != manifest.onnx_bytes or sha256(onnx).hexdigest() != manifest.onnx_sha256:
            raise refuse_bundle("digest", "model.onnx is not the file that the manifest describes")
        return cls(manifest, onnx)


@dataclass(frozen=True, slots=True, eq=False)
class LinearHead:
    """What training fits on features x: logits = weights @ (projection @ (x - mean)) + bias.

    Attributes:
        weights: (C, E). bias: (C,).
        mean: (F,). projection: (E, F), a PCA for example, with any whitening folded in; E is at most 256.
    """

    weights: npt.NDArray[np.floating]
    bias: npt.NDArray[np.floating]
    mean: npt.NDArray[np.floating]
    projection: npt.NDArray[np.floating]


def assemble_bundle(
    embedder: Embedder,
    head: LinearHead,
    *,
    temperature: float,
    classes: tuple[str, ...],
    facts: BundleFacts,
    transform: Transform | None = None,
) -> Bundle:
    """A bundle whose graph is the embedder's own, with projection, head and calibration behind it.

    Args:
        transform: what serving does to a picture before the graph sees it.

    Raises:
        InvalidInput: the head does not fit the embedder or the classes, or a value is outside the format.
    """
    _check_head(head, embedder.dimensions, len(classes))
    onnx = _with_head(embedder.graph, head, temperature)
    try:
        manifest = BundleManifest(
            classes=classes,
            input=ImageInput(height=embedder.size, width=embedder.size),
            embedding_dimensions=len(head.projection),
            embedder=embedder.id,
            calibration=Calibration(temperature=temperature),
            onnx_sha256=sha256(onnx).hexdigest(),
            onnx_bytes=len(onnx),
            facts=facts,
            transform=transform,
        )
    except ValidationError as error:
        raise InvalidInput(
            f"The bundle cannot be described: {_first(error)}.", hint="See docs/reference/bundle-format.md"
        ) from error
    return Bundle(manifest, onnx)


def validate_bundle(data: bytes) -> Bundle:
    """The bundle in these bytes, after its graph was checked and tried on an image in a limited child process.

    Raises:
        InvalidBundle: with `facts["reason"]`: too_large, archive, manifest, digest, graph, external_data, operator,
            interface, trial, timeout, out_of_memory or crashed.
    """
    bundle = Bundle.from_archive(data)
    manifest = bundle.manifest
    expected = {
        "classes": len(manifest.classes),
        "embedding": manifest.embedding_dimensions,
        "height": manifest.input.height,
        "width": manifest.input.width,
    }
    try:
        ask_once("sightloop.inference.bundle_child", LIMITS, expected, [bundle.onnx])
    except ChildLost as lost:
        raise refuse_bundle(lost.reason, "the check of the graph did not survive it") from lost
    return bundle


def refuse_bundle(reason: str, detail: str) -> InvalidBundle:
    """The error for a bundle that breaks its format."""
    return InvalidBundle(
        f"The bundle is refused: {detail}.",
        hint="Export it again with `assemble_bundle`; the format is in docs/reference/bundle-format.md",
        reason=reason,
    )


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, by the name of its field."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'manifest'}: {first['msg']}"


def _members(data: bytes) -> tuple[bytes, bytes]:
    """The two files of an archive, without unpacking anything else."""
    if len(data) > MAX_BUNDLE_BYTES:
        raise refuse_bundle("too_large", f"it has {len(data)} bytes, the limit is {MAX_BUNDLE_BYTES}")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            entries = archive.infolist()
            if tuple(entry.filename for entry in entries) != MEMBERS:
                raise refuse_bundle("archive", f"it must hold {' and '.join(MEMBERS)}, in this order, and nothing else")
            if entries[0].header_offset or data[-_ZIP_END_BYTES:][:4] != b"PK\x05\x06":
                raise refuse_bundle("archive", "something stands before or behind it in the same file")
            if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
                raise refuse_bundle("archive", "its files must be neither compressed nor encrypted")
            if entries[0].file_size > MAX_MANIFEST_BYTES:
                raise refuse_bundle("manifest", "manifest.json is larger than 1 MiB")
            return archive.read(entries[0]), archive.read(entries[1])
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise refuse_bundle("archive", "it is not an undamaged ZIP file") from error


def _check_head(head: LinearHead, features: int, classes: int) -> None:
    dimensions = len(head.projection)
    expected = {
        "weights": (classes, dimensions),
        "bias": (classes,),
        "mean": (features,),
        "projection": (dimensions, features),
    }
    for name, shape in expected.items():
        values = np.asarray(getattr(head, name))
        if values.shape != shape:
            raise InvalidInput(f"The head's {name} have shape {values.shape}, not {shape}.", hint="Fit the head again.")
        if not np.isfinite(values).all():
            raise InvalidInput(f"The head's {name} hold numbers that are not finite.", hint="Fit the head again.")


def _with_head(features_graph: bytes, head: LinearHead, temperature: float) -> bytes:
    model = ModelProto.FromString(features_graph)
    graph = model.graph
    features = graph.output[0].name
    classes, dimensions = head.weights.shape
    projection = head.projection.astype(np.float64)
    constants = {
        "projection": projection,
        "projection_bias": -(projection @ head.mean.astype(np.float64)),
        "head": head.weights,
        "head_bias": head.bias,
        "temperature": np.array([temperature]),
    }
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(values, np.float32), name) for name, values in constants.items()
    )
    graph.node.extend(
        [
            helper.make_node("Gemm", [features, "projection", "projection_bias"], ["embedding"], transB=1),
            helper.make_node("Gemm", ["embedding", "head", "head_bias"], ["logits"], transB=1),
            helper.make_node("Div", ["logits", "temperature"], ["calibrated"]),
            helper.make_node("Softmax", ["calibrated"], ["probabilities"], axis=1),
        ]
    )
    del graph.output[:]
    graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
        for name, width in (("probabilities", classes), ("logits", classes), ("embedding", dimensions))
    )
    graph.name = "sightloop_bundle"
    return bytes(model.SerializeToString(deterministic=True))

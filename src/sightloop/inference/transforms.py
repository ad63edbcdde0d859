"""What is done to a picture before a model sees it: declared once, the same code in ingest, training and serving."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from typing import Annotated, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from sightloop.errors import InvalidInput
from sightloop.vision import Lens, seen_at

Pixels = npt.NDArray[np.uint8]
LARGEST: Final = 8192
MOST_TILES: Final = 256
BAND: Final = 256  # rows of a picture that are rectified at once
Side = Annotated[int, Field(gt=0, le=LARGEST)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Step(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Crop(_Step):
    """The region with its upper left corner at x, y, pixels; what reaches beyond the picture is left out."""

    do: Literal["crop"]
    x: int = Field(ge=0, le=1 << 16)
    y: int = Field(ge=0, le=1 << 16)
    width: Side
    height: Side


class Resize(_Step):
    """To this size, whatever the shape: the mean of what a pixel covers where it shrinks, else bilinear."""

    do: Literal["resize"]
    width: Side
    height: Side


class Rectify(_Step):
    """Without the distortion of the lens: focal lengths and centre in pixels; k1, k2, k3 radial, p1, p2 tangential.

    The lens is that of `vision.seen_at`. Bilinear; what it did not see is black.
    """

    do: Literal["rectify"]
    fx: float = Field(gt=0, allow_inf_nan=False)
    fy: float = Field(gt=0, allow_inf_nan=False)
    cx: Number
    cy: Number
    k1: Number = 0.0
    k2: Number = 0.0
    p1: Number = 0.0
    p2: Number = 0.0
    k3: Number = 0.0


class Normalise(_Step):
    """Levels from `low` to `high` stretched over 0 to 255, each channel alike; what is beyond is cut."""

    do: Literal["normalise"]
    low: int = Field(ge=0, le=254)
    high: int = Field(ge=1, le=255)


class Split(_Step):
    """Tiles of this size, row by row, `overlap` pixels in common; those at the far edges lie against them."""

    do: Literal["split"]
    width: Side
    height: Side
    overlap: int = Field(0, ge=0, lt=LARGEST)


Step = Annotated[Crop | Resize | Rectify | Normalise | Split, Field(discriminator="do")]


class Transform(BaseModel):
    """Steps in order, under a name and a number; a split is the last one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    number: int = Field(1, ge=1)
    steps: tuple[Step, ...] = Field(min_length=1, max_length=20)

    @property
    def title(self) -> str:
        """The name with its number, such as cells@2."""
        return f"{self.name}@{self.number}"

    @property
    def digest(self) -> str:
        """SHA-256 of the steps: what is done, whatever it is called."""
        return sha256("".join(step.model_dump_json() for step in self.steps).encode()).hexdigest()

    @property
    def splits(self) -> bool:
        """Whether it makes several pictures of one."""
        return any(isinstance(step, Split) for step in self.steps)

    def tiles(self, image: Pixels) -> list[Pixels]:
        """The pictures that it makes of a uint8 (H, W, 3) one; raises InvalidInput where nothing is left."""
        made = [image]
        for step in self.steps:
            made = [part for one in made for part in _done(step, one)]
        return made

    def apply(self, image: Pixels) -> Pixels:
        """The picture that it makes of a uint8 (H, W, 3) one, where it does not split."""
        (one,) = self.tiles(image)
        return one


def png_of(image: Pixels) -> bytes:
    """The picture as PNG, which keeps every value."""
    from PIL import Image

    packed = BytesIO()
    Image.fromarray(image).save(packed, "PNG", compress_level=1)
    return packed.getvalue()


def _done(step: Step, image: Pixels) -> list[Pixels]:
    if isinstance(step, Crop):
        part = image[step.y : step.y + step.height, step.x : step.x + step.width]
        if not part.size:
            raise InvalidInput(
                f"The crop at {step.x}, {step.y} lies beyond a picture of {image.shape[1]} x {image.shape[0]} px.",
                hint="Choose the samples that it fits with a filter.",
            )
        return [part]
    if isinstance(step, Resize):
        return [_resized(image, step.width, step.height)]
    if isinstance(step, Rectify):
        return [_rectified(image, step)]
    if isinstance(step, Normalise):
        levels = (np.arange(256, dtype=np.float64) - step.low) * (255 / max(1, step.high - step.low))
        return [np.rint(levels.clip(0, 255)).astype(np.uint8)[image]]
    rows, columns = (
        _starts(n, side, step.overlap) for n, side in zip(image.shape, (step.height, step.width), strict=False)
    )
    if len(rows) * len(columns) > MOST_TILES:
        raise InvalidInput(
            f"The split makes {len(rows) * len(columns)} tiles of one picture.", hint=f"Make {MOST_TILES} at most."
        )
    return [image[y : y + step.height, x : x + step.width] for y in rows for x in columns]


def _starts(length: int, side: int, overlap: int) -> list[int]:
    if length <= side:
        return [0]
    return sorted({*range(0, length - side, max(1, side - overlap)), length - side})


def _resized(image: Pixels, width: int, height: int) -> Pixels:
    from PIL import Image

    shrinks = width <= image.shape[1] and height <= image.shape[0]
    how = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((width, height), how))


def _rectified(image: Pixels, step: Rectify) -> Pixels:
    lens = Lens(step.fx, step.fy, step.cx, step.cy, (step.k1, step.k2, step.p1, step.p2, step.k3))
    bands = (range(at, min(at + BAND, len(image))) for at in range(0, len(image), BAND))
    return np.concatenate([_seen_through(lens, image, rows) for rows in bands])


def _seen_through(lens: Lens, image: Pixels, rows: range) -> Pixels:
    """These rows of the picture that a camera without distortion would have taken."""
    height, width = image.shape[:2]
    x, y = np.meshgrid((np.arange(width) - lens.cx) / lens.fx, (np.array(rows) - lens.cy) / lens.fy)
    u, v = seen_at(np.column_stack([x.ravel(), y.ravel(), np.ones(x.size)]), lens).T.reshape(2, *x.shape)
    seen = (u >= 0) & (u <= width - 1) & (v >= 0) & (v <= height - 1)  # not of NaN
    u, v = np.where(seen, u, 0.0), np.where(seen, v, 0.0)
    left, top = np.floor(u).astype(np.intp), np.floor(v).astype(np.intp)
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    a, b = (u - left)[..., None], (v - top)[..., None]
    upper = image[top, left] * (1 - a) + image[top, right] * a
    lower = image[below, left] * (1 - a) + image[below, right] * a
    found: Pixels = np.rint(upper * (1 - b) + lower * b).astype(np.uint8)
    found[~seen] = 0
    return found

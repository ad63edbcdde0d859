"""Pictures whose pixels are measurements: radiometric thermal images, depth, elevation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from sightloop.inference.modalities.opened import Floats, Opened, check_size, needs, shown
from sightloop.inference.reasons import refuse


def as_measured(opened: Opened, raw: Image.Image, declared: Mapping[str, Any]) -> Opened:
    """The image with each stored number turned into scale * number + offset.

    Args:
        raw: one channel of 8, 16 or 32 bits, upright.
        declared: a reading; `nothing`, if it is there, is the stored number of pixels where nothing was measured.
    """
    stored = np.asarray(raw)
    if stored.ndim != 2:
        raise refuse("not_measured", f"It has {len(raw.getbands())} channels.")
    values = stored.astype(np.float64) * float(declared.get("scale", 1.0)) + float(declared.get("offset", 0.0))
    if declared.get("nothing") is not None:
        values[stored == declared["nothing"]] = np.nan
    return with_values(opened, values.astype(np.float32), declared)


def with_values(opened: Opened, values: Floats, reading: Mapping[str, Any]) -> Opened:
    """The same medium with its values, their picture, and their extremes as facts."""
    known = values[np.isfinite(values)]
    extremes = {} if not known.size else {"lowest": float(known.min()), "highest": float(known.max())}
    facts = {**opened.facts, **{name: float(f"{value:.7g}") for name, value in extremes.items()}}
    return replace(opened, values=values, reading=reading, facts=facts, picture=shown(values, reading))


def open_exr(data: bytes, _suffix: str) -> Opened:
    """An OpenEXR image: its channel Z (depth, in the scene's unit), or Y, or the first one. Colour is not read."""
    OpenEXR: Any = needs("OpenEXR", "depth")
    with OpenEXR.File(BytesIO(data)) as file:
        window = file.header()["dataWindow"]
        width, height = (int(window[1][axis] - window[0][axis]) + 1 for axis in (0, 1))
        check_size(width, height)
        channels = file.channels()
        name = next((one for one in ("Z", "Y", "depth") if one in channels), next(iter(channels)))
        stored = np.asarray(channels[name].pixels)
    values = stored.astype(np.float32)
    values = values if values.ndim == 2 else values[..., 0]
    values[~np.isfinite(values)] = np.nan
    opened = Opened("EXR", Image.new("L", (1, 1)), "image", len(channels), stored.dtype.itemsize * 8)
    return with_values(opened, values, {"quantity": "depth", "unit": "m"})

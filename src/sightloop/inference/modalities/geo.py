"""Where a GeoTIFF lies: its corners in the coordinate system that it names.

Source: OGC GeoTIFF 1.1, sections 7.1.2 (keys), B.1 to B.6 (tags).
"""

from __future__ import annotations

from typing import Final

from PIL import Image

SCALE, TIEPOINTS, TRANSFORM, KEYS = 33550, 33922, 34264, 34735
GEOGRAPHIC, PROJECTED = 2048, 3072
USER_DEFINED: Final = 32767


def footprint(opened: Image.Image) -> dict[str, str | int | float | bool]:
    """`crs` such as "EPSG:32617", and west, south, east and north in its unit; nothing where the file tells none."""
    tags = getattr(opened, "tag_v2", {})
    keys = tags.get(KEYS, ())
    entries = {keys[at]: keys[at + 3] for at in range(4, len(keys) - 3, 4) if keys[at + 1] == 0}
    code = next((entries[key] for key in (PROJECTED, GEOGRAPHIC) if 0 < entries.get(key, 0) < USER_DEFINED), None)
    width, height = opened.size
    if TRANSFORM in tags:
        a, b, _, c, d, e, _, f = tags[TRANSFORM][:8]
    elif SCALE in tags and TIEPOINTS in tags:
        column, row, _, x, y, _ = tags[TIEPOINTS][:6]
        a, b, d, e = tags[SCALE][0], 0.0, 0.0, -tags[SCALE][1]
        c, f = x - a * column, y - e * row
    else:
        return {}
    corners = [(a * u + b * v + c, d * u + e * v + f) for u in (0, width) for v in (0, height)]
    xs, ys = zip(*corners, strict=True)
    ends = {"west": min(xs), "south": min(ys), "east": max(xs), "north": max(ys)}
    return {**({"crs": f"EPSG:{code}"} if code else {}), **{name: round(float(at), 6) for name, at in ends.items()}}

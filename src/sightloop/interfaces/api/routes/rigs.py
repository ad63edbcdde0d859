"""Calibrations of rigs, and what they make of the samples of a group."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import Field

from sightloop.datasets import Calibration
from sightloop.domain import Permission
from sightloop.interfaces.api.parsing import Body, Listed, Name, items_of
from sightloop.interfaces.api.routing import Ask, Routes

routes = Routes("rigs")

MostPoints = Annotated[int, Query(ge=1, le=2_000_000, description="Of how many points, evenly chosen.")]


class NewCalibration(Body):
    name: Name
    document: dict[str, Any] = Field(default_factory=dict)
    kitti: str = Field("", max_length=100_000)


@routes.post("/calibrations", permission=Permission.DATASET_WRITE)
def put_calibration(ask: Ask, body: NewCalibration) -> Calibration:
    """The calibration of a document, or of the text of a file of KITTI; other content makes the next version."""
    rigs = ask.installation.datasets.rigs
    return rigs.put(ask.caller, body.name, body.document, body.kitti)


@routes.get("/calibrations", permission=Permission.READ)
def list_calibrations(ask: Ask) -> Listed[Calibration]:
    """All versions of all calibrations, by name and version."""
    return items_of(ask.installation.datasets.calibrations.list(ask.caller))


@routes.get("/calibrations/{calibration}", permission=Permission.READ)
def show_calibration(ask: Ask, calibration: str) -> Calibration:
    """A calibration by id; a name means its newest version."""
    return ask.installation.datasets.calibrations.get(ask.caller, calibration)


@routes.get("/samples/{sample}/calibration", permission=Permission.READ)
def show_sample_calibration(ask: Ask, sample: str) -> Calibration:
    """Where the sensors of the sample's group stand to each other."""
    return ask.installation.datasets.rigs.calibration(ask.caller, sample)


@routes.get("/samples/{sample}/projection", permission=Permission.MEDIA_READ, gives="application/octet-stream")
def project_points(ask: Ask, sample: str, most: MostPoints = 50_000) -> Response:
    """Points of the group's sweep on this image: x, y in pixels, depth in metres, intensity, 0 to 1; the nearest last.

    Each is four little-endian float32. Points that the camera does not see are left out.
    """
    found = ask.installation.datasets.rigs.projected(ask.caller, sample, most)
    return Response(found.astype("<f4").tobytes(), media_type="application/octet-stream")

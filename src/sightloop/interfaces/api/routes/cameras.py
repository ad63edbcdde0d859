"""Cameras: added, started and stopped; what each gives now."""

from __future__ import annotations

from typing import Literal

from fastapi import Response
from pydantic import Field, SecretStr

from sightloop.cameras import CameraState
from sightloop.domain import Permission
from sightloop.interfaces.api.credentials import require_installation_owner
from sightloop.interfaces.api.parsing import Body, Listed, Name, items_of
from sightloop.interfaces.api.routing import Ask, Routes

routes = Routes("cameras")


class Policy(Body):
    queue: int = 8
    drop: Literal["oldest", "newest", "never"] = "oldest"


class NewCamera(Body):
    name: Name
    url: str = Field(max_length=2000)
    user: str = Field("", max_length=200)
    password: SecretStr = Field(SecretStr(""), max_length=200)
    every_s: float = 1.0
    policy: Policy = Policy()
    deployment: str | None = None
    keep: Literal["all", "uncertain", "none"] = "none"
    uncertain_below: float = 0.8
    stall_s: float = 10.0
    start: bool = True


@routes.post("/cameras", permission=Permission.INGEST)
def add_camera(ask: Ask, body: NewCamera) -> CameraState:
    """The camera, which runs from now on. A file or a device of the server may be named by its owner only."""
    if not body.url.startswith("rtsp:"):
        require_installation_owner(ask.caller)
    told = {
        "every_s": body.every_s,
        "queue": body.policy.queue,
        "drop": body.policy.drop,
        "deployment": body.deployment or "",
        "keep": body.keep,
        "uncertain_below": body.uncertain_below,
        "stall_s": body.stall_s,
    }
    return ask.installation.cameras.add(
        ask.caller,
        body.name,
        body.url,
        told,
        user=body.user,
        password=body.password.get_secret_value(),
        start=body.start,
    )


@routes.get("/cameras", permission=Permission.READ)
def list_cameras(ask: Ask) -> Listed[CameraState]:
    """The cameras by name, as they stand at this moment."""
    return items_of(ask.installation.cameras.list(ask.caller))


@routes.get("/cameras/{name}", permission=Permission.READ)
def show_camera(ask: Ask, name: str) -> CameraState:
    """One camera."""
    return ask.installation.cameras.get(ask.caller, name)


@routes.get("/cameras/{name}/frame", permission=Permission.MEDIA_READ, gives="image/*")
def show_camera_frame(ask: Ask, name: str) -> Response:
    """The newest sampled frame, JPEG; it is kept by nobody on the way."""
    frame = ask.installation.cameras.frame(ask.caller, name)
    return Response(frame, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@routes.post("/cameras/{name}/start", permission=Permission.INGEST)
def start_camera(ask: Ask, name: str) -> CameraState:
    """The camera, which runs from now on, also after a restart."""
    return ask.installation.cameras.start(ask.caller, name)


@routes.post("/cameras/{name}/stop", permission=Permission.INGEST)
def stop_camera(ask: Ask, name: str) -> CameraState:
    """The camera, which has sent what waited and stands still."""
    return ask.installation.cameras.stop(ask.caller, name)


@routes.delete("/cameras/{name}", permission=Permission.INGEST)
def remove_camera(ask: Ask, name: str) -> CameraState:
    """What is gone; its predictions and samples stay."""
    return ask.installation.cameras.remove(ask.caller, name)

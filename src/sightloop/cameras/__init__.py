"""Cameras: sampled frames of a stream go to a deployment, and become samples."""

from sightloop.cameras.flow import Counts
from sightloop.cameras.kept import Kept
from sightloop.cameras.service import Cameras, CameraSettings, CameraState

__all__ = ["CameraSettings", "CameraState", "Cameras", "Counts", "Kept"]

"""The door of serving: deployments, their prediction log, and the process that answers.

The door is lazy, so that the serving process starts without SQL, Lance or durable runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sightloop.serving.door import Predicted as Predicted
    from sightloop.serving.listening import LockedDown as LockedDown
    from sightloop.serving.listening import body_patience_s as body_patience_s
    from sightloop.serving.listening import listening_options as listening_options
    from sightloop.serving.prediction_log import PredictionLog as PredictionLog
    from sightloop.serving.predictor import Predictor as Predictor
    from sightloop.serving.process import serve_deployments as serve_deployments
    from sightloop.serving.service import Deployments as Deployments
    from sightloop.serving.service import Marker as Marker
    from sightloop.serving.traffic import TrafficBin as TrafficBin
    from sightloop.serving.traffic import window_of as window_of

_HOMES = {
    "Deployments": "service",
    "LockedDown": "listening",
    "PredictionLog": "prediction_log",
    "Predicted": "door",
    "Predictor": "predictor",
    "body_patience_s": "listening",
    "listening_options": "listening",
    "serve_deployments": "process",
    "Marker": "service",
    "TrafficBin": "traffic",
    "window_of": "traffic",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

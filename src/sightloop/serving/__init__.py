"""The door of serving: deployments, their prediction log, and the process that answers.

The door is lazy, so that the serving process starts without SQL, Lance or durable runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sightloop.serving.prediction_log import PredictionLog as PredictionLog
    from sightloop.serving.predictor import Predictor as Predictor
    from sightloop.serving.process import serve_deployments as serve_deployments
    from sightloop.serving.service import Deployments as Deployments

_HOMES = {
    "Deployments": "service",
    "PredictionLog": "prediction_log",
    "Predictor": "predictor",
    "serve_deployments": "process",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

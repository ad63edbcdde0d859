"""Imported by the process that others fork from: what each of them would otherwise load and make for itself."""

from __future__ import annotations

import anyio._backends._asyncio
import dbos._sys_db_sqlite
import httpcore
import onnxruntime
import scipy.spatial
import scipy.stats
import sklearn.linear_model

import sightloop.interfaces.sdk.embedded
from sightloop.inference.embedders import LITE0_SIZE
from sightloop.inference.lite0 import features_graph
from sightloop.interfaces.api.routes import ROOMS
from sightloop.interfaces.api.routing import routes_of

__all__ = ["anyio", "dbos", "httpcore", "onnxruntime", "scipy", "sightloop", "sklearn"]

routes_of(ROOMS)
features_graph(LITE0_SIZE)

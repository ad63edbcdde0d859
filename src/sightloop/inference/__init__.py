"""The door of inference: images are decoded in killable children, and a model bundle becomes predictions.

The door is lazy, so that a decode child starts without ONNX Runtime.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sightloop.inference.bundles import Bundle as Bundle
    from sightloop.inference.bundles import BundleFacts as BundleFacts
    from sightloop.inference.bundles import BundleManifest as BundleManifest
    from sightloop.inference.bundles import LinearHead as LinearHead
    from sightloop.inference.bundles import assemble_bundle as assemble_bundle
    from sightloop.inference.bundles import validate_bundle as validate_bundle
    from sightloop.inference.capture import Capture as Capture
    from sightloop.inference.capture import Look as Look
    from sightloop.inference.decoding import Decoded as Decoded
    from sightloop.inference.decoding import DecodePool as DecodePool
    from sightloop.inference.decoding import DecodeRequest as DecodeRequest
    from sightloop.inference.embedders import Embedder as Embedder
    from sightloop.inference.embedders import load_embedder as load_embedder
    from sightloop.inference.looking import Batch as Batch
    from sightloop.inference.looking import FarLook as FarLook
    from sightloop.inference.looking import Seen as Seen
    from sightloop.inference.looking import look as look
    from sightloop.inference.sessions import ModelSession as ModelSession
    from sightloop.inference.sessions import Predictions as Predictions
    from sightloop.inference.sessions import check_parity as check_parity
    from sightloop.inference.transforms import Transform as Transform
    from sightloop.inference.transforms import png_of as png_of

_HOMES = {
    "Batch": "looking",
    "Bundle": "bundles",
    "BundleFacts": "bundles",
    "BundleManifest": "bundles",
    "LinearHead": "bundles",
    "assemble_bundle": "bundles",
    "validate_bundle": "bundles",
    "Capture": "capture",
    "Look": "capture",
    "DecodePool": "decoding",
    "DecodeRequest": "decoding",
    "Decoded": "decoding",
    "Embedder": "embedders",
    "FarLook": "looking",
    "load_embedder": "embedders",
    "look": "looking",
    "ModelSession": "sessions",
    "Predictions": "sessions",
    "Seen": "looking",
    "Transform": "transforms",
    "png_of": "transforms",
    "check_parity": "sessions",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

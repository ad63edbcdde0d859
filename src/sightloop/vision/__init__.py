"""The maths of Sightloop: arrays in, decisions and their evidence out. No I/O.

The door is lazy: a serving process measures images and never needs the statistics.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sightloop.vision.acceptance import RegionTest as RegionTest
    from sightloop.vision.acceptance import RegionVerdict as RegionVerdict
    from sightloop.vision.acceptance import alpha_for_attempt as alpha_for_attempt
    from sightloop.vision.agreement import krippendorff_alpha as krippendorff_alpha
    from sightloop.vision.agreement import matched as matched
    from sightloop.vision.agreement import mean_interval as mean_interval
    from sightloop.vision.agreement import object_agreement as object_agreement
    from sightloop.vision.backtesting import backtest as backtest
    from sightloop.vision.backtesting import order_shows as order_shows
    from sightloop.vision.backtesting import places_of as places_of
    from sightloop.vision.backtesting import thinning as thinning
    from sightloop.vision.calibration import confidence_estimate as confidence_estimate
    from sightloop.vision.calibration import fit_temperature as fit_temperature
    from sightloop.vision.calibration import softmax as softmax
    from sightloop.vision.comparison import alpha_for_look as alpha_for_look
    from sightloop.vision.comparison import gate as gate
    from sightloop.vision.exchangeability import DriftMartingale as DriftMartingale
    from sightloop.vision.geometry import GEOMETRY_TYPES as GEOMETRY_TYPES
    from sightloop.vision.geometry import bounds_of as bounds_of
    from sightloop.vision.geometry import check_geometry as check_geometry
    from sightloop.vision.geometry import outline_of as outline_of
    from sightloop.vision.geometry import ring_area as ring_area
    from sightloop.vision.image_quality import HASH_VERSION as HASH_VERSION
    from sightloop.vision.image_quality import Quality as Quality
    from sightloop.vision.image_quality import have_near as have_near
    from sightloop.vision.image_quality import near_duplicates as near_duplicates
    from sightloop.vision.image_quality import perceptual_hash as perceptual_hash
    from sightloop.vision.image_quality import quality as quality
    from sightloop.vision.masks import decode_mask as decode_mask
    from sightloop.vision.masks import encode_mask as encode_mask
    from sightloop.vision.masks import fill_rings as fill_rings
    from sightloop.vision.masks import write_runs as write_runs
    from sightloop.vision.metrics import Interval as Interval
    from sightloop.vision.metrics import accuracy_interval as accuracy_interval
    from sightloop.vision.metrics import binomial_interval as binomial_interval
    from sightloop.vision.metrics import confusion as confusion
    from sightloop.vision.metrics import expected_calibration_error as expected_calibration_error
    from sightloop.vision.metrics import precision_recall as precision_recall
    from sightloop.vision.partition import split as split
    from sightloop.vision.pinhole import Lens as Lens
    from sightloop.vision.pinhole import corners_of as corners_of
    from sightloop.vision.pinhole import inverse as inverse
    from sightloop.vision.pinhole import moved as moved
    from sightloop.vision.pinhole import seen_at as seen_at
    from sightloop.vision.projection import layout as layout
    from sightloop.vision.projection import neighbour_distances as neighbour_distances
    from sightloop.vision.projection import principal as principal
    from sightloop.vision.ranking import delong_ci as delong_ci
    from sightloop.vision.ranking import paired_auroc_difference as paired_auroc_difference
    from sightloop.vision.rates import rise_p_value as rise_p_value
    from sightloop.vision.sampling import diverse as diverse
    from sightloop.vision.sampling import uncertain as uncertain
    from sightloop.vision.whitening import Whitening as Whitening
    from sightloop.vision.whitening import fit_whitening as fit_whitening
    from sightloop.vision.whitening import knn_score as knn_score

_HOMES = {
    "acceptance": (
        "RegionTest",
        "RegionVerdict",
        "alpha_for_attempt",
    ),
    "agreement": (
        "krippendorff_alpha",
        "matched",
        "mean_interval",
        "object_agreement",
    ),
    "backtesting": (
        "backtest",
        "order_shows",
        "places_of",
        "thinning",
    ),
    "calibration": (
        "confidence_estimate",
        "fit_temperature",
        "softmax",
    ),
    "comparison": (
        "alpha_for_look",
        "gate",
    ),
    "exchangeability": ("DriftMartingale",),
    "geometry": (
        "GEOMETRY_TYPES",
        "bounds_of",
        "check_geometry",
        "outline_of",
        "ring_area",
    ),
    "image_quality": (
        "HASH_VERSION",
        "Quality",
        "have_near",
        "near_duplicates",
        "perceptual_hash",
        "quality",
    ),
    "masks": (
        "decode_mask",
        "fill_rings",
        "encode_mask",
        "write_runs",
    ),
    "metrics": (
        "Interval",
        "accuracy_interval",
        "binomial_interval",
        "confusion",
        "expected_calibration_error",
        "precision_recall",
    ),
    "partition": ("split",),
    "pinhole": (
        "Lens",
        "corners_of",
        "inverse",
        "moved",
        "seen_at",
    ),
    "projection": (
        "layout",
        "neighbour_distances",
        "principal",
    ),
    "ranking": (
        "delong_ci",
        "paired_auroc_difference",
    ),
    "rates": ("rise_p_value",),
    "sampling": (
        "diverse",
        "uncertain",
    ),
    "whitening": (
        "Whitening",
        "fit_whitening",
        "knn_score",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = list(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)

"""What a bundle from elsewhere must agree with before it is evaluated here."""

from __future__ import annotations

from typing import Any

from sightloop.domain import DatasetVersion, LabelSchema
from sightloop.errors import Refused
from sightloop.inference import BundleManifest


def refuse_other_classes(manifest: BundleManifest, schema: LabelSchema) -> None:
    """Returns silently; raises Refused where the bundle's classes are not those of the label schema."""
    if set(manifest.classes) != set(schema.classes):
        raise Refused(
            f"The bundle tells {', '.join(manifest.classes)} apart, the test version {', '.join(schema.classes)}.",
            hint="Name a test version with the classes of the bundle.",
        )


def refuse_other_origin(manifest: BundleManifest, version: DatasetVersion) -> None:
    """Returns silently; raises Refused where the bundle's manifest names other training data than this version."""
    if manifest.facts.dataset_version != version.hash:
        raise Refused(
            "The bundle was made from another dataset version than the one named.",
            hint="Name the version that it was trained on, or none for a foreign bundle.",
        )


def origin_of(manifest: BundleManifest) -> dict[str, Any]:
    """What stands for a recipe of an imported version: what the manifest says of where the bundle comes from."""
    return {"trainer": "import", "embedder": manifest.embedder, "origin": manifest.facts.model_dump(mode="json")}

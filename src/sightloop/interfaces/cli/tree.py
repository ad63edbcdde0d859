"""The tree of commands: nouns, then verbs."""

from __future__ import annotations

import typer

from sightloop.interfaces.cli import (
    backups,
    cameras,
    datasets,
    deployments,
    entities,
    expectations,
    installation,
    keys,
    labels,
    loop,
    models,
    monitors,
    policies,
    receipts,
    reviews,
    rigs,
    runs,
    samples,
    schemas,
    sources,
    transforms,
    webhooks,
)

app = typer.Typer(
    name="sightloop",
    help="The loop of computer vision, closed: ingest, label, train, serve, watch, retrain.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
installation.register(app)
samples.register(app)
models.register(app)
deployments.register(app)
for name, noun in (
    ("source", sources.source),
    ("credentials", sources.credentials),
    ("samples", samples.samples),
    ("expectations", expectations.expectations),
    ("transform", transforms.transform),
    ("quarantine", samples.quarantine),
    ("calibration", rigs.calibration),
    ("schema", schemas.schema),
    ("dataset", datasets.dataset),
    ("entity", entities.entity),
    ("label", labels.label),
    ("review", reviews.review),
    ("model", models.model),
    ("deployment", deployments.deployment),
    ("prediction", deployments.prediction),
    ("monitor", monitors.monitor),
    ("rule", monitors.rule),
    ("alert", monitors.alert),
    ("policy", policies.policy),
    ("loop", loop.loop),
    ("receipt", receipts.receipt),
    ("lineage", receipts.lineage),
    ("audit", receipts.audit),
    ("camera", cameras.camera),
    ("webhook", webhooks.webhook),
    ("key", keys.key),
    ("workspace", keys.workspace),
    ("run", runs.run),
    ("backup", backups.backup),
    ("settings", installation.settings),
):
    app.add_typer(noun.app, name=name)


def main() -> None:
    """Runs the command that was typed; exits with the code of the error table."""
    app()

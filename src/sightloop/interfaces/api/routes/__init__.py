"""One file of routes per room."""

from sightloop.interfaces.api.routes import (
    access,
    datasets,
    labeling,
    loop,
    models,
    monitoring,
    pages,
    samples,
    serving,
    system,
    traces,
)

ROOMS = (
    system.routes,
    pages.routes,
    access.routes,
    samples.routes,
    datasets.routes,
    labeling.routes,
    models.routes,
    serving.routes,
    monitoring.routes,
    loop.routes,
    traces.routes,
)

"""One file of routes per room."""

from sightloop.interfaces.api.routes import (
    access,
    cameras,
    datasets,
    expectations,
    labeling,
    loop,
    models,
    monitoring,
    objects,
    pages,
    reviews,
    samples,
    serving,
    sources,
    system,
    traces,
)

ROOMS = (
    system.routes,
    pages.routes,
    access.routes,
    samples.routes,
    sources.routes,
    cameras.routes,
    expectations.routes,
    objects.routes,
    datasets.routes,
    labeling.routes,
    reviews.routes,
    models.routes,
    serving.routes,
    monitoring.routes,
    loop.routes,
    traces.routes,
)

"""Monitors, rules and alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from sightloop.domain import Alert, Permission
from sightloop.interfaces.api.parsing import AllOrLimit, Body, Cursor, Listed, Name, items_of, page_of
from sightloop.interfaces.api.routing import Ask, Routes
from sightloop.monitoring import Estimate, Monitor, Rule

routes = Routes("monitoring")


class NewMonitor(Body):
    name: Name
    deployment: str
    reference: list[str] = Field(min_length=1)
    fit: tuple[str, ...] = ()
    alpha: float = Field(0.01, gt=0, le=0.2)
    kinds: tuple[str, ...] = ("embedding", "score")
    regime: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()


class Rebase(Body):
    reference: list[str] = Field(min_length=1)
    fit: tuple[str, ...] = ()


class Advance(Body):
    name: Name | None = None


class NewRule(Body):
    name: Name
    deployment: str
    label: str
    consecutive: int = Field(ge=1, lt=2**31)


@routes.post("/monitors", permission=Permission.MONITOR_WRITE)
def create_monitor(ask: Ask, body: NewMonitor) -> Monitor:
    """A monitor of a deployment against reference samples."""
    return ask.installation.monitoring.create(ask.caller, **body.model_dump())


@routes.get("/monitors", permission=Permission.READ)
def list_monitors(ask: Ask) -> Listed[Monitor]:
    """All monitors."""
    return items_of(ask.installation.monitoring.list(ask.caller))


@routes.post("/monitors/advance", permission=Permission.MONITOR_WRITE)
def advance_monitors(ask: Ask, body: Advance) -> Listed[Alert]:
    """The alerts raised by the predictions that came in since the last look."""
    ask.installation.predictions.import_segments(ask.caller.workspace, flush=True)
    return items_of(ask.installation.monitoring.advance(ask.caller, body.name))


@routes.get("/monitors/{name}", permission=Permission.READ)
def show_monitor(ask: Ask, name: str) -> Monitor:
    """One monitor with the history of its evidence."""
    return ask.installation.monitoring.get(ask.caller, name)


@routes.get("/monitors/{name}/estimate", permission=Permission.READ)
def estimate_accuracy(ask: Ask, name: str, audits: int = 60, upto: int | None = None) -> Estimate:
    """The accuracy to expect without labels, with limits, and what a random audit of the same traffic says."""
    return ask.installation.monitoring.estimate(ask.caller, name, audits=audits, upto=upto)


@routes.post("/monitors/{name}/rebase", permission=Permission.MONITOR_WRITE)
def rebase_monitor(ask: Ask, name: str, body: Rebase) -> Monitor:
    """The monitor on a new reference."""
    return ask.installation.monitoring.rebase(ask.caller, name, reference=body.reference, fit=body.fit)


@routes.post("/rules", permission=Permission.MONITOR_WRITE)
def create_rule(ask: Ask, body: NewRule) -> Rule:
    """A rule that fires once when a label comes so many times in a row."""
    return ask.installation.monitoring.create_rule(ask.caller, **body.model_dump())


@routes.get("/rules", permission=Permission.READ)
def list_rules(ask: Ask) -> Listed[Rule]:
    """All rules."""
    return items_of(ask.installation.monitoring.rules(ask.caller))


@routes.post("/rules/{name}/reset", permission=Permission.MONITOR_WRITE)
def reset_rule(ask: Ask, name: str) -> Rule:
    """The rule, armed again."""
    return ask.installation.monitoring.reset_rule(ask.caller, name)


@routes.get("/alerts", permission=Permission.READ)
def list_alerts(ask: Ask, state: str | None = None, limit: AllOrLimit = None, cursor: Cursor = "") -> Listed[Alert]:
    """Alerts, newest first."""
    found = ask.installation.monitoring.alerts(ask.caller, state, limit, cursor)
    return page_of(found, limit, lambda last: last.id)


@routes.get("/alerts/{alert}", permission=Permission.READ)
def show_alert(ask: Ask, alert: str) -> Alert:
    """One alert with its evidence."""
    return ask.installation.monitoring.alert(ask.caller, alert)


@routes.get("/alerts/{alert}/history", permission=Permission.READ)
def show_alert_history(ask: Ask, alert: str) -> Mapping[str, Sequence[float]]:
    """The evidence up to the alarm: "sequence", and the log wealth of each line; empty for a rule."""
    return ask.installation.monitoring.alert_history(ask.caller, alert)


@routes.post("/alerts/{alert}/acknowledge", permission=Permission.MONITOR_WRITE)
def acknowledge_alert(ask: Ask, alert: str) -> Alert:
    """The alert, acknowledged."""
    return ask.installation.monitoring.acknowledge(ask.caller, alert)

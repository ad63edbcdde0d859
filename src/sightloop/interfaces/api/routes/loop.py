"""Policies, cycles and the loop's clock."""

from __future__ import annotations

from dataclasses import dataclass

from anyio.to_thread import run_sync

from sightloop.app import Ticked
from sightloop.domain import Permission
from sightloop.interfaces.api.parsing import Listed, items_of
from sightloop.interfaces.api.routing import Ask, Routes
from sightloop.loop import Cycle, DeclaredPolicy, DryRun, OverviewReport

routes = Routes("loop")


@dataclass(frozen=True, slots=True)
class Switch:
    """Whether automatic acts are stopped in the workspace."""

    stopped: bool


@routes.post("/policies", permission=Permission.LOOP_WRITE, takes="application/yaml")
async def apply_policy(ask: Ask) -> DeclaredPolicy:
    """The policy in the body (YAML), created or replaced by name."""
    text = (await ask.request.body()).decode(errors="replace")
    return await run_sync(ask.installation.loop.apply, ask.caller, text)


@routes.get("/overview", permission=Permission.READ)
def show_overview(ask: Ask) -> OverviewReport:
    """Where the circle stands: counts by stage, what waits for a person, and the story of the newest whole cycle."""
    return ask.installation.overview.look(ask.caller)


@routes.get("/policies", permission=Permission.READ)
def list_policies(ask: Ask) -> Listed[DeclaredPolicy]:
    """All policies."""
    return items_of(ask.installation.loop.policies(ask.caller))


@routes.get("/policies/{name}", permission=Permission.READ)
def show_policy(ask: Ask, name: str) -> DeclaredPolicy:
    """One policy."""
    return ask.installation.loop.policy(ask.caller, name)


@routes.post("/policies/{name}/dry-run", permission=Permission.READ, kept=False)
def dry_run_policy(ask: Ask, name: str) -> DryRun:
    """What the policy would do on the newest alert, and what it would cost; nothing is done."""
    return ask.installation.loop.dry_run(ask.caller, name)


@routes.post("/policies/{name}/enable", permission=Permission.LOOP_WRITE)
def enable_policy(ask: Ask, name: str) -> DeclaredPolicy:
    """The policy, allowed to act."""
    ask.installation.loop.enable(ask.caller, name)
    return ask.installation.loop.policy(ask.caller, name)


@routes.post("/policies/{name}/stop", permission=Permission.LOOP_WRITE)
def stop_policy(ask: Ask, name: str) -> DeclaredPolicy:
    """The policy, stopped; its cycles wait where they are."""
    ask.installation.loop.stop(ask.caller, name)
    return ask.installation.loop.policy(ask.caller, name)


@routes.post("/loop/stop", permission=Permission.LOOP_WRITE)
def stop_loop(ask: Ask) -> Switch:
    """The kill switch: no automatic act in the workspace until it is enabled again."""
    ask.installation.loop.stop(ask.caller)
    return Switch(ask.installation.loop.stopped(ask.caller))


@routes.post("/loop/enable", permission=Permission.LOOP_WRITE)
def enable_loop(ask: Ask) -> Switch:
    """Automatic acts are allowed again; cycles go on where they were."""
    ask.installation.loop.enable(ask.caller)
    return Switch(ask.installation.loop.stopped(ask.caller))


@routes.post("/loop/tick", permission=Permission.LOOP_WRITE, kept=False)
def tick_loop(ask: Ask) -> Ticked:
    """What was done in one look: predictions imported, alerts raised, cycles advanced."""
    return ask.installation.tick(ask.caller)


@routes.get("/cycles", permission=Permission.READ)
def list_cycles(ask: Ask) -> Listed[Cycle]:
    """All cycles, oldest first."""
    return items_of(ask.installation.loop.cycles(ask.caller))


@routes.get("/cycles/{cycle}", permission=Permission.READ)
def show_cycle(ask: Ask, cycle: str) -> Cycle:
    """One cycle with what each phase did."""
    return ask.installation.loop.cycle(ask.caller, cycle)


@routes.post("/cycles/{cycle}/resume", permission=Permission.LOOP_WRITE)
def resume_cycle(ask: Ask, cycle: str) -> Cycle:
    """The failed, stopped or refused cycle, set back to where it ended."""
    return ask.installation.loop.resume(ask.caller, cycle)


@routes.post("/cycles/{cycle}/cancel", permission=Permission.LOOP_WRITE)
def cancel_cycle(ask: Ask, cycle: str) -> Cycle:
    """The cycle, stopped."""
    return ask.installation.loop.cancel(ask.caller, cycle)

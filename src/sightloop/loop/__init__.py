"""Policies that join the stages into one circle."""

from sightloop.loop.cycles import Cycle
from sightloop.loop.machine import replay_act
from sightloop.loop.overview import Overview, OverviewReport, Stages
from sightloop.loop.policy import Policy, parse_policy
from sightloop.loop.service import DeclaredPolicy, DryRun, Loop
from sightloop.loop.steps import Rooms
from sightloop.loop.ticker import Ticker

__all__ = [
    "Cycle",
    "DeclaredPolicy",
    "DryRun",
    "Loop",
    "Overview",
    "OverviewReport",
    "Policy",
    "Rooms",
    "Stages",
    "Ticker",
    "parse_policy",
    "replay_act",
]

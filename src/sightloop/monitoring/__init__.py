"""Watching deployments: monitors, rules and the alerts they raise."""

from sightloop.monitoring.alarms import replay_alarm
from sightloop.monitoring.estimates import Estimate
from sightloop.monitoring.monitor import Monitor
from sightloop.monitoring.ports import Evaluations, LogReader, ReferencePredictor, Samples
from sightloop.monitoring.rules import Rule, replay_rule
from sightloop.monitoring.service import Monitoring

__all__ = [
    "Estimate",
    "Evaluations",
    "LogReader",
    "Monitor",
    "Monitoring",
    "ReferencePredictor",
    "Rule",
    "Samples",
    "replay_alarm",
    "replay_rule",
]

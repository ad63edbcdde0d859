"""How work happens: durable runs whose finished steps never run again, and whose lineage is a by-product."""

from sightloop.runs.context import RunContext
from sightloop.runs.service import Runs

__all__ = ["RunContext", "Runs"]

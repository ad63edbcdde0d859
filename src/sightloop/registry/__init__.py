"""The door of the registry: models, gates and the aliases that say which version is in use."""

from sightloop.registry.aliases import replay_alias_move
from sightloop.registry.catalogue import Model, TestResults
from sightloop.registry.gates import replay_gate
from sightloop.registry.service import Registry

__all__ = ["Model", "Registry", "TestResults", "replay_alias_move", "replay_gate"]

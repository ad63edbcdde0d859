"""The door of the SDK: `connect` opens a workspace; `Record` is what its calls return."""

from sightloop.interfaces.sdk.opening import connect
from sightloop.interfaces.sdk.records import Record
from sightloop.interfaces.sdk.workspace import Workspace

__all__ = ["Record", "Workspace", "connect"]

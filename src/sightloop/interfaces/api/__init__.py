"""The door of the REST API: `build_api` makes the ASGI application of an installation."""

from sightloop.interfaces.api.application import build_api
from sightloop.interfaces.api.credentials import Credentials
from sightloop.interfaces.api.routing import GuardedRoute

__all__ = ["Credentials", "GuardedRoute", "build_api"]

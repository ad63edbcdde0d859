"""The ASGI application of an installation: every route declared, every request authenticated, every error a problem."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from sightloop.app import Installation
from sightloop.errors import InvalidInput, MethodNotAllowed, NotFound, SightloopError
from sightloop.interfaces.api.answers import problem_answer
from sightloop.interfaces.api.credentials import Credentials
from sightloop.interfaces.api.doorkeeper import Doorkeeper
from sightloop.interfaces.api.repeats import Repeats
from sightloop.interfaces.api.routes import ROOMS
from sightloop.interfaces.api.routing import routes_of, undeclared
from sightloop.serving import LockedDown


def build_api(installation: Installation) -> FastAPI:
    """The application. Raises SightloopError where a route does not declare its permission."""
    settings = installation.settings.api
    app = FastAPI(title="Sightloop", version=installation.version, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.installation = installation
    app.state.credentials = Credentials(installation)
    app.state.repeats = Repeats(installation.idempotency)
    app.add_middleware(Doorkeeper, settings=settings)
    app.add_middleware(LockedDown)
    app.add_exception_handler(SightloopError, _expected)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _not_routed)
    app.router.routes.extend(routes_of(ROOMS))
    refuse_undeclared(app)
    return app


def refuse_undeclared(app: FastAPI) -> None:
    """Returns where every route declares its permission; raises SightloopError otherwise."""
    found = undeclared(app.routes)
    if found:
        raise SightloopError(
            f"These routes declare no permission: {', '.join(found)}.",
            hint="Add them through Routes.get, post or delete with a permission.",
        )


async def _expected(_: Request, error: Exception) -> Response:
    assert isinstance(error, SightloopError)
    return problem_answer(error)


async def _not_understood(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [f"{'.'.join(str(part) for part in fault['loc'][1:])}: {fault['msg']}" for fault in error.errors()]
    return problem_answer(
        InvalidInput(f"The request is not understood. {'; '.join(faults[:5])}", hint="See /api/v1/openapi.json.")
    )


async def _not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return problem_answer(
            MethodNotAllowed(f"This path does not take {request.method}.", hint=f"It takes {allowed}."),
            {"Allow": allowed},
        )
    if error.status_code == 404:
        return problem_answer(
            NotFound(f"There is no route {request.method} {request.url.path}.", hint="See /api/v1/openapi.json.")
        )
    return problem_answer(InvalidInput(f"The request is not understood: {error.detail}.", hint="Send valid JSON."))

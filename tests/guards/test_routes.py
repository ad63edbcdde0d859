"""Every route, asked by every role in two workspaces."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import Response

from sightloop.domain import Permission, Role, allowed
from sightloop.interfaces.api import GuardedRoute
from sightloop.interfaces.api.description import JSON, answer_of
from sightloop.interfaces.api.routes import ROOMS
from sightloop.interfaces.api.routing import Declared
from tests.specs.interfaces.house import House, write_pictures
from tests.specs.interfaces.promises import Promises

DECLARED = [declared for room in ROOMS for declared in room.declared]
ROUTES = [(declared.method, declared.path, declared.permission) for declared in DECLARED]
KEYED = (Role.PREDICTOR, Role.VIEWER, Role.LABELER, Role.ENGINEER, Role.ADMIN)
# Things that exist in the first workspace, by the name of the path's parameter.
MADE_HERE = ("sample", "run", "key", "campaign", "item", "webhook", "version", "a", "queue")


@dataclass
class Tenants:
    """Two workspaces with a key for each role, and the ids of what was made in the first."""

    house: House
    keys: dict[tuple[str, Role], str]
    made: dict[str, str]
    described: dict[str, Any]
    promises: Promises

    def ask(self, method: str, path: str, role: Role, workspace: str = "default") -> httpx.Response:
        known = re.sub(r"\{(\w+)\}", lambda match: self.made.get(match[1], "nothing-here"), path)
        with self.house.client(self.keys.get((workspace, role), "")) as client:
            self.promises.watch(client)
            return client.request(method, known, params={"follow": False, "format": "csv", "name": "x"})


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    house = House(tmp_path_factory.mktemp("tenants"))
    ws = house.workspace()
    run = ws.ingest(write_pictures(tmp_path_factory.mktemp("pictures"), 4))
    samples = [sample.id for sample in ws.samples.list()]
    ws.schemas.create("grades", ["good", "bad"])
    version = ws.datasets.create("parts", schema="grades").commit(where={})
    campaign = ws.campaigns.start(name="parts", schema="grades", samples=samples, seed_count=2)
    item = ws.queue.next(campaign)
    assert item is not None
    ws.workspaces.create("elsewhere")
    keys = {
        (name, role): house.workspace(name).keys.create(role, name=str(role)).secret
        for name in ("default", "elsewhere")
        for role in KEYED
    }
    made: dict[str, Any] = {
        "sample": samples[0],
        "run": run.id,
        "key": ws.keys.list()[0].id,
        "campaign": campaign.id,
        "item": item.id,
        "queue": ws.reviews.create("parts", schema="grades", samples=samples).id,
        "webhook": ws.webhooks.create("https://example.com/in", events=["*"]).id,
        "version": version.id,
        "a": version.id,
        "b": version.id,
    }
    described = house.client().get("/api/v1/openapi.json").json()
    yield Tenants(house, keys, made, described, Promises(described))
    house.close()


def test_the_routes_of_the_application_are_the_declared_ones(tenants: Tenants) -> None:
    served = {(method, route.path) for route in tenants.house.app.routes if isinstance(route, GuardedRoute)
              for method in route.methods or ()}  # fmt: skip
    assert served == {(method, path) for method, path, _ in ROUTES}
    assert all(isinstance(route, GuardedRoute) for route in tenants.house.app.routes)


@pytest.mark.parametrize(("method", "path", "permission"), ROUTES, ids=[f"{m} {p}" for m, p, _ in ROUTES])
def test_a_route_answers_only_roles_that_hold_its_permission(
    tenants: Tenants, method: str, path: str, permission: Permission
) -> None:
    for role in (Role.ANONYMOUS, *KEYED):
        status = tenants.ask(method, path, role, "elsewhere").status_code
        if permission is Permission.PUBLIC:
            assert status != 403
        elif role is Role.ANONYMOUS:
            assert status == 401
        elif not allowed(role, permission):
            assert status == 403, f"{role} got {status}"
        else:
            assert status not in (401, 500), f"{role} got {status}"


def test_whatever_role_asks_the_answer_is_as_described(tenants: Tenants) -> None:
    for method, path, _ in ROUTES:
        for role in (Role.ANONYMOUS, Role.LABELER, Role.ADMIN):
            tenants.ask(method, path, role)
    assert tenants.promises.broken == []
    assert len(tenants.promises.kept) > 30


@pytest.mark.parametrize("declared", DECLARED, ids=[f"{one.method} {one.path}" for one in DECLARED])
def test_a_route_says_what_it_answers(tenants: Tenants, declared: Declared) -> None:
    answer = answer_of(declared.endpoint)
    assert (answer is Response) == (declared.gives != JSON)
    assert answer not in (Any, object, inspect.Signature.empty)
    operation = tenants.described["paths"][declared.path.replace(":path", "")][declared.method.lower()]
    assert operation["responses"]["200"]["content"][declared.gives]["schema"] or declared.gives != JSON


def test_every_operation_has_a_name_of_its_own(tenants: Tenants) -> None:
    names = Counter(one["operationId"] for path in tenants.described["paths"].values() for one in path.values())
    assert names == Counter(declared.endpoint.__name__ for declared in DECLARED)
    assert names.most_common(1)[0][1] == 1


THINGS = [
    (method, path)
    for method, path, _ in ROUTES
    if path.rsplit("{", 1)[-1].split("}")[0] in MADE_HERE
    and "{name}" not in path
    and "{model}" not in path
    and not path.endswith("/answer")
]


@pytest.mark.parametrize(("method", "path"), THINGS, ids=[f"{m} {p}" for m, p in THINGS])
def test_the_things_of_one_workspace_do_not_exist_in_another(tenants: Tenants, method: str, path: str) -> None:
    assert tenants.ask(method, path, Role.ADMIN, "elsewhere").status_code in (404, 422)


def test_the_item_of_one_workspace_cannot_be_answered_from_another(tenants: Tenants) -> None:
    path = f"/api/v1/queue/items/{tenants.made['item']}/answer"
    with tenants.house.client(tenants.keys["elsewhere", Role.ADMIN]) as client:
        assert client.post(path, json={"verb": "fix", "label": "good"}).status_code == 404


def test_the_description_of_the_api_names_every_permission(tenants: Tenants) -> None:
    operations = [operation for path in tenants.described["paths"].values() for operation in path.values()]
    assert len(operations) == len(ROUTES)
    assert all(Permission(operation["x-sightloop-permission"]) for operation in operations)

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sightloop.domain import Caller, Role
from sightloop.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from sightloop.events import Events
from sightloop.governance import Identity
from sightloop.storage import Records, Stores

OWNER = Caller("default", "owner", Role.ADMIN)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    records = Records(f"sqlite:///{tmp_path / 'sightloop.db'}")
    records.migrate()
    yield records
    records.close()


@pytest.fixture
def identity(tmp_path: Path, records: Records, clock: Clock) -> Identity:
    identity = Identity(records, Stores(tmp_path, records), Events(records), clock)
    identity.ensure_default()
    return identity


def test_a_key_stands_for_its_workspace_and_role(identity: Identity) -> None:
    key, secret = identity.create_key(OWNER, "line", Role.LABELER)
    caller = identity.authenticate(secret)
    assert (caller.workspace, caller.actor, caller.role) == ("default", key.id, Role.LABELER)
    assert len(secret) == 46


def test_the_secret_is_kept_nowhere(identity: Identity, tmp_path: Path, records: Records) -> None:
    _, secret = identity.create_key(OWNER, "line", Role.VIEWER)
    records.close()
    assert not [one for one in tmp_path.rglob("*") if one.is_file() and secret.encode() in one.read_bytes()]


@pytest.mark.parametrize("token", ["", "sl_", "sl_" + "x" * 43, "Bearer", "sl_' or 1=1 --"])
def test_a_wrong_key_is_refused(identity: Identity, token: str) -> None:
    with pytest.raises(Unauthenticated):
        identity.authenticate(token)


def test_a_revoked_key_holds_no_more(identity: Identity) -> None:
    key, secret = identity.create_key(OWNER, "line", Role.VIEWER)
    identity.revoke(OWNER, key.id)
    with pytest.raises(Unauthenticated):
        identity.authenticate(secret)
    assert identity.hashes() == []


def test_an_expired_key_holds_no_more(identity: Identity, clock: Clock) -> None:
    _, secret = identity.create_key(OWNER, "line", Role.VIEWER, expires_at=clock.time + timedelta(days=1))
    identity.authenticate(secret)
    clock.time += timedelta(days=1)
    with pytest.raises(Unauthenticated):
        identity.authenticate(secret)


def test_use_is_noted_at_most_once_an_hour(identity: Identity, clock: Clock) -> None:
    _, secret = identity.create_key(OWNER, "line", Role.VIEWER)
    identity.authenticate(secret)
    first = clock.time
    clock.time += timedelta(minutes=59)
    identity.authenticate(secret)
    assert identity.keys(OWNER)[0].last_used == first
    clock.time += timedelta(minutes=2)
    identity.authenticate(secret)
    assert identity.keys(OWNER)[0].last_used == clock.time


def test_nobody_makes_a_key_above_the_own_role(identity: Identity) -> None:
    engineer = Caller("default", "eve", Role.ENGINEER)
    with pytest.raises(Forbidden):
        identity.create_key(engineer, "up", Role.ADMIN)


def test_a_key_that_has_expired_already_is_refused(identity: Identity, clock: Clock) -> None:
    with pytest.raises(InvalidInput):
        identity.create_key(OWNER, "late", Role.VIEWER, expires_at=clock.time)


def test_the_same_request_again_does_not_make_a_second_key(identity: Identity) -> None:
    keyed = OWNER.keyed("once")
    identity.create_key(keyed, "line", Role.VIEWER)
    with pytest.raises(Conflict):
        identity.create_key(keyed, "line", Role.VIEWER)


def test_another_workspace_is_made_with_its_own_first_key(identity: Identity) -> None:
    workspace, key, secret = identity.create_workspace(OWNER, "Plant two")
    caller = identity.authenticate(secret)
    assert (caller.workspace, caller.role, key.workspace) == (workspace, Role.ADMIN, workspace)
    assert identity.workspaces() == {"default": "default", workspace: "Plant two"}


def test_only_the_default_workspace_makes_workspaces(identity: Identity) -> None:
    _, _, secret = identity.create_workspace(OWNER, "Plant two")
    with pytest.raises(Forbidden):
        identity.create_workspace(identity.authenticate(secret), "Plant three")


def test_keys_of_another_workspace_are_not_seen_or_revoked(identity: Identity) -> None:
    _, key, _ = identity.create_workspace(OWNER, "Plant two")
    assert key not in identity.keys(OWNER)
    with pytest.raises(NotFound):
        identity.revoke(OWNER, key.id)


def test_an_owner_link_works_once(identity: Identity) -> None:
    token = identity.owner_link()
    _, secret = identity.redeem(token)
    assert identity.authenticate(secret).role is Role.ADMIN
    with pytest.raises(Unauthenticated):
        identity.redeem(token)


def test_an_owner_link_ends_after_an_hour(identity: Identity, clock: Clock) -> None:
    token = identity.owner_link()
    clock.time += timedelta(hours=1)
    with pytest.raises(Unauthenticated):
        identity.redeem(token)


def test_the_session_of_an_owner_link_ends_after_thirty_days(identity: Identity, clock: Clock) -> None:
    _, secret = identity.redeem(identity.owner_link())
    clock.time += timedelta(days=30)
    with pytest.raises(Unauthenticated):
        identity.authenticate(secret)


def test_a_key_of_a_camera_is_for_one_deployment(identity: Identity) -> None:
    key, secret = identity.create_key(OWNER, "camera", Role.PREDICTOR, deployment="line")
    assert (key.deployment, identity.authenticate(secret).deployment) == ("line", "line")
    assert [known.deployment for known in identity.hashes()] == ["line"]


def test_only_who_predicts_and_nothing_else_is_bound_to_a_deployment(identity: Identity) -> None:
    with pytest.raises(InvalidInput, match="one deployment"):
        identity.create_key(OWNER, "camera", Role.ENGINEER, deployment="line")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.LABELER])
def test_who_may_not_predict_makes_no_key_that_may(identity: Identity, role: Role) -> None:
    with pytest.raises(Forbidden):
        identity.create_key(Caller("default", "eve", role), "camera", Role.PREDICTOR)

"""A browser's session: which key it holds for which workspace, and what the page is told of it."""

from __future__ import annotations

import pytest

from sightloop.domain import Permission, Role
from sightloop.interfaces.api.credentials import SESSION_COOKIE, session_cookie
from tests.specs.interfaces.house import House

SESSION = "/api/v1/session"
OWN_PAGE = {"Origin": "http://localhost"}


@pytest.fixture(scope="module")
def viewer(house: House) -> str:
    return str(house.workspace().keys.create(Role.VIEWER, name="viewer").secret)


@pytest.fixture(scope="module")
def elsewhere(house: House) -> tuple[str, str]:
    """The id of a second workspace and its first key."""
    made = house.workspace().workspaces.create("second plant")
    return made.id, made.secret


def test_nobody_is_told_of_nothing_but_the_version(house: House) -> None:
    said = house.client().get(SESSION).json()
    assert (said["signed_in"], said["actor"], said["workspace"], said["workspaces"]) == (False, "anonymous", "", [])


def test_a_key_signs_in_and_the_page_learns_what_it_may_do(house: House, viewer: str) -> None:
    with house.client(**OWN_PAGE) as browser:
        assert browser.post(SESSION, json={"key": viewer}).status_code == 200
        said = browser.get(SESSION).json()
    assert (said["signed_in"], said["role"], said["workspace"]) == (True, "viewer", "default")
    assert "read" in said["permissions"]
    assert "promote" not in said["permissions"]
    assert said["roles_needed"]["promote"] == "engineer"
    assert set(said["roles_needed"]) == {str(one) for one in Permission}


def test_no_script_and_no_other_site_reads_the_key(house: House, viewer: str) -> None:
    cookies = house.client().post(SESSION, json={"key": viewer}).headers.get_list("set-cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {SESSION_COOKIE, session_cookie("default")}
    assert all("HttpOnly" in cookie and "SameSite=strict" in cookie for cookie in cookies)


@pytest.mark.parametrize("key", ["", "sl_" + "A" * 43, "nonsense", "a\nb"])
def test_a_wrong_key_signs_nobody_in(house: House, key: str) -> None:
    answer = house.client().post(SESSION, json={"key": key})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_a_browser_holds_a_key_of_each_workspace_and_names_the_one_it_means(
    house: House, viewer: str, elsewhere: tuple[str, str]
) -> None:
    other, key = elsewhere
    with house.client(**OWN_PAGE) as browser:
        for one in (viewer, key):
            browser.post(SESSION, json={"key": one})
        here = browser.get(SESSION, headers={"Sightloop-Workspace": "default"}).json()
        there = browser.get(SESSION, headers={"Sightloop-Workspace": other}).json()
    assert (here["workspace"], here["role"]) == ("default", "viewer")
    assert (there["workspace"], there["role"]) == (other, "admin")
    assert here["workspaces"] == there["workspaces"] == [
        {"id": "default", "name": "default"}, {"id": other, "name": "second plant"},
    ]  # fmt: skip


def test_a_workspace_that_the_browser_holds_no_key_of_is_closed(
    house: House, viewer: str, elsewhere: tuple[str, str]
) -> None:
    other = {"Sightloop-Workspace": elsewhere[0]}
    with house.client(**OWN_PAGE) as browser:
        browser.post(SESSION, json={"key": viewer})
        assert browser.get(SESSION, headers=other).json()["signed_in"] is False
        assert browser.get("/api/v1/status", headers=other).status_code == 401


def test_a_made_up_cookie_tells_nothing_of_a_workspace(house: House, elsewhere: tuple[str, str]) -> None:
    with house.client(**OWN_PAGE) as browser:
        browser.cookies.set(session_cookie(elsewhere[0]), "sl_" + "A" * 43)
        assert browser.get(SESSION).json()["workspaces"] == []


def test_signing_out_forgets_every_key(house: House, viewer: str) -> None:
    with house.client(**OWN_PAGE) as browser:
        browser.post(SESSION, json={"key": viewer})
        assert browser.delete(SESSION).status_code == 200
        assert browser.get("/api/v1/status").status_code == 401

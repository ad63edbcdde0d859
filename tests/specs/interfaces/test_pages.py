"""The dashboard's page: one page for every screen, under a policy that runs nothing but its own files."""

from __future__ import annotations

import re

import pytest

from tests.specs.interfaces.house import House


@pytest.mark.parametrize("path", ["/", "/w/default", "/w/default/datasets/cells", "/w/x/%3Cscript%3E"])
def test_every_screen_is_the_same_page(house: House, path: str) -> None:
    answer = house.client().get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-store"


def test_the_policy_allows_no_inline_code_and_no_other_host(house: House) -> None:
    policy = house.client().get("/").headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert "unsafe" not in policy
    assert not re.search(r"https?:|\*", policy)


def test_each_page_has_a_nonce_of_its_own(house: House) -> None:
    pages = [house.client().get("/") for _ in range(2)]
    nonces = [re.findall(r"'nonce-([^']+)'", page.headers["content-security-policy"]) for page in pages]
    assert nonces[0] != nonces[1]
    assert f'nonce="{nonces[0][0]}"' in pages[0].text


@pytest.mark.parametrize(
    ("path", "script"),
    [("datasets/cells", "datasets"), ("review/rvq_1", "queue"), ("runs/compare", "compare"), ("", "overview")],
)
def test_a_page_names_the_scripts_of_its_screen_before_any_has_run(house: House, path: str, script: str) -> None:
    preloaded = re.findall(
        r'modulepreload" crossorigin href="\./assets/([a-z]+)-', house.client().get(f"/w/a/{path}").text
    )
    assert {"frame", "vendor", script} <= set(preloaded)


def test_every_file_that_the_page_asks_for_is_there_and_may_be_kept(house: House) -> None:
    client = house.client()
    asked = re.findall(r'(?:src|href)="\./(assets/[^"]+)"', client.get("/w/a/datasets").text)
    assert asked
    for name in asked:
        answer = client.get(f"/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("name", ["nothing.js", "..%2findex.html", "..%2f..%2fsettings.py", "%2e%2e%2f__init__.py"])
def test_nothing_but_built_files_is_an_asset(house: House, name: str) -> None:
    assert house.client().get(f"/assets/{name}").status_code == 404


def test_an_unknown_api_path_is_a_problem_and_not_a_page(house: House) -> None:
    answer = house.client().get("/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"

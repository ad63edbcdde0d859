"""No field of the API makes the server call a place inside."""

from __future__ import annotations

from tests.specs.events.canary import targets, watched
from tests.specs.interfaces.contract import operations
from tests.specs.interfaces.house import House


def test_no_spelling_of_a_place_inside_is_taken_by_a_field_for_urls(house: House) -> None:
    client = house.owner()
    described = operations(client.get("/api/v1/openapi.json").json())
    takes = [(operation, field) for operation in described for field in operation.text_fields if "url" in field]
    assert [(operation.path, field) for operation, field in takes] == [
        ("/api/v1/cameras", "url"),
        ("/api/v1/webhooks", "url"),
    ]
    with watched() as canary:
        for operation, field in takes:
            for url in targets(canary.port):
                for spelled in (url, url.replace("http", "rtsp", 1)):
                    request = operation.filled(spelled, field)
                    if operation.path.endswith("webhooks"):
                        request["json"]["events"] = ["*"]
                    answer = client.request(operation.method, **request)
                    taken = answer.status_code == 200  # a name that has no address yet is looked at again when called
                    assert taken or answer.status_code in (403, 409, 422), spelled
        house.installation.deliverer.drain(2.0)  # those without an address stay pending
        assert not canary.touched


def test_no_text_in_any_field_is_called(house: House) -> None:
    client = house.owner()
    with watched() as canary:
        for operation in operations(client.get("/api/v1/openapi.json").json()):
            for field in operation.text_fields:
                client.request(operation.method, **operation.filled(f"http://127.0.0.1:{canary.port}/in", field))
        assert not canary.touched

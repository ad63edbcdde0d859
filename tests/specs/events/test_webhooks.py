"""Webhooks: signed, with patience and an end. What every receiver gets: tests/conformance/test_event_targets.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from standardwebhooks.webhooks import Webhook as Verifier

from sightloop.errors import InvalidInput, NotFound, Refused
from sightloop.events import Deliverer, Delivery, Egress, Events, Webhooks
from sightloop.storage import Records, Stores, metadata
from tests.specs.events.conftest import ADMIN, LOOPBACK, STRANGER, Receiver, answered

ANSWERED = ["sightloop.labels.answered"]


def only(webhooks: Webhooks) -> Delivery:
    (delivery,) = webhooks.deliveries(ADMIN)
    return delivery


def test_a_delivery_carries_the_event_and_a_signature_that_verifies(
    webhooks: Webhooks, events: Events, deliverer: Deliverer, receiver: Receiver
) -> None:
    _, secret = webhooks.create(ADMIN, receiver.url, ANSWERED)
    event_id = answered(events, 7)
    deliverer.start()
    assert deliverer.drain(20.0)
    headers, body = receiver.got[0]
    event = Verifier(secret).verify(body, headers)
    assert (headers["webhook-id"], event["data"], only(webhooks).state) == (event_id, {"number": 7}, "delivered")


def test_a_webhook_is_told_only_of_what_it_asked_for(
    webhooks: Webhooks, events: Events, deliverer: Deliverer, receiver: Receiver
) -> None:
    webhooks.create(ADMIN, receiver.url, ["sightloop.labels.*"])
    with events.change(ADMIN, "alert.raise", "alr_1") as change:
        change.emit("sightloop.alert.raised", {})
    answered(events)
    deliverer.start()
    assert deliverer.drain(20.0)
    assert [json.loads(body)["type"] for _, body in receiver.got] == ["sightloop.labels.answered"]


def test_events_of_another_workspace_are_not_told(webhooks: Webhooks, events: Events, receiver: Receiver) -> None:
    webhooks.create(ADMIN, receiver.url, ["*"])
    before = len(webhooks.deliveries(ADMIN))
    answered(events, 1, STRANGER)
    assert len(webhooks.deliveries(ADMIN)) == before


def test_a_failed_delivery_is_tried_again_under_the_same_id(
    webhooks: Webhooks, events: Events, deliverer: Deliverer, receiver: Receiver
) -> None:
    receiver.statuses = [500, 302]
    webhooks.create(ADMIN, receiver.url, ANSWERED)
    event_id = answered(events)
    deliverer.start()
    assert deliverer.drain(20.0)
    assert (receiver.ids(), only(webhooks).attempts) == ([event_id] * 3, 3)


def test_what_is_about_one_thing_is_not_overtaken_while_it_waits(
    webhooks: Webhooks, events: Events, records: Records, stores: Stores, receiver: Receiver
) -> None:
    patient = Deliverer(records, stores, events, interval_s=0.02, egress=LOOPBACK, backoff=lambda *_: 0.7)
    receiver.statuses = [500]
    webhooks.create(ADMIN, receiver.url, ANSWERED)
    first, second = answered(events, 1), answered(events, 1)
    other = answered(events, 2)
    patient.start()
    assert patient.drain(20.0)
    patient.stop()
    assert [one for one in receiver.ids() if one != other] == [first, first, second]


def test_after_the_last_attempt_a_delivery_is_a_dead_letter_that_can_be_sent_again(
    webhooks: Webhooks, events: Events, deliverer: Deliverer, receiver: Receiver
) -> None:
    receiver.statuses = [500, 500, 500]
    webhooks.create(ADMIN, receiver.url, ANSWERED)
    event_id = answered(events)
    deliverer.start()
    assert deliverer.drain(20.0)
    dead = only(webhooks)
    webhooks.redeliver(ADMIN, dead.id)
    assert deliverer.drain(20.0)
    assert (dead.state, dead.detail, only(webhooks).state) == ("dead", "answered 500", "delivered")
    assert receiver.ids() == [event_id] * 4


def test_a_receiver_that_is_gone_for_good_ends_the_delivery(
    webhooks: Webhooks, events: Events, deliverer: Deliverer, receiver: Receiver
) -> None:
    receiver.statuses = [410]
    webhooks.create(ADMIN, receiver.url, ANSWERED)
    answered(events)
    deliverer.start()
    assert deliverer.drain(20.0)
    assert (only(webhooks).state, only(webhooks).attempts) == ("dead", 1)


def test_one_dead_receiver_does_not_hold_up_another(
    webhooks: Webhooks, events: Events, deliverer: Deliverer, receiver: Receiver
) -> None:
    webhooks.create(ADMIN, "http://127.0.0.1:9/nobody", ANSWERED)
    webhooks.create(ADMIN, receiver.url, ANSWERED)
    answered(events)
    deliverer.start()
    assert deliverer.drain(20.0)
    states = sorted(delivery.state for delivery in webhooks.deliveries(ADMIN))
    assert (len(receiver.got), states) == (1, ["dead", "delivered"])


@pytest.mark.parametrize("url", ["https://10.0.0.1/x", "https://169.254.169.254/latest", "http://localhost:80/x"])
def test_a_private_address_is_refused_when_the_webhook_is_made(
    records: Records, stores: Stores, events: Events, url: str
) -> None:
    with pytest.raises(Refused):
        Webhooks(records, stores, events, Egress()).create(ADMIN, url, ["*"])


def test_an_address_that_became_private_later_is_refused_at_delivery(
    webhooks: Webhooks, events: Events, records: Records, stores: Stores, receiver: Receiver
) -> None:
    webhooks.create(ADMIN, receiver.url, ANSWERED)
    answered(events)
    guarded = Deliverer(records, stores, events, egress=Egress())
    guarded.start()
    assert guarded.drain(20.0)
    guarded.stop()
    assert (receiver.got, only(webhooks).state, only(webhooks).attempts) == ([], "dead", 1)


def test_the_secret_is_sealed_in_the_database_and_told_once(
    tmp_path: Path, records: Records, events: Events, receiver: Receiver
) -> None:
    stores = Stores(tmp_path, records, master_key="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    hooks = Webhooks(records, stores, events, Egress(["127.0.0.0/8"]))
    made, secret = hooks.create(ADMIN, receiver.url, ["*"])
    with records.read() as connection:
        stored = connection.scalar(sa.select(metadata.tables["webhooks"].c.secret))
    assert secret.startswith("whsec_")
    assert (secret in str(stored), [hook.id for hook in hooks.list(ADMIN)]) == (False, [made.id])


def test_a_retried_creation_gives_the_same_webhook_and_secret(webhooks: Webhooks, receiver: Receiver) -> None:
    caller = ADMIN.keyed("once")
    first, second = (webhooks.create(caller, receiver.url, ["*"]) for _ in range(2))
    assert (first, len(webhooks.list(ADMIN))) == (second, 1)


def test_a_deleted_webhook_is_told_nothing_more(
    webhooks: Webhooks, events: Events, deliverer: Deliverer, receiver: Receiver
) -> None:
    made, _ = webhooks.create(ADMIN, receiver.url, ANSWERED)
    answered(events)
    webhooks.delete(ADMIN, made.id)
    deliverer.start()
    assert deliverer.drain(20.0)
    assert (receiver.got, webhooks.list(ADMIN), only(webhooks).detail) == ([], [], "the webhook was deleted")


def test_another_workspaces_webhook_is_not_found(webhooks: Webhooks, receiver: Receiver) -> None:
    made, _ = webhooks.create(ADMIN, receiver.url, ["*"])
    with pytest.raises(NotFound):
        webhooks.delete(STRANGER, made.id)


def test_a_webhook_for_nothing_is_refused(webhooks: Webhooks, receiver: Receiver) -> None:
    with pytest.raises(InvalidInput):
        webhooks.create(ADMIN, receiver.url, [])

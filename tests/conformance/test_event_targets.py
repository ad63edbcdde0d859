"""What holds for events that go out, whoever receives them: webhook, NATS JetStream, Kafka's protocol."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sightloop.domain import Caller, Role
from sightloop.errors import Forbidden, InvalidInput, NotFound, Refused, SightloopError
from sightloop.events import Deliverer, Egress, Events, Sinks, Webhooks
from sightloop.settings import SinkSettings, describe_settings, load_settings
from sightloop.storage import Records, Stores
from tests.conformance.brokers import PASSWORD, NatsTarget, Target
from tests.conformance.servers import missing

LOOPBACK = ["127.0.0.0/8"]
ADMIN = Caller("default", "usr_ada", Role.ADMIN)
ANSWERED = ["sightloop.labels.answered"]
Started = Callable[..., Deliverer]


class House:
    """Records with what sends events out of them."""

    def __init__(self, folder: Path, sinks: tuple[SinkSettings, ...]) -> None:
        self.folder = folder
        self.records = Records(f"sqlite:///{folder}/sightloop.db")
        self.records.migrate()
        self.events = Events(self.records)
        self.stores = Stores(folder, self.records)
        self.sinks = Sinks(sinks, timeout_s=5.0)
        self.webhooks = Webhooks(self.records, self.stores, self.events, Egress(LOOPBACK), self.sinks)
        self.deliverer: Deliverer | None = None

    def deliver(self, *, attempts: int = 200) -> Deliverer:
        """A started deliverer that is not patient."""
        self.deliverer = Deliverer(
            self.records, self.stores, self.events, interval_s=0.02, attempts=attempts, egress=Egress(LOOPBACK),
            sinks=self.sinks, backoff=lambda _attempt, _jitter: 0.05, seed=0,
        )  # fmt: skip
        self.deliverer.start()
        return self.deliverer

    def tell(self, subject: str, number: int = 0) -> str:
        """The id of an event about the subject."""
        with self.events.change(ADMIN, "labels.answer", subject) as change:
            return change.emit("sightloop.labels.answered", {"number": number})

    def close(self) -> None:
        if self.deliverer is not None:
            self.deliverer.stop()
        self.sinks.close()
        self.records.close()


@pytest.fixture
def house(tmp_path: Path, target: Target) -> Iterator[House]:
    made = House(tmp_path, target.sinks)
    yield made
    made.close()


def test_an_event_arrives_as_a_cloud_event_under_its_id(house: House, target: Target) -> None:
    target.up()
    house.webhooks.create(ADMIN, target.url, ANSWERED)
    event_id = house.tell("itm_1", 7)
    assert house.deliver().drain(20.0)
    [arrived] = target.arrived()
    told = {name: arrived.event[name] for name in ("specversion", "id", "source", "type", "subject", "data")}
    assert (arrived.id, told) == (
        event_id,
        {
            "specversion": "1.0", "id": event_id, "source": "/workspaces/default", "type": "sightloop.labels.answered",
            "subject": "itm_1", "data": {"number": 7},
        },
    )  # fmt: skip


def test_what_happens_while_the_receiver_is_down_arrives_later_and_in_order(house: House, target: Target) -> None:
    house.webhooks.create(ADMIN, target.url, ANSWERED)
    told = [(f"itm_{number % 3}", house.tell(f"itm_{number % 3}", number)) for number in range(12)]
    running = house.deliver()
    assert not running.drain(0.5)
    waiting = house.webhooks.list(ADMIN)[0]
    target.up()
    assert running.drain(60.0)
    arrived = [(one.event["subject"], one.id) for one in target.arrived()]
    assert (waiting.pending, bool(waiting.waiting_since)) == (12, True)
    for subject in {subject for subject, _ in told}:
        assert [one for one in arrived if one[0] == subject] == [one for one in told if one[0] == subject]


def test_a_receiver_that_goes_down_in_between_misses_nothing(house: House, target: Target) -> None:
    house.webhooks.create(ADMIN, target.url, ANSWERED)
    target.up()
    first = house.tell("itm_1", 1)
    running = house.deliver()
    assert running.drain(20.0)
    before = {one.id for one in target.arrived()}
    target.down()
    second = house.tell("itm_1", 2)
    target.up()
    assert running.drain(60.0)
    assert (before, second in {one.id for one in target.arrived()}) == ({first}, True)


def test_a_dead_letter_is_seen_and_can_be_sent_again(house: House, target: Target) -> None:
    house.webhooks.create(ADMIN, target.url, ANSWERED)
    event_id = house.tell("itm_1")
    running = house.deliver(attempts=2)
    assert running.drain(30.0)
    [dead], [hook] = house.webhooks.deliveries(ADMIN), house.webhooks.list(ADMIN)
    target.up()
    house.webhooks.redeliver(ADMIN, dead.id)
    assert running.drain(30.0)
    [now] = house.webhooks.deliveries(ADMIN)
    assert (dead.state, dead.attempts, hook.dead, now.state) == ("dead", 2, 1, "delivered")
    assert [one.id for one in target.arrived()] == [event_id]


DELIVER = """
import json, pathlib, sys
from sightloop.events import Deliverer, Egress, Events, Sinks
from sightloop.settings import SinkSettings
from sightloop.storage import Records, Stores, configure_faults
folder = pathlib.Path(sys.argv[1])
records = Records(f"sqlite:///{folder}/sightloop.db")
configure_faults(sys.argv[2])
with Sinks([SinkSettings(**one) for one in json.loads(sys.argv[3])]) as sinks:
    egress = Egress(["127.0.0.0/8"])
    deliverer = Deliverer(records, Stores(folder, records), Events(records), egress=egress, sinks=sinks)
    deliverer.start()
    deliverer.drain(30.0)
    deliverer.stop()
"""


@pytest.mark.crash
def test_a_sender_killed_before_it_noted_the_success_sends_under_the_same_id_again(
    house: House, target: Target
) -> None:
    target.up()
    house.webhooks.create(ADMIN, target.url, ANSWERED)
    event_id = house.tell("itm_1")
    killed = _killed_sender(house, target, "delivery.after_send")
    assert house.deliver().drain(30.0)
    assert (killed, [one.id for one in target.arrived()]) == (-signal.SIGKILL, [event_id] * target.told_again)


@pytest.mark.crash
def test_what_a_sender_killed_before_sending_had_to_tell_is_told_once(tmp_path: Path, nats_target: NatsTarget) -> None:
    house = House(tmp_path, nats_target.sinks)
    house.webhooks.create(ADMIN, nats_target.url, ANSWERED)
    event_id = house.tell("itm_1")
    killed = _killed_sender(house, nats_target, "delivery.before_send")
    before = nats_target.arrived()
    assert house.deliver().drain(30.0)
    house.close()
    assert (killed, before, [one.id for one in nats_target.arrived()]) == (-signal.SIGKILL, [], [event_id])


def _killed_sender(house: House, target: Target, point: str) -> int:
    """How a process ended that was to deliver what is due and dies at the point."""
    sinks = json.dumps([_plain(sink) for sink in target.sinks])
    command = [sys.executable, "-c", DELIVER, str(house.folder), f"{point}=kill", sinks]
    return subprocess.run(command, capture_output=True).returncode


def test_an_idempotent_producer_is_acknowledged(tmp_path: Path) -> None:
    """By librdkafka's own broker, which numbers producers."""
    try:
        from confluent_kafka import Producer
    except ImportError:
        missing("confluent_kafka", "confluent-kafka")
    cluster = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "none"})
    [broker] = cluster.list_topics(timeout=10).brokers.values()
    sink = SinkSettings(name="line", url=f"kafka://{broker.host}:{broker.port}/vision")
    house = House(tmp_path, (sink,))
    house.webhooks.create(ADMIN, "sink:line", ANSWERED)
    house.tell("itm_1")
    assert house.deliver().drain(20.0)
    [delivery] = house.webhooks.deliveries(ADMIN)
    house.close()
    assert (delivery.state, delivery.attempts, delivery.detail) == ("delivered", 1, "acknowledged")


def test_a_user_names_a_sink_and_never_an_address(tmp_path: Path) -> None:
    declared = SinkSettings(name="line", url="nats://127.0.0.1:4222/factory", workspaces=("other",))
    house = House(tmp_path, (declared,))
    refused: dict[str, type[SightloopError]] = {
        "sink:line": Forbidden,
        "sink:lines": NotFound,
        "nats://127.0.0.1:4222/factory": InvalidInput,
        "kafka://127.0.0.1:9092/topic": InvalidInput,
        "http://10.0.0.1/x": Refused,
    }
    for url, error in refused.items():
        with pytest.raises(error):
            house.webhooks.create(ADMIN, url, ANSWERED)
    house.close()


@pytest.mark.parametrize(
    "url", ["nats://user:pass@host:4222/x", "nats://host/x", "http://host:80/x", "kafka://host:9092/", "nats://h:1/a.*"]
)
def test_a_sink_with_another_kind_of_address_is_the_operators_error(url: str) -> None:
    with pytest.raises(InvalidInput):
        load_settings(overrides={"events": {"sinks": [{"name": "line", "url": url}]}})


def test_a_wrong_password_is_a_dead_letter_and_never_told(tmp_path: Path, nats_target: NatsTarget) -> None:
    wrong = "not-the-password"
    house = House(tmp_path, (nats_target.settings(wrong),))
    house.webhooks.create(ADMIN, "sink:line", ANSWERED)
    house.tell("itm_1")
    assert house.deliver(attempts=2).drain(30.0)
    [dead] = house.webhooks.deliveries(ADMIN)
    house.close()
    assert (dead.state, nats_target.arrived()) == ("dead", [])
    assert "did not take the event" in dead.detail
    assert wrong not in dead.detail


def test_the_settings_show_a_sink_without_its_password() -> None:
    sink = {"name": "line", "url": "nats://host:4222/x", "user": "u", "password": PASSWORD}
    settings = load_settings(overrides={"events": {"sinks": [sink]}})
    assert PASSWORD not in f"{describe_settings(settings)} {settings!r}"


def _plain(sink: SinkSettings) -> dict[str, object]:
    return {**sink.model_dump(), "password": sink.password.get_secret_value() if sink.password else None}

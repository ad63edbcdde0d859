"""One suite over both executors: the same work, and the same ingest, embedding and prediction, wherever it is done."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from sightloop.datasets import Datasets
from sightloop.domain import Caller, Role
from sightloop.errors import InvalidMedia, SightloopError
from sightloop.events import Events
from sightloop.inference import DecodePool, Embedder
from sightloop.runs import Executor, LocalExecutor, RayExecutor, Runs, Work
from sightloop.storage import Records, Stores
from tests.specs.datasets.world import World, picture
from tests.specs.serving.house import ME, HeldSamples, House
from tests.specs.serving.small_model import MeanColour

CORES = 2


@pytest.fixture(scope="module")
def cluster() -> Iterator[Executor]:
    if os.environ.get("CI") != "true":
        pytest.importorskip("ray", reason="Ray is missing: pip install 'sightloop[ray]'")
    made = RayExecutor("local", cores=CORES, memory_bytes=100 << 20)
    yield made
    made.close()


@pytest.fixture(params=["local", "ray"])
def executor(request: pytest.FixtureRequest) -> Executor:
    if request.param == "local":
        return LocalExecutor()
    made: Executor = request.getfixturevalue("cluster")
    return made


def doubled(number: int) -> int:
    if number == 13:
        raise InvalidMedia("Thirteen is no medium.", hint="Take another.", reason="corrupt")
    return 2 * number


def opened() -> partial[int]:
    return partial(doubled)


DOUBLE = Work("double", doubled, lambda: opened)


def test_results_come_in_the_order_of_the_items(executor: Executor) -> None:
    assert list(executor.map(DOUBLE, range(12))) == list(range(0, 24, 2))


def test_items_are_taken_only_a_bounded_number_ahead_of_results(executor: Executor) -> None:
    taken = count()
    results = executor.map(DOUBLE, (0 for _ in taken))
    assert len(list(islice(results, 5))) == 5
    assert next(taken) <= 5 + 2 * CORES


def test_an_error_of_the_work_keeps_its_class_and_its_facts(executor: Executor) -> None:
    results = executor.map(DOUBLE, [1, 13])
    assert next(results) == 2
    with pytest.raises(SightloopError, match="Thirteen") as raised:
        next(results)
    assert (type(raised.value), raised.value.facts) == (InvalidMedia, {"reason": "corrupt"})


class DiesOnce:
    """The process that has the first item kills itself, once."""

    def __init__(self, note: Path) -> None:
        self._note = note

    def __call__(self) -> partial[int]:
        return partial(self.do)

    def do(self, number: int) -> int:
        if number == 0 and not self._note.exists():
            self._note.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return number


def test_the_items_of_a_worker_that_was_killed_are_done_by_another(cluster: Executor, tmp_path: Path) -> None:
    dies = DiesOnce(tmp_path / "died")
    assert list(cluster.map(Work("dies", doubled, lambda: dies), range(8))) == list(range(8))
    assert (tmp_path / "died").exists()


class Renamed(MeanColour):
    """The same vectors under another id."""

    id = "mean-colour@2"


@contextmanager
def installation(folder: Path, executor: Executor, embedder: Embedder = MeanColour()) -> Iterator[World]:
    folder.mkdir(exist_ok=True)
    records = Records(f"sqlite:///{folder}/sightloop.db")
    records.migrate()
    stores, events = Stores(folder, records), Events(records)
    runs = Runs(records, events, folder / "runs.db", executor=executor)
    with DecodePool(workers=1) as decoder:
        datasets = Datasets(records, stores, events, runs, decoder, embedder)
        runs.launch()
        yield World(datasets, records, stores, events, runs, Caller("default", "tester", Role.ADMIN), folder)
        runs.close()
    records.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96 pictures, one of them twice, and a broken one."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(96):
        (folder / f"{number:03}.png").write_bytes(picture(number))
    (folder / "again.png").write_bytes(picture(7))
    (folder / "broken.png").write_bytes(picture(8)[:200])
    return folder


def came_of(world: World, output: Mapping[str, Any]) -> dict[str, Any]:
    samples = {one.media_digest: one for one in world.datasets.samples(world.caller, limit=200).items}
    vectors = world.datasets.embeddings(world.caller, [samples[digest].id for digest in sorted(samples)])
    return {
        "output": {name: value for name, value in output.items() if name != "seconds"},
        "samples": {digest: (one.phash, one.brightness, one.thumbnail_digest) for digest, one in samples.items()},
        "vectors": vectors.round(2).tolist(),
        "problems": list(world.datasets.check("default")),
    }


def test_an_ingest_gives_the_same_on_a_cluster_though_one_of_its_workers_is_killed(
    cluster: Executor, pictures: Path, tmp_path: Path
) -> None:
    source = {"kind": "folder", "path": str(pictures)}
    with installation(tmp_path / "here", LocalExecutor()) as world:
        expected = came_of(world, world.ingest(path=str(pictures)))
    with installation(tmp_path / "there", cluster) as world:
        run = world.datasets.ingest(world.caller, source)
        kill_one_at_work()
        found = came_of(world, world.runs.wait(world.caller, run.id).output)
    assert found == expected
    assert found["output"]["ingested"] == 96


def kill_one_at_work() -> None:
    while not (at_work := [one for one in psutil.Process().children(recursive=True) if "ray::_do" in one.name()]):
        time.sleep(0.01)
    at_work[0].kill()


def test_samples_without_a_vector_of_the_present_embedder_are_embedded(
    executor: Executor, pictures: Path, tmp_path: Path
) -> None:
    with installation(tmp_path / "one", LocalExecutor()) as world:
        world.ingest(path=str(pictures))
        expected = world.datasets.embeddings(world.caller, world.ids())
    with installation(tmp_path / "one", executor, Renamed()) as world:
        embedded = [world.runs.wait(world.caller, world.datasets.embed(world.caller).id).output for _ in range(2)]
        found = world.datasets.embeddings(world.caller, world.ids())
    assert embedded == [{"embedded": 96}, {"embedded": 0}]
    np.testing.assert_allclose(found, expected, atol=0.002)


def test_a_batch_prediction_says_the_same_wherever_it_is_made(cluster: Executor, tmp_path: Path) -> None:
    said = [predicted(tmp_path / str(number), made) for number, made in enumerate((LocalExecutor(), cluster))]
    assert len(said[0]) == 40
    assert said[0] == said[1]


def predicted(folder: Path, executor: Executor) -> list[tuple[str, str, float]]:
    folder.mkdir()
    house = House(folder, HeldSamples(range(0, 240, 6)), executor)
    house.runs.launch()
    params = {"model_version": house.register().id, "samples": house.samples.ids}
    assert house.runs.wait(ME, house.runs.start(ME, "predict", params).id).output["predicted"] == 40
    rows = house.log.list(ME, limit=100)
    house.close()
    return sorted((str(one.sample), one.label, round(one.score, 4)) for one in rows)

"""Where the same pure work is done to many items: in this process, or by the tasks of a Ray cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, Generic, Protocol, TypeVar

from sightloop.errors import SightloopError, Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

ITEMS_A_CORE: Final = 2  # one under way and one that waits for it
KEPT: Final = 4
_END: Final = object()


@dataclass(frozen=True, slots=True)
class Work(Generic[Item, Result]):
    """What is done to each item. It reads and writes nothing but what it is given, so that it may be done again.

    Attributes:
        key: names what `there` opens; equal keys, equal work.
        here: does it in this process.
        there: gives what opens, once in each process of a cluster, what does it; that is pickled to get there.
    """

    key: str
    here: Callable[[Item], Result]
    there: Callable[[], Callable[[], Callable[[Item], Result]]]


class Executor(Protocol):
    """Does work to items wherever there is room."""

    @property
    def cores(self) -> int:
        """How many items are worked on at once; of a cluster that grows, now."""
        ...

    def map(self, work: Work[Item, Result], items: Iterable[Item]) -> Iterator[Result]:
        """One result for each item, in their order; items are taken only a bounded number ahead of results.

        Raises:
            SightloopError: what the work raised on an item; what came before it stands.
            Unavailable: there is no cluster, or it has failed.
        """
        ...

    def close(self) -> None:
        """Returns once nothing is held any more."""
        ...


class LocalExecutor:
    """This process, an item after the other; work here is parallel in itself."""

    cores = 1

    def map(self, work: Work[Item, Result], items: Iterable[Item]) -> Iterator[Result]:
        """One result for each item, in their order, each item taken when its result is asked for."""
        return map(work.here, items)

    def close(self) -> None:
        """Nothing is held."""


class RayExecutor:
    """A Ray cluster, entered when it is first needed, or the one that this process is in already.

    Lost processes and machines are Ray's to replace: it repeats their tasks, as often as it takes.
    Ray moves work and results by pickle, and whoever may submit a task runs code on its machines: it stays within one
    network whose machines trust each other. Only media, graphs and numbers cross; no credentials do, and no SQL.

    Args:
        address: of the cluster, "auto" for the one of this machine, "local" for one of our own that ends with us.
        cores: of one of our own.
        memory_bytes: that media and results under way may take in one of our own; what is more waits on disk.
    """

    def __init__(self, address: str, *, cores: int = 2, memory_bytes: int = 256 << 20) -> None:
        self._address = address
        self._cores = cores
        self._memory_bytes = memory_bytes
        self._lock = Lock()
        self._task: Any = None
        self._ours = False

    @property
    def cores(self) -> int:
        """How many cores the cluster has now."""
        return max(1, int(self._entered().cluster_resources().get("CPU", 0)))

    def map(self, work: Work[Item, Result], items: Iterable[Item]) -> Iterator[Result]:
        """One result for each item, in their order, ITEMS_A_CORE under way for each core of the cluster."""
        ray = self._entered()
        opening = ray.put(work.there())
        left = iter(items)
        under_way: deque[Any] = deque()
        try:
            while True:
                while len(under_way) < ITEMS_A_CORE * self.cores and (item := next(left, _END)) is not _END:
                    under_way.append(self._task.remote(work.key, opening, item))
                if not under_way:
                    return
                yield _outcome(under_way.popleft())
        finally:
            for one in under_way:
                ray.cancel(one)

    def close(self) -> None:
        """The cluster is left, if it was entered here; one of our own ends."""
        with self._lock:
            if self._ours:
                import ray

                ray.shutdown()
            self._task, self._ours = None, False

    def _entered(self) -> Any:
        with self._lock:
            try:
                import ray
            except ImportError as error:
                raise Unavailable("Ray is not installed.", hint="pip install 'sightloop[ray]'") from error
            if self._task is None:
                self._enter(ray)
            return ray

    def _enter(self, ray: Any) -> None:
        self._ours = not ray.is_initialized()
        quiet = {"log_to_driver": False, "logging_level": "error", "configure_logging": False}
        try:
            if self._ours and self._address == "local":
                ray.init(
                    "local",
                    num_cpus=self._cores,
                    object_store_memory=self._memory_bytes,
                    include_dashboard=False,
                    _node_ip_address="127.0.0.1",
                    **quiet,
                )
            elif self._ours:
                ray.init(self._address, **quiet)
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            raise Unavailable(
                "The Ray cluster does not answer.", hint="See SIGHTLOOP_RUNS__RAY_ADDRESS; `ray status` tells of it."
            ) from error
        self._task = ray.remote(num_cpus=1, max_retries=-1)(_do)


def _outcome(one: Any) -> Any:
    import ray

    try:
        return ray.get(one)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, SightloopError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise Unavailable(
            "The Ray cluster has failed.", hint="The run goes on from its last step when it is started again."
        ) from error


_opened: dict[str, Callable[[Any], Any]] = {}


def _do(key: str, opening: Callable[[], Callable[[Any], Any]], item: Any) -> Any:
    """In a process of the cluster, which serves many tasks: what the last few kinds of work opened stays open."""
    if key not in _opened:
        while len(_opened) >= KEPT:
            _opened.pop(next(iter(_opened)))
        _opened[key] = opening()
    return _opened[key](item)

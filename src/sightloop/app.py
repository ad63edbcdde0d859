"""The composition root: settings become adapters, adapters become services, in plain code and in one place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from typing_extensions import TypedDict

from sightloop.cameras import Cameras, Kept
from sightloop.datasets import Datasets
from sightloop.domain import Alert, Caller, new_id
from sightloop.errors import InvalidInput, not_found
from sightloop.events import Deliverer, Egress, EgressGate, Events, Idempotency, Sinks, Webhooks
from sightloop.governance import (
    Backups,
    Fsck,
    Identity,
    Lineage,
    Replay,
    Retention,
    Rule,
    restore_backup,
    stuck_runs,
    unfinished_runs,
)
from sightloop.inference import DecodePool, load_embedder
from sightloop.labeling import Labeling, Reviews, replay_acceptance
from sightloop.loop import Cycle, Loop, Overview, Rooms, Stages, Ticker, replay_act
from sightloop.monitoring import Monitoring, replay_alarm, replay_rule
from sightloop.registry import Registry, replay_alias_move, replay_gate
from sightloop.runs import Executor, LocalExecutor, RayExecutor, Runs
from sightloop.serving import Deployments, PredictionLog, Predictor
from sightloop.settings import RunsSettings, Settings
from sightloop.storage import FolderLock, Records, Stores, bind, configure_faults
from sightloop.training import HeadSuggester, LabelErrors, Training, validate_recipe

Check = Callable[[str], Sequence[str]]
References = Callable[[str], Iterable[str]]
CONTROL = "control"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


class Ticked(TypedDict):
    """What one look of the loop's clock did: predictions imported, alerts raised, cycles moved."""

    predictions: int
    alerts: list[Alert]
    cycles: list[Cycle]


class Installation:
    """One folder, opened: every service, wired. Close it, or the folder stays locked.

    Args:
        lock: the folder's; a worker holds none.
        name: of this process among those that carry out runs.

    Attributes:
        owner_token: opens the API as the owner; made for this process, never stored beyond the lock file.
        version: the version of the code, written into receipts and runs.
    """

    def __init__(self, folder: Path, settings: Settings, lock: FolderLock | None, *, name: str = CONTROL) -> None:
        self.folder = folder
        self.settings = settings
        self.owner_token = token_urlsafe(32)
        self.version = _version()
        self._lock = lock
        self._name = name
        self._closing = ExitStack()
        if lock:
            self._closing.callback(lock.release)
        try:
            self._open_foundations()
            self._open_assets()
            self._open_activities()
            self._open_loop()
        except BaseException:
            self.close()
            raise

    def publish(self, address: str) -> None:
        """Returns once others on this machine that find the folder held can reach it at the address."""
        if self._lock:
            self._lock.publish(address, self.owner_token)

    def tick(self, caller: Caller) -> Ticked:
        """What one look of the loop's clock did: predictions imported, alerts raised, cycles moved."""
        return {
            "predictions": self.predictions.import_segments(caller.workspace, flush=True),
            "alerts": self.monitoring.advance(caller),
            "cycles": self.loop.tick(caller),
        }

    def close(self) -> None:
        """Returns once every part has stopped, the last opened first, and the folder is free."""
        self._closing.close()

    def _open_foundations(self) -> None:
        storage, events = self.settings.storage, self.settings.events
        configure_faults(self.settings.faults)
        self.records, self.stores = _open_storage(self.folder, self.settings)
        self._closing.callback(self.records.close)
        self.records.migrate()
        if self.records.shared:
            bind(self.folder, self.records)
        self.stores.claim()
        self.events = Events(self.records, code_version=self.version)
        self.idempotency = Idempotency(self.records)
        self._egress = egress = Egress(events.egress_allow, events.egress_ports)
        sinks = Sinks(events.sinks)
        self._closing.callback(sinks.close)
        self.gate = EgressGate(egress)
        self._closing.callback(self.gate.close)
        self.webhooks = Webhooks(self.records, self.stores, self.events, egress, sinks)
        self.deliverer = Deliverer(
            self.records,
            self.stores,
            self.events,
            interval_s=events.delivery_interval_s,
            attempts=events.delivery_attempts,
            egress=egress,
            sinks=sinks,
        )
        executor = _executor(self.settings.runs)
        self._closing.callback(executor.close)
        self.runs = Runs(
            self.records,
            self.events,
            self.folder / "runs.db",
            code_version=self.version,
            cores=self.settings.runs.cores,
            name=self._name,
            lease_s=self.settings.runs.lease_s,
            executor=executor,
        )
        self.identity = Identity(self.records, self.stores, self.events)
        self.backups = Backups(
            storage.backup_folder or self.folder / "backups",
            {f"serving/{name}": self.folder / "serving" / name for name in ("segments", "media")},
            records=self.records,
            stores=self.stores,
            events=self.events,
            runs=self.runs,
            code_version=self.version,
            free_bytes_floor=storage.free_bytes_floor,
        )

    def _open_assets(self) -> None:
        decode = self.settings.decode
        self.decoder = DecodePool(decode.workers, decode.memory_bytes, decode.wall_s)
        self._closing.callback(self.decoder.close)
        self.embedder = load_embedder(threads=self.settings.serving.threads)
        self.datasets = Datasets(
            self.records,
            self.stores,
            self.events,
            self.runs,
            self.decoder,
            self.embedder,
            gate=self.gate,
            push_limit=self.settings.sources.push_waiting_limit,
        )
        self.registry = Registry(self.records, self.events, self.stores)

    def _open_activities(self) -> None:
        self.labeling = Labeling(self.records, self.events, self.stores, self.datasets, HeadSuggester(self.datasets))
        self.training = Training(
            self.stores, self.runs, self.datasets, self.registry, self.embedder, code_version=self.version
        )
        self.label_errors = LabelErrors(self.runs, self.datasets)
        self.predictions = PredictionLog(self.folder, self.records, self.events, self.stores, self.datasets)
        self.reviews = Reviews(self.records, self.events, self.datasets, self.predictions)
        self.deployments = Deployments(
            self.folder,
            self.settings,
            records=self.records,
            events=self.events,
            runs=self.runs,
            registry=self.registry,
            predictor=Predictor(
                self.registry,
                self.datasets,
                self.predictions,
                self.decoder,
                self.runs.executor,
                threads=self.settings.serving.threads,
            ),
            serving_keys=self.identity.hashes,
        )
        self._closing.callback(self.deployments.close)
        self.monitoring = Monitoring(
            self.records, self.stores, self.events, self.predictions, self.deployments, self.registry, self.datasets
        )

        self.cameras = Cameras(
            self.records,
            self.stores,
            self.events,
            self._egress,
            self.deployments,
            Kept(self.records, self.stores, self.events, self.runs, self.datasets),
            memory_bytes=self.settings.decode.memory_bytes,
        )

    def _open_loop(self) -> None:
        rooms = Rooms(
            traffic=self.predictions,
            samples=self.datasets,
            reviewers=self.labeling,
            trainers=self.training,
            runs=self.runs,
            models=self.registry,
            deployer=self.deployments,
            watchers=self.monitoring,
        )
        self.loop = Loop(self.records, self.stores, self.events, rooms, validate_recipe)
        self.overview = Overview(
            self.events,
            Stages(
                data=self.datasets,
                schemas=self.datasets.source_schemas,
                reviews=(self.labeling, self.reviews),
                models=self.registry,
                serving=self.deployments,
                watches=self.monitoring,
                work=self.runs,
                cycles=self.loop,
            ),
        )
        self.lineage = Lineage(
            self.predictions, self.datasets, self.datasets.annotations, self.registry, self.runs, self.events,
            self.datasets.entities,
        )  # fmt: skip
        self.replay = Replay(
            self.events,
            self.stores,
            {
                "labels.accept": replay_acceptance,
                "model.gate": replay_gate,
                "alias.move": replay_alias_move,
                "drift.alarm": replay_alarm,
                "rule.fired": replay_rule,
                "loop.act": replay_act,
            },
        )
        checks: dict[str, Check] = {
            "datasets": self.datasets.check,
            "registry": self.registry.check,
            "labeling": self.labeling.check,
            "serving": self.predictions.check,
            "monitoring": self.monitoring.check,
            "loop": self.loop.check,
            "runs": stuck_runs(self.runs),
        }
        references: dict[str, References] = {
            "datasets": self.datasets.references,
            "registry": self.registry.references,
            "labeling": self.labeling.references,
            "monitoring": self.monitoring.references,
            "loop": self.loop.references,
            "cameras": self.cameras.references,
        }
        self.fsck = Fsck(
            self.records,
            self.stores,
            self.events,
            checks,
            references,
            writing=unfinished_runs(self.runs),
            grace_s=self.settings.storage.orphan_grace_s,
        )
        kept = self.settings.retention
        self.retention = Retention(
            {
                "predictions": Rule(kept.predictions_days, self._retire_predictions),
                "quarantine": Rule(kept.quarantine_days, self.datasets.retire_quarantine),
                "uploads": Rule(kept.uploads_days, self.datasets.retire_staged),
                "deliveries": Rule(kept.deliveries_days, self.webhooks.retire),
                "answers": Rule(kept.answers_days, self.idempotency.retire),
            },
            self.fsck,
        )
        self.ticker = Ticker(
            lambda: list(self.identity.workspaces()),
            {
                "predictions": lambda caller: self.predictions.import_segments(caller.workspace),
                "monitors": self.monitoring.advance,
                "loop": self.loop.tick,
                "sources": self.datasets.sources.look,
            },
            self.settings.loop.tick_s,
        )

    def _retire_predictions(self, caller: Caller, before: datetime) -> int:
        upto = min(self.monitoring.read_upto(caller), self.loop.reads_from(caller))
        return self.predictions.retire(caller, before, upto)

    def run(self) -> None:
        """Returns once runs go on here, and nothing else does: for a worker."""
        self._closing.callback(self.runs.close)
        self.runs.launch()

    def start(self, *, ticking: bool) -> None:
        """Returns once everything goes on here: runs, what is deployed, deliveries, and the loop's clock if asked."""
        self.identity.ensure_default()
        self.run()
        self.deployments.start()
        self.deliverer.start()
        self._closing.callback(self.deliverer.stop)
        if ticking:
            self.ticker.start()
            self._closing.callback(self.ticker.stop)
            self.cameras.launch()
            self._closing.callback(self.cameras.close)


def open_installation(folder: Path, settings: Settings, *, ticking: bool = False) -> Installation:
    """The installation in the folder, made if there is none. With `ticking` the loop's clock and cameras run.

    Raises:
        Locked: another process, or this one, holds the folder.
        Refused: its records belong to another folder.
    """
    opened = Installation(folder, settings, FolderLock.acquire(folder))
    return _started(opened, partial(opened.start, ticking=ticking))


def open_worker(folder: Path, settings: Settings, name: str) -> Installation:
    """The installation in the folder, beside the control process that holds it: for carrying out its runs.

    Raises:
        InvalidInput: a name that is none, or records on SQLite, which one process at a time holds.
        Locked: a live worker goes by the name.
    """
    if not settings.storage.records_url.get_secret_value():
        raise InvalidInput(
            "Workers need records that processes can share.", hint="Set storage.records_url to a PostgreSQL database."
        )
    if name == CONTROL or not _NAME.fullmatch(name):
        raise InvalidInput(
            f'"{name}" cannot name a worker.', hint=f'Use letters, digits, - and _, and not "{CONTROL}".'
        )
    if not folder.is_dir():
        raise not_found("installation folder", folder.name, hint="Start it once: sightloop serve FOLDER")
    opened = Installation(folder, settings, None, name=name)
    return _started(opened, opened.run)


def _started(opened: Installation, start: Callable[[], None]) -> Installation:
    try:
        start()
    except BaseException:
        opened.close()
        raise
    return opened


def restore_installation(backup: Path, folder: Path, settings: Settings) -> dict[str, Any]:
    """What the backup held; the empty folder, with the databases and stores that its settings name, now holds it.

    Raises:
        Locked: a process holds the folder.
        Refused: the folder or its database is not empty, or the backup was never finished.
        Corrupt: a file of the backup is not what was written.
    """
    with ExitStack() as closing:
        closing.callback(FolderLock.acquire(folder).release)
        records, stores = _open_storage(folder, settings)
        closing.callback(records.close)
        return asdict(restore_backup(backup, folder, records, stores))


def _open_storage(folder: Path, settings: Settings) -> tuple[Records, Stores]:
    url = settings.storage.records_url.get_secret_value() or f"sqlite:///{folder / 'sightloop.db'}"
    records = Records(url, session=new_id("wrk"))
    return records, Stores.from_settings(folder, records, settings.storage)


def _executor(settings: RunsSettings) -> Executor:
    if settings.executor == "local":
        return LocalExecutor()
    return RayExecutor(settings.ray_address, cores=settings.ray_cores)


def _version() -> str:
    try:
        return version("sightloop")
    except PackageNotFoundError:
        return "0.0.0+source"

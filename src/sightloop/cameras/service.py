"""The verbs of cameras: add, start, look, stop, remove. What is started runs in this process until it is stopped."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from sightloop.cameras.flow import RECONNECTING, RUNNING, STARTING, STOPPED, Counts, Flow, Sent, Standing, Stream
from sightloop.cameras.kept import Kept
from sightloop.cameras.tables import cameras
from sightloop.cameras.waiting import DROPS, Frame
from sightloop.domain import Caller, Role, now
from sightloop.errors import Conflict, InvalidInput, NotFound, Unavailable, not_found
from sightloop.events import Egress, Events, Relay
from sightloop.inference import Capture
from sightloop.serving import Deployments
from sightloop.storage import Records, Stores, insert_once

KEEPS: Final = ("all", "uncertain", "none")
TEND_S: Final = 2.0
SHORTEST_S, LONGEST_S = 0.02, 86_400.0
MOST_WAITING: Final = 256  # frames; at 1080p about 100 MB
_EVENTS: Final = {RUNNING: "connected", RECONNECTING: "lost"}
_ELSEWHERE: Final = "Cameras run where `sightloop serve` runs."
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_URL_HINT: Final = 'Write "rtsp://host/path", "file:/path/of/a/clip" or "device:0".'
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """What a camera is told.

    Attributes:
        every_s: a frame is due so often, seconds by the clock of the stream.
        queue, drop: so many frames wait at most; then the "oldest" goes, the "newest" goes, or "never" any: then the
            stream is read no faster than its frames are sent.
        deployment: what predicts the frames; empty for none.
        keep: which frames become samples: "all", "uncertain" (a score below `uncertain_below`) or "none".
        stall_s: a stream that gives nothing for so long is connected again.
    """

    every_s: float = 1.0
    queue: int = 8
    drop: str = "oldest"
    deployment: str = ""
    keep: str = "none"
    uncertain_below: float = 0.8
    stall_s: float = 10.0

    def __post_init__(self) -> None:
        if not SHORTEST_S <= self.every_s <= LONGEST_S:
            raise InvalidInput(
                f"A frame every {self.every_s:g} s is not possible.", hint=f"Give {SHORTEST_S:g} s to a day."
            )
        if not 1 <= self.queue <= MOST_WAITING:
            raise InvalidInput(f"{self.queue} frames cannot wait.", hint=f"Give a queue of 1 to {MOST_WAITING}.")
        if self.drop not in DROPS:
            raise InvalidInput(f'There is no way to drop "{self.drop}".', hint=f"Use {', '.join(DROPS)}.")
        if self.keep not in KEEPS:
            raise InvalidInput(f'There is no way to keep "{self.keep}".', hint=f"Use {', '.join(KEEPS)}.")
        if not self.deployment and self.keep != "all":
            raise InvalidInput("The frames would go nowhere.", hint='Name a deployment, or keep "all".')
        if not 0 <= self.uncertain_below <= 1 or not 1 <= self.stall_s <= 600:
            raise InvalidInput("A limit of the camera cannot be.", hint="uncertain_below: 0 to 1; stall_s: 1 to 600.")


@dataclass(frozen=True, slots=True)
class CameraState:
    """A camera, and how it goes.

    Attributes:
        has_password: whether it is asked with one, which nobody sees again.
        wanted: whether it is to run, also after a restart.
        state: starting, running, reconnecting or stopped; since when, and in `detail` why.
        waiting: frames that wait to be sent. newest_at: when the frame was received that `frame` gives.
    """

    id: str
    name: str
    url: str
    has_password: bool
    settings: CameraSettings
    wanted: bool
    state: str
    since: datetime
    detail: str
    counts: Counts
    made_at: datetime
    waiting: int = 0
    fps: float = 0.0
    latency_ms: float = 0.0
    lag_s: float = 0.0
    label: str = ""
    score: float | None = None
    stream: Mapping[str, Any] = field(default_factory=dict)
    newest_at: datetime | None = None


class Cameras:
    """The cameras of all workspaces; those of a closed installation stand still and go on when it is opened again."""

    def __init__(
        self,
        records: Records,
        stores: Stores,
        events: Events,
        egress: Egress,
        deployments: Deployments,
        kept: Kept,
        *,
        memory_bytes: int,
    ) -> None:
        self._records = records
        self._stores = stores
        self._events = events
        self._egress = egress
        self._deployments = deployments
        self._kept = kept
        self._memory_bytes = memory_bytes
        self._flows: dict[tuple[str, str], Flow] = {}
        self._saved: dict[tuple[str, str], Counts] = {}
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._tender: threading.Thread | None = None

    def launch(self) -> None:
        """Returns once every camera that is wanted runs here, and those that are started from now on will."""
        with self._records.read() as connection:
            rows = connection.execute(sa.select(cameras).where(cameras.c.wanted).order_by(cameras.c.id)).all()
        with self._lock:
            self._tender = threading.Thread(target=self._tend, name="cameras", daemon=True)
            for row in rows:
                self._run(row, Counts(**row.counts).after_a_crash())
        self._tender.start()

    def close(self) -> None:
        """Returns once no camera is read and what became of their frames is written down."""
        self._closing.set()
        with self._lock:
            stopping = [threading.Thread(target=flow.stop) for flow in self._flows.values()]
            for thread in stopping:
                thread.start()
        for thread in stopping:
            thread.join()
        if self._tender is not None:
            self._tender.join()
        self._save()

    def add(
        self,
        caller: Caller,
        name: str,
        url: str,
        settings: Mapping[str, Any],
        *,
        user: str = "",
        password: str = "",
        start: bool = True,
    ) -> CameraState:
        """The camera, started unless that is not wanted.

        Args:
            url: "rtsp://host:port/path" without credentials; "file:PATH", played over and over, or "device:0", both of
                this machine's.

        Raises:
            InvalidInput: it is described wrongly. Conflict: the name is taken.
            Refused: it lies where requests may not go. NotFound: no such file or deployment.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInput(f'"{name}" is no name for a camera.', hint="Use letters, digits, '-', '_' and '.'.")
        try:
            told = CameraSettings(**settings)
        except TypeError as error:
            known = ", ".join(one.name for one in fields(CameraSettings))
            raise InvalidInput("The camera is told what it does not know.", hint=f"It knows {known}.") from error
        self._check_url(url)
        if told.deployment:
            self._deployments.get(caller, told.deployment)
        camera_id = caller.new_id("cam")
        secret = json.dumps({"user": user, "password": password}) if user or password else ""
        row = {
            "workspace_id": caller.workspace,
            "id": camera_id,
            "name": name,
            "url": url,
            "secret": self._stores.workspace(caller.workspace).seal(secret, camera_id) if secret else "",
            "settings": asdict(told),
            "wanted": start,
            "state": STARTING if start else STOPPED,
            "since": now().isoformat(),
            "detail": "",
            "counts": asdict(Counts()),
            "made_at": now().isoformat(),
        }
        with self._lock:
            with self._events.change(caller, "camera.add", camera_id) as change:
                if not insert_once(change.connection, cameras, [row]):
                    raise Conflict(
                        f'There is a camera "{name}" already.', hint="Take another name, or remove it first."
                    )
                change.emit("sightloop.camera.added", {"camera": name, "started": start})
            if start:
                self._run_here(caller, name)
        return self.get(caller, name)

    def list(self, caller: Caller) -> Sequence[CameraState]:
        """The workspace's cameras by name, as they stand at this moment."""
        query = sa.select(cameras).where(cameras.c.workspace_id == caller.workspace).order_by(cameras.c.name)
        with self._records.read() as connection:
            return [self._shown(row) for row in connection.execute(query)]

    def get(self, caller: Caller, name: str) -> CameraState:
        return self._shown(self._row(caller, name))

    def frame(self, caller: Caller, name: str) -> bytes:
        """The newest sampled frame, JPEG; raises NotFound where there is none since the start."""
        flow = self._flows.get((caller.workspace, self._row(caller, name).id))
        if flow is None or flow.newest is None:
            raise NotFound(f'The camera "{name}" has given no frame yet.', hint="See why: sightloop camera show")
        return flow.newest.jpeg

    def start(self, caller: Caller, name: str) -> CameraState:
        """The camera, which runs from now on, also after a restart; one that runs goes on."""
        with self._lock:
            row = self._row(caller, name)
            if not row.wanted:
                self._want(caller, row, True, STARTING)
                self._run_here(caller, name)
        return self.get(caller, name)

    def stop(self, caller: Caller, name: str) -> CameraState:
        """The camera, which has sent what waited and stands still."""
        row = self._row(caller, name)
        if row.wanted:
            self._want(caller, row, False, STOPPED)
            self._end(row)
        return self.get(caller, name)

    def remove(self, caller: Caller, name: str) -> CameraState:
        """What is gone; its predictions and samples stay."""
        self.stop(caller, name)
        found = self.get(caller, name)
        mine = (cameras.c.workspace_id == caller.workspace) & (cameras.c.id == found.id)
        with self._events.change(caller, "camera.remove", found.id) as change:
            change.execute(sa.delete(cameras).where(mine))
            change.emit("sightloop.camera.removed", {"camera": name})
        return found

    def references(self, workspace: str) -> Iterable[str]:
        """Digests of frames that are to become samples."""
        return self._kept.references(workspace)

    def _check_url(self, url: str) -> None:
        kind, _, place = url.partition(":")
        if kind == "file":
            if not Path(place).is_file():
                raise NotFound("The file of the camera does not exist.", hint="Give its path on the server.")
        elif kind == "device":
            if not place.isdecimal():
                raise InvalidInput("This is no device.", hint=_URL_HINT)
        elif kind == "rtsp":
            with suppress(Unavailable):  # a name that does not resolve yet is checked again at each connection
                self._egress.resolve(url, ("rtsp",))
        else:
            raise InvalidInput("This is no address of a camera.", hint=_URL_HINT)

    def _run_here(self, caller: Caller, name: str) -> None:
        if self._tender is not None and not self._closing.is_set():
            row = self._row(caller, name)
            self._run(row, Counts(**row.counts))

    def _run(self, row: Any, counts: Counts) -> None:
        told = CameraSettings(**row.settings)
        caller = Caller(row.workspace_id, row.id, Role.ENGINEER)

        @contextmanager
        def connect() -> Iterator[Stream]:
            with self._opened(row, told) as stream:
                yield stream

        flow = Flow(
            connect,
            lambda frame: self._send(caller, row.id, row.name, told, frame),
            lambda standing: self._tell(caller, row, standing),
            room=told.queue,
            drop=told.drop,
            counts=counts,
        )
        self._flows[row.workspace_id, row.id] = flow
        flow.start()

    @contextmanager
    def _opened(self, row: Any, told: CameraSettings) -> Iterator[Capture]:
        limits: dict[str, Any] = {
            "every_s": told.every_s,
            "stall_s": told.stall_s,
            "memory_bytes": self._memory_bytes,
        }
        if not row.url.startswith("rtsp:"):
            with Capture(row.url, **limits) as capture:
                yield capture
            return
        known = json.loads(self._stores.workspace(row.workspace_id).unseal(row.secret, row.id) or "{}")
        with Relay(self._egress, row.url) as relay, Capture(relay.url(**known), **limits) as capture:
            yield capture

    def _send(self, caller: Caller, camera: str, name: str, told: CameraSettings, frame: Frame) -> Sent:
        if not told.deployment:
            self._kept.keep(caller, camera, name, frame)
            return Sent(kept=True)
        request = f"{camera}.{frame.at.isoformat()}"
        found = self._deployments.predict(
            caller, told.deployment, frame.jpeg, request_id=request, facets={"camera": name}
        )
        keep = told.keep == "all" or (told.keep == "uncertain" and found["score"] < told.uncertain_below)
        if keep:
            self._kept.keep(caller, camera, name, frame)
        return Sent(keep, found["label"], found["score"])

    def _end(self, row: Any) -> None:
        with self._lock:
            flow = self._flows.pop((row.workspace_id, row.id), None)
        if flow is not None:
            flow.stop()
            self._write(row.workspace_id, row.id, flow.counts)

    def _want(self, caller: Caller, row: Any, wanted: bool, state: str) -> None:
        with self._events.change(caller, "camera.start" if wanted else "camera.stop", row.id) as change:
            change.execute(
                sa.update(cameras)
                .where(cameras.c.workspace_id == caller.workspace, cameras.c.id == row.id)
                .values(wanted=wanted, state=state, since=now().isoformat(), detail="")
            )
            change.emit(f"sightloop.camera.{'started' if wanted else 'stopped'}", {"camera": row.name})

    def _tell(self, caller: Caller, row: Any, standing: Standing) -> None:
        """Writes where the camera stands, and emits it; that it stopped was said by whoever wanted it."""
        if standing.state == STOPPED:
            return
        with self._events.change(caller, "camera.stand", row.id) as change:
            change.execute(
                sa.update(cameras)
                .where(cameras.c.workspace_id == caller.workspace, cameras.c.id == row.id)
                .values(state=standing.state, since=standing.since.isoformat(), detail=standing.detail)
            )
            told = {"camera": row.name, "detail": standing.detail}
            change.emit(f"sightloop.camera.{_EVENTS[standing.state]}", told)

    def _tend(self) -> None:
        """Counts are written down and kept frames become samples, as long as the installation is open."""
        while not self._closing.wait(TEND_S):
            try:
                self._save()
                self._kept.move_on()
            except Exception as error:
                log.warning("cameras are not tended: %s", type(error).__name__)

    def _save(self) -> None:
        with self._lock:
            counted = {place: flow.counts for place, flow in self._flows.items()}
        for (workspace, camera), counts in counted.items():
            if self._saved.get((workspace, camera)) != counts:
                self._write(workspace, camera, counts)

    def _write(self, workspace: str, camera: str, counts: Counts) -> None:
        mine = (cameras.c.workspace_id == workspace) & (cameras.c.id == camera)
        with self._records.write() as connection:
            connection.execute(sa.update(cameras).where(mine).values(counts=asdict(counts)))
        self._saved[workspace, camera] = counts

    def _shown(self, row: Any) -> CameraState:
        flow = self._flows.get((row.workspace_id, row.id))
        still = Standing(
            *(
                (STARTING, datetime.fromisoformat(row.since), _ELSEWHERE)
                if row.wanted
                else (STOPPED, datetime.fromisoformat(row.since), "")
            )
        )
        standing = flow.standing if flow else still
        return CameraState(
            row.id, row.name, row.url, bool(row.secret), CameraSettings(**row.settings), row.wanted, standing.state,
            standing.since, standing.detail, flow.counts if flow else Counts(**row.counts),
            datetime.fromisoformat(row.made_at), flow.waiting if flow else 0, standing.fps, standing.latency_ms,
            standing.lag_s, standing.label, standing.score, standing.facts,
            flow.newest.at if flow and flow.newest else None,
        )  # fmt: skip

    def _row(self, caller: Caller, name: str) -> Any:
        query = sa.select(cameras).where(cameras.c.workspace_id == caller.workspace)
        with self._records.read() as connection:
            rows = {row.name: row for row in connection.execute(query)}
        if name not in rows:
            raise not_found("camera", name, rows, hint="List them: sightloop camera list")
        return rows[name]

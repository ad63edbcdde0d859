"""Fencing: each pass over a run holds a token, and a pass that another one has followed writes nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import sqlalchemy as sa

from sightloop.domain import RunState
from sightloop.runs.durable import Interrupted
from sightloop.runs.tables import runs
from sightloop.storage import Records


class Superseded(Interrupted):
    """The run was cancelled, or another process or a later pass has taken it over: this pass stops where it stands."""


@dataclass(frozen=True, slots=True)
class Token:
    """The right to write in the name of a run. The epoch rises with every pass, and when its owner is judged dead."""

    workspace: str
    run_id: str
    epoch: int


_held: ContextVar[Token | None] = ContextVar("sightloop_run_token", default=None)


@contextmanager
def holding(token: Token) -> Iterator[None]:
    """A block, of one thread, whose writes count as the run's."""
    before = _held.set(token)
    try:
        yield
    finally:
        _held.reset(before)


def refuse_late_writes(connection: sa.Connection) -> None:
    """Returns where the thread writes in nobody's name, or holds its run's newest token; first in each transaction.

    Writers take turns, so the epoch cannot change between this look and the commit.

    Raises:
        Superseded: the run has been taken over.
    """
    token = _held.get()
    if token is not None and connection.scalar(sa.select(runs.c.epoch).where(_of(token))) != token.epoch:
        raise Superseded(f"the run {token.run_id} goes on elsewhere")


def claim(records: Records, workspace: str, run_id: str, owner: str, is_mine: Callable[[], bool]) -> Token:
    """The token of a new pass, which ends the right of every earlier one.

    Args:
        is_mine: whether the engine still holds this process to be the one that runs it. Asked while it is this
            transaction's turn: a process that was stopped between being given the run and this claim, and was followed
            meanwhile, cannot take it back.

    Raises:
        Superseded: it does not, or the run was cancelled.
    """
    mine = sa.and_(runs.c.workspace_id == workspace, runs.c.id == run_id)
    with records.write() as connection:
        if not is_mine():
            raise Superseded(f"the run {run_id} goes on elsewhere")
        begun = sa.update(runs).where(mine, runs.c.state != str(RunState.CANCELLED))
        values = {"state": str(RunState.RUNNING), "owner": owner, "epoch": runs.c.epoch + 1}
        if not connection.execute(begun.values(values)).rowcount:
            raise Superseded(f"the run {run_id} was cancelled")
        return Token(workspace, run_id, connection.execute(sa.select(runs.c.epoch).where(mine)).scalar_one())


def _of(token: Token) -> sa.ColumnElement[bool]:
    return sa.and_(runs.c.workspace_id == token.workspace, runs.c.id == token.run_id)

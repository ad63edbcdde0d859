"""The verbs that decide: gate a challenger, promote it, roll back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from sightloop.domain import AliasMove, Caller, GateResult, ModelVersion, now
from sightloop.errors import Conflict, NotFound, Refused, Unavailable, not_found
from sightloop.registry.aliases import RULE as MOVE_RULE
from sightloop.registry.aliases import decide_move
from sightloop.registry.cards import model_card
from sightloop.registry.catalogue import CHAMPION, Catalogue, canonical
from sightloop.registry.gates import RENEWED_SHARE, decide, gate_inputs
from sightloop.registry.gates import RULE as GATE_RULE
from sightloop.registry.tables import alias_moves, aliases, evaluations, gates, model_versions
from sightloop.storage import faultpoint


class Registry(Catalogue):
    """Models, their versions, and the aliases that say which version is in use."""

    def gate(
        self,
        caller: Caller,
        challenger: str,
        champion: str | None,
        *,
        margin: float = 0.05,
        alpha: float = 0.05,
        slices: Sequence[str] = (),
        superiority: Sequence[str] = (),
        minimum_auroc: float | None = None,
        policy: str = "",
        run: str = "",
    ) -> GateResult:
        """Whether the challenger may replace the champion, with the receipt that holds the evidence.

        `champion` is None for a first version; else it must have an evaluation on the challenger's test version.
        Slices are metadata fields of the evaluation ("cell_type"), superiority names slices ("cell_type=poly").
        Each gate is a look at the test version, and alpha is spent over all of them (`vision.alpha_for_look`): the
        verdict says which look it is, what it spends and what is left. The same question asked again is answered by
        the gate that was, and is no look. Raises Unavailable where another gate looks at the same moment.
        """
        gate_id = caller.new_id("gat")
        known = self._gate_rows(caller, gates.c.id == gate_id)
        if known:
            return known[0]
        version = self.version(caller, challenger)
        new = self._gated(caller, version, self.evaluation(caller, version.id)["test_version"])
        old = None if not champion else self._gated(caller, self.version(caller, champion), new["test_version"])
        asked = gate_inputs(
            new,
            old,
            margin=margin,
            alpha=alpha,
            slices=slices,
            superiority=superiority,
            minimum_auroc=minimum_auroc,
        )
        holder = "" if old is None else old["version"]
        repeated = self._repeated(caller, version.id, holder, asked)
        if repeated:
            return repeated
        counted = self._same_test(caller, asked["test_version"], asked["samples"])
        with self._records.read() as connection:
            look = 1 + connection.execute(_looks_at(caller, counted, holder)).scalar_one()
        inputs = {**asked, "look": look}
        outcome = decide(inputs)
        data = self._stores.workspace(caller.workspace).blobs.put(canonical(inputs))
        faultpoint("gate.after_blob")
        with self._events.change(caller, "model.gate", version.id) as change:
            if change.execute(_looks_at(caller, counted, holder)).scalar_one() != look - 1:
                raise Unavailable("Another gate looked at the test version meanwhile.", hint="Gate again.")
            place = 1 + change.execute(_places(caller, new["test_version"])).scalar_one()
            receipt = change.receipt(
                "model.gate",
                rule=GATE_RULE,
                subject=version.id,
                claim={"margin": margin, "alpha": alpha, "statement": _statement(margin, alpha, old is None)},
                evidence=outcome,
                inputs={
                    "data": data,
                    "challenger": version.id,
                    "champion": holder,
                    "test_version": new["test_version"],
                    "bundle": version.bundle_digest,
                },
                outcome=outcome,
                policy=policy,
                run=run,
            )
            change.execute(
                sa.insert(gates),
                {
                    "workspace_id": caller.workspace,
                    "id": gate_id,
                    "model": version.model,
                    "challenger": version.id,
                    "champion": holder,
                    "test_version": new["test_version"],
                    "look": place,
                    "passed": outcome["passed"],
                    "verdict": outcome,
                    "data": data,
                    "receipt": receipt.id,
                    "made_at": now().isoformat(),
                },
            )
            change.emit(
                "sightloop.model.gated",
                {"gate": gate_id, "model_version": version.id, "passed": outcome["passed"], "receipt": receipt.id},
            )
        return self._gate_rows(caller, gates.c.id == gate_id)[0]

    def promote(
        self,
        caller: Caller,
        model: str,
        version_id: str,
        *,
        alias: str = CHAMPION,
        gate: str | None = None,
        reason: str = "",
    ) -> AliasMove:
        """The move of the alias to the version, on a passed gate (its id) or as an override with a reason.

        The gate must have compared with the version that holds the alias now. Raises Refused.
        """
        version = self.version(caller, version_id)
        if version.model != model:
            raise not_found("version", version_id, hint=f'It is not a version of "{model}".')
        return self._move(caller, "promote", model, alias, version.id, gate, reason)

    def rollback(self, caller: Caller, model: str, alias: str = CHAMPION, *, reason: str = "") -> AliasMove:
        """The move of the alias back to the version that held it before its last move; raises Refused if none did.

        Rolling back twice is rolling forward.
        """
        self.model(caller, model)
        return self._move(caller, "rollback", model, alias, None, None, reason)

    def card(self, caller: Caller, version_id: str) -> str:
        """The model card of a version, Markdown."""
        version = self.version(caller, version_id)
        held = [alias for alias, holder in self.aliases(caller, version.model).items() if holder == version.id]
        touched = (alias_moves.c.to_version == version.id) | (alias_moves.c.from_version == version.id)
        evaluation = self.evaluation(caller, version.id)
        return model_card(version, evaluation, self.gates(caller, version.id), self._move_rows(caller, touched), held)

    def check(self, workspace: str) -> list[str]:
        """What is wrong with the workspace's aliases: each must rest on its own last move."""
        newest = sa.func.max(alias_moves.c.number)
        last = (
            sa.select(alias_moves.c.model, alias_moves.c.alias, newest.label("number"))
            .where(alias_moves.c.workspace_id == workspace)
            .group_by(alias_moves.c.model, alias_moves.c.alias)
        )
        with self._records.read() as connection:
            heads = {(row.model, row.alias, row.number) for row in connection.execute(last)}
            moves = connection.execute(sa.select(alias_moves).where(alias_moves.c.workspace_id == workspace)).all()
            held = connection.execute(sa.select(aliases).where(aliases.c.workspace_id == workspace)).all()
            of_workspace = model_versions.c.workspace_id == workspace
            versions = set(connection.execute(sa.select(model_versions.c.id).where(of_workspace)).scalars())
        ends = {(m.model, m.alias): m.to_version for m in moves if (m.model, m.alias, m.number) in heads}
        holders = {(row.model, row.alias): row.version for row in held}
        problems = [f'Alias "{m}@{a}" is not where its last move put it.' for m, a in _unequal(ends, holders)]
        lost = [f'Alias "{m}@{a}" names no version.' for (m, a), version in holders.items() if version not in versions]
        return problems + lost

    def references(self, workspace: str) -> set[str]:
        """Digests of all blobs that the registry stands on."""
        columns = (model_versions.c.bundle_digest, evaluations.c.digest, gates.c.data, alias_moves.c.data)
        found: set[str] = set()
        with self._records.read() as connection:
            for column in columns:
                query = sa.select(column).where(column.table.c.workspace_id == workspace)
                found.update(connection.execute(query).scalars())
        return found

    def _repeated(self, caller: Caller, challenger: str, champion: str, asked: Mapping[str, Any]) -> GateResult | None:
        """The gate that answered the same question before, if one did."""
        mine = (gates.c.workspace_id == caller.workspace) & (gates.c.test_version == asked["test_version"])
        pair = (gates.c.challenger == challenger) & (gates.c.champion == champion)
        with self._records.read() as connection:
            rows = connection.execute(sa.select(gates.c.id, gates.c.data).where(mine & pair)).all()
        for row in rows:
            told = self._told(caller, row.data)
            if canonical({**told, "look": 0}) == canonical({**asked, "look": 0}):
                return self._gate_rows(caller, gates.c.id == row.id)[0]
        return None

    def _same_test(self, caller: Caller, test_version: str, samples: Sequence[str]) -> list[str]:
        """The test version, and those gated on before that more than half of its samples come from."""
        query = sa.select(gates.c.test_version, sa.func.min(gates.c.data).label("data"))
        mine = (gates.c.workspace_id == caller.workspace) & (gates.c.test_version != test_version)
        with self._records.read() as connection:
            rows = connection.execute(query.where(mine).group_by(gates.c.test_version)).all()
        known = set(samples)
        old = [
            row.test_version
            for row in rows
            if len(known.intersection(self._told(caller, row.data)["samples"])) > RENEWED_SHARE * len(known)
        ]
        return [test_version, *old]

    def _told(self, caller: Caller, digest: str) -> dict[str, Any]:
        told: dict[str, Any] = orjson.loads(self._stores.workspace(caller.workspace).blobs.get(digest))
        return told

    def _gated(self, caller: Caller, version: ModelVersion, test_version: str) -> dict[str, Any]:
        """The evaluation of a version with what the gate needs besides."""
        try:
            evaluation = self.evaluation(caller, version.id, test_version)
        except NotFound as error:
            raise Refused(
                "The champion was not evaluated on the challenger's test version.",
                hint="Evaluate it there first: sightloop model evaluate",
                champion=version.id,
                test_version=test_version,
            ) from error
        parity = version.metrics.get("parity", {})
        return {**evaluation, "version": version.id, "parity": bool(parity.get("passed", False))}

    def _move(
        self, caller: Caller, verb: str, model: str, alias: str, to: str | None, gate: str | None, reason: str
    ) -> AliasMove:
        move_id = caller.new_id("amv")
        known = self._move_rows(caller, alias_moves.c.id == move_id)
        if known:
            return known[0]
        history = self.history(caller, model, alias)
        holder = history[-1].to_version if history else ""
        previous = history[-1].from_version if history else ""
        inputs = {
            "rule": MOVE_RULE,
            "verb": verb,
            "model": model,
            "alias": alias,
            "holder": holder,
            "to": previous if to is None else to,
            "previous": previous,
            "gate": None if gate is None else self._gate_facts(caller, gate),
            "role": str(caller.role),
            "reason": reason,
        }
        if history and verb == "promote" and holder == to:
            return history[-1]
        outcome = decide_move(inputs)
        if not outcome["moved"]:
            raise Refused(
                f'The alias "{model}@{alias}" does not move: {outcome["refusal"]}.',
                hint="Run the gate against the version that holds the alias now, or give a reason to override it.",
                alias=alias,
            )
        self._write_move(caller, move_id, inputs, outcome, len(history) + 1)
        return self._move_rows(caller, alias_moves.c.id == move_id)[0]

    def _write_move(
        self, caller: Caller, move_id: str, inputs: Mapping[str, Any], outcome: Mapping[str, Any], number: int
    ) -> None:
        data = self._stores.workspace(caller.workspace).blobs.put(canonical(inputs))
        model, alias, to = inputs["model"], inputs["alias"], outcome["to"]
        mine = (aliases.c.workspace_id == caller.workspace) & (aliases.c.model == model) & (aliases.c.alias == alias)
        faultpoint("promote.after_blob")
        with self._events.change(caller, "alias.move", move_id) as change:
            holder = change.execute(sa.select(aliases.c.version).where(mine)).scalar_one_or_none()
            if (holder or "") != outcome["from"]:
                raise Conflict(
                    f'The alias "{model}@{alias}" moved meanwhile.', hint="Look at it again and decide anew."
                )
            receipt = change.receipt(
                "alias.move",
                rule=MOVE_RULE,
                subject=to,
                claim={"statement": "At most one version holds the alias, and it came there on the basis named here."},
                evidence={"gate": inputs["gate"], "reason": inputs["reason"], "role": inputs["role"]},
                inputs={"data": data, "from": outcome["from"], "to": to},
                outcome=outcome,
            )
            values = {"workspace_id": caller.workspace, "model": model, "alias": alias, "version": to}
            change.execute(sa.insert(aliases), values) if holder is None else change.execute(
                sa.update(aliases).where(mine).values(version=to)
            )
            faultpoint("promote.moved")
            change.execute(
                sa.insert(alias_moves),
                {
                    "workspace_id": caller.workspace,
                    "id": move_id,
                    "model": model,
                    "alias": alias,
                    "number": number,
                    "from_version": outcome["from"],
                    "to_version": to,
                    "actor": caller.actor,
                    "receipt": receipt.id,
                    "data": data,
                    "reason": inputs["reason"],
                    "made_at": now().isoformat(),
                },
            )
            moved = {"model": model, "alias": alias, "from": outcome["from"], "to": to, "basis": outcome["basis"]}
            change.emit("sightloop.alias.moved", {**moved, "receipt": receipt.id})

    def _gate_facts(self, caller: Caller, gate_id: str) -> dict[str, Any]:
        found = self._gate_rows(caller, gates.c.id == gate_id)
        if not found:
            raise not_found("gate", gate_id, hint="Gate the version first: sightloop model gate")
        gate = found[0]
        return {"id": gate.id, "passed": gate.passed, "challenger": gate.challenger, "champion": gate.champion}


def _looks_at(caller: Caller, test_versions: Sequence[str], champion: str) -> sa.Select[Any]:
    """How many looks at the test versions made the same claim: against a champion, or against the minimum."""
    claim = gates.c.champion != "" if champion else gates.c.champion == ""
    mine = (gates.c.workspace_id == caller.workspace) & gates.c.test_version.in_(test_versions)
    return sa.select(sa.func.count()).select_from(gates).where(mine & claim)


def _places(caller: Caller, test_version: str) -> sa.Select[Any]:
    mine = (gates.c.workspace_id == caller.workspace) & (gates.c.test_version == test_version)
    return sa.select(sa.func.count()).select_from(gates).where(mine)


def _statement(margin: float, alpha: float, first: bool) -> str:
    if first:
        return (
            "Over all looks at this test version, a model that ranks no better than the minimum passes with a "
            f"probability of about {alpha:g} at most (DeLong's limits are approximate)."
        )
    return (
        f"Over all looks at this test version, a challenger that is less accurate than the champion by {margin:g} or "
        f"more, overall or on a gated slice, passes with probability at most {alpha:g}."
    )


def _unequal(ends: Mapping[tuple[str, str], str], holders: Mapping[tuple[str, str], str]) -> list[tuple[str, str]]:
    return [key for key in sorted({*ends, *holders}) if ends.get(key) != holders.get(key)]

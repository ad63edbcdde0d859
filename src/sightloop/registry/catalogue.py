"""Models and their versions: made once, looked up by name, number or alias."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa
from typing_extensions import TypedDict

from sightloop.domain import AliasMove, Caller, GateResult, ModelVersion, digest_of, now
from sightloop.errors import InvalidInput, not_found
from sightloop.events import Change, Events
from sightloop.inference import Bundle, validate_bundle
from sightloop.registry.gates import checked_evaluation
from sightloop.registry.tables import alias_moves, aliases, evaluations, gates, model_versions, models
from sightloop.storage import Blobs, Records, Stores, faultpoint

CHAMPION: Final = "champion"


@dataclass(frozen=True, slots=True)
class Model:
    """A name for versions that solve one task. `aliases`: version id by alias."""

    id: str
    name: str
    made_at: datetime
    versions: int
    aliases: Mapping[str, str]


class TestResults(TypedDict):
    """Results on a test version, columns in the order of `samples`.

    `probabilities` is (N, C) in the order of `classes`; `slices` gives the value of each sample by metadata field.
    """

    test_version: str
    samples: list[str]
    label: list[str]
    predicted: list[str]
    probabilities: list[list[float]]
    slices: Mapping[str, list[str]]
    classes: list[str]


class Catalogue:
    """What the registry holds: models, versions, evaluations, gates, and the aliases' history."""

    def __init__(self, records: Records, events: Events, stores: Stores) -> None:
        self._records = records
        self._events = events
        self._stores = stores

    def register(
        self,
        caller: Caller,
        model: str,
        *,
        bundle: bytes,
        dataset_version: str,
        schema: str,
        recipe: Mapping[str, Any],
        metrics: Mapping[str, Any],
        evaluation: Mapping[str, Any],
        run: str,
    ) -> ModelVersion:
        """The new version of the model, which is made if it is new; the same idempotency key gives the same version.

        The bundle is checked in a limited child, unless the same one is registered here already.
        `dataset_version` is empty for a foreign bundle. `metrics["parity"]["passed"]` tells the gate that the bundle
        computes what training computed.
        Raises InvalidBundle, and InvalidInput for a ragged evaluation.
        """
        version_id = caller.new_id("mdv")
        known = self._version_rows(caller, model_versions.c.id == version_id)
        if known:
            return known[0]
        self.check_name(model)
        known_bundle = bool(self._version_rows(caller, model_versions.c.bundle_digest == digest_of(bundle)))
        checked = Bundle.from_archive(bundle) if known_bundle else validate_bundle(bundle)
        results = checked_evaluation(evaluation, checked.manifest.classes)
        blobs = self._stores.workspace(caller.workspace).blobs
        evaluated = _evaluation_row(caller, version_id, results, blobs)
        row = {
            "workspace_id": caller.workspace,
            "id": version_id,
            "model": model,
            "bundle_digest": blobs.put(bundle),
            "dataset_version": dataset_version,
            "schema": schema,
            "run": run,
            "recipe": dict(recipe),
            "metrics": dict(metrics),
            "evaluation": evaluated["digest"],
            "made_at": now().isoformat(),
        }
        faultpoint("register.after_blobs")
        with self._events.change(caller, "model.register", version_id) as change:
            _ensure_model(change, caller, model)
            number = (
                1
                + change.execute(
                    sa.select(sa.func.coalesce(sa.func.max(model_versions.c.number), 0)).where(
                        model_versions.c.workspace_id == caller.workspace, model_versions.c.model == model
                    )
                ).scalar_one()
            )
            change.execute(sa.insert(model_versions), {**row, "number": number})
            change.execute(sa.insert(evaluations), evaluated)
            change.emit("sightloop.model.registered", {"model": model, "model_version": version_id, "number": number})
        return self._version_rows(caller, model_versions.c.id == version_id)[0]

    def check_name(self, model: str) -> None:
        """Nothing; raises InvalidInput for what cannot name a model."""
        if not model or not all(c.isalnum() or c in "-_." for c in model):
            raise InvalidInput(f'"{model}" is no name for a model.', hint="Use letters, digits, '-', '_' and '.'.")

    def models(self, caller: Caller) -> list[Model]:
        """All models of the workspace, by name."""
        query = (
            sa.select(models, sa.func.count(model_versions.c.id).label("versions"))
            .select_from(
                models.outerjoin(
                    model_versions,
                    (model_versions.c.workspace_id == models.c.workspace_id)
                    & (model_versions.c.model == models.c.name),
                )
            )
            .where(models.c.workspace_id == caller.workspace)
            .group_by(models.c.workspace_id, models.c.name)
            .order_by(models.c.name)
        )
        with self._records.read() as connection:
            rows = connection.execute(query).all()
        return [
            Model(row.id, row.name, datetime.fromisoformat(row.made_at), row.versions, self.aliases(caller, row.name))
            for row in rows
        ]

    def model(self, caller: Caller, name: str) -> Model:
        """The model of this name; raises NotFound."""
        known = {model.name: model for model in self.models(caller)}
        if name not in known:
            raise not_found("model", name, known, hint="List them: sightloop model list")
        return known[name]

    def versions(self, caller: Caller, model: str) -> list[ModelVersion]:
        """All versions of a model, oldest first; raises NotFound for an unknown model."""
        self.model(caller, model)
        return self._version_rows(caller, model_versions.c.model == model)

    def version(self, caller: Caller, reference: str) -> ModelVersion:
        """The version named by its id, or by "model@3", "model@latest", "model@champion" (any alias)."""
        model, at, which = reference.partition("@")
        if not at:
            found = self._version_rows(caller, model_versions.c.id == reference)
            if not found:
                raise not_found("model version", reference, hint='Name it by its id or as "model@champion".')
            return found[0]
        versions = self.versions(caller, model)
        if which == "latest" and versions:
            return versions[-1]
        by_name = {str(version.number): version for version in versions}
        by_id = {version.id: version for version in versions}
        by_name.update({alias: by_id[holder] for alias, holder in self.aliases(caller, model).items()})
        if which not in by_name:
            raise not_found("version or alias", reference, [f"{model}@{name}" for name in by_name])
        return by_name[which]

    def bundle(self, caller: Caller, version_id: str) -> bytes:
        """The bundle's archive."""
        version = self.version(caller, version_id)
        return self._stores.workspace(caller.workspace).blobs.get(version.bundle_digest)

    def add_evaluation(self, caller: Caller, version_id: str, evaluation: Mapping[str, Any]) -> str:
        """The digest of the evaluation, kept beside those that the version has on other test versions.

        An evaluation on a test version that the version was evaluated on already changes nothing.
        """
        version = self.version(caller, version_id)
        classes = self.evaluation(caller, version.id)["classes"]
        results = checked_evaluation(evaluation, classes)
        row = _evaluation_row(caller, version.id, results, self._stores.workspace(caller.workspace).blobs)
        query = _evaluations_of(caller, version.id, row["test_version"])
        with self._records.read() as connection:
            known = connection.execute(query).scalar_one_or_none()
        if known is not None:
            return str(known)
        with self._events.change(caller, "model.evaluate", version.id) as change:
            change.execute(sa.insert(evaluations), row)
            change.emit("sightloop.model.evaluated", {"model_version": version.id, "test_version": row["test_version"]})
        return row["digest"]

    def evaluation(self, caller: Caller, version_id: str, test_version: str = "") -> TestResults:
        """Per-sample results on a test version (by default the one of its registration), with `classes` added."""
        version = self.version(caller, version_id)
        digest: str | None = version.evaluation
        if test_version:
            with self._records.read() as connection:
                digest = connection.execute(_evaluations_of(caller, version.id, test_version)).scalar_one_or_none()
        if digest is None:
            raise not_found("evaluation on", test_version, hint="Evaluate the version on this test version first.")
        evaluation: TestResults = orjson.loads(self._stores.workspace(caller.workspace).blobs.get(digest))
        return evaluation

    def aliases(self, caller: Caller, model: str) -> dict[str, str]:
        """Version id by alias."""
        query = sa.select(aliases.c.alias, aliases.c.version).where(
            aliases.c.workspace_id == caller.workspace, aliases.c.model == model
        )
        with self._records.read() as connection:
            return {row.alias: row.version for row in connection.execute(query.order_by(aliases.c.alias))}

    def history(self, caller: Caller, model: str, alias: str = CHAMPION) -> list[AliasMove]:
        """All moves of the alias, oldest first."""
        return self._move_rows(caller, alias_moves.c.model == model, alias_moves.c.alias == alias)

    def gates(self, caller: Caller, challenger: str) -> list[GateResult]:
        """All gates that a version went through, oldest first."""
        return self._gate_rows(caller, gates.c.challenger == challenger)

    def promotable(self, caller: Caller) -> list[GateResult]:
        """The newest gate of each model, where it was passed and the challenger has not held any alias since."""
        newest = {one.model: one for one in sorted(self._gate_rows(caller, sa.true()), key=lambda one: one.made_at)}
        moved = {(one.to_version, one.made_at) for one in self._move_rows(caller)}
        return [
            one
            for one in newest.values()
            if one.passed and not any(to == one.challenger and at >= one.made_at for to, at in moved)
        ]

    def _version_rows(self, caller: Caller, condition: sa.ColumnElement[bool]) -> list[ModelVersion]:
        query = sa.select(model_versions).where(model_versions.c.workspace_id == caller.workspace, condition)
        with self._records.read() as connection:
            rows = connection.execute(query.order_by(model_versions.c.number)).mappings().all()
        return [ModelVersion(**_fields(row)) for row in rows]

    def _gate_rows(self, caller: Caller, condition: sa.ColumnElement[bool]) -> list[GateResult]:
        unwanted = ("test_version", "look", "data")
        query = sa.select(gates).where(gates.c.workspace_id == caller.workspace, condition)
        with self._records.read() as connection:
            rows = connection.execute(query.order_by(gates.c.test_version, gates.c.look)).mappings().all()
        return [GateResult(**_fields(row, unwanted)) for row in rows]

    def _move_rows(self, caller: Caller, *conditions: sa.ColumnElement[bool]) -> list[AliasMove]:
        unwanted = ("id", "number", "data")
        query = sa.select(alias_moves).where(alias_moves.c.workspace_id == caller.workspace, *conditions)
        with self._records.read() as connection:
            rows = connection.execute(query.order_by(alias_moves.c.alias, alias_moves.c.number)).mappings().all()
        return [AliasMove(**_fields(row, unwanted)) for row in rows]


def _fields(row: sa.RowMapping, unwanted: tuple[str, ...] = ()) -> dict[str, Any]:
    values = {str(name): value for name, value in row.items() if name not in ("workspace_id", *unwanted)}
    return {**values, "made_at": datetime.fromisoformat(values["made_at"])}


def _evaluation_row(caller: Caller, version_id: str, results: Mapping[str, Any], blobs: Blobs) -> dict[str, str]:
    return {
        "workspace_id": caller.workspace,
        "model_version": version_id,
        "test_version": str(results["test_version"]),
        "digest": blobs.put(canonical(results)),
        "made_at": now().isoformat(),
    }


def _evaluations_of(caller: Caller, version_id: str, test_version: str) -> sa.Select[Any]:
    return sa.select(evaluations.c.digest).where(
        evaluations.c.workspace_id == caller.workspace,
        evaluations.c.model_version == version_id,
        evaluations.c.test_version == test_version,
    )


def _ensure_model(change: Change, caller: Caller, name: str) -> None:
    mine = (models.c.workspace_id == caller.workspace) & (models.c.name == name)
    if change.execute(sa.select(models.c.id).where(mine)).first() is None:
        row = {"workspace_id": caller.workspace, "name": name, "id": caller.new_id("mdl"), "made_at": now().isoformat()}
        change.execute(sa.insert(models), row)


def canonical(value: Any) -> bytes:
    """JSON with sorted keys: equal values give equal bytes, hence one blob."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)

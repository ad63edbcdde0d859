"""From any thing back to the labels it stands on, and from any sample on to the predictions that stand on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from typing_extensions import TypedDict

from sightloop.domain import Annotation, Basis, Caller, DatasetVersion, ModelVersion, VersionEntry
from sightloop.errors import NotFound, not_found
from sightloop.governance.ports import Entities, Labels, Models, Predictions, Receipts, RunLog, Versions

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Standing:
    """What a dataset version stands on: who or what labelled it. `missing` names what does not resolve."""

    labels: int
    by_basis: Mapping[str, int]
    by_author: Mapping[str, int]
    receipts: tuple[str, ...]
    entries: tuple[Mapping[str, Any], ...]
    missing: tuple[str, ...] = field(default=())


class Standpoint(TypedDict):
    """What a thing stands on, and what stands on it; `missing` names each link that does not resolve."""

    id: str
    kind: str
    facts: Mapping[str, Any]
    upstream: Mapping[str, Any]
    downstream: Mapping[str, Any]
    missing: Sequence[str]


class Lineage:
    """Answers from what runs, the registry, datasets and receipts recorded as a by-product of their work."""

    def __init__(
        self,
        predictions: Predictions,
        datasets: Versions,
        annotations: Labels,
        registry: Models,
        runs: RunLog,
        events: Receipts,
        entities: Entities,
    ) -> None:
        self._predictions = predictions
        self._datasets = datasets
        self._annotations = annotations
        self._registry = registry
        self._runs = runs
        self._events = events
        self._entities = entities
        # Dataset versions, model versions and revisions never change, so what was resolved once stays so.
        self._standings: dict[tuple[str, str], Standing] = {}

    def show(self, caller: Caller, thing: str) -> Standpoint:
        """What the thing stands on ("upstream") and what stands on it ("downstream").

        Answers for a prediction, model version, dataset version, sample, entity, annotation or run. "missing" names
        each link that does not resolve; lists of labels and predictions are cut at 50, their counts are not.
        """
        prefix = thing.partition("_")[0]
        show = {
            "prd": self._prediction,
            "mdv": self._model_version,
            "dsv": self._dataset_version,
            "smp": self._sample,
            "ann": self._annotation,
            "run": self._run,
            "ent": self._entity,
        }.get(prefix)
        if show is None:
            raise not_found("thing with lineage", thing, hint="Give the id of a prediction, sample, version or run.")
        found = show(caller, thing)
        return {
            "id": thing, "kind": found["kind"], "facts": found["facts"], "upstream": found["upstream"],
            "downstream": found["downstream"], "missing": found["missing"],
        }  # fmt: skip

    def complete_share(self, caller: Caller) -> float:
        """The share of logged predictions that resolve through model, run and dataset version to every label.

        1.0 where there are no predictions.
        """
        counts = self._predictions.counts(caller)
        complete = sum(n for version, n in counts.items() if not self._up_from_model(caller, version)["missing"])
        return complete / sum(counts.values()) if counts else 1.0

    def _prediction(self, caller: Caller, thing: str) -> dict[str, Any]:
        one = self._predictions.get(caller, thing)
        facts = {
            "label": one.label, "score": one.score, "deployment": one.deployment, "made_at": one.made_at.isoformat(),
            "media_digest": one.media_digest, "sample": one.sample, "outcome": dict(one.outcome),
        }  # fmt: skip
        up = self._up_from_model(caller, one.model_version)
        if one.sample:
            up = {**up, "entities": self._of(caller, one.sample)}
        return {"kind": "prediction", "facts": facts, "upstream": up, "downstream": {}, "missing": up["missing"]}

    def _model_version(self, caller: Caller, thing: str) -> dict[str, Any]:
        version = self._registry.version(caller, thing)
        up = self._up_from_model(caller, thing)
        down = {"predictions": self._predicted(caller, [version])}
        facts = {"model": version.model, "number": version.number}
        return {"kind": "model_version", "facts": facts, "upstream": up, "downstream": down, "missing": up["missing"]}

    def _dataset_version(self, caller: Caller, thing: str) -> dict[str, Any]:
        version = self._datasets.version(caller, thing)
        up = self._up_from_dataset(caller, version)
        down = self._down_from({version.id}, caller)
        return {"kind": "dataset_version", "facts": {}, "upstream": up, "downstream": down, "missing": up["missing"]}

    def _sample(self, caller: Caller, thing: str) -> dict[str, Any]:
        sample = self._datasets.sample(caller, thing)
        labels = [_revision(one) for one in self._annotations.history(caller, thing)]
        holding = [one for one, entries in self._held(caller) if any(entry.sample == thing for entry in entries)]
        down = self._down_from({one.id for one in holding}, caller)
        about = self._predictions.list(caller, sample=thing, limit=SHOWN)
        down |= {
            "annotations": labels,
            "dataset_versions": [_named(one) for one in holding],
            "predictions_about": [one.id for one in about],
        }
        facts = {"media_digest": sample.media_digest, "source": sample.source}
        up = {"entities": self._of(caller, thing)}
        return {"kind": "sample", "facts": facts, "upstream": up, "downstream": down, "missing": []}

    def _entity(self, caller: Caller, thing: str) -> dict[str, Any]:
        one = self._entities.get(caller, thing)
        samples = self._entities.samples(caller, thing)
        wanted = set(samples)
        holding = [v for v, entries in self._held(caller) if any(entry.sample in wanted for entry in entries)]
        down = {"samples": {"count": len(samples), "first": list(samples[:SHOWN])}}
        down |= {"dataset_versions": [_named(v) for v in holding]} | self._down_from({v.id for v in holding}, caller)
        facts = {"kind": one.kind, "name": one.name, "names": list(one.names)}
        return {"kind": "entity", "facts": facts, "upstream": {}, "downstream": down, "missing": []}

    def _of(self, caller: Caller, sample: str) -> list[dict[str, Any]]:
        """Who and what a sample is of."""
        try:
            found = self._entities.of(caller, sample)
        except NotFound:
            return []
        return [{"id": one.id, "kind": one.kind, "name": one.name} for one in found]

    def _annotation(self, caller: Caller, thing: str) -> dict[str, Any]:
        one = self._annotations.get(caller, thing)
        missing = self._unreceipted(caller, one)
        holding = [v for v, entries in self._held(caller) if any(thing in _annotations(entry) for entry in entries)]
        down = self._down_from({v.id for v in holding}, caller) | {"dataset_versions": [_named(v) for v in holding]}
        up = {"sample": one.sample, "receipt": one.receipt}
        return {"kind": "annotation", "facts": _revision(one), "upstream": up, "downstream": down, "missing": missing}

    def _run(self, caller: Caller, thing: str) -> dict[str, Any]:
        run, links = self._runs.get(caller, thing), self._runs.links(caller, run=thing)
        facts = {"kind": run.kind, "state": str(run.state), "code_version": run.code_version, "actor": run.actor}
        sides = {
            direction: [{"kind": one.kind, "id": one.artifact} for one in links if one.direction == direction]
            for direction in ("uses", "makes")
        }
        counts = {direction: len(found) for direction, found in sides.items()}
        return {
            "kind": "run", "facts": {**facts, **counts}, "upstream": {"uses": sides["uses"][:SHOWN]},
            "downstream": {"makes": sides["makes"][:SHOWN]}, "missing": [],
        }  # fmt: skip

    def _up_from_model(self, caller: Caller, version_id: str) -> dict[str, Any]:
        """Model version, its run, its dataset version and the labels in that."""
        try:
            version = self._registry.version(caller, version_id)
        except NotFound:
            return {"model_version": {"id": version_id}, "missing": [f"model version {version_id}"]}
        missing = []
        run: dict[str, Any] = {"id": version.run}
        try:
            found = self._runs.get(caller, version.run)
            run |= {"code_version": found.code_version, "actor": found.actor, "state": str(found.state)}
        except NotFound:
            missing.append(f"run {version.run}")
        try:
            dataset = self._up_from_dataset(caller, self._datasets.version(caller, version.dataset_version))
            missing += dataset.pop("missing")
        except NotFound:
            dataset = {"dataset_version": {"id": version.dataset_version}}
            missing.append(f"dataset version {version.dataset_version or '(foreign bundle)'}")
        named = {
            "id": version.id, "model": version.model, "number": version.number, "bundle": version.bundle_digest,
            "recipe": dict(version.recipe),
        }  # fmt: skip
        return {"model_version": named, "run": run, **dataset, "missing": missing}

    def _up_from_dataset(self, caller: Caller, version: DatasetVersion) -> dict[str, Any]:
        standing = self._standing(caller, version)
        labels = asdict(standing)
        missing = list(labels.pop("missing"))
        return {"dataset_version": _named(version), "labels": labels, "missing": missing}

    def _standing(self, caller: Caller, version: DatasetVersion) -> Standing:
        place = caller.workspace, version.id
        if place not in self._standings:
            found = self._resolve(caller, self._datasets.entries(caller, version.id, labelled=True))
            if found.missing:
                return found
            self._standings[place] = found
        return self._standings[place]

    def _resolve(self, caller: Caller, entries: Sequence[VersionEntry]) -> Standing:
        """Every labelled entry back to its annotation, and every annotation that a rule accepted to its receipt."""
        bases: Counter[str] = Counter()
        authors: Counter[str] = Counter()
        receipts: dict[str, None] = {}
        shown: list[dict[str, Any]] = []
        missing = [] if entries else ["labels: the dataset version holds none"]
        for entry in entries:
            try:
                one = self._annotations.get(caller, entry.annotation)
            except NotFound:
                missing.append(f"annotation {entry.annotation} of {entry.sample}")
                continue
            bases[str(one.basis)] += 1
            authors[str(one.author_kind)] += 1
            if one.receipt and one.receipt not in receipts:
                receipts[one.receipt] = None
                missing += self._unreceipted(caller, one)
            elif one.basis is Basis.AUTO_ACCEPTED and not one.receipt:
                missing.append(f"receipt of annotation {one.id}")
            if len(shown) < SHOWN:
                shown.append({"sample": entry.sample, "split": entry.split, **_revision(one)})
        return Standing(len(entries), dict(bases), dict(authors), tuple(receipts), tuple(shown), tuple(missing))

    def _unreceipted(self, caller: Caller, one: Annotation) -> list[str]:
        """What is missing of the receipt that the annotation names."""
        if not one.receipt:
            return [f"receipt of annotation {one.id}"] if one.basis is Basis.AUTO_ACCEPTED else []
        try:
            self._events.receipt(caller, one.receipt)
        except NotFound:
            return [f"receipt {one.receipt}"]
        return []

    def _held(self, caller: Caller) -> Iterator[tuple[DatasetVersion, Sequence[VersionEntry]]]:
        for dataset in self._datasets.list(caller):
            for version in self._datasets.versions(caller, dataset.name):
                yield version, self._datasets.entries(caller, version.id)

    def _down_from(self, dataset_versions: set[str], caller: Caller) -> dict[str, Any]:
        """The model versions trained on any of these, and their predictions."""
        trained = [
            version
            for model in self._registry.models(caller)
            for version in self._registry.versions(caller, model.name)
            if version.dataset_version in dataset_versions
        ]
        named = [{"id": one.id, "model": one.model, "number": one.number} for one in trained]
        return {"model_versions": named, "predictions": self._predicted(caller, trained)}

    def _predicted(self, caller: Caller, versions: Sequence[ModelVersion]) -> dict[str, Any]:
        counts = self._predictions.counts(caller)
        newest = [
            one.id
            for version in versions
            for one in self._predictions.list(caller, model_version=version.id, limit=SHOWN)
        ]
        return {"count": sum(counts.get(version.id, 0) for version in versions), "newest": newest[:SHOWN]}


def _annotations(entry: VersionEntry) -> set[str]:
    """The ids of all that is said of an entry's sample: of the whole image, and of its objects."""
    return {entry.annotation, *(one["annotation"] for one in entry.objects)} - {""}


def _named(version: DatasetVersion) -> dict[str, Any]:
    return {"id": version.id, "dataset": version.dataset, "number": version.number, "hash": version.hash}


def _revision(one: Annotation) -> dict[str, Any]:
    return {
        "annotation": one.id, "revision": one.revision, "label": one.label, "author": one.author,
        "author_kind": str(one.author_kind), "basis": str(one.basis), "receipt": one.receipt,
        "made_at": one.made_at.isoformat(),
    }  # fmt: skip

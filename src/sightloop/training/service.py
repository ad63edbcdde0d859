"""The verbs of training: train a recipe on a dataset version, evaluate a version, import a bundle from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sightloop.datasets import Datasets
from sightloop.domain import Caller, DatasetVersion, Resources, Run, VersionEntry, derived_id, digest_of
from sightloop.errors import NotEnoughData, NotFound, Refused, SightloopError
from sightloop.inference import (
    Bundle,
    BundleFacts,
    Embedder,
    LinearHead,
    ModelSession,
    Transform,
    assemble_bundle,
    check_parity,
    validate_bundle,
)
from sightloop.registry import Registry
from sightloop.runs import RunContext, Runs
from sightloop.storage import Stores, faultpoint
from sightloop.training.evaluation import metrics, results
from sightloop.training.head import Head, fit_head
from sightloop.training.imports import origin_of, refuse_other_classes, refuse_other_origin
from sightloop.training.leakage import refuse_leakage
from sightloop.training.recipe import Recipe, validate_recipe

PARITY_IMAGES: Final = 16
PARITY_ATOL: Final = 0.005  # embeddings rest as float16, which moves a probability by up to .0006 (ELPV)
IMAGES_AT_ONCE: Final = 32
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)  # in the manifest, so that equal inputs give equal bundles


class Training:
    """Runs of the kinds "train", "evaluate" and "import". Construct it before `runs.launch()`: it registers them.

    Args:
        code_version: written into the bundle's manifest.
    """

    def __init__(
        self,
        stores: Stores,
        runs: Runs,
        datasets: Datasets,
        registry: Registry,
        embedder: Embedder,
        *,
        code_version: str = "",
    ) -> None:
        self._stores = stores
        self._runs = runs
        self._datasets = datasets
        self._registry = registry
        self._embedder = embedder
        self._code_version = code_version or "unknown"
        runs.register("train", self._train)
        runs.register("evaluate", self._evaluate)
        runs.register("import", self._import)

    def train(
        self,
        caller: Caller,
        recipe: Mapping[str, Any] | str,
        *,
        model: str,
        dataset_version: str,
        test_version: str,
        accept_leaks: str = "",
    ) -> Run:
        """A run whose output names the `model_version` that it registers, its `bundle` digest and its `metrics`.

        It learns from the labelled samples of the split "train"; the projection from all samples of that split. What
        can be refused is refused here, before a run starts.

        Raises:
            InvalidRecipe: names the field.
            NotEnoughData: fewer than two classes are labelled, or the test version has no labels.
            Refused: the test version holds samples of the training split, or kin of them: near-duplicates, parts of
                one medium, samples of one group, subject or entity. Kin stand where `accept_leaks` says why; a receipt
                keeps it.
        """
        checked = validate_recipe(recipe)
        self._registry.check_name(model)
        self._check_embedder(checked)
        version = self._datasets.version(caller, dataset_version)
        test = self._datasets.version(caller, test_version)
        taught, tested, leaks = self._splits(caller, version, test, accept_leaks)
        self._transform(caller, checked, [*taught, *tested])
        if leaks:
            self._datasets.accept_leaks(caller, version.id, leaks, accept_leaks)
        asked = checked.resources
        return self._runs.start(
            caller,
            "train",
            {
                "recipe": checked.model_dump(mode="json"),
                "model": model,
                "dataset_version": version.id,
                "test_version": test.id,
                **({"accept_leaks": accept_leaks} if accept_leaks else {}),
            },
            resources=Resources(asked.cpu, asked.memory_bytes, asked.accelerator, asked.accelerator_count),
        )

    def evaluate(self, caller: Caller, model_version: str, test_version: str) -> Run:
        """A run that adds the model version's evaluation on another test version; its output holds the `metrics`.

        A version that was evaluated on the test version before is not asked again.

        Raises Refused where the test version holds what the model was trained on; of a foreign bundle nobody knows.
        """
        version = self._registry.version(caller, model_version)
        test = self._datasets.version(caller, test_version)
        if version.dataset_version:
            self._splits(caller, self._datasets.version(caller, version.dataset_version), test)
        else:
            self._asked(caller, test)
        return self._runs.start(caller, "evaluate", {"model_version": version.id, "test_version": test.id})

    def import_bundle(
        self, caller: Caller, archive: bytes, *, model: str, test_version: str, dataset_version: str = ""
    ) -> Run:
        """A run that evaluates a bundle archive and registers it; its output is that of a train run.

        The bundle is checked in a limited child before a run starts. Its parity with training cannot be shown here, so
        that no gate passes it: it is promoted for a reason that is recorded.

        Args:
            dataset_version: the one that the bundle was trained on, where it is known here; none for a foreign bundle,
                whose lineage then says that this link is missing.

        Raises:
            InvalidBundle: `facts["reason"]` says what is wrong with it.
            Refused: its classes are not those of the test version, it was made from another dataset version than the
                one named, or the leakage gate closes.
            NotEnoughData: the test version has no labels.
        """
        self._registry.check_name(model)
        bundle = validate_bundle(archive)
        test = self._datasets.version(caller, test_version)
        trained_on = ""
        if dataset_version:
            version = self._datasets.version(caller, dataset_version)
            refuse_other_origin(bundle.manifest, version)
            self._splits(caller, version, test)
            trained_on = version.id
        else:
            self._asked(caller, test)
        refuse_other_classes(bundle.manifest, self._datasets.schema(caller, self._schema_of(caller, test)))
        digest = self._stores.workspace(caller.workspace).blobs.put(archive)
        params = {"bundle": digest, "model": model, "dataset_version": trained_on, "test_version": test.id}
        return self._runs.start(caller, "import", params)

    def _train(self, context: RunContext, params: dict[str, Any]) -> dict[str, Any]:
        """Three steps: snapshot and gate, fit and bundle, evaluate and register. Each may run again."""
        caller = context.caller
        recipe = validate_recipe(params["recipe"])
        version = self._datasets.version(caller, params["dataset_version"])
        test = self._datasets.version(caller, params["test_version"])

        def snapshot() -> dict[str, Any]:
            train, asked, _ = self._splits(caller, version, test, params.get("accept_leaks", ""))
            context.uses("dataset_version", version.id)
            context.uses("dataset_version", test.id)
            context.uses_all("sample", [entry.sample for entry in train if entry.label])
            return {"train": len(train), "labelled": sum(bool(entry.label) for entry in train), "test": len(asked)}

        def fit() -> dict[str, Any]:
            train, *_ = self._splits(caller, version, test, params.get("accept_leaks", ""))
            head, classes = self._fit(caller, recipe, version, train)
            bundle = self._bundle(recipe, version, head, classes, self._transform(caller, recipe, train))
            parity = self._parity(caller, context.threads, bundle, head, train)
            archive = bundle.to_archive()
            faultpoint("train.fitted")
            digest = self._stores.workspace(caller.workspace).blobs.put(archive)
            faultpoint("train.after_blob")
            return {"bundle": digest, "strength": head.strength, "temperature": head.temperature, "parity": parity}

        def register(fitted: Mapping[str, Any]) -> dict[str, Any]:
            known = {key: fitted[key] for key in ("strength", "temperature", "parity")}
            asked = params | {"bundle": fitted["bundle"]}
            return self._register(context, asked, test, self._schema_of(caller, version), params["recipe"], known)

        counts = context.step("snapshot", snapshot)
        context.progress(1, 3, f"{counts['labelled']} labelled samples")
        fitted = context.step("fit", fit)
        context.progress(2, 3, "bundle made")
        registered = context.step("register", lambda: register(fitted))
        context.progress(3, 3, "registered")
        return {**registered, "bundle": fitted["bundle"], "samples": counts}

    def _evaluate(self, context: RunContext, params: dict[str, Any]) -> dict[str, Any]:
        caller = context.caller
        test = self._datasets.version(caller, params["test_version"])

        def evaluate() -> dict[str, Any]:
            try:
                evaluation: Mapping[str, Any] = self._registry.evaluation(caller, params["model_version"], test.id)
                figures = metrics(evaluation, evaluation["classes"])
            except NotFound:
                archive = self._registry.bundle(caller, params["model_version"])
                evaluation, figures = self._figures(caller, context, Bundle.from_archive(archive), test)
            digest = self._registry.add_evaluation(caller, params["model_version"], evaluation)
            context.uses("model_version", params["model_version"])
            context.uses("dataset_version", test.id)
            return {"metrics": figures, "evaluation": digest, "model_version": params["model_version"]}

        found: dict[str, Any] = context.step("evaluate", evaluate)
        return found

    def _import(self, context: RunContext, params: dict[str, Any]) -> dict[str, Any]:
        caller = context.caller
        test = self._datasets.version(caller, params["test_version"])

        def register() -> dict[str, Any]:
            for version in filter(None, (params["dataset_version"], test.id)):
                context.uses("dataset_version", version)
            archive = self._stores.workspace(caller.workspace).blobs.get(params["bundle"])
            origin = origin_of(Bundle.from_archive(archive).manifest)
            return self._register(context, params, test, self._schema_of(caller, test), origin, {})

        return {**context.step("import", register), "bundle": params["bundle"]}

    def _register(
        self,
        context: RunContext,
        params: Mapping[str, Any],
        test: DatasetVersion,
        schema: str,
        recipe: Mapping[str, Any],
        known: Mapping[str, Any],
    ) -> dict[str, Any]:
        """The bundle that the parameters name, evaluated and made a version; `known` joins its metrics."""
        caller = context.caller
        archive = self._stores.workspace(caller.workspace).blobs.get(params["bundle"])
        evaluation, figures = self._figures(caller, context, Bundle.from_archive(archive), test)
        figures |= known
        faultpoint("train.evaluated")
        made = self._registry.register(
            caller.keyed(context.run_id, "register"),
            params["model"],
            bundle=archive,
            dataset_version=params["dataset_version"],
            schema=schema,
            recipe=recipe,
            metrics=figures,
            evaluation=evaluation,
            run=context.run_id,
        )
        context.makes("model_version", made.id)
        return {"model_version": made.id, "number": made.number, "metrics": figures}

    def _splits(
        self, caller: Caller, version: DatasetVersion, test: DatasetVersion, accept_leaks: str = ""
    ) -> tuple[Sequence[VersionEntry], Sequence[VersionEntry], int]:
        """The training entries, labelled or not, the labelled test entries, and how many kin are accepted on both."""
        train = self._datasets.entries(caller, version.id, split="train")
        asked = self._asked(caller, test)
        if len({entry.label for entry in train if entry.label}) < 2:
            raise NotEnoughData(
                'The split "train" shows fewer than two classes.', hint="Label more of it, and commit a new version."
            )
        kin = self._datasets.kin(caller).found
        sides = [entry.sample for entry in train], [entry.sample for entry in asked]
        return train, asked, refuse_leakage(*sides, kin, accepted=bool(accept_leaks))

    def _transform(self, caller: Caller, recipe: Recipe, entries: Sequence[VersionEntry]) -> Transform | None:
        """What the recipe says was done to the samples; raises Refused where something else was, or nothing."""
        done = self._datasets.transforms.get(caller, recipe.transform) if recipe.transform else None
        if done is not None and done.splits:
            raise Refused(
                f'"{done.title}" makes several pictures of one, which serving cannot do.', hint="Leave the split out."
            )
        title = done.title if done else ""
        other = next((one for one in entries if one.metadata.get("transform", "") != title), None)
        if other is not None:
            made = other.metadata.get("transform") or "no transform"
            raise Refused(
                f"{other.sample} was made by {made}, and the recipe says {title or 'none'}.",
                hint='Commit samples of one transform: where={"transform": "NAME@NUMBER"}, and name it in the recipe.',
            )
        return done

    def _asked(self, caller: Caller, test: DatasetVersion) -> Sequence[VersionEntry]:
        """The labelled entries of the split "test", or all labelled ones where no split has that name, but some."""
        entries = self._datasets.entries(caller, test.id, labelled=True)
        if not entries:
            raise NotEnoughData("The test version has no labelled sample.", hint="Label it, and commit a new version.")
        return [entry for entry in entries if entry.split == "test"] or entries

    def _fit(
        self, caller: Caller, recipe: Recipe, version: DatasetVersion, train: Sequence[VersionEntry]
    ) -> tuple[Head, tuple[str, ...]]:
        classes = self._datasets.schema(caller, self._schema_of(caller, version)).classes
        index = {label: i for i, label in enumerate(classes)}
        ordered = sorted(train, key=lambda entry: (entry.media_digest, entry.sample))
        taught = [entry for entry in ordered if entry.label]
        rest = [entry.sample for entry in ordered if not entry.label]
        leader = {one: group[0] for group in self._datasets.inseparable(caller) for one in group}
        media = {entry.sample: entry.media_digest for entry in ordered}
        head = fit_head(
            self._datasets.embeddings(caller, [entry.sample for entry in taught]),
            np.array([index[entry.label] for entry in taught], np.int64),
            [media.get(leader.get(entry.sample, ""), entry.media_digest) for entry in taught],
            len(classes),
            unlabelled=self._datasets.embeddings(caller, rest) if rest else None,
            dimensions=recipe.projection.dimensions,
            strength=None if recipe.head.C == "auto" else recipe.head.C,
            seed=recipe.seed,
        )
        return head, classes

    def _bundle(
        self,
        recipe: Recipe,
        version: DatasetVersion,
        head: Head,
        classes: tuple[str, ...],
        transform: Transform | None,
    ) -> Bundle:
        """The same bytes for the same recipe, content and code: nothing in it tells the time or the run."""
        said = recipe.model_dump_json(exclude={"transform"} if not recipe.transform else None)
        recipe_digest = digest_of(said.encode())
        facts = BundleFacts(
            training_run=derived_id("fit", version.hash, recipe_digest, self._embedder.id, self._code_version),
            dataset_version=version.hash,
            label_schema=digest_of("\n".join(classes).encode()),
            code_version=self._code_version,
            created_at=EPOCH,
        )
        linear = LinearHead(
            weights=head.classifier.weights,
            bias=head.classifier.bias,
            mean=head.projection.mean,
            projection=head.projection.matrix,
        )
        return assemble_bundle(
            self._embedder, linear, temperature=head.temperature, classes=classes, facts=facts, transform=transform
        )

    def _parity(
        self, caller: Caller, threads: int, bundle: Bundle, head: Head, train: Sequence[VersionEntry]
    ) -> dict[str, Any]:
        """The bundle on real images against the head on the stored embeddings. Raises where they differ."""
        by_content = sorted(train, key=lambda entry: entry.media_digest)
        samples = [entry.sample for entry in by_content[:: max(1, len(by_content) // PARITY_IMAGES)]][:PARITY_IMAGES]
        images = list(self._datasets.pixels(caller, samples))
        expected = head.probabilities(self._datasets.embeddings(caller, samples))
        parity = check_parity(bundle, images, expected, atol=PARITY_ATOL, threads=threads)
        if not parity.passed:
            raise SightloopError(
                f"The bundle differs from training by {parity.max_difference:.3g}, more than {parity.atol:g}.",
                hint="Ingest the samples again if the embedder has changed; else report this.",
            )
        return {**asdict(parity), "max_difference": round(parity.max_difference, 6), "passed": parity.passed}

    def _figures(
        self, caller: Caller, context: RunContext, bundle: Bundle, test: DatasetVersion
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Evaluation and metrics of the bundle itself on the test images: what is judged is what will be served."""
        entries = self._asked(caller, test)
        session = ModelSession(bundle, threads=context.threads)
        parts: list[npt.NDArray[np.float32]] = []
        for start in range(0, len(entries), IMAGES_AT_ONCE):
            batch = [entry.sample for entry in entries[start : start + IMAGES_AT_ONCE]]
            parts.append(session.predict(list(self._datasets.pixels(caller, batch))).probabilities)
            context.pause_point()
        classes = bundle.manifest.classes
        evaluation = results(entries, np.concatenate(parts), classes, test.id)
        return evaluation, metrics(evaluation, classes)

    def _schema_of(self, caller: Caller, version: DatasetVersion) -> str:
        return self._datasets.get(caller, version.dataset).schema

    def _check_embedder(self, recipe: Recipe) -> None:
        here = self._embedder.id
        if recipe.embedder not in ("auto", here, here.partition("@")[0], here.partition("-")[0]):
            raise Refused(
                f'The samples are embedded by "{here}", not by "{recipe.embedder}".',
                hint="Leave the embedder out of the recipe, or ingest with the other one.",
            )

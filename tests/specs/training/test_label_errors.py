"""Labels that are probably wrong are found by models that never saw them, and ranked worst first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sightloop.domain import VersionEntry
from sightloop.errors import NotEnoughData, Unavailable
from sightloop.training import label_errors
from sightloop.training.label_errors import suspected
from tests.specs.training.workshop import CLASSES, Workshop


def labelled(count: int, wrong: set[int], seed: int = 0) -> tuple[list[VersionEntry], np.ndarray[Any, Any]]:
    """Entries of two classes six deviations apart, some with the other's label, and their features."""
    rng = np.random.default_rng(seed)
    truth = np.arange(count) % 2
    features = rng.normal(0, 1, (count, 8)).astype(np.float32)
    features[:, 0] += 6 * truth
    entries = [
        VersionEntry(f"s{i:04}", f"{i:064}", "train", "", 1, "ab"[truth[i] ^ (i in wrong)], "person", "")
        for i in range(count)
    ]
    return entries, features


def contradicted(count: int, wrong: set[int]) -> tuple[set[int], set[int]]:
    """Who is contradicted, and who confidently."""
    entries, features = labelled(count, wrong)
    suspects = suspected(entries, features, [entry.sample for entry in entries])
    return {int(one.sample[1:]) for one in suspects}, {int(one.sample[1:]) for one in suspects if one.confident}


def test_exchanged_labels_are_contradicted_and_the_confident_ones_were_exchanged() -> None:
    wrong = set(range(3, 400, 20))
    all_of_them, confident = contradicted(400, wrong)
    assert wrong <= all_of_them
    assert len(all_of_them) <= 1.2 * len(wrong)
    assert confident <= wrong
    assert len(confident) >= len(wrong) / 2


def test_labels_that_fit_raise_next_to_no_suspicion() -> None:
    assert len(contradicted(400, set())[0]) <= 8


def test_the_worst_label_comes_first() -> None:
    entries, features = labelled(400, {10, 50, 90})
    suspects = suspected(entries, features, [entry.sample for entry in entries])
    assert [one.quality for one in suspects] == sorted(one.quality for one in suspects)
    assert all(one.suggested != one.label and one.score > one.quality for one in suspects)


def test_a_copy_with_the_same_wrong_label_does_not_vouch_for_it() -> None:
    entries, features = labelled(200, {10})
    copies = [
        VersionEntry(f"c{i:04}", f"{900 + i:064}", "train", "", 1, entries[10].label, "person", "") for i in range(40)
    ]
    groups = [entry.sample for entry in entries] + [entries[10].sample] * 40
    everything = np.concatenate([features, np.repeat(features[10:11], 40, axis=0)])
    suspects = {one.sample for one in suspected([*entries, *copies], everything, groups)}
    assert "s0010" in suspects


def test_a_run_names_the_suspects_of_a_version_and_what_it_used(workshop: Workshop) -> None:
    workshop.with_parts(80)
    sample = workshop.split("train")[0]
    right = next(one.label for one in workshop.datasets.entries(workshop.caller, "parts@1") if one.sample == sample)
    other = next(name for name in CLASSES if name != right)
    workshop.datasets.import_labels(workshop.caller, "parts", [{"sample": sample, "label": other}])
    version = workshop.datasets.commit(workshop.caller, "parts")
    run = workshop.runs.wait(workshop.caller, workshop.label_errors.find(workshop.caller, version.id).id)
    assert run.output["labelled"] == 80
    mine = next(one for one in run.output["suspects"] if one["sample"] == sample)
    assert (mine["label"], mine["suggested"]) == (other, right)


def test_one_class_is_not_enough(workshop: Workshop) -> None:
    workshop.with_parts(12)
    bright = [one.sample for one in workshop.datasets.entries(workshop.caller, "parts@1") if one.label == "bright"]
    version = workshop.apart("bright", *bright)
    with pytest.raises(NotEnoughData):
        workshop.label_errors.find(workshop.caller, version.id)


def test_without_cleanlab_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(label_errors, "import_module", missing)
    with pytest.raises(Unavailable) as refused:
        suspected(*labelled(40, set()), [str(i) for i in range(40)])
    assert "sightloop[quality]" in refused.value.hint

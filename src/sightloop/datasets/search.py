"""One search: samples that a filter selects, that hold words, that look like a sample or an image; or all at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sightloop.datasets.catalogue import Catalogue, View
from sightloop.datasets.filters import Mask, Where
from sightloop.datasets.similarity import CANDIDATES, Similarity
from sightloop.datasets.texts import Texts
from sightloop.domain import Caller, Sample
from sightloop.errors import InvalidInput

MAX_FOUND: Final = 1000
_SPARE: Final = 1.5  # of neighbours that an index is asked for, as a filter leaves some of them out
_MOST_ASKED: Final = 4000
Found = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Hit:
    """A sample that was found.

    Attributes:
        cosine: of its embedding with what was asked; None where nothing was that it could look like.
        relevance: how well it holds the words, of one search comparable only; None where no words were asked for.
    """

    sample: Sample
    cosine: float | None
    relevance: float | None


class Search:
    """Filter and words narrow, likeness orders; without likeness the words do."""

    def __init__(self, catalogue: Catalogue, similarity: Similarity, texts: Texts) -> None:
        self._catalogue = catalogue
        self._similarity = similarity
        self._texts = texts

    def found(
        self, caller: Caller, sample: str | None, image: bytes | None, text: str, k: int, where: Where | None
    ) -> list[Hit]:
        """The best k, the best first; the sample that is asked about is left out."""
        if sample is not None and image is not None:
            raise InvalidInput("A search looks like a sample or like an image.", hint="Give one of the two.")
        if sample is None and image is None and not text:
            raise InvalidInput("A search needs a sample or an image, or a text.", hint="Give one of them.")
        if not 1 <= k <= MAX_FOUND:
            raise InvalidInput(f"k is {k}.", hint=f"Ask for 1 to {MAX_FOUND} samples.")
        view, selected = self._catalogue.chosen(caller, where)
        relevance = None
        if text:
            relevance = self._texts.found(caller, view, text)
            selected = selected & (relevance > 0)
        cosines = None
        if sample is not None or image is not None:
            numbers, cosines = self._alike(caller, view, selected, sample, image, k)
        else:
            assert relevance is not None
            numbers = np.flatnonzero(selected)
            numbers = numbers[np.lexsort((numbers, -relevance[numbers]))[:k]]
        return [
            Hit(
                one,
                None if cosines is None else float(cosines[i]),
                None if relevance is None else float(relevance[numbers[i]]),
            )
            for i, one in enumerate(view.samples(numbers.tolist()))
        ]

    def _alike(
        self, caller: Caller, view: View, selected: Mask, sample: str | None, image: bytes | None, k: int
    ) -> Found:
        """Rows of the view and their cosines, nearest first."""
        if sample is not None:
            selected = selected & np.asarray(view.ids != sample, bool)
            query = self._similarity.embedding(caller, sample)
        else:
            query = self._similarity.embed(image or b"")
        count = int(selected.sum())
        asked = math.ceil(k * _SPARE * len(view) / max(1, count))
        if CANDIDATES * asked < count and asked <= _MOST_ASKED:  # or fewer vectors are read without the index
            ids, cosines = self._similarity.nearest(caller, query, asked)
            kept = [(i, place) for i, one in enumerate(ids) if (place := view.find(one)) is not None]
            kept = [(i, place) for i, place in kept if selected[place]][:k]
            if len(kept) >= min(k, count):
                return np.array([place for _, place in kept], np.int64), cosines[[i for i, _ in kept]]
        numbers = np.flatnonzero(selected)
        cosines = self._similarity.cosines(caller, [str(view.ids[i]) for i in numbers], query)
        best = np.lexsort((numbers, -cosines))[:k]
        return numbers[best], cosines[best]

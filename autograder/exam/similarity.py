"""Questions that are too much alike, by the characters they share."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from .bank import Question

__all__ = ["Pair", "alike"]


@dataclass(frozen=True)
class Pair:
    """Two questions and how alike they are."""

    first: str  # id
    second: str
    cosine: float  # of TF-IDF weights of 2 to 4 characters: 1 the same text, 0 nothing in common


def alike(questions: Sequence[Question], at_least: float) -> list[Pair]:
    """Pairs of questions with this cosine or more, the most alike first."""
    if len(questions) < 2:
        return []
    weights = TfidfVectorizer(analyzer="char", ngram_range=(2, 4), sublinear_tf=True).fit_transform(
        [_text(question) for question in questions]
    )
    cosines = (weights @ weights.T).toarray()
    pairs = [
        Pair(questions[row].id, questions[column].id, float(cosines[row, column]))
        for row, column in zip(*np.triu_indices(len(questions), k=1), strict=True)
        if cosines[row, column] >= at_least
    ]
    return sorted(pairs, key=lambda pair: (-pair.cosine, pair.first, pair.second))


def _text(question: Question) -> str:
    """Stem and choices; the order of the choices makes no difference."""
    parts = [question.stem, *sorted(choice.text for choice in question.choices)]
    return unicodedata.normalize("NFKC", "\n".join("".join(part.split()) for part in parts))

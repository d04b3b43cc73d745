"""Which questions a word means: a keyword however it is written, a part of one, or a word of the question."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

from .bank import Bank, Question
from .errors import ExamError

__all__ = ["ALSO_CALLED", "UnknownKeyword", "questions_about"]

#: What people say, and the keyword of the syllabus that does not have it as a part.
ALSO_CALLED = {
    "ViT": "Vision Transformer",
    "トランスフォーマー": "Transformer",
    "アテンション": "Attention",
    "overfitting": "過学習",
    "dropout": "ドロップアウト",
}

_FEWEST_CHARACTERS = 2  # of a word that may be a part of another
_ALIKE = 0.66  # of difflib's ratio: two of three characters; below it, suggestions are nonsense
_MOST_SUGGESTIONS = 8
_BETWEEN = r"[\s・\-‐]*"  # what people write between the characters of a word, or leave out
_LONG_VOWEL = "ー"
_BRACKETED = re.compile(r"^(?P<name>[^(]+)\((?P<other>[^)]+)\)$")
_HIRAGANA = {ord(small): ord(small) + 0x60 for small in map(chr, range(0x3041, 0x3097))}


class UnknownKeyword(ExamError):
    """No question is about a word.

    Attributes
    ----------
    near : tuple of str
        Keywords spelled alike, the nearest first.
    """

    def __init__(self, word: str, near: tuple[str, ...]) -> None:
        more = (
            f"近いもの：{'、'.join(near)}" if near else "用語集（glossary.ipynb）で言い方を確かめてください。"
        )
        super().__init__(f"キーワード「{word}」の問題は見つかりません。{more}")
        self.near = near


def questions_about(word: str, bank: Bank) -> list[Question]:
    """The questions about a word.

    Those with a keyword that is the word (also by its other name in brackets, "CNN", or in
    :data:`ALSO_CALLED`) or contains it; where there are none, those with the word in their stem or choices.
    Width, case, hiragana or katakana, spaces and the long vowel's mark make no difference. A word of Latin
    letters is only found where a word begins: "RAG" is not in "storage".

    Raises
    ------
    UnknownKeyword
    """
    wanted = _plain(_SPELLED.get(_plain(word), word))
    found = [question for question in bank if wanted in set(map(_plain, _names(question.keywords)))]
    if len(wanted) >= _FEWEST_CHARACTERS:
        found = _containing(wanted, bank, found)
    if not found:
        raise UnknownKeyword(word, _near(wanted, bank))
    return found


def _containing(wanted: str, bank: Bank, named: list[Question]) -> list[Question]:
    inside = _BETWEEN.join(map(re.escape, wanted))
    begun = re.compile(f"(?<![a-z]){inside}" if _is_latin(wanted[0]) else inside)
    whole = re.compile(begun.pattern + ("(?![a-z])" if _is_latin(wanted[-1]) else ""))
    of_keyword = [
        question
        for question in bank
        if question in named or any(begun.search(_folded(keyword)) for keyword in question.keywords)
    ]
    return of_keyword or [question for question in bank if any(map(whole.search, _texts(question)))]


def _texts(question: Question) -> Iterable[str]:
    yield _folded(question.stem)
    for choice in question.choices:
        yield _folded(choice.text)


def _near(wanted: str, bank: Bank) -> tuple[str, ...]:
    spelled = {
        _plain(name): keyword
        for question in bank
        for keyword in question.keywords
        for name in _names([keyword])
    }
    close = difflib.get_close_matches(wanted, spelled, n=_MOST_SUGGESTIONS, cutoff=_ALIKE)
    return tuple(dict.fromkeys(spelled[name] for name in close))


def _names(keywords: Iterable[str]) -> Iterable[str]:
    """Each keyword, and for "畳み込みニューラルネットワーク(CNN)" both of its names."""
    for keyword in keywords:
        yield keyword
        if both := _BRACKETED.match(unicodedata.normalize("NFKC", keyword)):
            yield both["name"]
            yield both["other"]


def _folded(text: str) -> str:
    """Half-width, lower case, katakana, no long vowels' marks; spaces as they are."""
    return unicodedata.normalize("NFKC", text).casefold().translate(_HIRAGANA).replace(_LONG_VOWEL, "")


def _plain(word: str) -> str:
    """A word without what makes no difference."""
    return re.sub(_BETWEEN, "", _folded(word))


def _is_latin(character: str) -> bool:
    return "a" <= character <= "z"


_SPELLED = {_plain(said): keyword for said, keyword in ALSO_CALLED.items()}

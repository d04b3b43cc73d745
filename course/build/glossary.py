"""The glossary: every term of the handbook in one notebook, in the order of the 50 sounds, then A–Z."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from .handbook import Page, Term
from .notebook import cell_id, new_notebook, prose_cell

__all__ = ["FILE", "TITLE", "Entry", "entries", "notebook"]

FILE = "glossary.ipynb"
TITLE = "用語集"

_NAME = "glossary"
_ROWS = {
    "あ": "ぁあぃいぅうぇえぉおゔ", "か": "かがきぎくぐけげこごゕゖ", "さ": "さざしじすずせぜそぞ",
    "た": "ただちぢっつづてでとど", "な": "なにぬねの", "は": "はばぱひびぴふぶぷへべぺほぼぽ",
    "ま": "まみむめも", "や": "ゃやゅゆょよ", "ら": "らりるれろ", "わ": "ゎわゐゑをん",
}  # fmt: skip
_ROW_OF = {sound: row for row, sounds in _ROWS.items() for sound in sounds}
_LETTERS = "A–Z・数字"
#: In sorting, a voiced or small sound is its plain one.
_PLAIN = str.maketrans(
    "がぎぐげござじずぜぞだぢづでどばびぶべぼぱぴぷぺぽぁぃぅぇぉっゃゅょゎゔゕゖ",
    "かきくけこさしすせそたちつてとはひふへほはひふへほあいうえおつやゆよわうかけ",
)
_VOWELS = {
    "あ": "あかさたなはまやらわ", "い": "いきしちにひみりゐ", "う": "うくすつぬふむゆる",
    "え": "えけせてねへめれゑ", "お": "おこそとのほもよろを",
}  # fmt: skip
_VOWEL_OF = {sound: vowel for vowel, sounds in _VOWELS.items() for sound in sounds}


@dataclass(frozen=True)
class Entry:
    """One line of the glossary."""

    term: Term
    pages: tuple[Page, ...]  # its home first, then those that explain it from their own angle

    @property
    def row(self) -> str:
        """Under which heading it stands: "あ", or the one of Latin letters and digits."""
        return _LETTERS if self._is_latin else _ROW_OF.get(self.term.hiragana[:1], _LETTERS)

    @property
    def _is_latin(self) -> bool:
        return self.term.term[:1].isascii()

    @property
    def _order(self) -> tuple:
        if self._is_latin:
            return (self.term.term.casefold(), self.term.term)
        return (_sorting(self.term.hiragana), self.term.reading, self.term.term)


def entries(pages: Sequence[Page]) -> list[Entry]:
    """The entries, in order. A term that only says ``see`` is none until its home page is there.

    A word that means two things has two homes, and an entry for each.
    """
    elsewhere: dict[tuple[str, str], list[Page]] = {}
    for page in pages:
        for term in page.terms:
            if not term.is_home:
                elsewhere.setdefault((term.term, term.see), []).append(page)
    found = [
        Entry(term, (page, *elsewhere.get((term.term, page.item), ())))
        for page in pages
        for term in page.terms
        if term.is_home
    ]
    return sorted(found, key=lambda entry: (_rows().index(entry.row), entry._order, entry.pages[0].name))


def notebook(pages: Sequence[Page]) -> NotebookNode:
    """The glossary's notebook."""
    listed = entries(pages)
    rows = [row for row in _rows() if any(entry.row == row for entry in listed)]
    cells = [prose_cell(cell_id(_NAME, "top"), _top(len(listed), rows))]
    for row in rows:
        identity = cell_id(_NAME, "row", str(_rows().index(row) + 1))
        lines = [f"## {_heading(row)}", "", "| 用語（読み） | English | ひとこと | ページ |"]
        lines.append("|---|---|---|---|")
        lines += [_line(entry) for entry in listed if entry.row == row]
        cells.append(prose_cell(identity, "\n".join(lines)))
    return new_notebook(cells, {"title": TITLE})


def _top(count: int, rows: Sequence[str]) -> str:
    links = "　".join(f"[{row}](#{_heading(row)})" for row in rows)
    return (
        f"# {TITLE}\n\n"
        f"ハンドブックのページで説明している{count}の言葉です。日本語の言葉は五十音順、"
        "英字や数字で始まる言葉は最後のアルファベット順にあります。"
        "くわしい説明は、右の列のページで、その言葉が太字になっている所にあります。\n\n"
        f"{links}"
    )


def _line(entry: Entry) -> str:
    term = entry.term
    name = term.term if term.reading == term.term else f"{term.term}（{term.reading}）"
    links = "、".join(f"[{page.item}]({page.name}.ipynb)" for page in entry.pages)
    return f"| {_cell(name)} | {_cell(term.english)} | {_cell(term.line)} | {links} |"


def _heading(row: str) -> str:
    return row if row == _LETTERS else f"{row}行"


def _rows() -> list[str]:
    return [*_ROWS, _LETTERS]


def _sorting(reading: str) -> str:
    """As dictionaries sort: plain sounds, a long one as its vowel, no marks."""
    out: list[str] = []
    for sound in reading.translate(_PLAIN):
        if sound == "ー":
            out.extend(_VOWEL_OF.get(out[-1], "") if out else "")
        elif sound not in "・ 　":
            out.append(sound)
    return "".join(out)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())

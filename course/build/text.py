"""One MyST text: front matter, then prose and code cells, each with its role and its line in the file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jupytext.myst import MystMetadataParsingError, myst_to_notebook

from .directives import literal_stars
from .problems import Collector, TextError, shown_path

#: Options that a code cell may carry at its top.
OPTIONS = ("takara", "shows", "tags", "message", "loses", "read", "items")

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Role:
    """What a cell is for: ``test q1 3`` is kind "test", name "q1", points 3."""

    kind: str
    name: str = ""
    points: float | None = None


@dataclass(frozen=True)
class RoleRule:
    """How a role is written."""

    cell: str  # "code" or "markdown"
    named: bool
    pointed: bool
    example: str


@dataclass(frozen=True)
class Cell:
    """One cell of a text."""

    kind: str  # "code" or "markdown"
    source: str
    line: int  # 1-based, where the source begins
    role: Role | None
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Text:
    """One text file, read."""

    path: Path
    front: Mapping[str, Any]
    cells: tuple[Cell, ...]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def shown(self) -> str:
        return shown_path(self.path)


def read_text(path: Path, rules: Mapping[str, RoleRule], problems: Collector) -> Text:
    """Read a text file.

    Parameters
    ----------
    path : Path
    rules : mapping of str to RoleRule
        The roles that this sort of text knows.
    problems : Collector
        Takes what is wrong with roles and options.

    Raises
    ------
    TextError
        When the file cannot be read as a MyST text at all.
    """
    raw = _decode(path, problems)
    lines = raw.split("\n")
    front = _front_matter(lines, problems)
    try:
        notebook = myst_to_notebook(raw, add_source_map=True)
    except (MystMetadataParsingError, yaml.YAMLError) as error:
        at = re.search(r"at line (\d+)", str(error))
        problems.add(
            int(at[1]) if at else 0,
            "セルの先頭の「:名前: 値」または「+++」の行を読めません。"
            f'値に「: 」があるときは"…"で囲んでください（{_one_line(error)}）。',
        )
        raise TextError(problems.problems) from error
    cells = []
    for cell, start in zip(notebook.cells, notebook.metadata["source_map"], strict=True):
        line = _code_line(lines, start) if cell.cell_type == "code" else _prose_line(lines, start)
        options = dict(cell.metadata)
        if cell.cell_type not in ("code", "markdown"):
            problems.add(line, "raw セルは使えません。")
            continue
        for key in options.keys() - set(OPTIONS):
            allowed = "、".join(OPTIONS)
            problems.add(line, f"セルの設定「{key}」は知らない名前です。使えるもの：{allowed}")
        if cell.cell_type == "markdown":
            for at in literal_stars(cell.source, line):
                problems.add(at, "太字の ** がそのまま出ます。閉じる ** を「）」や句点の前に置いてください。")
        declared = options.pop("takara", None)
        role = None if declared is None else _read_role(str(declared), cell.cell_type, rules, line, problems)
        cells.append(Cell(cell.cell_type, cell.source, line, role, options))
    return Text(path, front, tuple(cells))


def require(text: Text, problems: Collector, **types: type | tuple[type, ...]) -> None:
    """Report every front-matter key that is missing or of another type."""
    for key, expected in types.items():
        if key not in text.front:
            problems.add(1, f"先頭の設定（---の間）に「{key}:」がありません。")
        elif not isinstance(text.front[key], expected):
            problems.add(1, f"先頭の設定「{key}:」の値の形が違います（今の値：{text.front[key]!r}）。")


def data_files(text: Text, datasets: Path, problems: Collector) -> tuple[Path, ...]:
    """The files that ``data:`` names, checked to exist."""
    names = text.front.get("data") or []
    if not isinstance(names, list):
        problems.add(1, "先頭の設定「data:」は [a.csv, b.csv] の形で書いてください。")
        return ()
    files = []
    for name in names:
        file = datasets / str(name)
        if not file.is_file():
            problems.add(1, f"データ「{name}」が datasets/ にありません。ファイル名を確かめてください。")
        else:
            files.append(file)
    return tuple(files)


def _decode(path: Path, problems: Collector) -> str:
    try:
        raw = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.add(0, f"文字コードがUTF-8ではありません。UTF-8で保存し直してください（{error}）。")
        raise TextError(problems.problems) from error
    return raw.replace("\r\n", "\n").replace("\r", "\n")


def _front_matter(lines: list[str], problems: Collector) -> Mapping[str, Any]:
    if lines[0].strip() != "---" or "---" not in (line.strip() for line in lines[1:]):
        problems.add(1, "先頭の設定（---で囲んだtitle:などの行）がありません。")
        raise TextError(problems.problems)
    end = next(at for at, line in enumerate(lines[1:], 1) if line.strip() == "---")
    try:
        front = yaml.safe_load("\n".join(lines[1:end]))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problems.add(mark.line + 2 if mark else 1, f"先頭の設定を読めません（{_one_line(error)}）。")
        raise TextError(problems.problems) from error
    if not isinstance(front, dict):
        problems.add(1, "先頭の設定は「名前: 値」の形で書いてください。")
        raise TextError(problems.problems)
    return front


def _read_role(
    declared: str, cell_kind: str, rules: Mapping[str, RoleRule], line: int, problems: Collector
) -> Role | None:
    kind, *rest = declared.split()
    rule = rules.get(kind)
    if rule is None:
        known = "、".join(rules)
        problems.add(line, f"役割「{kind}」は知らない名前です。使えるもの：{known}")
        return None
    wanted = int(rule.named) + int(rule.pointed)
    if cell_kind != rule.cell or len(rest) != wanted:
        problems.add(line, f"役割「{declared}」の書き方が違います。正しい例：{rule.example}")
        return None
    name = rest[0] if rule.named else ""
    if name and not _NAME.fullmatch(name):
        problems.add(
            line, f"名前「{name}」は使えません。小文字の英字で始め、英小文字・数字・_だけで書いてください。"
        )
        return None
    points = None
    if rule.pointed:
        try:
            points = float(rest[1])
        except ValueError:
            points = -1.0
        if not 0 < points < float("inf"):
            problems.add(line, f"点数「{rest[1]}」は正の数で書いてください。正しい例：{rule.example}")
            return None
        points = int(points) if points == int(points) else points
    return Role(kind, name, points)


def _code_line(lines: list[str], fence: int) -> int:
    """1-based line of the first source line of a code cell whose fence stands on 1-based line ``fence``."""
    at = fence
    if at < len(lines) and lines[at].startswith("---"):
        at += 1
        while at < len(lines) and not lines[at].startswith("---"):
            at += 1
        at += 1
    while at < len(lines) and lines[at].lstrip().startswith(":"):
        at += 1
    if at < len(lines) and not lines[at].strip():
        at += 1
    return at + 1


def _prose_line(lines: list[str], start: int) -> int:
    at = start
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at + 1


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())

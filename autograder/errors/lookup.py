"""Something was not found: a name, an attribute, a column, a module, a file."""

from __future__ import annotations

import ast
import builtins
import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any

from autograder.errors.case import (
    Case,
    Explainer,
    first_line,
    folded,
    has_japanese,
    kind_of,
    listed,
    near,
    quoted,
)

__all__ = ["EXPLAINERS"]

#: Names that notebooks import under a short name, in the cell at their top.
_SHORT_NAMES = {
    "pd": "import pandas as pd",
    "np": "import numpy as np",
    "plt": "import matplotlib.pyplot as plt",
    "torch": "import torch",
    "nn": "from torch import nn",
}
_OTHER_SPELLINGS = {"true": "True", "false": "False", "none": "None", "null": "None", "nil": "None"}
_SHELLS_OWN = {"In", "Out", "exit", "quit", "get_ipython", "open"}
_DATA_FOLDER = "../../datasets"  # as seen from a lesson, in a clone, a workspace and on Binder
_MOST_FILES = 2000
ELLIPSIS = "まだ「...」のままの名前を使っています。「...」を自分のコードに書きかえてください。"


# --- names ---------------------------------------------------------------------------------------


def _name_error(case: Case) -> str:
    name = getattr(case.error, "name", None) or quoted(case.evalue)
    if not name:
        return "まだ作られていない名前を使っています。つづりと、セルを実行する順番を確かめてください。"
    if name in _OTHER_SPELLINGS:
        return f"「{name}」という名前はありません。Python では「{_OTHER_SPELLINGS[name]}」と書きます。"
    said = f"「{name}」という名前がまだありません。"
    if has_japanese(name):
        return f'{said}文字として使うなら、半角の引用符で囲みます（例："{name}"）。'
    if name in _SHORT_NAMES:
        return f"{said}「{_SHORT_NAMES[name]}」と書いてある準備のセルを、先に実行してください。"
    own = [known for known in case.names if not known.startswith("_") and known not in _SHELLS_OWN]
    alike = near(name, [*own, *(known for known in dir(builtins) if not known.startswith("_"))])
    if alike:
        return (
            f"{said}{listed(alike)}のつづり違いではありませんか。\n"
            "つづりが正しければ、その名前を作る上のセルを、先に実行してください。"
        )
    return f"{said}つづりを確かめ、その名前を作るセルを先に実行してください。"


def _unbound_local_error(case: Case) -> str:
    name = getattr(case.error, "name", None) or quoted(case.evalue)
    return (
        f"関数の中で、「{name}」に値を入れる前に使っています。"
        "使う行より上で値を入れるか、引数で受け取ってください。"
    )


# --- attributes ----------------------------------------------------------------------------------


def _attribute_error(case: Case) -> str:
    found = re.search(r"'([^']+)' object has no attribute '([^']+)'", case.evalue)
    kind, name = (found[1], found[2]) if found else ("", _attribute_of(case))
    if kind == "NoneType":
        return (
            f"「なし（None）」に .{name} を使おうとしました。"
            "前の行の結果が None になっていないか、確かめてください"
            "（inplace=True や print の結果を代入すると、None になります）。"
        )
    if kind == "ellipsis":
        return ELLIPSIS
    if kind in ("DataFrame", "Series") and name == "append":
        return "行を足す .append は、今の pandas にはありません。pd.concat([表1, 表2]) を使います。"
    owner = getattr(case.error, "obj", None)
    whose = kind or (owner.__name__ if isinstance(owner, ModuleType) else "")
    said = f"{whose} に「{name}」はありません。" if whose else f"「{name}」はありません。"
    alike = near(name, _attributes(owner))
    if alike:
        return f"{said}{listed(alike)}のつづり違いではありませんか。"
    if owner is not None and not isinstance(owner, ModuleType) and kind_of(owner) != kind:
        said = f"{kind_of(owner)}に「{name}」はありません。"
    return f"{said}つづりと、何に対して使っているかを確かめてください。"


def _attribute_of(case: Case) -> str:
    found = re.search(r"has no attribute '([^']+)'", case.evalue)
    return getattr(case.error, "name", None) or (found[1] if found else first_line(case.evalue))


def _attributes(owner: Any) -> Iterator[str]:
    """Public names of a module, or of a value's class, with the columns of a table first."""
    if owner is None:
        return
    yield from (column for column in _labels(owner) if isinstance(column, str))
    known = vars(owner) if isinstance(owner, ModuleType) else dir(type(owner))
    yield from (name for name in list(known) if not name.startswith("_"))


# --- keys ----------------------------------------------------------------------------------------


def _key_error(case: Case) -> str:
    keys = _missing_keys(case)
    said = f"{listed(keys, 3)}という列（またはキー）が見つかりません。"
    owner = _owner_of(keys[0], case)
    labels = list(_labels(owner)) if owner is not None else []
    if not labels:
        return f"{said}つづり、全角と半角、前後の空白を確かめてください。"
    key = keys[0]
    if not isinstance(key, str):
        at_place = type(owner).__name__ in ("DataFrame", "Series") and isinstance(key, int)
        hint = f"番号で行を取り出すときは、.iloc[{key}] を使います。" if at_place else ""
        return f"{said}{hint}\nあるもの：{listed(labels)}"
    same = [label for label in labels if isinstance(label, str) and folded(label) == folded(key)]
    if same:
        return f"{said}{listed(same[:1])}ならあります。{_difference(key, same[0])}だけが違います。"
    alike = near(key, labels)
    if alike:
        return f"{said}{listed(alike)}のつづり違いではありませんか。"
    return f"{said}つづりを確かめてください。\nあるもの：{listed(labels)}"


def _missing_keys(case: Case) -> list[Any]:
    """The keys that were not found. pandas puts several of them into a sentence."""
    found = re.search(r"\[((?:'[^']*'(?:, )?)+)\]", case.evalue)
    if found:
        return re.findall(r"'([^']*)'", found[1])
    args = case.error.args if case.error is not None else ()
    if len(args) == 1 and isinstance(args[0], str | int | float):
        return [args[0]]
    return [case.evalue.strip().strip("'\"")]


def _owner_of(key: Any, case: Case) -> Any:
    """The table or dictionary that was asked for ``key``: from the cell's code, else from the traceback."""
    with contextlib.suppress(SyntaxError, ValueError, RecursionError):
        for node in ast.walk(ast.parse(case.source)):
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.value, ast.Name)
                and key in [inner.value for inner in ast.walk(node.slice) if isinstance(inner, ast.Constant)]
                and len(_labels(case.names.get(node.value.id)))
            ):
                return case.names[node.value.id]
    values = case.local_values("self", "obj", "frame", "left", "right", "data")
    return next((value for value in values if len(_labels(value))), None)


def _labels(value: Any) -> Iterable[Any]:
    """What a table, a column or a dictionary can be asked for."""
    if isinstance(value, dict):
        return list(value)[:_MOST_FILES]
    kind = type(value).__name__
    if kind == "DataFrame":
        return value.columns.tolist()[:_MOST_FILES]
    if kind == "Series":
        return value.index[:_MOST_FILES].tolist()
    return []


def _difference(written: str, there: str) -> str:
    if written.strip() == there.strip():
        return "前後の空白"
    if written.lower() == there.lower():
        return "大文字と小文字"
    return "空白や、全角と半角"


# --- modules -------------------------------------------------------------------------------------


def _module_error(case: Case) -> str:
    found = re.search(r"cannot import name '([^']+)' from '([^']+)'", case.evalue)
    if found:
        name, module = found[1], found[2]
        said = f"「{module}」の中に「{name}」はありません。"
        alike = near(name, _attributes(sys.modules.get(module))) if case.error is not None else []
        return said + (
            f"{listed(alike)}のつづり違いではありませんか。" if alike else "つづりを確かめてください。"
        )
    name = getattr(case.error, "name", None) or quoted(case.evalue) or first_line(case.evalue)
    said = f"「{name}」を読みこめません。"
    top = name.partition(".")[0]
    known = {module.partition(".")[0] for module in sys.modules} | set(sys.stdlib_module_names)
    alike = near(top, sorted(m for m in known if not m.startswith("_"))) if case.error is not None else []
    if alike:
        return f"{said}{listed(alike)}のつづり違いではありませんか。"
    return f"{said}つづりを確かめてください。この講座で入れたライブラリだけが使えます。"


# --- files ---------------------------------------------------------------------------------------


def _file_not_found(case: Case) -> str:
    name = str(getattr(case.error, "filename", None) or quoted(case.evalue) or first_line(case.evalue))
    said = f"ファイルが見つかりません：{name[:200]}。"
    if re.search(r"[\x00-\x1f]", name):
        return (
            "ファイルが見つかりません。引用符の中の「\\」が、特別な記号として読まれました。"
            "置き場所は「/」で書いてください（例：C:/data/a.csv）。"
        )
    if case.folder is None:
        return (
            f"{said}ファイル名のつづりと、置き場所を確かめてください"
            "（自分のパソコンにしかないフォルダーの名前は、ほかの場所では読めません）。"
        )
    path = case.folder / name
    if (case.folder / _DATA_FOLDER / PurePath(name).name).is_file():
        return f"{said}\n「{_DATA_FOLDER}/{PurePath(name).name}」と書くと、読めます。"
    missing = path
    while not missing.parent.is_dir() and missing.parent != missing:
        missing = missing.parent
    if missing != path:
        said += f"\n「{missing.name}」というフォルダーがありません。"
    there = _names_in(missing.parent, folders=missing != path)
    where = _shown_folder(missing.parent, case.folder)
    if not there:
        return f"{said}\n{where}には、何もありません。置き場所を確かめてください。"
    alike = near(missing.name, there)
    if alike:
        return f"{said}\n{where}に、{listed(alike)}があります。つづりを確かめてください。"
    return f"{said}\n{where}にあるもの：{listed(there)}"


def _names_in(folder: Path, *, folders: bool) -> list[str]:
    """What a learner sees in a folder: folders, or files (and folders, where there are no files)."""
    found: dict[bool, list[str]] = {True: [], False: []}
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry, _ in zip(entries, range(_MOST_FILES), strict=False):
            if not entry.name.startswith((".", "__")):
                found[entry.is_dir()].append(entry.name)
    return sorted(found[folders] or found[not folders])


def _shown_folder(folder: Path, start: Path) -> str:
    if folder.resolve() == start.resolve():
        return "このノートブックと同じフォルダー"
    return f"「{folder.resolve().name or folder.resolve()}」フォルダー"


def _permission_error(case: Case) -> str:
    name = str(getattr(case.error, "filename", None) or quoted(case.evalue) or first_line(case.evalue))
    return (
        f"「{name[:200]}」を開けません。Excel などで開いていれば閉じてから、もう一度実行してください。"
        "フォルダーの名前を指定していないかも、確かめてください。"
    )


def _same(text: str) -> Explainer:
    return lambda case: text


EXPLAINERS: Mapping[str, Explainer] = {
    "NameError": _name_error,
    "UnboundLocalError": _unbound_local_error,
    "AttributeError": _attribute_error,
    "KeyError": _key_error,
    "ModuleNotFoundError": _module_error,
    "ImportError": _module_error,
    "FileNotFoundError": _file_not_found,
    "PermissionError": _permission_error,
    "IsADirectoryError": _same("ファイルではなく、フォルダーの名前を指定しています。"),
    "UnicodeDecodeError": _same(
        '文字コードが合っていません。read_csv に encoding="cp932" などを指定してください。'
    ),
    "URLError": _same(
        "インターネットの先を読みにいって、つながりませんでした。手元のファイルを使ってください。"
    ),
}

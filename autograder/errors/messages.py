"""Errors that are told apart by their message: wrong kinds, wrong values, shapes that do not fit."""

from __future__ import annotations

import ast
import builtins
import contextlib
import re
from collections.abc import Callable, Mapping

from autograder.errors.case import Case, Explainer, first_line, has_japanese, kind_of
from autograder.errors.lookup import ELLIPSIS

__all__ = ["EXPLAINERS"]

Said = str | Callable[[re.Match[str], Case], str]
Table = tuple[tuple[str, Said], ...]

_MIXED = (
    "文字と数値を混ぜて計算しています。"
    "数として計算するなら pd.to_numeric(…) や float(…) で数値に、"
    "文字としてつなぐなら str(…) で文字に直してください。"
)
_NONE = "「なし（None）」を計算に使っています。関数に return を書き忘れていないか、確かめてください。"


def _looked_up(table: Table, case: Case) -> str | None:
    for pattern, said in table:
        found = re.search(pattern, case.evalue)
        if found:
            return said if isinstance(said, str) else said(found, case)
    return None


# --- TypeError -----------------------------------------------------------------------------------


def _not_callable(found: re.Match[str], case: Case) -> str:
    for name in _called_names(case.source):
        if name not in case.names or callable(case.names[name]):
            continue
        kind = kind_of(case.names[name])
        if hasattr(builtins, name):
            return (
                f"「{name}」は Python の関数の名前ですが、いまは{kind}が入っています。"
                f"前に「{name} = …」と書いたからです。\n"
                f"del {name} を実行すると、関数に戻ります。変数には、別の名前を付けてください。"
            )
        return (
            f"「{name}」は{kind}で、関数ではないので、( ) は付けられません。"
            "列や要素を取り出すときは [ ] を使います。"
        )
    if found[1] == "module":
        return "モジュール（道具箱）そのものに ( ) をつけています。「モジュール.関数(…)」の形で書きます。"
    return "関数ではないものに ( ) をつけています。関数と同じ名前の変数を作っていないか、確かめてください。"


def _called_names(source: str) -> list[str]:
    with contextlib.suppress(SyntaxError, ValueError, RecursionError):
        calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
        return [call.func.id for call in calls if isinstance(call.func, ast.Name)]
    return []


_TYPE_ERRORS: Table = (
    (r"ellipsis", ELLIPSIS),
    (r"NoneType", _NONE),
    (r"'([\w.]+)' object is not callable", _not_callable),
    (
        r"'(?:builtin_function_or_method|function|method)' object is not subscriptable",
        "関数やメソッドに [ ] をつけています。呼び出すときは ( ) を使います。",
    ),
    (
        r"'(\w+)' object is not subscriptable",
        lambda found, case: (
            f"{found[1]} からは、[ ] で中身を取り出せません。何が入っているかを確かめてください。"
        ),
    ),
    (
        r"positional argument|keyword argument",
        lambda found, case: f"関数に渡す値（引数）の数か名前が違います：{first_line(case.evalue)}",
    ),
    (
        r"for [&|]",
        "条件を & や | でつなぐときは、1つひとつの条件をかっこで囲みます。例：(条件1) & (条件2)",
    ),
    (
        r"indices must be integers",
        "リストの中身は、番号（0 から始まる整数）で取り出します。列の名前で取り出せるのは、表や辞書です。",
    ),
    (
        r"'(?:int|float|numpy\.\w+)' object is not iterable",
        "数値1つは、くり返しに使えません。回数を決めてくり返すなら range(…) を使います。",
    ),
    (
        r"not supported between instances of '(\w+)' and '(\w+)'",
        lambda found, case: (
            "文字と数値を、大小で比べています。pd.to_numeric などで、数値に直してください。"
            if "str" in found.groups()
            else f"{found[1]} と {found[2]} は、大小を比べられません。"
        ),
    ),
    (
        r"[Cc]ould not convert|agg function failed|Cannot perform reduction|does not support reduction",
        "文字が入った列を、数として計算しようとしました。"
        "計算する列を選ぶか、pd.to_numeric(…) で数値に直してください。",
    ),
    (r"(?s)\A(?=.*\bstr)(?=.*\b(?:int|float))", _MIXED),
)


def _type_error(case: Case) -> str:
    return _looked_up(_TYPE_ERRORS, case) or f"データの種類（型）が合っていません：{first_line(case.evalue)}"


# --- ValueError ----------------------------------------------------------------------------------


def _to_number(found: re.Match[str], case: Case) -> str:
    text = found[1].strip("'\"")
    said = f"「{text[:40]}」を数値に直せませんでした。"
    if not text.strip():
        return "空の文字を、数値に直そうとしました。空欄を先に除くか、欠損値として読んでください。"
    if re.search(r"[０-９．，－]", text):
        return f'{said}全角の数字や記号が入っています。.str.normalize("NFKC") で、列ごと半角に直せます。'
    if re.fullmatch(r"[-−+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text.strip()):
        return (
            f"{said}桁区切りのカンマが入っています。"
            'read_csv(…, thousands=",") で読むか、.str.replace(",", "") で取ってください。'
        )
    if re.search(r"\d", text):
        return f"{said}数字のほかの文字（単位や記号）が入っています。取り除いてから、数値に直してください。"
    return f"{said}数字ではない文字が入っています。計算に使う列かどうかを、確かめてください。"


def _samples(found: re.Match[str], case: Case) -> str:
    return (
        f"行の数がそろっていません（{found[1]}）。"
        "説明する側（X）と答え（y）を、同じ表の同じ行から作ってください。"
        "どちらかだけ、欠損の行を消していませんか。"
    )


_VALUE_ERRORS: Table = (
    (r"could not convert string to (?:float|int\w*): ?(.*)", _to_number),
    (r"invalid literal for int\(\) with base \d+: ?(.*)", _to_number),
    (r"Unable to parse string (['\"].*['\"])", _to_number),
    (r"inconsistent numbers of samples: (\[[\d, ]{1,60}\])", _samples),
    (
        r"contains? NaN|NaNs",
        "欠損値（NaN、空欄）が入っています。このままでは学習できません。\n"
        ".isna().sum() でどの列にあるかを調べ、.dropna() で行を除くか、.fillna(…) で埋めてください。",
    ),
    (
        r"contains infinity",
        "無限大（inf）か、大きすぎる値が入っています。0 で割った列がないか、確かめてください。",
    ),
    (
        r"truth value of (?:a|an) ",
        "表や列の「全体」は、正しいか正しくないかを1つに決められません。\n"
        "条件をつなぐときは and、or ではなく &、| を使い、条件を1つずつかっこで囲みます。"
        "1つでもあるかは .any()、全部かは .all() です。",
    ),
    (
        r"Length of values \((\d+)\) does not match length of index \((\d+)\)",
        lambda found, case: (
            f"表は {found[2]} 行ですが、入れようとした値は {found[1]} 個です。数をそろえてください。"
        ),
    ),
    (
        r"must be of the same length|must all be same length",
        "列ごとに、値の数が違います。数をそろえてください。",
    ),
    (
        r"must have same first dimension, but have shapes \((\d+),?.*?\) and \((\d+)",
        lambda found, case: f"横軸の値は {found[1]} 個、縦軸の値は {found[2]} 個です。数をそろえてください。",
    ),
    (
        r"Expected 2D array, got|Expected a 2-dimensional container",
        'X は、列が1つでも「表」の形で渡します。df["列"] ではなく、df[["列"]] と書いてください。',
    ),
    (
        r"X has (\d+) features, but \w+ is expecting (\d+)",
        lambda found, case: (
            f"学習に使った列は {found[2]} 個、いま渡した列は {found[1]} 個です。"
            "同じ列をそろえて渡してください。"
        ),
    ),
    (
        r"feature names should match",
        "学習したときと、列の名前か順番が違います。同じ列を、同じ順番で渡してください。",
    ),
    (
        r"previously unseen labels|unknown categories",
        "学習したときになかった値が出てきました。値の種類を確かめてください。",
    ),
    (
        r"operands could not be broadcast together with shapes (.{1,80})",
        lambda found, case: (
            f"配列の形が合わないので、計算できません（{found[1].strip()}）。"
            ".shape で、それぞれの形を確かめてください。"
        ),
    ),
    (
        r"shapes (.+?) not aligned|mismatch in its core dimension",
        "配列の形が合わないので、行列のかけ算ができません。"
        "左の列の数と、右の行の数をそろえます。.shape で確かめてください。",
    ),
    (
        r"time data ['\"]([^'\"]{1,60})['\"] does(?:n't| not) match format",
        lambda found, case: (
            f"「{found[1]}」を、日付として読めませんでした。日付の書き方がそろっているか、確かめてください。"
        ),
    ),
    (
        r"Unknown datetime string format|day is out of range|month must be in",
        "日付として読めない値があります。日付の書き方がそろっているか、確かめてください。",
    ),
    (
        r"(?:too many|not enough) values to unpack \(expected (?:at least )?(\d+)",
        lambda found, case: f"「=」の左には名前が {found[1]} 個ありますが、右の値の数と合いません。",
    ),
    (
        r"(?i)cannot convert (?:float NaN|non-finite values)",
        "欠損値（NaN、空欄）は、整数に直せません。先に .dropna() か .fillna(…) を使ってください。",
    ),
    (
        r"No columns to parse|Error tokenizing",
        "CSVとして読めませんでした。ファイルが空でないか、見出しの前に説明の行がないか、確かめてください。",
    ),
)


def _value_error(case: Case) -> str | None:
    said = _looked_up(_VALUE_ERRORS, case)
    if said or has_japanese(case.evalue):
        return said
    return f"値が、計算に合っていません：{first_line(case.evalue)}"


# --- the rest ------------------------------------------------------------------------------------

_INDEX_ERRORS: Table = (
    (
        r"index (-?\d+) is out of bounds for axis \d+ with size (\d+)",
        lambda found, case: (
            f"データが 0 個なので、{found[1]} 番は取り出せません。絞りこみの条件を確かめてください。"
            if found[2] == "0"
            else f"{found[1]} 番はありません。{found[2]} 個なので、0 から {int(found[2]) - 1} までです。"
        ),
    ),
    (
        r"too many indices",
        "取り出す位置の数が、データの次元より多くなっています。.shape で形を確かめてください。",
    ),
    (r"", "行（または要素）の番号が、データの数をこえています。番号は 0 から始まります。"),
)
_RUNTIME_ERRORS: Table = (
    (
        r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)",
        lambda found, case: (
            f"層の大きさが合っていません。"
            f"渡した値は1件につき {found[2]} 個ですが、層は {found[3]} 個を待っています。\n"
            f"nn.Linear({found[3]}, …) を nn.Linear({found[2]}, …) に直すか、"
            "渡す値の形を .shape で確かめてください。"
        ),
    ),
    (
        r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)",
        lambda found, case: (
            f"テンソルの大きさが、{found[1]} と {found[2]} で合っていません。.shape で形を確かめてください。"
        ),
    ),
    (
        r"must have the same dtype|expected (?:m1 and m2|scalar type)|to have the same dtype",
        "数の種類（dtype）がそろっていません。.float() で、どちらも小数（float32）にそろえてください。",
    ),
    (
        r"does not require grad",
        "傾きを計算できる値がありません。モデルの出力から損失を計算しているか、確かめてください。",
    ),
    (
        r"backward through the graph a second time",
        "同じ損失で backward() を2回呼んでいます。くり返しのたびに、予測と損失を計算し直してください。",
    ),
)


def _assertion_error(case: Case) -> str | None:
    """A check speaks for itself; only a bare ``assert`` does not."""
    if case.evalue.strip():
        return None
    return "「こうなるはず」という確認（assert）が、成り立ちませんでした。条件と値を、見比べてください。"


def _same(text: str) -> Explainer:
    return lambda case: text


EXPLAINERS: Mapping[str, Explainer] = {
    "TypeError": _type_error,
    "ValueError": _value_error,
    "IndexError": lambda case: _looked_up(_INDEX_ERRORS, case),
    "RuntimeError": lambda case: _looked_up(_RUNTIME_ERRORS, case),
    "AssertionError": _assertion_error,
    "NotFittedError": _same(
        "まだ学習していないモデルを使っています。先に .fit(…) のセルを実行してください。"
    ),
    "ZeroDivisionError": _same("0 で割っています。割る数が 0 になる場合を、先に分けてください。"),
    "RecursionError": _same("関数が自分を呼び続けています。止まる条件を確かめてください。"),
    "MemoryError": _same("メモリが足りなくなりました。大きすぎるデータを作っていないか、確かめてください。"),
    "KeyboardInterrupt": _same("実行が途中で止められました。こわれたものはありません。"),
    "SystemExit": _same("exit() や quit() は、ノートブックでは使わないでください。"),
}

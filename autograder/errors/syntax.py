"""Errors that Python finds before it runs a cell: SyntaxError and its kinds."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Callable, Mapping

from autograder.errors.case import Case, Explainer

__all__ = ["EXPLAINERS"]

_HALF_WIDTH = {
    **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # ！ to ～
    **dict.fromkeys("“”„〝〟", '"'),
    **dict.fromkeys("‘’‚", "'"),
    **dict.fromkeys("−–—", "-"),
    "、": ",",
    "。": ".",
    "×": "*",
    "÷": "/",
    "≦": "<=",
    "≧": ">=",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "「": '"',
    "」": '"',
    "『": '"',
    "』": '"',
    "【": "[",
    "】": "]",
}
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_UNKNOWN = "かっこ・引用符・コロン（:）の閉じ忘れや、全角の記号を確かめてください。"


def _syntax_error(case: Case) -> str:
    message = getattr(case.error, "msg", None) or case.evalue
    if "incomplete input" in message:  # IPython's word for whatever has no end; Python itself knows more
        try:
            ast.parse(case.source)
        except SyntaxError as error:
            if error.msg != message:
                more = dataclasses.replace(case, ename=type(error).__name__, evalue=str(error), error=error)
                return EXPLAINERS[more.ename](more) or ""
        except ValueError:
            pass
    said = next((say(found, case) for pattern, say in _SAID if (found := re.search(pattern, message))), None)
    return f"{_where(case)}Python の文として読めません。{said or _UNKNOWN}"


def _where(case: Case) -> str:
    found = re.search(r", line (\d+)\)|\(line (\d+)\)|line (\d+)", case.evalue)
    line = case.line or (next(number for number in found.groups() if number) if found else "")
    return f"{line}行目あたりで、" if line else ""


def _same(text: str) -> Callable[[re.Match[str], Case], str]:
    return lambda found, case: text


def _full_width(found: re.Match[str], case: Case) -> str:
    written = found[1]
    wanted = _HALF_WIDTH.get(written)
    if wanted is None:
        return (
            f"「{written}」は、Python の記号としては使えません。"
            '文字として使うなら、半角の引用符（"）で囲みます。'
        )
    said = f"全角の「{written}」は使えません。日本語入力を切って、半角の「{wanted}」に直してください。"
    others = {char for char in (getattr(case.error, "text", None) or "") if char in _HALF_WIDTH} - {written}
    return said + ("同じ行のほかの記号も、半角かどうかを確かめてください。" if others else "")


def _never_closed(found: re.Match[str], case: Case) -> str:
    return f"「{found[1]}」が閉じられていません。対になる「{_CLOSING[found[1]]}」を足してください。"


def _string(found: re.Match[str], case: Case) -> str:
    said = "文字の終わりの引用符（\" または '）がありません。始まりと同じ引用符を、終わりにも書いてください。"
    if any(char in (getattr(case.error, "text", None) or "") for char in "“”‘’"):
        said += "全角の引用符（”）では閉じられません。"
    return said


_SAID: tuple[tuple[str, Callable[[re.Match[str], Case], str]], ...] = (
    (
        r"non-printable character U\+3000",
        _same("全角の空白（スペース）が入っています。半角の空白に直してください。"),
    ),
    (
        r"non-printable character",
        _same("目に見えない文字が入っています。その行を消して、手で打ち直してください。"),
    ),
    (r"invalid character '(.)'", _full_width),
    (r"'([\(\[{])' was never closed", _never_closed),
    (
        r"parenthesis '(.)' does not match opening parenthesis '(.)'",
        lambda found, case: (
            f"「{found[2]}」を「{found[1]}」で閉じています。"
            f"「{_CLOSING.get(found[2], '')}」に直してください。"
        ),
    ),
    (
        r"unmatched '(.)'",
        lambda found, case: (
            f"「{found[1]}」が1つ多いか、始まりのかっこがありません。かっこの数を数えてください。"
        ),
    ),
    (
        r"unterminated triple-quoted",
        _same('三重の引用符（"""）が閉じられていません。終わりにも """ を書いてください。'),
    ),
    (r"unterminated (?:f-)?string|EOL while scanning", _string),
    (
        r"expected ':'",
        _same("行の終わりのコロン（:）がありません。if、for、def などの行は、半角の「:」で終わります。"),
    ),
    (
        r"cannot assign to|invalid assignment target",
        _same("「=」の左に書けるのは、値を入れる名前だけです。「等しいか」を比べるときは == を使います。"),
    ),
    (r"Maybe you meant '=='", _same("「等しいか」を比べる記号は、= ではなく == です。")),
    (
        r"forgot a comma",
        _same("値と値の間に、カンマ（,）や計算の記号が抜けていないか、確かめてください。"),
    ),
    (
        r"Missing parentheses in call to '(\w+)'",
        lambda found, case: f"{found[1]} には、かっこが要ります。例：{found[1]}(…)",
    ),
    (
        r"unicodeescape",
        _same(
            "「\\」は、引用符の中では特別な記号です。"
            '置き場所は "C:/Users/…" のように「/」で書くか、r"C:\\Users\\…" のように r を付けてください。'
        ),
    ),
    (
        r"after line continuation",
        _same("「\\」は、引用符の外では使えません。ファイルの置き場所は、引用符で囲んでください。"),
    ),
    (
        r"invalid decimal literal|invalid imaginary literal",
        _same("数字のすぐ後ろに文字があります。名前は数字で始められません（例：3days ではなく days3）。"),
    ),
    (r"leading zeros", _same("数字の先頭の 0 は書けません（例：04 ではなく 4）。")),
    (
        r"'return' outside|'yield' outside",
        _same("return は、関数（def）の中でだけ使えます。字下げを確かめてください。"),
    ),
    (
        r"outside loop|not properly in loop",
        _same("break と continue は、くり返し（for、while）の中でだけ使えます。字下げを確かめてください。"),
    ),
    (
        r"positional argument follows keyword",
        _same("かっこの中では、「名前=値」の形のものを、あとにまとめて書きます。"),
    ),
    (
        r"keyword argument repeated",
        _same("かっこの中に、同じ名前の「名前=値」が2回あります。1つにしてください。"),
    ),
    (r"expected 'except'", _same("try には、except の行が要ります。")),
    (r"expected 'else'", _same("「A if 条件 else B」の、else の部分がありません。")),
    (
        r"f-string",
        _same('f"…{名前}…" の { } の中を確かめてください。{ } の中では、外側と違う引用符を使います。'),
    ),
    (r"Did you mean '(\w+)'", lambda found, case: f"「{found[1]}」のつづり違いではありませんか。"),
    (
        r"EOF|incomplete input",
        _same("文が途中で終わっています。閉じかっこや、字下げして書く行が足りないかもしれません。"),
    ),
)


def _indentation_error(case: Case) -> str:
    message = getattr(case.error, "msg", None) or case.evalue
    where = f"{_where(case)}字下げ（行の先頭の空白）がそろっていません。"
    found = re.search(r"expected an indented block after (?:'?(\w+)'? )?.*?on line (\d+)", message)
    if found:
        return f"{where}{found[2]}行目の中に入れる行は、先頭に半角スペースを4つ入れてください。"
    if "unexpected indent" in message:
        return f"{where}先頭に、いらない空白があります。消すか、半角スペース4つにそろえてください。"
    return f"{where}半角スペース4つにそろえてください。"


def _tab_error(case: Case) -> str:
    return f"{_where(case)}字下げにタブと空白が混ざっています。半角スペース4つにそろえてください。"


EXPLAINERS: Mapping[str, Explainer] = {
    "SyntaxError": _syntax_error,
    "IndentationError": _indentation_error,
    "TabError": _tab_error,
}

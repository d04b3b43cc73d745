"""The parts of the builder, each on a few lines of text."""

from __future__ import annotations

import ast

import nbformat
import pytest
from markdown_it import MarkdownIt
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from autograder.grading.spec import CODE_STUB
from course.build import directives, stub
from course.build.directives import Renderer
from course.build.expected import numbers, shows
from course.build.notebook import UnnamedIds, cell_id, code_cell, new_notebook, prose_cell, to_bytes
from course.build.problems import Collector


def render(markdown: str, **hint_count: int) -> str:
    return directives.replace(markdown, Renderer(hint_count))


# --- directives ----------------------------------------------------------------------------------


def test_one_hint_is_folded_with_room_for_markdown():
    assert render(":::{hint} e1\n**平均**です。\n:::", e1=1) == (
        "<details>\n<summary>ヒント</summary>\n\n**平均**です。\n\n</details>"
    )


def test_hints_are_layers_with_names_and_own_titles_win():
    text = "\n\n".join([":::{hint} e1\na\n:::", ":::{hint} e1\nb\n:::", ":::{hint} e1 表で見る\nc\n:::"])
    shown = [line for line in render(text, e1=3).split("\n") if "summary" in line]
    assert [s.removeprefix("<summary>").removesuffix("</summary>") for s in shown] == [
        "ヒント1（考え方）",
        "ヒント2（使うもの）",
        "ヒント3（表で見る）",
    ]


@pytest.mark.parametrize(("kind", "style", "label"), [
    ("{goal} e1", "success", "こうなれば正解"),
    ("{excel}", "info", "Excelなら"),
    ("{note}", "info", "メモ"),
    ("{important}", "info", "要点"),
    ("{caution}", "warning", "注意"),
])  # fmt: skip
def test_boxes_have_a_label_in_bold(kind, style, label):
    expected = f'<div class="alert alert-{style}">\n\n**{label}**\n\n文\n\n</div>'
    assert render(f":::{kind}\n文\n:::") == expected


def test_box_title_and_text_around_keep_blank_lines():
    out = render("前\n:::{caution} 使ってはいけないこと\n文\n:::\n後")
    assert out.startswith('前\n\n<div class="alert alert-warning">\n\n**注意：使ってはいけないこと**')
    assert out.endswith("</div>\n\n後")


def test_directive_text_inside_a_code_fence_stays():
    text = "例：\n\n````\n:::{hint} q1\nx\n:::\n````"
    assert render(text) == text
    assert directives.find(text, 1, Collector("t")) == []


def test_directives_nest_and_a_list_keeps_its_indent():
    nested = render("::::{answer} e1\n:::{note}\n中\n:::\n\n```python\nx = 1\n```\n::::")
    assert "**メモ**\n\n中\n\n</div>\n\n```python\nx = 1\n```\n\n</details>" in nested
    listed = render("- 一\n\n  :::{note}\n  中\n  :::\n- 二")
    assert "  **メモ**\n\n  中\n\n  </div>\n\n- 二" in listed


def test_left_out_directive_leaves_no_hole():
    assert directives.replace("前\n\n:::{why} q1\nx\n:::\n\n後", Renderer({}, ("why",))) == "前\n\n後"


@pytest.mark.parametrize("to_html", [markdown2html_mistune, MarkdownIt("commonmark").render])
def test_markdown_inside_is_rendered(to_html):
    """By nbconvert's renderer and by a CommonMark one, which GitHub's and JupyterLab's follow here."""
    page = to_html(
        render(":::{hint} e1\n- **太い**\n- `x`\n:::\n\n:::{goal} e1\n| a | b |\n|---|---|\n:::", e1=1)
    )
    for part in ("<details>", "<summary>ヒント</summary>", "<strong>太い</strong>", "<code>x</code>",
                 '<div class="alert alert-success">', "<strong>こうなれば正解</strong>"):  # fmt: skip
        assert part in page, page
    assert page.count("</div>") == page.count("</details>") == 1


@pytest.mark.parametrize(("text", "line", "part"), [
    ("文\n\n:::{hint} q1\n閉じない", 3, "閉じる「:::」がありません"),
    (":::{hinto} q1\nx\n:::", 1, "知らない書き方"),
    (":::hint q1\nx\n:::", 1, "知らない書き方"),
    (":::{hint}\nx\n:::", 1, "問の名前を続けて"),
])  # fmt: skip
def test_directive_mistakes_name_their_line(text, line, part):
    problems = Collector("t.md")
    directives.find(text, 1, problems)
    assert [p.line for p in problems.problems] == [line]
    assert part in problems.problems[0].message


def test_headings_and_inline_code_come_from_a_parser():
    text = "## 一（5分）\n\n```\n## 中\n```\n\n`a` と ``b`c``\n"
    assert [(h.level, h.text, h.line) for h in directives.headings(text, 10)] == [(2, "一（5分）", 10)]
    assert directives.inline_codes(text) == ["a", "b`c"]
    assert directives.code_blocks("```python\nx = 1\n```\n```\nno\n```") == ["x = 1"]


# --- stubs ---------------------------------------------------------------------------------------


def blank_of(source: str) -> str:
    return stub.replaced(source, stub.regions(source, stub.BEGIN_SOLUTION, stub.END_SOLUTION), CODE_STUB)


def test_stub_of_assignments_shows_only_wanted_names_once():
    answer = "import math\nhelper = 2\nmean, spread = 1, 2\nmean = mean * helper"
    source = stub.with_stub(answer, ["mean", "spread"])
    assert blank_of(source) == f"mean = ...\nspread = ...\n{CODE_STUB}"
    namespace: dict = {}
    exec(source, namespace)
    assert (namespace["mean"], namespace["spread"]) == (2, 2)


def test_stub_of_a_function_keeps_signature_and_docstring_and_raises():
    answer = '@staticmethod\ndef f(a,\n      b=1):\n    """Add."""\n    # secret idea\n    return a + b\n'
    source = stub.with_stub(answer, ["f"])
    blank = blank_of(source)
    assert '@staticmethod\ndef f(a,\n      b=1):\n    """Add."""\n    ...\n' in blank
    assert "secret" not in blank and "return" not in blank
    namespace: dict = {}
    exec(blank, namespace)
    with pytest.raises(NotImplementedError, match="未記入"):
        namespace["f"](1)
    exec(source, namespace)
    assert namespace["f"](1) == 2


def test_stub_keeps_functions_apart():
    blank = blank_of(stub.with_stub("a = 1\ndef f():\n    return 1\nb = 2\nc = 3", ["a", "f", "b", "c"]))
    assert blank.startswith("a = ...\n\n\ndef f():\n    ...\n    raise NotImplementedError(")
    assert blank.endswith(f")\n\n\nb = ...\nc = ...\n{CODE_STUB}")


def test_stub_of_a_function_without_docstring_drops_leading_comment():
    blank = blank_of(stub.with_stub("def f(a):\n    # secret\n    return a", ["f"]))
    assert "secret" not in blank
    assert isinstance(ast.parse(blank).body[0], ast.FunctionDef)


def test_own_solution_markers_are_left_and_worked_answer_loses_blanks():
    answer = (
        "# 平均\nmean = ...\n### BEGIN SOLUTION\nmean = 3\n### END SOLUTION\n"
        "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
        "    raise NotImplementedError('x')\nf()"
    )
    assert stub.with_stub(answer, ["mean"]) == answer
    assert stub.worked(answer) == "# 平均\nmean = 3\ndef f():\n    return 1\nf()"


def test_worked_answer_of_a_generated_source_is_the_answer():
    answer = 'def f(a):\n    """Doc."""\n    return a\n\n\nx = f(2)'
    assert stub.worked(stub.with_stub(answer, ["f", "x"])) == answer


@pytest.mark.parametrize(("source", "line"), [
    ("a\n### BEGIN SOLUTION\nb", 1),
    ("a\n### END SOLUTION", 1),
    ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", 1),
])  # fmt: skip
def test_unbalanced_markers_name_their_line(source, line):
    with pytest.raises(stub.StubError) as error:
        stub.regions(source, stub.BEGIN_SOLUTION, stub.END_SOLUTION)
    assert error.value.line == line


def test_names_that_an_answer_defines():
    source = (
        "a = b = 1\nc, (d, *e) = x\nf: int = 2\n_g = 3\nh[0] = 1\nfor i in []:\n    j = 1\ndef k(): pass\n"
    )
    assert stub.defined_names(source) == ["a", "b", "c", "d", "e", "f", "j", "k"]


# --- ids and bytes -------------------------------------------------------------------------------


def test_ids_are_valid_unique_and_local_to_their_section():
    def ids(first_section: int) -> list[str]:
        made = UnnamedIds("02-read")
        out = []
        for heading, count in (("一", first_section), ("二", 2)):
            made.under(heading)
            out += [made.next("text") for _ in range(count)]
        return out

    assert len(set(ids(3))) == 5
    assert ids(3)[3:] == ids(1)[1:], "an edit in one section must not change ids of another"
    with pytest.raises(ValueError, match="cell id"):
        cell_id("ps2", "問1")
    assert len(cell_id("x" * 80, "q1-answer")) <= 64


def test_bytes_are_reproducible_and_clean():
    def make() -> bytes:
        return to_bytes(
            new_notebook([code_cell("a", "1"), prose_cell("b", "文", {"z": 1, "a": 2})], {"x": 1})
        )

    assert make() == make()
    assert make().endswith(b"}\n") and b"\r" not in make() and "文".encode() in make()
    notebook = nbformat.reads(make().decode(), as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].execution_count is None and notebook.cells[0].outputs == []
    assert notebook.metadata.kernelspec == {
        "display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"
    }  # fmt: skip


def test_duplicate_ids_are_refused():
    with pytest.raises(ValueError, match="duplicate"):
        new_notebook([code_cell("a", "1"), code_cell("a", "2")], {})


# --- what an output shows ------------------------------------------------------------------------


@pytest.mark.parametrize(("output", "wanted", "expected"), [
    ("11.234", "11.2", True),
    ("11.25", "11.2", True),  # both roundings of a half are honest
    ("11.25", "11.3", True),
    ("11.28", "11.2", False),  # cut, not rounded
    ("111.2", "11.2", False),
    ("14000 行", "14,000", True),
    ("(8000, 20)", "8000", True),
    ("np.float64(0.2731)", "0.27", True),
    ("-0.45", "0.45", False),
    ("-0.45", "-0.45", True),
    ("2024-04-01", "4", True),
    ("1e-3", "0.001", True),
    ("平均は 3 分", "平均は 3 分", True),
    ("27.3%", "27.3%", True),
    ("27.4%", "27.3%", False),
    ("", "0", False),
])  # fmt: skip
def test_a_number_in_prose_must_be_a_rounding_of_the_output(output, wanted, expected):
    assert shows(output, wanted) is expected


def test_numbers_in_a_text():
    assert [str(n) for n in numbers("a1 -2.5 2024-04 x=3,000")] == ["1", "-2.5", "2024", "4", "3000"]

# ruff: noqa: E501  (texts and tables of mistakes read better on one line)
"""From text to notebook on a small course, and what an author is told about each mistake."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
import small_course
from typer.testing import CliRunner

from autograder.grading.spec import CODE_STUB, TEXT_STUB
from course.build.__main__ import app
from course.build.assignment import read_assignment, source_notebook
from course.build.leaks import leaks, secrets_of
from course.build.problems import TextError
from course.build.session import read_session, session_notebook
from course.build.site import Difference, build, compare, install
from course.build.solutions import solutions_notebook

ROOT = Path(__file__).resolve().parents[2]
PS2, LESSON = "assignments/text/ps2.md", "course/sessions/02-waiting.md"


def assignment(course):
    return read_assignment(course.root / PS2, course.datasets)


def by_grade_id(notebook):
    return {c.metadata["nbgrader"]["grade_id"]: c for c in notebook.cells if "nbgrader" in c.metadata}


def build_all(course, out):
    return build(course, [*course.lesson_texts(), *course.assignment_texts()], out)


# --- the lesson ----------------------------------------------------------------------------------


def test_lesson_notebook(small):
    notebook = session_notebook(read_session(small.root / LESSON, small.datasets, small.bank))
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert notebook.metadata.takara == {"session": 2, "title": "待ち時間を読む"}
    assert code[0].source.startswith("import pandas as pd\n")
    assert code[0].metadata == {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}
    assert code[1].id == "02-waiting-exercise-e1"
    assert code[1].metadata == {"takara": {"role": "exercise", "name": "e1"}}
    assert code[2].id == "02-waiting-checkpoint-1"
    text = json.dumps(notebook, ensure_ascii=False)
    assert "shows" not in text and ":::" not in text and "title:" not in text
    assert "ヒント1（考え方）" in text and "ヒント2（ほぼ答え）" in text and "解答例" in text


def test_handbook_page_is_built_like_a_lesson(small, tmp_path):
    page = small.root / "course" / "handbook" / "T36-collecting.md"
    page.parent.mkdir()
    page.write_text(
        "---\ntitle: データを集める\nitem: T36\n---\n# データを集める\n\n```{code-cell} ipython3\n1 + 1\n```\n"
    )
    assert small.lesson_texts() == [small.root / LESSON, page]
    assert build(small, [page], tmp_path / "out") == []
    built = nbformat.read(tmp_path / "out/course/notebooks/T36-collecting.ipynb", as_version=4)
    assert built.metadata.takara == {"item": "T36", "title": "データを集める"}
    assert [c.cell_type for c in built.cells] == ["markdown", "code"]
    page.write_text("---\ntitle: データを集める\nsession: 2\n---\n# 本文\n")
    assert "item" in str(build(small, [page], tmp_path / "again")[0])


# --- the assignment ------------------------------------------------------------------------------


def test_source_cells_carry_whole_nbgrader_metadata(small):
    cells = by_grade_id(source_notebook(assignment(small), {}))
    assert list(cells) == [
        "given-setup",
        "q1-answer",
        "q1-test",
        "q2-answer",
        "q2-test",
        "q2-test-2",
        "q3-written",
    ]
    keys = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}
    for cell in cells.values():
        assert keys <= set(cell.metadata["nbgrader"]) and cell.metadata["nbgrader"]["schema_version"] == 3
    flags = {
        g: tuple(c.metadata["nbgrader"].get(k) for k in ("grade", "solution", "locked", "points"))
        for g, c in cells.items()
    }
    assert flags["given-setup"] == (False, False, True, None)
    assert flags["q1-answer"] == (False, True, False, None)
    assert flags["q1-test"] == (True, False, True, 3)
    assert flags["q2-test-2"] == (True, False, True, 2)
    assert flags["q3-written"] == (True, True, False, 3)
    assert cells["q1-test"].metadata["takara"] == {
        "question": "q1",
        "title": "問1 待ち時間の平均",
        "hints": ["空欄は数えません。"],
        "read": "第2回 2節",
    }


def test_unwritten_check_names_what_the_tests_read(small):
    cells = by_grade_id(source_notebook(assignment(small), {}))
    assert cells["q1-test"].source.startswith(
        'from autograder import checks\n\nchecks.written("問1", globals(), "mean_wait")\nchecks.number('
    )
    own_import = cells["q2-test"].source
    assert own_import.count("from autograder import checks") == 1
    assert own_import.index("import checks") < own_import.index(
        'checks.written("問2", globals(), "share_over")'
    )
    assert "waited" not in cells["q1-answer"].source.split("### BEGIN")[0]


def test_release_is_nbgraders_and_holds_stubs_only(small, tmp_path):
    assert build_all(small, tmp_path) == []
    path = tmp_path / "assignments/release/ps2/ps2.ipynb"
    cells = by_grade_id(nbformat.read(path, as_version=4))
    assert cells["q1-answer"].source == f"mean_wait = ...\n{CODE_STUB}"
    assert cells["q3-written"].source == TEXT_STUB
    assert "fillna" not in cells["q1-test"].source
    assert all("checksum" in c.metadata["nbgrader"] for c in cells.values())
    assert (
        cells["q1-test"].metadata["editable"] is False and cells["q1-answer"].metadata["deletable"] is False
    )
    assert (path.parent / "visits.csv").read_text(encoding="utf-8") == small_course.TABLE
    prose = path.read_text(encoding="utf-8")
    assert "（9点）" in prose and "（3点）" in prose and "{{" not in prose
    assert "採点基準" not in prose and "0分」ではない" not in prose


def test_release_equals_what_the_command_makes(small, tmp_path):
    """``nbgrader generate_assignment`` with a real gradebook writes the same notebook."""
    assert build_all(small, tmp_path / "ours") == []
    assert build_all(small, tmp_path / "theirs") == []
    theirs = tmp_path / "theirs/assignments"
    ours = (tmp_path / "ours/assignments/release/ps2/ps2.ipynb").read_bytes()
    (theirs / "release/ps2/ps2.ipynb").unlink()
    shutil.copyfile(ROOT / "assignments/nbgrader_config.py", theirs / "nbgrader_config.py")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", "ps2", "--force"],
        cwd=theirs, check=True, capture_output=True, env=environment,
    )  # fmt: skip
    assert (theirs / "gradebook.db").is_file()
    assert (theirs / "release/ps2/ps2.ipynb").read_bytes() == ours


def test_solutions_show_all_but_rubric_and_planted_mistakes(small):
    notebook = solutions_notebook(assignment(small), {})
    text = "\n".join(c.source for c in notebook.cells)
    for shown in (
        "waited.sum() / len(waited)",
        "空欄は数えません",
        "0分」ではない",
        "欠損を0分として",
        "中央値を使います",
    ):
        assert shown in text, shown
    for hidden in (
        "採点基準",
        "外れた値に触れ",
        "mean_wait = ...",
        "### BEGIN",
        "NotImplementedError",
        "質問があれば",
        "{{",
    ):
        assert hidden not in text, hidden
    assert "return float((values > limit).mean())" not in text


# --- secrets -------------------------------------------------------------------------------------


def test_secrets_are_found_in_every_kind_of_file(small, tmp_path):
    assert build_all(small, tmp_path / "out") == []
    secrets = secrets_of(assignment(small))
    assert "mean_wait = waited.sum() / len(waited)" in secrets
    assert any("欠損を0分として" in s for s in secrets) and any("長く待った1人" in s for s in secrets)
    assert any("(values > limit)" in s for s in secrets), "planted wrong answers are secret, too"
    assert '"""Share of values above a limit."""' not in secrets, "the stub keeps the docstring"
    assert leaks(tmp_path / "out/assignments/release", secrets) == []
    assert leaks(tmp_path / "out/course", secrets) == []
    source = tmp_path / "out/assignments/source/ps2/ps2.ipynb"
    for line in ("mean_wait = waited.sum() / len(waited)", 'waited = visits["wait_min"].dropna()'):
        assert line in {leak.line for leak in leaks(source, secrets)}, "also where JSON escapes the quotes"
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as inner:
        inner.write(source, "deep/ps2.ipynb")
    with zipfile.ZipFile(wheel, "w") as outer:
        outer.write(tmp_path / "inner.zip", "inner.zip")
    found = leaks(wheel, secrets)
    assert found and all(leak.path.endswith("x.whl!inner.zip!deep/ps2.ipynb") for leak in found)


def test_lines_that_lessons_teach_are_no_secret(small):
    line = "mean_wait = waited.sum() / len(waited)"
    assert line not in secrets_of(assignment(small), public=[f"    {line}\n"])


def test_questions_must_be_independent(small):
    line = small_course.edit(small.root / PS2, "    kept = values.dropna()\n", "    kept = waited\n")
    with pytest.raises(TextError, match="問「q1」で作る「waited」を使っています") as error:
        assignment(small)
    assert error.value.problems[0].line == line - 2


def test_a_given_cell_makes_a_name_common_again(small):
    path = small.root / PS2
    small_course.edit(path, "    kept = values.dropna()\n", "    kept = waited\n")
    small_course.edit(
        path,
        "## 問2 関数にする",
        "```{code-cell} ipython3\n:takara: given q2\n\nwaited = 1\n```\n\n## 問2 関数にする",
    )
    assert set(assignment(small).questions) == {"q1", "q2", "q3"}


# --- build, check, install -----------------------------------------------------------------------


def test_two_builds_are_equal_byte_for_byte(small, tmp_path):
    assert build_all(small, tmp_path / "a") == [] and build_all(small, tmp_path / "b") == []
    files = [p.relative_to(tmp_path / "a") for p in sorted((tmp_path / "a").rglob("*")) if p.is_file()]
    assert len(files) == 6
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_install_writes_what_differs_and_check_lists_it(small, tmp_path):
    assert build_all(small, tmp_path / "out") == []
    assert {d.kind for d in install(tmp_path / "out", small.root, whole=True)} == {"missing"}
    assert (small.root / "assignments/source/ps2/ps2.ipynb").is_file()
    assert not list(small.root.rglob("gradebook.db"))
    assert compare(tmp_path / "out", small.root, whole=True) == []
    lesson = small.root / "course/notebooks/02-waiting.ipynb"
    lesson.write_bytes(lesson.read_bytes() + b"\n")
    (small.root / "course/notebooks/09-old.ipynb").write_text("{}")
    assert compare(tmp_path / "out", small.root, whole=True) == [
        Difference("course/notebooks/02-waiting.ipynb", "changed"),
        Difference("course/notebooks/09-old.ipynb", "extra"),
    ]
    install(tmp_path / "out", small.root, whole=True)
    assert compare(tmp_path / "out", small.root, whole=True) == []


def command(course, *arguments):
    return CliRunner().invoke(app, ["--root", str(course.root), *arguments])


def test_command_builds_checks_and_reports(small):
    first = command(small)
    assert first.exit_code == 0, first.stderr
    assert "書きました: assignments/release/ps2/ps2.ipynb" in first.stdout
    assert command(small, "--check").exit_code == 0
    small_course.edit(small.root / LESSON, "平均の**メソッド**があります。", "平均を出すメソッドがあります。")
    drifted = command(small, "--check")
    assert drifted.exit_code == 1 and "course/notebooks/02-waiting.ipynb: 中身が違います" in drifted.stderr
    unknown = command(small, "ps9")
    assert unknown.exit_code == 2 and "ps9" in unknown.stderr


def test_module_runs_from_the_repository_root(small):
    done = subprocess.run(
        [sys.executable, "-m", "course.build", "--root", str(small.root), "sessions"],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0 and "書きました: course/notebooks/02-waiting.ipynb" in done.stdout, (
        done.stderr
    )
    assert not (small.root / "assignments/release").exists()


def test_a_broken_text_does_not_stop_the_others(small):
    line = small_course.edit(small.root / PS2, ":takara: given setup", ":takara: gven setup")
    done = command(small)
    assert done.exit_code == 1
    assert f"ps2.md:{line + 1 + 1}: 役割「gven」は知らない名前です" in done.stderr
    assert (small.root / "course/notebooks/02-waiting.ipynb").is_file()
    assert not (small.root / "assignments/release").exists()


# --- what an author is told ----------------------------------------------------------------------

ASSIGNMENT_MISTAKES = {
    "unknown role": (":takara: test q1 3", ":takara: tset q1 3", "役割「tset」は知らない名前です"),
    "role without points": (":takara: test q1 3", ":takara: test q1", "正しい例：:takara: test q1 3"),
    "points no number": (":takara: test q1 3", ":takara: test q1 x", "正の数で書いてください"),
    "bad name": (":takara: answer q1", ":takara: answer 問1", "名前「問1」は使えません"),
    "test without answer": (":takara: answer q1", ":takara: given other", "テスト「q1」に当たる解答"),
    "unknown option": (":read: 第2回 2節", ":raed: 第2回 2節", "設定「raed」は知らない名前です"),
    "points do not add up": (":takara: test q1 3", ":takara: test q1 4", "点数の合計が10点です（q1 4点、q2 3点、q3 3点）。9点に"),
    "hint of nobody": (":::{hint} q1", ":::{hint} q9", "「{hint} q9」に当たる問がありません"),
    "no hint": (":::{hint} q2\n行の数で割ります。\n:::", "", "ヒント（:::{hint} q2）がありません"),
    "no message": (":message: 0分として\n", "", "「:message:」（出るはずの文の一部）がありません"),
    "loses too much": (":loses: 2", ":loses: 4", "問の点数3以下"),
    "duplicated answer": (":takara: wrong q1", ":takara: answer q1", "問「q1」の解答が2つあります"),
    "missing data": ("data: [visits.csv]", "data: [visit.csv]", "データ「visit.csv」が datasets/ にありません"),
    "hidden marker open": ("### END HIDDEN TESTS\n```\n\n```{code-cell} ipython3\n:takara: wrong q1", "```\n\n```{code-cell} ipython3\n:takara: wrong q1", "対応する「### END HIDDEN TESTS」がありません"),
    "hidden marker in answer": ("waited = visits", "### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS\nwaited = visits", "「:takara: test …」のセルだけ"),
    "no heading": ("## 問1 待ち時間の平均（{{ q1.points }}点）", "**問1**", "見出し「## 問1 …」がありません"),
    "number of heading": ("## 問1 待ち", "## 問4 待ち", "番号をそろえてください"),
    "points of nobody": ("（{{ q1.points }}点）", "（{{ q7.points }}点）", "「{{ q7.points }}」に当たる問がありません"),
    "other braces": ("平均と中央値のどちら", "{{ q3 }}のどちら", "{{ q1.points }} か {{ total.points }} だけ"),
    "no rubric": (":::{rubric} q3\n- 3点：外れた値に触れている。\n:::", "", "採点基準（:::{rubric} q3）がありません"),
    "syntax": ("mean_wait = waited.sum() / len(waited)", "mean_wait = (waited.sum()", "Pythonとして読めません"),
    "answer that no test reads": ("mean_wait = waited.sum() / len(waited)", "total = waited.sum()", "名前を1つも使っていません"),
    "front matter key": ("session: 2\n", "", "「session:」がありません"),
    "items no list": (":takara: answer q1", ":takara: answer q1\n:items: T37", "「items」は [T07, L10] の形"),
    "items unknown": (":takara: answer q1", ":takara: answer q1\n:items: [X37]", "「items」は [T07, L10] の形"),
    "items of a test": (":read: 第2回 2節", ":items: [T37]", "「items」はこのセルでは使えません"),
    "file name": ("assignment: ps2", "assignment: ps3", "ファイル名「ps2」が違います"),
    "unclosed": (":::{goal} q1\n`mean_wait` は数値です。\n:::", ":::{goal} q1\n`mean_wait` は数値です。", "閉じる「:::」がありません"),
    "yaml": (":message: 0分として", ":message: a: b", "\"…\"で囲んでください"),
}  # fmt: skip


def test_items_of_the_syllabus_go_with_their_questions(small):
    path = small.root / PS2
    small_course.edit(path, ":takara: answer q1", ":takara: answer q1\n:items: [T37, T36]")
    small_course.edit(path, '"written q3 3"', '"written q3 3", "items": ["L01", "T37"]')
    notebook = source_notebook(assignment(small), {"T37": "統計", "L01": "個人情報"})
    cells = by_grade_id(notebook)
    assert cells["q1-test"].metadata["takara"]["items"] == ["T37", "T36"]
    assert cells["q3-written"].metadata["takara"]["items"] == ["L01", "T37"]
    assert "items" not in cells["q2-test"].metadata["takara"]
    assert list(notebook.metadata["takara"]["syllabus"].items()) == [
        ("T36", ""),
        ("T37", "統計"),
        ("L01", "個人情報"),
    ]


@pytest.mark.parametrize("mistake", ASSIGNMENT_MISTAKES)
def test_assignment_mistakes(small, mistake):
    old, new, part = ASSIGNMENT_MISTAKES[mistake]
    path = small.root / PS2
    if mistake in ("duplicated answer", "number of heading"):
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    else:
        small_course.edit(path, old, new)
    with pytest.raises(TextError) as error:
        read_assignment(path, small.datasets)
    told = [str(p) for p in error.value.problems]
    assert any(part in t for t in told), told
    assert all("ps2.md" in t for t in told)


def test_a_stub_that_would_not_parse_is_refused(small):
    small_course.edit(
        small.root / PS2,
        '    """Share of values above a limit."""\n    kept = values.dropna()\n    return float((kept > limit).mean())',
        "    ### BEGIN SOLUTION\n    return 1.0\n    ### END SOLUTION",
    )
    with pytest.raises(TextError, match="消えない行"):
        assignment(small)


def test_a_name_hidden_in_the_solution_is_refused(small):
    small_course.edit(
        small.root / PS2,
        "mean_wait = waited.sum() / len(waited)",
        "### BEGIN SOLUTION\nmean_wait = waited.mean()\n### END SOLUTION",
    )
    with pytest.raises(TextError, match=r"「mean_wait = \.\.\.」を"):
        assignment(small)


def test_problems_name_the_line(small):
    line = small_course.edit(
        small.root / PS2, "### BEGIN HIDDEN TESTS\nchecks.number(mean_wait", "checks.number(mean_wait"
    )
    with pytest.raises(TextError) as error:
        assignment(small)
    (problem,) = error.value.problems
    assert problem.line == line + 2, "the line of the END marker that has no BEGIN"


SESSION_MISTAKES = {
    "minutes": ("## 1. 開く（12分）", "## 1. 開く（13分）", "節の時間の合計が21分です"),
    "section without minutes": ("## 1. 開く（12分）", "## 1. 開く", "（N分）がありません"),
    "no answer": (':::{answer} e1\n```python\nmean_wait = visits["wait_min"].mean()\nmean_wait\n```\n:::', "", "解答例（:::{answer} e1）がありません"),
    "no goal": (":::{goal} e1\n`4.0` と出ます。\n:::", "", "こうなれば正解（:::{goal} e1）がありません"),
    "goal without value": ("`4.0` と出ます。", "4.0と出ます。", "`値`（出力に出る文字）"),
    "hint of nobody": (":::{hint} e1 ほぼ答え", ":::{hint} e2 ほぼ答え", "「{hint} e2」に当たる演習がありません"),
    "role of assignments": (":takara: checkpoint", ":takara: answer q1", "役割「answer」は知らない名前です"),
    "directive of assignments": (":::{excel}", ":::{why} e1", "課題の文章だけで使えます"),
    "shows": (':shows: ["4", "2.0"]', ":shows: 4", '「:shows:」は ["11.2", "7.5"] の形で'),
    "undeclared data": ('pd.read_csv("../../datasets/visits.csv")\nprint', 'pd.read_csv("../../datasets/other.csv")\nprint', "データ「other.csv」を先頭の設定「data:」に"),
    "no front matter": ("---\ntitle: 待ち", "title: 待ち", "先頭の設定"),
    "front matter yaml": ("title: 待ち時間を読む\n", "title: [\n", "先頭の設定を読めません"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", SESSION_MISTAKES)
def test_session_mistakes(small, mistake):
    old, new, part = SESSION_MISTAKES[mistake]
    path = small.root / LESSON
    small_course.edit(path, old, new)
    with pytest.raises(TextError) as error:
        read_session(path, small.datasets, small.bank)
    assert any(part in str(p) for p in error.value.problems), error.value.problems


def test_other_encoding_is_named(small):
    path = small.root / LESSON
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp932", errors="replace"))
    with pytest.raises(TextError, match="UTF-8"):
        read_session(path, small.datasets, small.bank)


def test_windows_line_ends_make_the_same_notebook(small):
    path = small.root / LESSON
    before = session_notebook(read_session(path, small.datasets, small.bank))
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert session_notebook(read_session(path, small.datasets, small.bank)) == before

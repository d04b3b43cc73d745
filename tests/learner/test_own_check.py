"""``takara check``: the learner's own notebook against the released one, and how it is shown."""

from __future__ import annotations

import io
import json
from pathlib import Path

import nbformat
import pytest
from rich.console import Console

from autograder.grading.records import CellResult, GradeRecord, Repair, Status
from autograder.learner import check as own_check
from autograder.learner.check import CheckError
from autograder.learner.show import show_grade
from autograder.learner.wrapping import display_width, wrap


def assignment(name: str, answer: str = "mean_wait = ...") -> nbformat.NotebookNode:
    """A released notebook with one question."""

    def cell(source: str, role: str, **meta) -> nbformat.NotebookNode:
        made = nbformat.v4.new_code_cell(source, id=f"{name}-{role}")
        base = {"schema_version": 3, "grade_id": f"q1-{role}", "cell_type": "code", "task": False}
        graded = role == "test"
        base |= {"grade": graded, "solution": not graded, "locked": graded}
        if graded:
            base["points"] = 3
        made.metadata["nbgrader"] = base
        made.metadata["takara"] = {"question": "q1", "title": f"問1 {name}の平均", **meta}
        return made

    test = "from autograder import checks\n"
    test += 'checks.written("問1", globals(), "mean_wait")\n'
    test += (
        'checks.number(mean_wait, 11.0, tol=0.1, name="mean_wait", mistake={13.0: "欠損を除きましたか。"})'
    )
    nb = nbformat.v4.new_notebook()
    nb.metadata["takara"] = {"assignment": name, "title": name}
    nb.cells = [
        nbformat.v4.new_markdown_cell(f"# {name}", id=f"{name}-title"),
        cell(answer, "answer"),
        cell(test, "test", hints=["浅いヒント", "深いヒント"], read="第2回 3節"),
    ]
    return nb


@pytest.fixture
def with_assignments(course):
    for name in ("ps2", "ps3"):
        course.put(f"assignments/release/{name}/{name}.ipynb", nbformat.writes(assignment(name)).encode())
    return course.materials


def save(path: Path, nb: nbformat.NotebookNode) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(nb), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        ("mean_wait = 11.05", Status.PASS, ""),
        ("mean_wait = 13", Status.FAIL, "欠損を除きましたか。"),
        ("mean_wait = ...", Status.FAIL, "まだ書かれていません"),
    ],
)
def test_each_answer_gets_its_message_and_the_file_stays(tmp_path, with_assignments, answer, status, message):
    path = save(tmp_path / "ps2.ipynb", assignment("ps2", answer))
    before = path.read_bytes()
    record = own_check.check(path, with_assignments)
    (result,) = [r for r in record.results if r.grade_id == "q1-test"]
    assert result.status is status
    assert message in result.message
    assert result.hints == ("浅いヒント", "深いヒント")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["ps2.ipynb"]


def test_a_test_the_learner_weakened_counts_as_released(tmp_path, with_assignments):
    nb = assignment("ps2", "mean_wait = 13")
    nb.cells[-1].source = "pass"
    record = own_check.check(save(tmp_path / "ps2.ipynb", nb), with_assignments)
    assert [r.status for r in record.results if r.grade_id == "q1-test"] == [Status.FAIL]
    assert record.repairs


class TestFindRelease:
    def found(self, nb, name, materials):
        path = own_check.find_release(nb, name, materials)
        return path and path.stem

    def test_by_metadata_in_a_renamed_file(self, with_assignments):
        assert self.found(assignment("ps3"), "最終版", with_assignments) == "ps3"

    def test_by_cells_when_the_metadata_is_gone(self, with_assignments):
        nb = assignment("ps3")
        nb.metadata.clear()
        assert self.found(nb, "最終版", with_assignments) == "ps3"

    def test_by_name_when_the_cells_metadata_is_gone_too(self, with_assignments):
        nb = assignment("ps3")
        nb.metadata.clear()
        for cell in nb.cells:
            cell.metadata.clear()
        assert self.found(nb, "ps3（提出用）", with_assignments) == "ps3"
        assert self.found(nb, "最終版", with_assignments) is None

    def test_another_course(self, with_assignments):
        nb = assignment("other")
        nb.metadata.clear()
        assert self.found(nb, "ps2", with_assignments) is None


def test_a_notebook_of_another_course_is_checked_by_its_own_tests(tmp_path, with_assignments):
    path = save(tmp_path / "own.ipynb", assignment("other", "mean_wait = 11"))
    record = own_check.check(path, with_assignments)
    assert [r.status for r in record.results if r.grade_id == "q1-test"] == [Status.PASS]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "見つかりません"),
        (b"{", "こわれ"),
        (b"", ""),
        (b"\xff\xfe\x00", ""),
        (b"[1, 2]", ""),
        (json.dumps({"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}).encode(), "セル"),
        (
            nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])).encode(),
            "採点するセル",
        ),
    ],
)
def test_what_cannot_be_checked_is_told_in_japanese(tmp_path, with_assignments, content, words):
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckError) as caught:
        own_check.check(path, with_assignments)
    first = str(caught.value).splitlines()[0]
    assert words in first
    assert first.endswith("。") or first.endswith("）。")


def test_a_folder_names_what_is_inside(tmp_path, with_assignments):
    save(tmp_path / "ps2" / "ps2.ipynb", assignment("ps2"))
    with pytest.raises(CheckError, match=r"フォルダーです.*ps2\.ipynb"):
        own_check.check(tmp_path / "ps2", with_assignments)


def test_the_path_may_start_at_the_top_of_the_workspace(tmp_path):
    notebook = save(tmp_path / "assignments/ps2/ps2.ipynb", assignment("ps2"))
    (tmp_path / ".takara").mkdir()
    given = Path("assignments/ps2/ps2.ipynb")
    assert own_check.find_notebook(given, tmp_path / "course" / "notebooks") == notebook
    assert own_check.find_notebook(given, tmp_path) == notebook
    assert own_check.find_notebook(Path("nowhere.ipynb"), tmp_path) == Path("nowhere.ipynb")


def result(
    question: str,
    status: Status,
    message: str = "",
    hints: tuple[str, ...] = (),
    items: tuple[str, ...] = (),
) -> CellResult:
    grade_id, title = f"{question}-test", f"{question} の題"
    return CellResult(
        grade_id, question, title, status, 0, 3, message, hints=hints, read="第2回 3節", items=items
    )


def shown(record: GradeRecord, hints: int, width: int = 100) -> str:
    out = io.StringIO()
    show_grade(record, Console(file=out, width=width), hints)
    return out.getvalue()


class TestShow:
    record = GradeRecord(
        learner="",
        assignment="ps2",
        results=(
            result("q1", Status.PASS, hints=("見えないはず",)),
            result("q2", Status.FAIL, "欠損を除きましたか。[0, 1]", ("ひとつめ", "ふたつめ")),
            result("q3", Status.PASS),
            result("q3", Status.TIMEOUT, "時間切れです。"),
            result("q4", Status.MANUAL),
        ),
        repairs=(Repair("q1-test", "消えていた「問1」のテストを戻しました。"),),
    )

    def test_status_message_and_where_to_read(self):
        text = shown(self.record, hints=1)
        assert text.count("○ 見えているテストは合格") == 1  # a question is right when all its tests are
        assert "× 時間切れ" in text
        assert "欠損を除きましたか。[0, 1]" in text  # not eaten as rich markup
        assert "読み直すところ: 第2回 3節" in text
        assert "消えていた「問1」のテストを戻しました。" in text

    @pytest.mark.parametrize(
        ("hints", "seen"), [(0, []), (1, ["ひとつめ"]), (2, ["ひとつめ", "ふたつめ"]), (9, None)]
    )
    def test_hints_layer_by_layer(self, hints, seen):
        text = shown(self.record, hints=hints)
        seen = ["ひとつめ", "ふたつめ"] if seen is None else seen
        assert [hint for hint in ("ひとつめ", "ふたつめ") if hint in text] == seen
        assert ("--hints" in text) is (len(seen) < 2)
        assert "見えないはず" not in text

    def test_what_to_drill(self):
        results = (
            result("q1", Status.PASS, items=("T01",)),
            result("q2", Status.FAIL, items=("T37", "T36")),
            result("q3", Status.BLANK, items=("T37",)),
        )
        record = GradeRecord("", "ps2", results)
        assert "takara exam --item T37 --item T36\n" in shown(record, hints=0)
        assert "takara exam" not in shown(self.record, hints=0), "a course without a syllabus"

    def test_every_status_has_a_name(self):
        for status in Status:
            shown(GradeRecord("", "ps2", (result("q1", status),)), hints=0)


def test_wrap():
    text = "書きかけのファイルは、takara init を何度実行しても、そのまま残ります。" * 3
    for width in (20, 37, 78):
        lines = wrap(text, width)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(display_width(line) <= width + 2 for line in lines)
        assert not any(line[0] in "。、" for line in lines)
        assert all("takara" in line for line in lines if "tak" in line)
    assert wrap("a" * 50, 20) == ["a" * 20, "a" * 20, "a" * 10]
    assert wrap("", 20) == []

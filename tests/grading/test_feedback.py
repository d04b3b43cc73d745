"""The learner's page: everything they need, nothing hidden, nothing that runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import factory
import nbformat
import pytest

from autograder.grading.feedback import (
    LOOKS,
    ManualGrade,
    markdown,
    question_sums,
    render_feedback,
)
from autograder.grading.records import CellResult, GradeRecord, Repair, Status
from autograder.grading.spec import from_notebook
from autograder.grading.written import Answer, written

SOURCE = factory.source_notebook()
SPEC = factory.spec_of(SOURCE)
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def result(question: str, status: Status, points: float, most: float, **more: object) -> CellResult:
    return CellResult(f"{question}-test", question, f"問{question[1:]} 題", status, points, most, **more)  # type: ignore[arg-type]


def record(*results: CellResult, **more: object) -> GradeRecord:
    return GradeRecord("田中 花子", "ps", results, **more)  # type: ignore[arg-type]


class _Page(HTMLParser):
    """Text and elements of a page, as a browser sees them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "br", "hr", "img", "link", "rect", "line"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


def page(
    r: GradeRecord, answers: tuple[Answer, ...] = (), manual: dict[str, ManualGrade] | None = None
) -> _Page:
    return _Page(render_feedback(r, SPEC, answers, manual))


ONE_OF_EACH = record(
    result("q1", Status.PASS, 3, 3),
    result("q2", Status.PARTIAL, 1, 2, message="一部が合っています。"),
    result("q3", Status.FAIL, 0, 2, message="平均が正解と違います。",
           hints=("**空欄**は？", "`.mean()`"), read="第2回 3節"),
    result("q4", Status.ERROR, 0, 1, message="エラーです。"),
    result("q5", Status.TIMEOUT, 0, 1, message="終わりません。"),
    result("q6", Status.NOT_RUN, 0, 1),
    result("q7", Status.NEEDS_REVIEW, 0, 1, detail="must-fail check: assert passed"),
    result("q8", Status.MANUAL, 0, 3),
    repairs=(Repair("q1-test", "消えていた「問1」のテストを戻しました。"),),
    submitted_name="tanaka/無題.ipynb",
)  # fmt: skip


def test_total_and_every_question() -> None:
    text = page(ONE_OF_EACH).text
    assert "4 ／ 14点（これまでの点）" in text
    assert "記述問題の3点分は" in text and "1点分は、採点者が確認しています" in text
    for r in ONE_OF_EACH.results:
        assert r.title in text
        assert LOOKS[r.status].words in text and LOOKS[r.status].symbol in text
    for expected in (
        "平均が正解と違います。",
        "ヒント1",
        "ヒント2",
        "空欄",
        "第2回 3節",
        "消えていた",
        "無題.ipynb",
        "田中 花子 さん",
    ):
        assert expected in text, expected
    assert "must-fail" not in text, "evidence is for the instructor"


def test_syllabus_items_of_the_assignment() -> None:
    nb = factory.source_notebook()
    for syllabus, shown in (
        (["T36", "T37"], "T36、T37"),
        ({"T36": "データ", "T37": "統計"}, "T36 データ、T37 統計"),
    ):
        nb.metadata["takara"] = {"syllabus": syllabus}
        html = render_feedback(ONE_OF_EACH, from_notebook(nb, assignment="ps", notebook="ps"))
        assert f"シラバスの項目：{shown}" in html
    assert "シラバス" not in render_feedback(ONE_OF_EACH, factory.spec_of(factory.source_notebook()))


def test_what_to_drill_after_it() -> None:
    nb = factory.source_notebook()
    nb.metadata["takara"] = {"syllabus": {"T10": "モデルの評価", "L10": "公平性"}}
    spec = from_notebook(nb, assignment="ps", notebook="ps")
    lost = record(
        result("q1", Status.PASS, 3, 3, items=("T01",)),
        result("q2", Status.PARTIAL, 1, 2, items=("T10",)),
        result("q3", Status.FAIL, 0, 2, items=("L10", "T10")),
        result("q4", Status.MANUAL, 0, 5, items=("T35",)),
        result("q5", Status.NEEDS_REVIEW, 0, 5, items=("T36",)),
    )
    text = _Page(render_feedback(lost, spec)).text
    assert re.search(r"T10 モデルの評価（問2、問3）\s*L10 公平性（問3）", text)
    assert "takara exam --item T10 --item L10" in text
    decided = _Page(render_feedback(lost, spec, (), {"q4-test": ManualGrade(points=1.0)})).text
    assert "takara exam --item T35 --item T10 --item L10" in decided
    assert "次に解くとよい" not in page(ONE_OF_EACH).text, "a course without a syllabus"


def test_status_is_never_colour_alone() -> None:
    assert len({(look.words, look.symbol) for look in LOOKS.values()}) == len(Status)
    assert set(LOOKS) == set(Status)


def test_hints_are_folded_and_only_where_points_are_missing() -> None:
    folded = page(ONE_OF_EACH)
    details = [a for tag, a in folded.tags if tag == "details"]
    assert len(details) == 2 and all("open" not in a for a in details)
    solved = page(record(result("q1", Status.PASS, 3, 3, hints=("秘密",), read="第1回")))
    assert "秘密" not in solved.text and "第1回" not in solved.text


def test_self_contained_and_script_free() -> None:
    nasty = record(
        result(
            "q1", Status.FAIL, 0, 3, message=SCRIPT, hints=(SCRIPT + "\n\n![x](https://example.org/x.png)",)
        ),
        repairs=(Repair("", SCRIPT),),
        submitted_name=SCRIPT,
    )
    answers = (
        Answer("q1", True, f"x = '{SCRIPT}'", error=f"ValueError: {SCRIPT}"),
        Answer("q1", False, f"{SCRIPT}\n\n[押す](javascript:alert(1)) ![x](https://example.org/x.png)"),
    )
    shown = page(nasty, answers, {"q1-test": ManualGrade(1, SCRIPT)})
    assert not {t for t, _ in shown.tags} & {
        "script",
        "img",
        "iframe",
        "object",
        "embed",
        "link",
        "form",
        "base",
    }
    for tag, attributes in shown.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("href", "src"):
                assert value and value.startswith("#"), (tag, value)
    html = render_feedback(nasty, SPEC, answers)
    assert "http://" not in html and "https://example" not in html and "url(" not in html
    assert "default-src 'none'" in html


def test_labels_for_screen_readers() -> None:
    shown = page(ONE_OF_EACH)
    assert ("html", {"lang": "ja"}) in shown.tags
    assert sum(t == "h1" for t, _ in shown.tags) == 1
    assert all(a.get("scope") for t, a in shown.tags if t == "th")
    targets = {a["id"] for _, a in shown.tags if a.get("id")}
    assert {str(a["href"])[1:] for t, a in shown.tags if t == "a"} <= targets


def test_what_a_person_decided_counts() -> None:
    manual = {
        "q8-test": ManualGrade(2, "数字が**よい**です。"),
        "q7-test": ManualGrade(1),
        "q1-test": ManualGrade(None, "きれい"),
    }
    text = page(ONE_OF_EACH, (), manual).text
    assert "7 ／ 14点" in text and "これまでの点" not in text
    assert "採点者が読みました" in text and "採点者が決めました" in text
    assert "数字がよいです。" in text and "きれい" in text


def test_own_answer_with_its_error() -> None:
    answers = (Answer("q3", True, "mean = df['x'].mean() < 3", error="NameError: name 'df' is not defined"),)
    text = page(ONE_OF_EACH, answers).text
    assert "mean = df['x'].mean() < 3" in text
    assert "NameError: name 'df' is not defined" in text


def test_several_tests_of_one_question() -> None:
    r = record(
        result("q1", Status.PASS, 1, 1),
        CellResult("q1-test-2", "q1", "問1 題", Status.FAIL, 0, 2, "分母に空欄が入っています。"),
    )
    (s,) = question_sums(r)
    assert (s.points, s.max_points, s.look) == (1, 3, LOOKS[Status.PARTIAL])
    text = page(r).text
    assert "テスト2（0 ／ 2点）" in text and "分母に空欄" in text


def test_blank_written_answer_is_called_blank() -> None:
    assert "未記入" in page(record(result("q3", Status.BLANK, 0, 3, message="まだ書かれていません。"))).text


def test_the_same_record_gives_the_same_page() -> None:
    assert render_feedback(ONE_OF_EACH, SPEC) == render_feedback(
        GradeRecord.from_json(ONE_OF_EACH.to_json()), SPEC
    )


# ---------------------------------------------------------------- what is taken from the notebook


def executed(**answers: str) -> nbformat.NotebookNode:
    """The source, with hidden tests, as it is after grading."""
    nb = factory.source_notebook()
    for cell in nb.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answers.get(grade_id.replace("-", "_"), SPEC.by_grade_id[grade_id].visible)
    return nb


def test_answers_are_the_learners_own_cells_only() -> None:
    nb = executed(q1_answer="mean_wait = 1 / 0", q3_written="月曜に人を増やす。")
    factory.cell_of(nb, "q1-answer").outputs = [
        nbformat.v4.new_output(
            "error", ename="ZeroDivisionError", evalue="\x1b[31mdivision by zero\x1b[0m", traceback=[]
        )
    ]
    factory.cell_of(nb, "q1-test").outputs = [
        nbformat.v4.new_output(
            "error", ename="AssertionError", evalue="secret_mean", traceback=["secret_mean"]
        )
    ]
    found = written(nb, SPEC).answers
    assert [(a.is_code, a.blank) for a in found] == [(True, False), (True, True), (False, False)]
    assert found[0].error == "ZeroDivisionError: division by zero"
    html = render_feedback(record(result("q1", Status.FAIL, 0, 3)), SPEC, found)
    assert "secret_mean" not in html and "HIDDEN" not in html


def test_an_answer_that_we_interrupted_shows_no_error_of_ours() -> None:
    nb = executed(q1_answer="while True: pass")
    stopped = nbformat.v4.new_output("error", ename="KeyboardInterrupt", evalue="", traceback=[])
    factory.cell_of(nb, "q1-answer").outputs = [stopped]
    assert written(nb, SPEC).answers[0].error == ""


def test_answers_find_their_question_in_a_course_without_questions() -> None:
    """Without Takara's metadata a test is a question of its own; the answer belongs to its test."""
    assert [a.question for a in written(executed(), SPEC).answers] == ["q1-test", "q2-test", "q3-written"]


@pytest.fixture
def with_ask() -> nbformat.NotebookNode:
    nb = factory.source_notebook()
    cell = factory.prose("**質問があれば**、ここに書いてください。", "ask")
    cell.metadata["takara"] = {"role": "ask"}
    nb.cells.append(cell)
    return nb


def test_questions_to_the_teacher(with_ask: nbformat.NotebookNode) -> None:
    spec = from_notebook(with_ask, assignment="ps", notebook="ps")
    assert written(with_ask, spec).asks == ()
    with_ask.cells[-1].source += "  \n"
    assert written(with_ask, spec).asks == ()
    with_ask.cells[-1].source += "\n平均と中央値の使い分けは？"
    assert written(with_ask, spec).asks == ("平均と中央値の使い分けは？",)
    with_ask.cells[-1].metadata.clear()
    assert written(with_ask, spec).asks == ("平均と中央値の使い分けは？",)
    with_ask.cells[-1].source = "全部書きかえました。"
    assert written(with_ask, spec).asks == ("全部書きかえました。",)


def test_markdown_keeps_structure_and_drops_danger() -> None:
    html = str(
        markdown("# 題\n\n- **a**\n\n```python\nx < 1\n```\n\n<b onclick=x>y</b> [z](https://example.org)")
    )
    assert "<strong>a</strong>" in html and "x &lt; 1" in html
    assert "<b" not in html.replace("<br", "") and "href" not in html and "z" in html

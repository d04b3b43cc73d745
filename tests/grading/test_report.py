"""The instructor's page: numbers that add up, the commonest mistake first, and what a person must look at."""

from __future__ import annotations

import dataclasses
import re

import factory
import pytest

from autograder.grading.collect import Ignored
from autograder.grading.feedback import Answer, ManualGrade
from autograder.grading.out_folder import grades_table
from autograder.grading.records import CellResult, Cost, GradeRecord, Rejected, Repair, Status
from autograder.grading.report import Graded, heat_map, histogram, render_report

SPECS = {"ps": factory.spec_of(factory.source_notebook())}


def graded(learner: str, status: Status, points: float, message: str = "", code: str = "", **more) -> Graded:
    results = (
        CellResult(
            "q1-test", "q1-test", "問1 平均", status, points, 3, message, detail="evidence" if message else ""
        ),
        CellResult("q3-written", "q3-written", "問3 考えたこと", Status.MANUAL, 0, 3),
    )
    answers = (Answer("q1-test", True, code),) if code else ()
    return Graded(
        GradeRecord(learner, "ps", results), answers, feedback=f"feedback/{learner}/ps.html", **more
    )


CLASS = [
    graded("a", Status.PASS, 3),
    graded("b", Status.FAIL, 0, "平均（2.5）が正解と違います。", "mean_wait = 2.5  # とても長い解答です"),
    graded("c", Status.FAIL, 0, "平均（7.0）が正解と違います。", "mean_wait = 7"),
    graded("d", Status.ERROR, 0, "「x」という名前がまだありません。", "mean_wait = x"),
    graded("e", Status.NEEDS_REVIEW, 0, "採点者が見ます。"),
]


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.split("</style>")[1]))


def test_numbers_of_the_class() -> None:
    text = text_of(render_report(CLASS, SPECS))
    assert "採点した人数 5 人" in text and "平均 0.6 ／ 6点" in text and "中央値 0 点" in text
    assert "20%" in text and "0.6 ／ 3" in text
    assert "正解 1" in text and "不正解 2" in text and "エラー 1" in text and "確認中 1" in text
    assert "採点者が読みます（あと 5 人）" in text


def test_commonest_message_with_the_shortest_example() -> None:
    html = render_report(CLASS, SPECS)
    text = text_of(html)
    first = text.index("2人")
    assert first < text.index("1人", first), "the commonest comes first"
    assert "平均（2.5）が正解と違います。" in text and "平均（7.0）" not in text, (
        "numbers do not split a group"
    )
    assert "mean_wait = 7" in html and "とても長い解答" not in html


def test_heat_map_of_thirds_by_points() -> None:
    strong = [graded(f"s{n}", Status.PASS, 3) for n in range(5)]
    weak = [graded(f"w{n}", Status.FAIL, 0, "違います。") for n in range(4)]
    heat = heat_map([*weak, *strong], ["q1-test", "q3-written"])
    assert [q["short"] for q in heat["questions"]] == ["問1", "問3"]
    assert [row["cells"] for row in heat["rows"]] == [[1.0, None], [2 / 3, None], [0.0, None]]
    assert heat["rows"][0]["name"] == "得点の高い3分の1（3人）"
    few = heat_map(CLASS, ["q1-test"])
    assert [row["name"] for row in few["rows"]] == ["a", "b", "c", "d", "e"], "a small class, one by one"


def test_cost_of_each_hand_in() -> None:
    record = dataclasses.replace(CLASS[0].record, cost=Cost(12.34, 321))
    text = text_of(render_report([Graded(record), CLASS[1]], SPECS))
    row = text[text.index("ひとりずつの結果") :]
    assert "12.3 321" in row and "0.0 －" in row


def test_what_a_person_must_look_at() -> None:
    text = text_of(render_report(CLASS, SPECS))
    review = text[text.index("人が確認するもの") : text.index("受講者からの質問")]
    assert "e" in review.split() and "evidence" in review
    decided = Graded(CLASS[4].record, manual={"q1-test": ManualGrade(3)})
    assert not decided.needs_review and decided.points == 3
    text = text_of(render_report([decided], SPECS))
    assert "ありません。" in text[text.index("人が確認するもの") : text.index("受講者からの質問")]


def test_a_doubtful_repair_needs_review() -> None:
    r = GradeRecord(
        "a", "ps", CLASS[0].record.results, (Repair("q1-answer", "2つありました。", needs_review=True),)
    )
    assert Graded(r).needs_review
    assert "2つありました。" in text_of(render_report([Graded(r)], SPECS))
    looked_at = Graded(r, manual={"q1-test": ManualGrade(2, settled=True)})
    assert not looked_at.needs_review and looked_at.points == 2


def test_a_doubtful_repair_of_a_written_answer_waits_for_its_points() -> None:
    results = CLASS[0].record.results
    r = GradeRecord("a", "ps", results, (Repair("q3-written", "2つありました。", needs_review=True),))
    settled = {"q1-test": ManualGrade(settled=True)}
    assert Graded(r, manual=settled).needs_review
    assert not Graded(r, manual={**settled, "q3-written": ManualGrade(2)}).needs_review


def test_questions_and_rejected_files() -> None:
    html = render_report(
        [graded("a", Status.PASS, 3, asks=("平均とは？<script>",))],
        SPECS,
        [Rejected("ken/x.ipynb", "こわれています。", learner="ken")],
        [Ignored("a/waits.csv", "ノートブックではありません。")],
    )
    assert "<script" not in html
    text = text_of(html)
    for expected in ("平均とは？", "ken/x.ipynb", "こわれています。", "a/waits.csv"):
        assert expected in text


def test_links_lead_to_the_pages() -> None:
    html = render_report(CLASS, SPECS)
    assert 'href="feedback/a/ps.html"' in html
    assert "http://" not in html and "https://" not in html and "<script" not in html


def test_an_empty_class() -> None:
    assert "採点できた提出物はありません" in render_report([], SPECS)


def test_order_does_not_matter() -> None:
    assert render_report(CLASS, SPECS) == render_report(CLASS[::-1], SPECS)
    assert grades_table(CLASS, []) == grades_table(CLASS[::-1], [])


@pytest.mark.parametrize("most", [1, 5, 9, 12, 13, 20, 24, 25, 60, 100, 2.5])
def test_histogram_counts_everybody_once(most: float) -> None:
    points = [0, most / 3, most / 2, most, most]
    drawn = histogram(points, most)
    assert sum(b["count"] for b in drawn["bars"]) == len(points)
    assert drawn["bars"][-1]["count"] >= 2, "full marks are in the last bar"
    assert len(drawn["bars"]) <= 12
    for left, right in zip(drawn["bars"], drawn["bars"][1:], strict=False):
        assert left["x"] + left["width"] <= right["x"]
    labels = [b["label"] for b in drawn["bars"]]
    assert len(set(labels)) == len(labels)


def test_histogram_without_points() -> None:
    assert histogram([0.0], 0)["bars"][0]["count"] == 1

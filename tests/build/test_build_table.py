"""The table of lessons: made from the texts, but for what was measured; committed as the texts make it."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_course
from typer.testing import CliRunner

from course.build import table
from course.build.__main__ import app
from course.build.measure import execute
from course.build.notebook import code_cell, new_notebook
from course.build.problems import TextError
from course.build.site import Course, Difference

ROOT = Path(__file__).resolve().parents[2]
LESSON = "02-waiting.md"
PLACE = f"# 一覧\n\n{table.BEGIN}\n\n{table.END}\n\nおわり\n"


@pytest.fixture
def listed(small: Course) -> Course:
    """The small course, with a README for its one lesson."""
    small_course.edit(
        small.root / "course/sessions" / LESSON,
        "# 待ち時間を読む\n\n## 1",
        "# 待ち時間を読む\n\n> **いつ**人を\n> 増やすか\n\n## 1",
    )
    readme(small).write_text(PLACE, encoding="utf-8")
    return small


def readme(course: Course) -> Path:
    return course.root / "course" / "sessions" / "README.md"


def row(course: Course) -> str:
    return next(line for line in readme(course).read_text(encoding="utf-8").splitlines() if LESSON in line)


def build(course: Course, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*arguments, "--root", str(course.root)])
    return done.exit_code, done.output


def test_the_committed_tables_are_what_the_texts_make(course: Course):
    assert table.tables(course), "course/sessions/README.md"
    differences = table.refresh(course, course.lesson_texts(), write=False)
    assert not differences, "python -m course.build を実行してください。"


def test_every_lesson_has_a_question(course: Course):
    rows = table.rows(course.session_texts(), course)
    assert [r.file for r in rows if not r.question] == ["00-start.md"]


def test_a_row_says_what_the_text_says(listed: Course):
    assert table.refresh(listed, listed.session_texts()) == [
        Difference("course/sessions/README.md", "changed")
    ]
    assert row(listed) == (
        "| [第2回 待ち時間を読む](02-waiting.md) | いつ人を 増やすか | `visits.csv` | T36 | 20 | — | — |"
    )
    text = readme(listed).read_text(encoding="utf-8")
    assert text.startswith("# 一覧\n\n<!-- table") and text.endswith("<!-- /table -->\n\nおわり\n")
    assert table.refresh(listed, listed.session_texts()) == []


def test_measurements_stay_until_they_are_measured_again(listed: Course):
    (text,) = listed.session_texts()
    table.refresh(listed, [text], {text: table.Measured("3.2", "202")})
    assert row(listed).endswith("| T36 | 20 | 3.2 | 202 |")
    assert table.refresh(listed, [text], write=False) == []
    small_course.edit(text, "[T36]", "[T36, T37]")
    assert table.refresh(listed, [text], write=False)
    table.refresh(listed, [text])
    assert row(listed).endswith("| T36、T37 | 20 | 3.2 | 202 |")


def test_only_the_measured_columns_may_differ(listed: Course):
    (text,) = listed.session_texts()
    table.refresh(listed, [text], {text: table.Measured("3.2", "202")})
    small_course.edit(readme(listed), "| 3.2 | 202 |", "| 99.9 | 1 |")
    assert build(listed, "sessions")[0] == 0
    assert build(listed, "sessions", "--check")[0] == 0
    small_course.edit(readme(listed), "待ち時間を読む", "ほかの題")
    status, said = build(listed, "sessions", "--check")
    assert status == 1 and "course/sessions/README.md: 中身が違います" in said
    assert build(listed, "table", "--check")[0] == 1  # compares, runs nothing
    assert build(listed, "02") == (0, "書きました: course/sessions/README.md\n")
    assert row(listed).endswith("| 20 | 99.9 | 1 |")


def test_titles_and_questions_cannot_break_the_table(listed: Course):
    (text,) = listed.session_texts()
    small_course.edit(text, "title: 待ち時間を読む", 'title: "A|B [3]"')
    table.refresh(listed, [text], {text: table.Measured("1.0", "99")})
    assert row(listed).startswith(r"| [第2回 A\|B \[3\]](02-waiting.md) |")
    assert table.refresh(listed, [text]) == []
    assert row(listed).endswith("| 1.0 | 99 |")


def test_a_readme_without_a_place_is_told(listed: Course):
    readme(listed).write_text("# 一覧\n", encoding="utf-8")
    with pytest.raises(TextError, match="表の場所に書いてください"):
        table.refresh(listed, listed.session_texts())
    status, said = build(listed, "sessions")
    assert status == 1 and "README.md: 「<!-- table" in said


def test_an_unreadable_text_does_not_stop_another_ones_build(listed: Course):
    table.refresh(listed, listed.session_texts())
    before = readme(listed).read_bytes()
    (listed.root / "course/sessions/03-half.md").write_text("# まだ途中\n", encoding="utf-8")
    assert build(listed, "02")[0] == 0
    assert readme(listed).read_bytes() == before
    assert build(listed, "sessions")[0] == 1


def test_a_handbook_has_a_table_of_its_own_without_questions(listed: Course):
    folder = listed.root / "course" / "handbook"
    folder.mkdir()
    text = small_course.SESSION.replace("session: 2", "item: T36").replace("待ち時間を読む", "平均")
    (folder / "T36-mean.md").write_text(text, encoding="utf-8")
    (folder / "README.md").write_text(PLACE, encoding="utf-8")
    assert len(table.refresh(listed, listed.handbook_texts())) == 1
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    assert "| 本文 | データ | シラバス | 時間（分） | 実行（秒） | メモリ（MB） |" in lines
    assert "| [T36 平均](T36-mean.md) | `visits.csv` | T36 | 20 | — | — |" in lines
    assert readme(listed).read_text(encoding="utf-8") == PLACE


def test_measuring_a_lesson(listed: Course):
    status, said = build(listed, "table")
    assert status == 0, said
    seconds, peak_mb = row(listed).split(" | ")[-2:]
    assert 0.1 < float(seconds) < 300
    assert 20 < float(peak_mb.rstrip(" |")) < 1000
    assert "02-waiting: " in said and "書きました: course/sessions/README.md" in said


def test_a_lesson_that_fails_is_not_measured(listed: Course):
    (text,) = listed.session_texts()
    small_course.edit(text, ':tags: [hide-input]\n:shows: ["4", "2.0"]\n\nimport', "import nothing\nimport")
    status, said = build(listed, "table")
    assert status == 1 and "ModuleNotFoundError" in said
    assert readme(listed).read_text(encoding="utf-8") == PLACE


def test_peak_memory_and_time_are_the_kernels(tmp_path: Path):
    source = "import time\nkept = bytearray(300_000_000)\ndel kept\ntime.sleep(0.5)"
    done = execute(new_notebook([code_cell("a", source)], {}), tmp_path)
    assert done.errors == []
    assert 300 < done.peak_mb < 600
    assert done.seconds > 0.5

"""The trainer in one piece: where its file is, what it says at the beginning, what it refuses."""

from __future__ import annotations

import dataclasses
from pathlib import Path, PurePosixPath

import pytest
import yaml

from autograder.exam.drill import Selection
from autograder.exam.errors import ExamError
from autograder.exam.progress import FILE_NAME, Mode
from autograder.exam.trainer import Trainer, progress_path, read_questions
from autograder.learner import workspace
from autograder.learner.lab import default_directory
from autograder.materials import Materials, find_materials
from tests.exam.small_exam import write_exam


class TestPath:
    def test_terminal_and_notebook_of_a_workspace_share_it(self, tmp_path, small_materials):
        workspace.init(tmp_path / "desk", small_materials)
        expected = (tmp_path / "desk" / FILE_NAME).resolve()
        assert progress_path(small_materials, tmp_path / "desk") == expected
        assert progress_path(small_materials, tmp_path / "desk" / "course" / "notebooks") == expected

    def test_anywhere_else_it_is_the_usual_workspace(self, tmp_path, small_materials):
        assert progress_path(small_materials, tmp_path) == default_directory(small_materials) / FILE_NAME
        clone = Materials(tmp_path, is_clone=True)
        assert progress_path(clone, tmp_path) == tmp_path / "workspace" / FILE_NAME

    def test_a_later_workspace_leaves_it_alone(self, tmp_path, small_materials):
        path = tmp_path / "desk" / FILE_NAME
        with Trainer(path, small_materials) as trainer:
            (sheet,) = trainer.drill(count=1, seed=1)
            trainer.answer(sheet, 0, 1, Mode.DRILL, "s")
        workspace.init(tmp_path / "desk", small_materials)
        with Trainer(path, small_materials) as trainer:
            assert len(trainer.progress.answers()) == 1


class TestBeginning:
    def test_nothing_to_say(self, open_trainer):
        assert open_trainer().notices == []

    def test_answers_to_changed_and_missing_questions_are_told_in_one_line(self, open_trainer, tmp_path):
        trainer = open_trainer()
        for sheet in trainer.drill(Selection(items=("T07",)), 3, 1):
            trainer.answer(sheet, 0, 5, Mode.DRILL, "s")
        changed = write_exam(tmp_path / "updated")
        path = changed.exam / "questions" / "T07.yaml"
        kept = yaml.safe_load(path.read_text(encoding="utf-8"))
        for question in kept["questions"][::2]:
            question["stem"] += "（直しました）"
        del kept["questions"][1::4]
        path.write_text(yaml.safe_dump(kept, allow_unicode=True), encoding="utf-8")
        same = {question["id"] for question in kept["questions"] if "直しました" not in question["stem"]}
        stale = sum(answer.question not in same for answer in trainer.progress.answers())
        assert 0 < stale < 3
        updated = open_trainer(changed)
        (notice,) = updated.notices
        assert f"解答が{stale}件あります。記録は残してあり" in notice
        assert len(updated.progress.answers()) == 3
        assert updated.readiness().stale == stale
        assert updated.readiness().questions == 3 - stale

    def test_a_damaged_file_is_told(self, open_trainer, tmp_path):
        (tmp_path / "progress.sqlite3").write_bytes(b"damaged " * 1000)
        assert "壊れていました" in open_trainer().notices[0]

    def test_a_question_file_with_a_mistake_is_left_out_and_named(self, tmp_path):
        materials = write_exam(tmp_path)
        (materials.exam / "questions" / "T02.yaml").write_text("item: T02\nquestions: [{id: T02-01}]\n")
        bank, (notice,) = read_questions(materials.exam / "questions")
        assert len(bank) == 52
        assert "問題のファイル1個に間違い" in notice
        assert "T02.yaml" in notice

    def test_no_bank(self, tmp_path):
        materials = write_exam(tmp_path)
        for path in (materials.exam / "questions").iterdir():
            path.unlink()
        with pytest.raises(ExamError, match="問題が見つかりません"):
            Trainer(tmp_path / "p.sqlite3", materials)
        assert not (tmp_path / "p.sqlite3").exists()

    def test_no_exam_folder(self, tmp_path):
        with pytest.raises(ExamError, match="試験対策の問題が、この教材に入っていません"):
            Trainer(tmp_path / "p.sqlite3", Materials(tmp_path))


def test_answers_are_kept_at_once(open_trainer, clock):
    trainer = open_trainer()
    session = trainer.new_session(Mode.DRILL)
    assert session != trainer.new_session(Mode.DRILL)
    sheet = trainer.drill(Selection(items=("L01",)), 1, 1)[0]
    marked = trainer.answer(sheet, sheet.right_place, 12.5, Mode.DRILL, session)
    assert marked.right
    assert [choice.why for choice in marked.sheet.choices] == [f"{c.text}の理由です。" for c in sheet.choices]
    (answer,) = open_trainer().progress.answers()
    right = sheet.question.choices[sheet.question.answer].text
    assert (answer.question, answer.choice, answer.right, answer.seconds) == (
        sheet.question.id,
        right,
        True,
        12.5,
    )
    assert (answer.at, answer.mode, answer.session) == (clock.at, Mode.DRILL, session)


def test_negative_seconds_are_none(open_trainer):
    trainer = open_trainer()
    (sheet,) = trainer.drill(count=1, seed=1)
    trainer.answer(sheet, 0, -5.0, Mode.DRILL, "s")
    assert trainer.progress.answers()[0].seconds == 0


def test_pages(open_trainer):
    trainer = open_trainer()
    page = trainer.page("T07")
    assert page.notebook == PurePosixPath("course/notebooks/T07-supervised.ipynb")
    assert str(page) == "T07 教師あり学習（course/notebooks/T07-supervised.ipynb）"
    assert trainer.page("T99").notebook is None
    assert [page.item for page in trainer.reading(trainer.bank.questions["T07-01"])] == ["T07", "T10"]


def test_every_item_of_the_real_course_has_its_page(tmp_path: Path):
    with Trainer(tmp_path / "p.sqlite3", find_materials()) as trainer:
        for item in trainer.syllabus.items:
            page = trainer.page(item)
            assert (find_materials().root / page.notebook).is_file()
        assert {question.item for question in trainer.bank} <= trainer.syllabus.items.keys()
        exam = trainer.start_mock(seed=1)
        assert len(exam.sitting.slots) == 145
        assert dataclasses.asdict(trainer.start_mock("160", seed=1).sitting)["limit_s"] == 7200

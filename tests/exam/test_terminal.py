"""The conversation in a terminal, or without one: whatever is typed, nothing is lost."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from autograder import cli
from autograder.exam import terminal
from autograder.exam.drill import Selection
from autograder.exam.errors import ExamError
from autograder.exam.progress import FILE_NAME
from autograder.exam.sitting import State
from autograder.exam.suggest import Exercises
from autograder.exam.trainer import Trainer
from autograder.grading.records import CellResult, GradeRecord, Status
from autograder.learner.wrapping import display_width

NEWLINE_LEFT = "入力が終わったので、ここで終わります。ここまでの答えは残っています。"


class Typed(io.StringIO):
    """What a person types at a terminal."""

    def isatty(self) -> bool:
        return True


class Desk:
    """A workspace with the small course, and the commands that are run in it."""

    def __init__(self, folder: Path, materials) -> None:
        self.folder = folder
        self.materials = materials

    def exam(self, typed: str, *, person: bool = False, **wanted) -> str:
        """What is shown; ``person``: somebody sits at a terminal and types."""
        out = io.StringIO()
        console = Console(file=out, width=80, highlight=False)
        lines = terminal.Lines((Typed if person else io.StringIO)(typed))
        assert terminal.exam(terminal.Wanted(**wanted), console, lines) == 0
        return out.getvalue()

    def review(self, typed: str) -> str:
        out = io.StringIO()
        assert terminal.review(None, 1, Console(file=out, width=80), terminal.Lines(io.StringIO(typed))) == 0
        return out.getvalue()

    @property
    def trainer(self) -> Trainer:
        return Trainer(self.folder / FILE_NAME, self.materials)


@pytest.fixture
def desk(tmp_path, monkeypatch, small_materials) -> Desk:
    (tmp_path / ".takara").mkdir()
    (tmp_path / ".takara" / "manifest.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(terminal, "find_materials", lambda: small_materials)
    return Desk(tmp_path, small_materials)


L01 = Selection(items=("L01",))


class TestDrill:
    def test_a_round(self, desk):
        shown = desk.exam("a\n２\n\nx\nＣ\nq\n", selection=L01, seed=1)
        assert shown.count("■ 一問一答") == 5
        assert "A、B、C、Dのどれかを入れてください。" in shown
        assert re.search(r"3問のうち [0-3]問正解。飛ばした問題は 1問です。答えは残っています。", shown)
        assert "読み直すページ: L01 個人情報保護法（course/notebooks/L01-personal.ipynb）" in shown
        assert "根拠: 個人情報保護法 第2条（2026-11 時点）" in shown
        with desk.trainer as trainer:
            answers = trainer.progress.answers()
        assert len(answers) == 3
        assert len({answer.session for answer in answers}) == 1
        for answer in answers:  # the mark on the screen is the one that was kept
            assert answer.choice in shown
        assert shown.count("○ 正解です。") == sum(answer.right for answer in answers)

    def test_all_four_reasons_are_shown(self, desk):
        shown = desk.exam("1\n", selection=L01, seed=1, count=1)
        assert shown.count("の理由です。") == 4

    def test_the_end_of_the_input_keeps_everything(self, desk):
        shown = desk.exam("1\n1", selection=L01, seed=1)  # the last line has no end
        assert shown.endswith(NEWLINE_LEFT + "\n")
        with desk.trainer as trainer:
            assert len(trainer.progress.answers()) == 2
        assert NEWLINE_LEFT in desk.exam("", selection=L01)

    def test_a_person_reads_before_the_next_question_comes(self, desk):
        shown = desk.exam("1\n\n2\nq\n", person=True, selection=L01, seed=1)
        assert shown.count("■ 一問一答") == 2
        assert (
            len(re.findall(r"(○ 正解です。|× 不正解です。正解は [A-D] です。)　Enterで次の問題", shown)) == 2
        )
        assert re.search(r"2問のうち [0-2]問正解", shown)
        assert "Enterでまとめ" in desk.exam("1\n\n", person=True, selection=L01, count=1)
        assert NEWLINE_LEFT in desk.exam("1\n", person=True, selection=L01)
        with desk.trainer as trainer:
            assert len(trainer.progress.answers()) == 4

    def test_lines_fit_the_screen(self, desk):
        shown = desk.exam("1\n1\n1\n1\n", selection=Selection(items=("T07",)), seed=1, count=4)
        assert max(map(display_width, shown.splitlines())) <= 80

    def test_a_table_of_the_stem(self, desk):
        shown = desk.exam("1\n" * 8, selection=Selection(items=("T02",)), count=8)
        assert "| 滞納した |       30 |       20 |" in shown

    def test_what_does_not_exist(self, desk):
        with pytest.raises(ExamError, match="項目「T99」はありません"):
            desk.exam("", selection=Selection(items=("T99",)))


class TestMock:
    def test_a_whole_one(self, desk):
        shown = desk.exam("1\n2\nf\nn\n3\ne\ny\n", mock="mini", seed=1)
        assert "閉じているあいだ、時計は止まります" in shown
        assert "割合は、この教材の見積もりです。" in shown
        assert "★（あとで見直す印）の問題: 3" in shown
        assert "提出しますか（未解答 1問）" in shown
        assert "本番の合格ラインは公表されていません" in shown
        with desk.trainer as trainer:
            result = trainer.mock_result()
            assert f"4問のうち {result.total.right}問正解" in shown
            assert [slot.place for slot in result.sitting.slots] == [0, 1, None, 2]
            looked_at = [one for one in result.questions if one.flagged or not one.marked.right]
            assert f"見直し　正解でなかった問題と、★を付けた問題　{len(looked_at)}問" in shown
        assert "－ 未解答です。" in shown
        again = desk.exam("", result=True)
        assert shown.endswith(again[again.index("\n■ 模試の結果") :])

    def test_goes_on_where_the_input_ended(self, desk):
        shown = desk.exam("4\ng 3\n2\n", mock="mini", seed=1)
        assert "模試を中断しました（残り 2:5" in shown
        assert "takara exam --resume" in shown.replace("\n", " ")
        with desk.trainer as trainer:
            sitting = trainer.unfinished_mock().sitting
            assert [slot.place for slot in sitting.slots] == [3, None, 1, None]
            assert sitting.current == 3
        shown = desk.exam("1\np\n0\nq\n", resume=True)
        assert "問4/4" in shown
        with desk.trainer as trainer:
            assert [slot.place for slot in trainer.unfinished_mock().sitting.slots] == [3, None, None, 0]

    def test_a_new_one_asks_before_it_closes_the_old_one(self, desk):
        desk.exam("4\nq\n", mock="mini", seed=1)
        shown = desk.exam("\nq\n", mock="12")
        assert "途中の模試があります（解答 1問" in shown
        assert "問2/4" in shown
        shown = desk.exam("y\nq\n", mock="12")
        assert "問1/12" in shown
        with desk.trainer as trainer:
            assert trainer.progress.sitting(1).sitting.state is State.GIVEN_UP

    def test_an_answer_after_the_end_is_said_not_to_count(self, desk, monkeypatch):
        from autograder.exam import mock

        typed = io.StringIO("1\n2\n")
        monkeypatch.setattr(mock.MockExam.__init__, "__kwdefaults__", {
            "longest_step_s": None, "clock": lambda: 300.0 if typed.tell() > 2 else 0.0,
        })  # fmt: skip
        out = io.StringIO()
        terminal.exam(terminal.Wanted(mock="mini"), Console(file=out, width=80), terminal.Lines(typed))
        assert "時間を過ぎていたので、いま入れた答え（問2の 2）は数えません。" in out.getvalue()
        with desk.trainer as trainer:
            assert [slot.place for slot in trainer.mock_result().sitting.slots] == [0, None, None, None]

    def test_what_is_no_answer_starts_no_clock(self, desk):
        desk.exam("4\nq\n", mock="mini", seed=1)
        for said in ("n", "いいえ", "q"):
            shown = desk.exam(f"{said}\n", mock="12")
            assert "残り" not in shown.partition("n やめる")[2]
        with desk.trainer as trainer:
            assert trainer.unfinished_mock().id == 1

    def test_not_sure_does_not_hand_in(self, desk):
        desk.exam("e\n\nq\n", mock="mini", seed=1)
        with desk.trainer as trainer:
            assert trainer.unfinished_mock() is not None

    def test_a_yes_in_japanese_hands_in(self, desk):
        desk.exam("e\nはい\n", mock="mini", seed=1)
        with desk.trainer as trainer:
            assert trainer.unfinished_mock() is None

    def test_taking_back_means_the_answer_just_given(self, desk):
        shown = desk.exam("1\n2\n0\n0\nq\n", mock="mini", seed=1)
        assert "問2の答えを取り消しました。" in shown
        assert "問2には、まだ答えていません。" in shown
        with desk.trainer as trainer:
            sitting = trainer.unfinished_mock().sitting
        assert [slot.place for slot in sitting.slots] == [0, None, None, None]
        assert sitting.current == 1

    def test_taking_back_after_another_step_means_the_question_on_the_screen(self, desk):
        desk.exam("1\n2\np\np\n0\nq\n", mock="mini", seed=1)
        with desk.trainer as trainer:
            assert [slot.place for slot in trainer.unfinished_mock().sitting.slots] == [None, 1, None, None]

    @pytest.mark.parametrize("typed", ["g12", "g 12", "12", "Ｇ１２", "問12"])
    def test_ways_to_a_question(self, desk, typed):
        assert "■ 問12/12" in desk.exam(f"{typed}\nq\n", mock="12", seed=1)

    def test_lines_fit_the_screen(self, desk):
        shown = desk.exam("f\n1\n?\nl\n2\n0\nq\n", mock="12", seed=1)
        assert "★を付けました（あとで見直す印）。" in shown
        assert max(map(display_width, shown.splitlines())) <= 80

    def test_right_and_starred_questions_can_be_looked_at_again(self, desk):
        with desk.trainer as trainer:
            exam = trainer.start_mock("mini", seed=1)
            for number in range(4):
                exam.answer(exam.sheet(number).right_place, number)
            exam.flag(number=2)
            exam.submit()
        shown = desk.exam("1\n2\n\n3\nq\nx\n\n", person=True, result=True)
        assert "1. 正解でなかった問題（0問）" in shown
        assert "■ 見直し　★を付けた問題　1問" in shown
        assert shown.count("■ 問3 ★") == 1
        assert "■ 見直し　全部　4問" in shown
        assert shown.count("■ 問1") == 1
        assert "■ 問3 ★" in desk.exam("", result=True)

    def test_the_time_is_over(self, desk, monkeypatch):
        from autograder.exam import mock

        passed = iter(range(0, 100_000, 50))
        monkeypatch.setattr(mock.MockExam.__init__, "__kwdefaults__", {
            "longest_step_s": None, "clock": lambda: float(next(passed)),
        })  # fmt: skip
        shown = desk.exam("1\n1\n1\n1\n1\n", mock="mini", seed=1)
        assert "時間になったので、自動で提出しました。" in shown
        with desk.trainer as trainer:
            assert trainer.mock_result().sitting.state is State.TIMED_OUT

    def test_unknown_keys_and_numbers_do_nothing(self, desk):
        shown = desk.exam("hello\ng 99\ng x\n5\np\nq\n", mock="mini", seed=1)
        assert shown.count("f … あとで見直す印（★）を付ける、外す") == 2
        assert "問99はありません。この模試は、問1から問4までです。" in shown
        assert "問5はありません。" in shown
        with desk.trainer as trainer:
            assert trainer.unfinished_mock().sitting.answered == 0

    def test_nothing_to_resume_or_to_show(self, desk):
        assert "途中の模試はありません" in desk.exam("", resume=True)
        assert "提出した模試は、まだありません" in desk.exam("", result=True)

    def test_unknown_format(self, desk):
        with pytest.raises(ExamError, match="模試の形式「200」はありません"):
            desk.exam("", mock="200")


class TestReview:
    def test_nothing_today(self, desk):
        assert "今日の復習はありません。解いた問題は" in desk.review("")

    def test_todays_cards(self, desk, monkeypatch):
        import datetime

        from autograder.exam import progress

        desk.exam("1\n1\n1\n", selection=L01, seed=1, count=3)
        later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=40)
        monkeypatch.setattr(progress.Progress.__init__, "__defaults__", (lambda: later,))
        shown = desk.review("1\n2\n3\n")
        assert shown.count("■ 今日の復習") == 3
        assert "今日の復習はありません" in desk.review("")

    def test_a_portion_of_many(self, desk, monkeypatch):
        import datetime

        from autograder.exam import progress

        desk.exam("1\n" * 25, count=25, seed=1)
        later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=40)
        monkeypatch.setattr(progress.Progress.__init__, "__defaults__", (lambda: later,))
        shown = desk.review("q\n")
        assert "今日の復習は25枚あります。忘れかけているものから20枚を出します。" in shown
        assert "■ 今日の復習　1/20" in shown


class TestMenu:
    def test_every_entry_and_back(self, desk):
        rounds = [
            ["9"], ["0"], ["x"], ["1", "q"], ["2", "q"], ["3", "l01", "1", "q"], ["3", "T07用語1", "q"],
            ["3", "知らない言葉"], ["3", "q"], ["3", "l", ""], ["3", "aiの歩み", "q"],
            ["3", "t07用話", "1", "q"], ["3", "t07用話", ""], ["4", ""],
            ["4", "2", "1", "q"], ["5"], ["6"], ["7"], ["8", "q"], ["q"],
        ]  # fmt: skip
        shown = desk.exam("".join(f"{line}\n" for typed in rounds for line in typed))
        assert shown.count("■ 試験対策") == len(rounds)
        assert "1から7の番号か、qを入れてください。" in shown
        assert "いまの力" in shown
        assert "まだわかりません" in shown
        assert "キーワード「知らない言葉」の問題は見つかりません。" in shown
        assert "途中の模試を続ける（残り 2:5" in shown
        assert shown.count("・機械学習（T07〜T10）") == 8
        assert shown.count("・機械学習：T07 教師あり学習、T10 評価") == 1
        assert shown.count("模試を中断しました") == 2
        assert NEWLINE_LEFT not in shown

    def test_the_end_of_the_input(self, desk):
        assert NEWLINE_LEFT in desk.exam("")


class TestOverview:
    def test_plots(self, desk, tmp_path):
        desk.exam("1\n2\n3\n4\ne\ny\n", mock="mini", seed=1)
        shown = desk.exam("", plots=tmp_path / "figures")
        names = sorted(path.name for path in (tmp_path / "figures").iterdir())
        assert names == ["takara-areas.png", "takara-pace.png", "takara-trend.png"]
        assert "横棒グラフ" in shown

    def test_plots_that_cannot_be_written(self, desk, tmp_path):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(ExamError, match="図を書けません"):
            desk.exam("", plots=tmp_path / "file")

    def test_from_a_graded_assignment(self, desk, tmp_path, monkeypatch):
        lost = CellResult("q1", "q1", "問1 平均", Status.FAIL, 0, 3, read="第3回 3節")
        record = GradeRecord("hana", "ps3", (lost,))
        path = tmp_path / "ps3.json"
        path.write_text(record.to_json(), encoding="utf-8")
        assert "対応がわからない" in desk.exam("", from_grade=path)
        whole = [Exercises("ps3", "課題3", ("T07", "T10"))]
        monkeypatch.setattr("autograder.exam.trainer.assignments", lambda materials: whole)
        shown = desk.exam("1\nq\n", from_grade=path, seed=1)
        assert "問1 平均（0/3点）　読み直すところ: 第3回 3節" in shown
        assert re.search(r"■ 一問一答　1/10　\[T(07|10)-", shown)
        path.write_text(
            GradeRecord("hana", "ps3", (dataclasses.replace(lost, items=("L01",)),)).to_json(),
            encoding="utf-8",
        )
        shown = desk.exam("1\nq\n", from_grade=path, seed=1)
        assert re.search(r"■ 一問一答　1/\d+　\[L01-", shown), "the items of the question come first"
        path.write_text(GradeRecord("hana", "ps3", ()).to_json(), encoding="utf-8")
        assert "点を落としていません" in desk.exam("", from_grade=path)

    def test_notices_are_told_first(self, desk):
        (desk.folder / FILE_NAME).write_bytes(b"damaged " * 999)
        assert desk.exam("").startswith("お知らせ: 学習の記録のファイルが壊れていました。")


class TestCommand:
    """The real course, by the command."""

    @pytest.fixture
    def run(self, tmp_path, monkeypatch, capsys):
        (tmp_path / ".takara").mkdir()
        (tmp_path / ".takara" / "manifest.json").write_text("{}")
        monkeypatch.chdir(tmp_path)

        def run(*arguments: str, typed: str = "") -> tuple[int, str, str]:
            monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
            status = cli.main(list(arguments))
            out, err = capsys.readouterr()
            return status, out, err

        return run

    def test_options_reach_the_trainer(self, run, monkeypatch):
        calls = []
        monkeypatch.setattr(terminal, "exam", lambda wanted: calls.append(wanted) or 0)
        line = "exam --item T14 --item T15 --keyword 過学習 --area 法律 --weak --unseen --count 5 --mock mini"
        line += " --resume --result --from-grade f.json --plots p --seed 3"
        assert run(*line.split())[0] == 0
        selection = Selection(("T14", "T15"), ("過学習",), ("法律",), True, True)
        assert calls == [terminal.Wanted(selection, 5, "mini", True, True, Path("f.json"), Path("p"), 3)]

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("--mock mini --weak", "--weak は、--mock といっしょには使えません"),
            ("--mock mini --result", "--result、--mock は、いっしょに使えません"),
            ("--mock mini --count 5", "--count は、--mock といっしょには使えません"),
            ("--resume --seed 3", "--seed は、--resume といっしょには使えません"),
            ("--result --item T14 --unseen", "--item、--unseen は、--result といっしょには"),
            ("--plots p --keyword CNN", "--keyword は、--plots といっしょには"),
            ("--from-grade f --area 法律", "--area は、--from-grade といっしょには"),
        ],
    )
    def test_wishes_that_do_not_go_together(self, run, tmp_path, line, told):
        status, out, err = run("exam", *line.split())
        assert (status, out) == (2, "")
        assert told in err
        assert not (tmp_path / FILE_NAME).exists()

    def test_a_number_in_full_width(self, run):
        assert "■ 一問一答　1/3" in run("exam", "--item", "T14", "--count", "３", typed="q\n")[1]

    def test_drill(self, run, tmp_path):
        status, out, err = run("exam", "--item", "T14", "--count", "2", typed="1\n2\n")
        assert (status, err) == (0, "")
        assert "2問のうち" in out
        with Trainer(tmp_path / FILE_NAME) as trainer:
            assert [answer.item for answer in trainer.progress.answers()] == ["T14", "T14"]

    def test_mock_with_the_result_counted_by_hand(self, run, tmp_path):
        typed = "".join(f"{number % 4 + 1}\n" for number in range(20)) + "e\ny\n"
        status, out, _ = run("exam", "--mock", "mini", "--seed", "7", typed=typed)
        assert status == 0
        with Trainer(tmp_path / FILE_NAME) as trainer:
            (stored,) = trainer.finished_mocks()
            right = sum(
                next(
                    c.right
                    for c in trainer.bank.questions[slot.question].choices
                    if c.text == slot.choices[n % 4]
                )
                for n, slot in enumerate(stored.sitting.slots)
            )
        assert f"20問のうち {right}問正解（{100 * right / 20:.0f}%）。未解答 0問。" in out

    def test_review(self, run):
        assert "今日の復習はありません" in run("review")[1]

    def test_mistakes_are_told_without_a_traceback(self, run):
        status, out, err = run("exam", "--item", "T99")
        assert (status, out) == (2, "")
        assert err.startswith("項目「T99」はありません。")
        assert run("exam", "--count", "0")[0] == 2

    @pytest.mark.parametrize(
        "arguments", [["exam"], ["exam", "--item", "T01"], ["exam", "--mock", "mini"], ["review"]]
    )
    def test_a_process_without_input_ends_well(self, tmp_path, arguments):
        (tmp_path / ".takara").mkdir()
        (tmp_path / ".takara" / "manifest.json").write_text("{}")
        done = subprocess.run(
            [sys.executable, "-m", "autograder.cli", *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", cwd=tmp_path, timeout=60,
            env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert "\x1b[" not in done.stdout

    @pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
    def test_ctrl_c_keeps_everything(self, tmp_path):
        (tmp_path / ".takara").mkdir()
        (tmp_path / ".takara" / "manifest.json").write_text("{}")
        with subprocess.Popen(
            [sys.executable, "-m", "autograder.cli", "exam", "--mock", "mini"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            encoding="utf-8", cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1]), "PYTHONIOENCODING": "utf-8"},
        ) as process:  # fmt: skip
            process.stdin.write("1\n2\n")
            process.stdin.flush()
            answered = 0
            deadline = time.monotonic() + 60
            while answered < 2 and time.monotonic() < deadline:
                time.sleep(0.2)
                if (tmp_path / FILE_NAME).is_file():
                    with Trainer(tmp_path / FILE_NAME) as trainer:
                        stored = trainer.unfinished_mock()
                        answered = stored.sitting.answered if stored else 0
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert err == "中断しました。\n"
        assert "takara exam --resume" in out.replace("\n", " ")
        with Trainer(tmp_path / FILE_NAME) as trainer:
            assert trainer.unfinished_mock().sitting.answered == 2


def test_records_of_the_small_course_are_plain_json(desk):
    """What is kept can be read without us: choices are texts in JSON."""
    desk.exam("1\nq\n", mock="mini", seed=1)
    import sqlite3

    with sqlite3.connect(desk.folder / FILE_NAME) as connection:
        rows = connection.execute("SELECT choices FROM slots ORDER BY number").fetchall()
    connection.close()
    assert [len(json.loads(choices)) for (choices,) in rows] == [4, 4, 4, 4]

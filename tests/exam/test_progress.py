"""The progress file: kept whole, rescued when damaged, never with times that go back."""

from __future__ import annotations

import datetime
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.exam import schema
from autograder.exam.progress import Answer, Mode, Progress, ProgressError, StoredCard
from autograder.exam.sitting import Sitting, Slot, State
from tests.exam.clocks import START, Clock

SLOTS = tuple(
    Slot(f"T07-0{number}", "0123456789ab", "T07", ("い", "ろ", "は", "に")) for number in range(1, 6)
)
SITTING = Sitting("12", 42, 600.0, SLOTS)


def answer(number: int, at: datetime.datetime = START, right: bool = True) -> Answer:
    question = f"T{number % 37 + 1:02}-{number % 90 + 1:02}"
    return Answer(
        question, "0123456789ab", question[:3], "選択肢「1」", right, 12.5, at, Mode.DRILL, "drill-1"
    )


def card(number: int, at: datetime.datetime = START) -> StoredCard:
    return StoredCard(f"T07-{number:02}", "0123456789ab", '{"card_id": 1}', at)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "desk" / "takara-exam.sqlite3"


@pytest.fixture
def open_progress(path: Path, clock: Clock):
    opened = []

    def open_it() -> Progress:
        opened.append(Progress(path, clock))
        return opened[-1]

    yield open_it
    for progress in opened:
        progress.close()


def fill(progress: Progress, answers: int = 400) -> list[Answer]:
    given = [
        answer(number, START - datetime.timedelta(seconds=answers - number)) for number in range(answers)
    ]
    progress.add_answers(given)
    progress.save_cards(card(number) for number in range(1, 90))
    stored = progress.add_sitting(SITTING)
    progress.save_sitting(stored, SITTING.answer(1, 2).flag(3).go_to(4).advance(30))
    return given


class TestKeeps:
    def test_everything_comes_back(self, open_progress):
        with open_progress() as progress:
            given = fill(progress)
        again = open_progress()
        assert again.notices == []
        assert again.answers() == given
        assert again.cards() == {f"T07-{n:02}": card(n) for n in range(1, 90)}
        (number,) = again.sitting_numbers(State.RUNNING)
        assert again.sitting(number).sitting == SITTING.answer(1, 2).flag(3).go_to(4).advance(30)
        assert again.sitting(99) is None
        assert again.sitting_numbers(State.SUBMITTED) == []

    def test_a_card_replaces_the_one_before(self, open_progress):
        progress = open_progress()
        later = START + datetime.timedelta(days=1)
        progress.save_cards([card(1)])
        progress.save_cards([card(1, later)])
        assert progress.cards() == {"T07-01": card(1, later)}

    def test_a_name_with_odd_characters(self, tmp_path, clock):
        path = tmp_path / "私の 記録?100%#1.sqlite3"
        with Progress(path, clock) as progress:
            progress.add_answers([answer(1)])
        assert path.is_file()
        with Progress(path, clock) as progress:
            assert len(progress.answers()) == 1

    def test_a_failed_transaction_leaves_nothing(self, open_progress):
        progress = open_progress()
        with pytest.raises(ZeroDivisionError), progress.transaction():
            progress.add_answers([answer(1)])
            raise ZeroDivisionError
        assert progress.answers() == []
        progress.add_answers([answer(2)])
        assert len(progress.answers()) == 1

    def test_two_windows_on_one_mock_exam(self, open_progress):
        here, there = open_progress(), open_progress()
        stored = here.add_sitting(SITTING)
        seen_there = there.sitting(stored.id)
        here.save_sitting(stored, SITTING.answer(0, 1))
        with pytest.raises(ProgressError, match="別の画面で先に進んでいます"):
            there.save_sitting(seen_there, SITTING.answer(0, 2))
        assert there.sitting(stored.id).sitting.slots[0].place == 1

    @pytest.mark.skipif(os.name == "nt", reason="kill -9")
    def test_killed_in_the_middle_of_a_write(self, path, open_progress):
        """What was committed is there; what was not is gone; the file is sound."""
        with open_progress() as progress:
            fill(progress, 10)
        code = (
            "import os, sys\nfrom pathlib import Path\nfrom autograder.exam.progress import *\n"
            "from tests.exam.test_progress import answer\n"
            "progress = Progress(Path(sys.argv[1]))\n"
            "with progress.transaction() as connection:\n"
            "    connection.execute('PRAGMA cache_size = 1')\n"
            "    progress.add_answers(answer(n) for n in range(3000))\n"
            "    os.kill(os.getpid(), 9)\n"
        )
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
        assert done.returncode == -9, done.stderr
        again = open_progress()
        assert again.notices == []
        assert len(again.answers()) == 10


class TestClock:
    def test_time_never_goes_back(self, open_progress, clock):
        with open_progress() as progress:
            progress.add_answers([answer(1, clock.at)])
        clock.forward(hours=-23)
        progress = open_progress()
        assert progress.now() == START
        (notice,) = progress.notices
        assert "パソコンの時計が、最後の記録" in notice
        clock.forward(days=2)
        assert progress.now() == clock.at

    def test_is_told_once_for_each_time_it_goes_back(self, open_progress, clock):
        with open_progress() as progress:
            progress.add_answers([answer(1, clock.at)])
        clock.forward(hours=-20)
        with open_progress() as progress:
            assert len(progress.notices) == 1
        with open_progress() as progress:
            assert progress.notices == []
        clock.forward(days=3)
        with open_progress() as progress:
            assert progress.notices == []
            progress.add_answers([answer(2, progress.now())])
        clock.forward(days=-1)
        assert len(open_progress().notices) == 1

    def test_a_small_correction_is_no_news(self, open_progress, clock):
        with open_progress() as progress:
            progress.add_answers([answer(1, clock.at)])
        clock.forward(seconds=-30)
        progress = open_progress()
        assert progress.notices == []
        assert progress.now() == START

    def test_a_clock_that_was_years_ahead_is_not_followed(self, open_progress, clock):
        with open_progress() as progress:
            progress.add_answers([answer(1, START)])
            clock.forward(days=3650)
            progress.add_answers([answer(2, progress.now())])
            progress.save_cards([card(2, progress.now())])
            progress.add_sitting(SITTING)
        clock.forward(days=-3649)
        noticed = clock.at
        with open_progress() as progress:
            (notice,) = progress.notices
            assert "1日以上先の日時（2036-10-30" in notice
            assert progress.now() == noticed
            assert [one.at for one in progress.answers()] == [START, noticed]
            assert progress.cards()["T07-02"].reviewed == noticed
            assert progress.sitting(1).updated == noticed
            clock.forward(hours=1)
            progress.add_answers([answer(3, progress.now())])
        clock.forward(days=5)
        with open_progress() as progress:
            assert progress.notices == []  # told once
            assert progress.now() == clock.at
            later = noticed + datetime.timedelta(hours=1)
            assert [one.at for one in progress.answers()] == [START, noticed, later]
        clock.forward(days=3650)  # the file itself is as it was written
        with open_progress() as progress:
            assert [one.at.year for one in progress.answers()] == [2026, 2036, 2026]

    def test_what_was_kept_after_it_says_when_it_was(self, open_progress, clock):
        """The clock is set right while the file is open."""
        progress = open_progress()
        clock.forward(days=3650)
        progress.add_answers([answer(1, progress.now())])
        clock.forward(days=-3650)
        progress.add_answers([answer(2, progress.now())])
        clock.forward(days=9)
        assert [one.at for one in progress.answers()] == [START, START]
        assert progress.now() == clock.at

    def test_a_day_ahead_is_followed(self, open_progress, clock):
        with open_progress() as progress:
            progress.add_answers([answer(1, clock.at)])
        clock.forward(days=-1)
        progress = open_progress()
        assert progress.now() == START
        assert "時計が追いつくまで" in progress.notices[0]

    def test_while_it_is_open(self, open_progress, clock):
        progress = open_progress()
        stored = progress.add_sitting(SITTING)
        clock.forward(hours=-5)
        assert progress.now() == START
        assert progress.save_sitting(stored, SITTING.answer(0, 0)).updated == START


class TestDamage:
    def backups(self, path: Path) -> list[Path]:
        return sorted(path.parent.glob("*.broken-*"))

    def test_one_bad_page_costs_only_its_rows(self, open_progress, path):
        with open_progress() as progress:
            given = fill(progress)
        raw = bytearray(path.read_bytes())
        # a leaf page in the middle of the answers: table leaf pages begin with 0x0d
        marks = [
            at for at in range(4096, len(raw), 4096) if raw[at] == 0x0D and b"drill-1" in raw[at : at + 4096]
        ]
        at = marks[len(marks) // 2]
        raw[at : at + 4096] = os.urandom(4096)
        raw[at] = 0xFF
        path.write_bytes(raw)
        progress = open_progress()
        (backup,) = self.backups(path)
        assert backup.read_bytes() == bytes(raw)
        (notice,) = progress.notices
        assert notice.startswith("学習の記録のファイルが壊れていました。")
        assert backup.name in notice
        rescued = progress.answers()
        assert 300 < len(rescued) < 400
        assert set(rescued) <= set(given)
        assert f"解答{len(rescued)}件、模試1回、復習カード89枚" in notice
        assert progress.sitting(1).sitting.slots[1].place == 2
        progress.add_answers([answer(1, progress.now())])  # and goes on
        assert open_progress().notices == []

    def test_a_cut_file(self, open_progress, path):
        with open_progress() as progress:
            given = fill(progress)
        raw = path.read_bytes()
        path.write_bytes(raw[: len(raw) // 2])
        progress = open_progress()
        assert self.backups(path)
        assert len(progress.notices) == 1
        assert set(progress.answers()) <= set(given)
        progress.add_answers([answer(1, progress.now())])

    @pytest.mark.parametrize("first", [bytes(4096), b"\xff" * 4096, b"SQLite format 3\0" + b"\xa1" * 4080])
    def test_without_its_first_page_all_is_still_found(self, open_progress, path, first):
        """The page that says where each table begins, often the one that is hurt."""
        with open_progress() as progress:
            given = fill(progress)
        path.write_bytes(first + path.read_bytes()[4096:])
        progress = open_progress()
        assert progress.answers() == given
        assert "解答400件、模試1回、復習カード89枚" in progress.notices[0]

    @pytest.mark.parametrize(
        "content", [b"x", b"not a database\n" * 400, bytes(8192), b"SQLite format 3\0" + b"\xff" * 5000]
    )
    def test_no_database_at_all(self, open_progress, path, content):
        path.parent.mkdir()
        path.write_bytes(content)
        progress = open_progress()
        (backup,) = self.backups(path)
        assert backup.read_bytes() == content
        assert "読める記録はなかった" in progress.notices[0]
        progress.add_answers([answer(1)])
        with open_progress() as again:
            assert len(again.answers()) == 1
            assert again.notices == []

    @pytest.mark.parametrize("seed", range(60))
    def test_any_bytes_may_be_hurt(self, open_progress, path, seed):
        """It opens; what is there was there before; the old file is kept when it is not sound."""
        import random

        with open_progress() as progress:
            given = fill(progress)
        rng = random.Random(seed)
        raw = bytearray(path.read_bytes())
        for _ in range(rng.choice([1, 3, 10])):
            at, length = rng.randrange(100, len(raw)), rng.choice([1, 16, 512, 4096])
            raw[at : at + length] = rng.randbytes(len(raw[at : at + length]))
        path.write_bytes(raw)
        progress = open_progress()
        assert bool(self.backups(path)) == bool(progress.notices)
        # SQLite cannot see a changed text: a row may be spoilt, but it is read as a row.
        assert len(progress.answers()) <= len(given) + 1
        assert len(set(progress.answers()) & set(given)) >= len(progress.answers()) - 10
        for number in progress.sitting_numbers():
            progress.sitting(number)
        progress.add_answers([answer(1, progress.now())])

    def test_an_empty_file_is_a_new_one(self, open_progress, path):
        path.parent.mkdir()
        path.touch()
        progress = open_progress()
        assert (progress.notices, progress.answers()) == ([], [])

    def test_two_damages_in_the_same_second_keep_both(self, open_progress, path):
        path.parent.mkdir()
        for content in (b"first " * 200, b"second " * 200):
            path.write_bytes(content)
            open_progress().close()
        assert len(self.backups(path)) == 2


class TestRefuses:
    def test_another_programs_database(self, open_progress, path):
        path.parent.mkdir()
        with sqlite3.connect(path) as foreign:
            foreign.execute("CREATE TABLE money (yen INTEGER)")
        foreign.close()
        before = path.read_bytes()
        with pytest.raises(ProgressError, match="別のソフトのデータベース"):
            open_progress()
        assert path.read_bytes() == before
        assert len(list(path.parent.iterdir())) == 1

    def test_a_newer_version(self, open_progress, path):
        open_progress().close()
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
        connection.close()
        before = path.read_bytes()
        with pytest.raises(ProgressError, match="新しい版の takara"):
            open_progress()
        assert path.read_bytes() == before

    def test_a_folder_in_its_place(self, open_progress, path):
        path.mkdir(parents=True)
        with pytest.raises(ProgressError, match="読み書きできません"):
            open_progress()

    def test_a_file_where_its_folder_should_be(self, open_progress, path):
        path.parent.write_text("mine")
        with pytest.raises(ProgressError, match="読み書きできません"):
            open_progress()

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_that_cannot_be_written(self, open_progress, path):
        path.parent.mkdir()
        path.parent.chmod(0o500)
        with pytest.raises(ProgressError, match="読み書きできません"):
            open_progress()

    def test_a_locked_file(self, path, open_progress, monkeypatch):
        from autograder.exam import progress as module

        monkeypatch.setattr(module, "_BUSY_S", 0.05)
        progress = open_progress()
        with open_progress().transaction(), pytest.raises(ProgressError, match="ほかの画面が"):
            progress.add_answers([answer(1)])


def test_migrates_an_older_file(open_progress, path, monkeypatch):
    with open_progress() as progress:
        fill(progress, 20)
    more = (*schema.MIGRATIONS, "ALTER TABLE answers ADD COLUMN sure INTEGER NOT NULL DEFAULT 0;")
    monkeypatch.setattr(schema, "MIGRATIONS", more)
    with open_progress() as progress:
        assert len(progress.answers()) == 20
        (version,) = progress._connection.execute("PRAGMA user_version").fetchone()
        assert version == len(more)


def test_a_migration_that_fails_changes_nothing(open_progress, path, monkeypatch):
    with open_progress() as progress:
        fill(progress, 20)
    broken = (*schema.MIGRATIONS, "ALTER TABLE answers ADD COLUMN sure INTEGER; SELECT * FROM nowhere;")
    monkeypatch.setattr(schema, "MIGRATIONS", broken)
    with pytest.raises(ProgressError):
        open_progress()
    monkeypatch.undo()
    with open_progress() as progress:
        assert len(progress.answers()) == 20
        assert progress.notices == []

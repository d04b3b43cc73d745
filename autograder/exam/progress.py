"""What a person did in the trainer: one SQLite file on their own machine. Nothing of it ever leaves it.

The journal is SQLite's plain one, not WAL: WAL does not work on a network share (where an office keeps home
folders) and leaves two more files beside this one that must be copied with it. A step writes a few hundred
bytes, and terminal and Lab rarely write at the same moment; the one waits for the other then.
"""

from __future__ import annotations

import contextlib
import datetime
import enum
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from .errors import ExamError
from .rescue import rescue
from .schema import APPLICATION_ID, TABLES, VERSION, migrate
from .sitting import Sitting, Slot, State

__all__ = ["FILE_NAME", "Answer", "Mode", "Progress", "ProgressError", "StoredCard", "StoredSitting"]

FILE_NAME = "takara-exam.sqlite3"

_ANSWER = "question, fingerprint, item, choice, right, seconds, at, mode, session"
_MOCK = "blueprint, seed, limit_s, current, elapsed_s, state, started, updated, revision"
_SLOT = "question, fingerprint, item, choices, place, flagged, seconds"
_HEADER_BYTES = 100  # of an SQLite file
_BUSY_S = 10.0
_END_OF_TIME = datetime.datetime.max.replace(tzinfo=datetime.UTC)
# What keeps a sound file from being read or written; other failures while it is checked mean damage.
_NO_DAMAGE = {
    sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH,
}  # fmt: skip
_CLOCK_SLACK = datetime.timedelta(minutes=2)  # clocks are set right by a little all the time
#: Stored times further ahead of the clock than this come from a clock that was wrong, and are not followed.
_FAR_AHEAD = datetime.timedelta(days=1)


class ProgressError(ExamError):
    """The progress file cannot be used. The message is for people (Japanese), the cause on its last line."""


class Mode(enum.StrEnum):
    """Where an answer was given."""

    DRILL = "drill"
    MOCK = "mock"
    REVIEW = "review"


@dataclass(frozen=True)
class Answer:
    """One answer, as it is kept for good."""

    question: str  # id
    fingerprint: str  # of the question when it was answered
    item: str
    choice: str  # the text of the choice taken
    right: bool
    seconds: float
    at: datetime.datetime  # UTC
    mode: Mode
    session: str  # the same for all answers of one round


@dataclass(frozen=True)
class StoredCard:
    """The review card of one question."""

    question: str  # its id
    fingerprint: str  # of the question when it was last answered
    card: str  # py-fsrs's JSON
    reviewed: datetime.datetime  # UTC


@dataclass(frozen=True)
class StoredSitting:
    """A mock exam as it is kept."""

    id: int
    sitting: Sitting
    started: datetime.datetime  # UTC
    updated: datetime.datetime  # UTC
    revision: int  # counts the writes: who holds an older one has been overtaken by another window


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class Progress:
    """The open progress file.

    Attributes
    ----------
    path : Path
    notices : list of str
        What a person must be told (Japanese): a damaged file, a clock that was wrong. Tell each once.
    rescued : bool
        Whether the file was damaged, and holds what could be read of it.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime.datetime] = _utc_now) -> None:
        """Open the file, or make it.

        Parameters
        ----------
        path : Path
            A damaged file is put aside under another name, and what can be read of it is taken over.
        clock : callable
            Gives the present time, in UTC.

        Raises
        ------
        ProgressError
            The file cannot be written, is not ours, or comes from a newer version.
        """
        self.path = path
        self.notices: list[str] = []
        self.rescued = False
        self._clock = clock
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = self._open()
            self._last = self._last_time(not_after=self._clock() + _FAR_AHEAD)
            self._seen: datetime.datetime | None = None  # when times far ahead were first seen
            self._notice_future()
        self._notice_clock()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ time

    def now(self) -> datetime.datetime:
        """The present time in UTC, not earlier than what is stored.

        What is stored more than a day ahead of the clock comes from a wrong clock: it is passed over.
        """
        now = self._clock().astimezone(datetime.UTC)
        return now if self._last is None or self._last - now > _FAR_AHEAD else max(now, self._last)

    def _last_time(self, not_after: datetime.datetime = _END_OF_TIME) -> datetime.datetime | None:
        (last,) = self._connection.execute(
            "SELECT max(at) FROM (SELECT at FROM answers UNION ALL SELECT updated FROM mocks"
            " UNION ALL SELECT reviewed FROM cards) WHERE at <= ?",
            (_text(not_after),),
        ).fetchone()
        return _time(last) if last else None

    def _sensible(
        self, stored: datetime.datetime, before: datetime.datetime | None = None
    ) -> datetime.datetime:
        """A stored time as it is; one far ahead of the clock as the time when that was first seen.

        Parameters
        ----------
        stored : datetime
        before : datetime, optional
            What was stored later on was stored then.
        """
        now = self._clock().astimezone(datetime.UTC)
        if stored - now <= _FAR_AHEAD:
            return stored
        return min(time for time in (now, self._seen, before) if time is not None)

    def _notice_future(self) -> None:
        """Say that times lie far ahead of the clock, once for each time that new ones do."""
        ahead = self._last_time()
        now = self._clock().astimezone(datetime.UTC)
        if ahead is None or ahead - now <= _FAR_AHEAD:
            return
        last = _text(ahead)
        kept = self._connection.execute("SELECT value FROM notes WHERE name = 'ahead'").fetchone()
        told, _, seen = (kept[0] if kept else "").partition(" ")
        if told == last:
            self._seen = _time(seen)
            return
        self._seen = now
        self._connection.execute(
            "INSERT OR REPLACE INTO notes VALUES ('ahead', ?)", (f"{last} {_text(now)}",)
        )
        self.notices.append(
            f"学習の記録の中に、いまの時計より1日以上先の日時（{_local(ahead)}まで）のものがあります。"
            "前に使ったとき、パソコンの時計が進んでいたようです。"
            f"その記録は、いま（{_local(now)}）のものとして数えます。新しい記録には、いまの時計の時刻をつけます。"
            "いまの時計のほうがおかしいときは、日付と時刻の設定を直してください（記録は書きかえていません）。"
        )

    def _notice_clock(self) -> None:
        """Say that the clock went back a little, once for each time that it did."""
        if self._last is None or self._clock() > self._last - _CLOCK_SLACK:
            return
        last = _text(self._last)
        with self._told():
            told = self._connection.execute("SELECT value FROM notes WHERE name = 'clock'").fetchone()
            if told == (last,):
                return
            self._connection.execute("INSERT OR REPLACE INTO notes VALUES ('clock', ?)", (last,))
        self.notices.append(
            f"パソコンの時計が、最後の記録（{_local(self._last)}）より前の時刻になっています。"
            "時計が追いつくまで、新しい記録にはその最後の時刻をつけます（記録は消えていません）。"
            "日付と時刻の設定を確かめてください。"
        )

    # ------------------------------------------------------------------ answers and cards

    def answers(self) -> list[Answer]:
        """Every answer, oldest first. A time far ahead of the clock is read as one that can be."""
        rows = self._read(f"SELECT {_ANSWER} FROM answers ORDER BY id")
        times: list[datetime.datetime] = []
        for row in reversed(rows):
            times.append(self._sensible(_time(row[6]), times[-1] if times else None))
        return [
            Answer(question, fingerprint, item, choice, bool(right), seconds, at, Mode(mode), session)
            for (question, fingerprint, item, choice, right, seconds, _, mode, session), at in zip(
                rows, reversed(times), strict=True
            )
        ]

    def add_answers(self, answers: Iterable[Answer]) -> None:
        with self.transaction() as connection:
            for one in answers:
                self._last = max(self._last or one.at, one.at)
                connection.execute(
                    f"INSERT INTO answers ({_ANSWER}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        one.question, one.fingerprint, one.item, one.choice, int(one.right),
                        float(one.seconds), _text(one.at), one.mode.value, one.session,
                    ),
                )  # fmt: skip

    def cards(self) -> dict[str, StoredCard]:
        """Review cards by question id; times far ahead as in :meth:`answers`."""
        rows = self._read("SELECT question, fingerprint, card, reviewed FROM cards ORDER BY id")
        return {row[0]: StoredCard(*row[:3], self._sensible(_time(row[3]))) for row in rows}

    def save_cards(self, cards: Iterable[StoredCard]) -> None:
        with self.transaction() as connection:
            for one in cards:
                self._last = max(self._last or one.reviewed, one.reviewed)
                connection.execute(
                    "INSERT INTO cards (question, fingerprint, card, reviewed) VALUES (?1, ?2, ?3, ?4)"
                    " ON CONFLICT (question) DO UPDATE SET fingerprint = ?2, card = ?3, reviewed = ?4",
                    (one.question, one.fingerprint, one.card, _text(one.reviewed)),
                )

    # ------------------------------------------------------------------ mock exams

    def add_sitting(self, sitting: Sitting) -> StoredSitting:
        """Keep a new mock exam."""
        now = self.now()
        with self.transaction() as connection:
            self._last = now
            number = connection.execute(
                f"INSERT INTO mocks ({_MOCK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    sitting.blueprint, sitting.seed, float(sitting.limit_s), sitting.current,
                    float(sitting.elapsed_s), sitting.state.value, _text(now), _text(now),
                ),
            ).lastrowid  # fmt: skip
            connection.executemany(
                f"INSERT INTO slots (mock, number, {_SLOT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        number, place, slot.question, slot.fingerprint, slot.item,
                        json.dumps(slot.choices, ensure_ascii=False), slot.place, int(slot.flagged),
                        float(slot.seconds),
                    )
                    for place, slot in enumerate(sitting.slots)
                ],
            )  # fmt: skip
        return StoredSitting(number, sitting, now, now, 0)

    def save_sitting(self, stored: StoredSitting, sitting: Sitting) -> StoredSitting:
        """Keep the next state of a mock exam; only what changed is written.

        Raises
        ------
        ProgressError
            Another window went on with this mock exam since ``stored`` was read.
        """
        now = self.now()
        with self.transaction() as connection:
            self._last = now
            written = connection.execute(
                "UPDATE mocks SET current = ?, elapsed_s = ?, state = ?, updated = ?, revision = revision + 1"
                " WHERE id = ? AND revision = ?",
                (
                    sitting.current, float(sitting.elapsed_s), sitting.state.value, _text(now),
                    stored.id, stored.revision,
                ),
            ).rowcount  # fmt: skip
            if not written:
                raise ProgressError(
                    "この模試は、別の画面で先に進んでいます。こちらの画面は閉じて、そちらで続けるか、"
                    "開き直して続きから始めてください（答えは残っています）。\n"
                    f"原因: mock {stored.id} is past revision {stored.revision}"
                )
            for number, (old, new) in enumerate(zip(stored.sitting.slots, sitting.slots, strict=True)):
                if new != old:
                    connection.execute(
                        "UPDATE slots SET place = ?, flagged = ?, seconds = ? WHERE mock = ? AND number = ?",
                        (new.place, int(new.flagged), float(new.seconds), stored.id, number),
                    )
        return StoredSitting(stored.id, sitting, stored.started, now, stored.revision + 1)

    def sitting(self, number: int) -> StoredSitting | None:
        """The mock exam of this number; ``None`` when there is none."""
        row = self._read(f"SELECT {_MOCK} FROM mocks WHERE id = ?", number)
        if not row:
            return None
        blueprint, seed, limit_s, current, elapsed_s, state, started, updated, revision = row[0]
        slots = tuple(
            Slot(question, fingerprint, item, tuple(json.loads(choices)), place, bool(flagged), seconds)
            for question, fingerprint, item, choices, place, flagged, seconds in self._read(
                f"SELECT {_SLOT} FROM slots WHERE mock = ? ORDER BY number", number
            )
        )
        if not slots:
            return None
        current = min(current, len(slots) - 1)
        sitting = Sitting(blueprint, seed, limit_s, slots, current, elapsed_s, State(state))
        times = (self._sensible(_time(text)) for text in (started, updated))
        return StoredSitting(number, sitting, *times, revision)

    def sitting_numbers(self, *states: State) -> list[int]:
        """Numbers of the mock exams in one of these states (of all, without a state), oldest first."""
        wanted = set(states) or set(State)
        rows = self._read("SELECT id, state FROM mocks ORDER BY id")
        return [number for number, state in rows if state in wanted]

    # ------------------------------------------------------------------ the file

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything that is written inside is kept together or not at all. May be nested."""
        with self._told():
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN IMMEDIATE")
            last = self._last
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._last = last
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _read(self, query: str, *values: object) -> list[tuple]:
        with self._told():
            return self._connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Technical failures as :class:`ProgressError`."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                what = "ほかの画面が学習の記録に書いている途中です。少し待ってから、もう一度試してください。"
            else:
                what = (
                    f"学習の記録（{self.path}）を読み書きできません。"
                    "フォルダーに書きこめるか、ディスクに空きがあるかを確かめてください。"
                )
            raise ProgressError(f"{what}\n原因: {type(error).__name__}: {error}") from error

    def _open(self) -> sqlite3.Connection:
        connection = None
        try:
            if self.path.is_file() and 0 < self.path.stat().st_size < _HEADER_BYTES:
                raise sqlite3.DatabaseError("file is not a database")  # SQLite would take it for an empty one
            connection = _connect(self.path)
            self._refuse_foreign(connection)
            _check(connection)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if connection is not None:
                connection.close()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NO_DAMAGE:
                raise
            return self._replace_damaged(error)
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        try:
            migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _refuse_foreign(self, connection: sqlite3.Connection) -> None:
        """Leave a file alone that is sound but not ours, or newer than we are."""
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if objects and application != APPLICATION_ID:
            raise ProgressError(
                f"{self.path} は、別のソフトのデータベースです。上書きしないよう、何もしませんでした。"
                "このファイルの名前を変えるか移してから、もう一度試してください。\n"
                f"原因: application_id {application:#x}"
            )
        if version > VERSION:
            raise ProgressError(
                f"学習の記録（{self.path}）は、新しい版の takara で作られています。"
                "takara を新しくしてください（記録はそのままです）。\n"
                f"原因: version {version}, known up to {VERSION}"
            )

    def _replace_damaged(self, error: Exception) -> sqlite3.Connection:
        """Put the damaged file aside and begin a new one with the rows that can still be read."""
        stamp = self._clock().astimezone().strftime("%Y%m%d-%H%M%S")
        aside = _free_name(self.path.with_name(f"{self.path.stem}.broken-{stamp}{self.path.suffix}"))
        os.replace(self.path, aside)
        journal = Path(f"{self.path}-journal")
        if journal.exists():  # belongs to the damaged file, and would be played into the new one
            os.replace(journal, f"{aside}-journal")
        connection = _connect(self.path)
        migrate(connection)
        connection.execute("BEGIN IMMEDIATE")
        rescued = rescue(aside, connection)
        self.rescued = True
        connection.execute("COMMIT")
        if any(rescued.values()):
            found = f"解答{rescued['answers']}件、模試{rescued['mocks']}回、復習カード{rescued['cards']}枚"
            now = f"読めた記録（{found}）を新しいファイルに移しました。"
        else:
            now = "読める記録はなかったので、新しいファイルで始めます。"
        self.notices.append(
            "学習の記録のファイルが壊れていました。"
            f"壊れたファイルは {aside.name} として残し、{now}（原因: {error}）"
        )
        return connection


def _connect(path: Path) -> sqlite3.Connection:
    # A URI, so that a name with "?" or "%" stays a name.
    uri = f"file:{quote(str(path.resolve().as_posix()))}"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)
    connection.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
    try:
        connection.execute("PRAGMA schema_version").fetchone()  # reads the header
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    """Raise an error of SQLite for a file that is damaged."""
    (damage,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if damage != "ok":
        raise sqlite3.DatabaseError(damage)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for table in TABLES if version else ():
        connection.execute(f"SELECT count(*) FROM {table}").fetchone()


def _free_name(path: Path) -> Path:
    number = 1
    candidate = path
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate


def _text(time: datetime.datetime) -> str:
    """Microseconds always: texts of times sort as times then."""
    return time.astimezone(datetime.UTC).isoformat(timespec="microseconds")


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def _local(time: datetime.datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M")

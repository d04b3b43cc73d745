"""What can still be read of a damaged progress file."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from .schema import TABLES

__all__ = ["Rescued", "rescue"]

#: Rows of each table, by name.
Rescued = dict[str, int]

_SMALLEST_ROW = 20  # bytes: where the end of a table cannot be read, no id is above the file's size by this
_MOST_FAILURES = 20_000  # reads of a table, after which the search ends (about a second)


def rescue(damaged: Path, into: sqlite3.Connection) -> Rescued:
    """Copy every readable and sensible row of ``damaged`` into the empty, current file ``into``.

    Parameters
    ----------
    damaged : Path
        Is only read.
    into : sqlite3.Connection

    Returns
    -------
    dict of str to int
        Table → rows rescued.
    """
    with tempfile.TemporaryDirectory() as folder:
        if not _copy_all(damaged, into):
            mended = Path(folder) / "mended.sqlite3"
            mended.write_bytes(_with_new_first_page(damaged.read_bytes(), _first_page(into)))
            _copy_all(mended, into)
    into.execute("DELETE FROM slots WHERE mock NOT IN (SELECT id FROM mocks)")
    into.execute(  # a paper with holes cannot be sat; the answers of handed-in ones are rows of their own
        "DELETE FROM mocks WHERE id NOT IN"
        " (SELECT mock FROM slots GROUP BY mock"
        " HAVING count(*) = max(number) + 1 AND max(number) >= mocks.current)"
    )
    into.execute("DELETE FROM slots WHERE mock NOT IN (SELECT id FROM mocks)")
    return {table: into.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


def _copy_all(damaged: Path, into: sqlite3.Connection) -> bool:
    """Copy the rows of all tables; whether every table could be found."""
    found = True
    uri = f"file:{quote(str(damaged.resolve().as_posix()))}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as source:
        source.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
        for table in TABLES:
            try:
                _copy(source, into, table, damaged.stat().st_size)
            except (sqlite3.Error, UnicodeDecodeError):  # the latter where the error's own text is garbage
                found = False
    return found


def _first_page(sound: sqlite3.Connection) -> bytes:
    (_, _, name) = sound.execute("PRAGMA database_list").fetchone()
    (size,) = sound.execute("PRAGMA page_size").fetchone()
    with open(name, "rb") as file:
        return file.read(size)


def _with_new_first_page(damaged: bytes, first: bytes) -> bytes:
    """The damaged file with the first page of a sound, empty one.

    The first page holds the header and says where each table begins. Tables that the same statements made in
    the same order begin at the same pages in every file, so the page of an empty file fits.
    """
    size = len(first)
    pages = len(damaged) // size
    header = bytearray(first)
    header[28:32] = pages.to_bytes(4, "big")  # pages of the file
    header[92:96] = header[24:28]  # … which is valid for this change
    header[32:40] = bytes(8)  # no list of free pages
    return bytes(header) + damaged[size : pages * size]


def _copy(source: sqlite3.Connection, into: sqlite3.Connection, table: str, size: int) -> None:
    there = {row[1] for row in source.execute(f"PRAGMA table_info({table})")}
    columns = [row[1] for row in into.execute(f"PRAGMA table_info({table})") if row[1] in there]
    if not columns:
        raise sqlite3.DatabaseError(f"no table {table}")
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    for row in _rows(source, table, columns, _last_id(source, table, size)):
        with contextlib.suppress(sqlite3.Error):  # a row that a check of the table refuses
            into.execute(insert, row)


def _last_id(source: sqlite3.Connection, table: str, size: int) -> int:
    """The highest id of a table. Ids are given in turn, and nothing is deleted."""
    bound = size // _SMALLEST_ROW
    try:
        return min(source.execute(f"SELECT max(id) FROM {table}").fetchone()[0] or 0, bound)
    except (sqlite3.Error, UnicodeDecodeError):
        return bound


def _rows(source: sqlite3.Connection, table: str, columns: list[str], last: int) -> Iterator[tuple]:
    """The readable rows, ids up to ``last``: an unreadable range is halved until its bad rows are alone."""
    query = f"SELECT {', '.join(columns)} FROM {table} NOT INDEXED WHERE id BETWEEN ? AND ? ORDER BY id"
    waiting = deque([(1, last)])
    failures = 0
    while waiting and failures < _MOST_FAILURES:
        first, last = waiting.popleft()
        try:
            yield from source.execute(query, (first, last)).fetchall()
        except (sqlite3.Error, UnicodeDecodeError):
            failures += 1
            if first < last:
                middle = (first + last) // 2
                waiting += [(first, middle), (middle + 1, last)]

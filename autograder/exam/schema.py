"""The tables of the progress file, and how an older file becomes a newer one."""

from __future__ import annotations

import sqlite3

__all__ = ["APPLICATION_ID", "TABLES", "VERSION", "migrate"]

APPLICATION_ID = 0x74616B61  # "taka": tells our file from any other SQLite file

# A choice is kept by its text: an author may move choices, and the fingerprint of the question stays the
# same. The checks find rows that damage turned into something else: SQLite's integrity check looks at them,
# and they keep such rows out of a rescued file. STRICT tables would need SQLite 3.37, which not every Python
# 3.11 has.
_FIRST = """
CREATE TABLE answers (
    id INTEGER PRIMARY KEY,
    question TEXT NOT NULL CHECK (question GLOB '[TL][0-9][0-9]-[0-9][0-9]'),
    fingerprint TEXT NOT NULL CHECK (typeof(fingerprint) = 'text'),
    item TEXT NOT NULL CHECK (item GLOB '[TL][0-9][0-9]'),
    choice TEXT NOT NULL CHECK (typeof(choice) = 'text'),
    right INTEGER NOT NULL CHECK (right IN (0, 1)),
    seconds REAL NOT NULL CHECK (typeof(seconds) = 'real' AND seconds BETWEEN 0 AND 1e9),
    at TEXT NOT NULL CHECK (
        at GLOB '*.[0-9][0-9][0-9][0-9][0-9][0-9]+00:00' AND length(at) = 32
        AND strftime('%Y-%m-%dT%H:%M:%S', at) IS substr(at, 1, 19)
    ),
    mode TEXT NOT NULL CHECK (mode IN ('drill', 'mock', 'review')),
    session TEXT NOT NULL CHECK (typeof(session) = 'text')
);
CREATE TABLE mocks (
    id INTEGER PRIMARY KEY,
    blueprint TEXT NOT NULL CHECK (typeof(blueprint) = 'text'),
    seed INTEGER NOT NULL CHECK (typeof(seed) = 'integer'),
    limit_s REAL NOT NULL CHECK (typeof(limit_s) = 'real' AND limit_s > 0 AND limit_s < 1e9),
    current INTEGER NOT NULL CHECK (typeof(current) = 'integer' AND current >= 0),
    elapsed_s REAL NOT NULL CHECK (typeof(elapsed_s) = 'real' AND elapsed_s BETWEEN 0 AND 1e9),
    state TEXT NOT NULL CHECK (state IN ('running', 'submitted', 'timed_out', 'given_up')),
    started TEXT NOT NULL CHECK (
        started GLOB '*.[0-9][0-9][0-9][0-9][0-9][0-9]+00:00' AND length(started) = 32
        AND strftime('%Y-%m-%dT%H:%M:%S', started) IS substr(started, 1, 19)
    ),
    updated TEXT NOT NULL CHECK (
        updated GLOB '*.[0-9][0-9][0-9][0-9][0-9][0-9]+00:00' AND length(updated) = 32
        AND strftime('%Y-%m-%dT%H:%M:%S', updated) IS substr(updated, 1, 19)
    ),
    revision INTEGER NOT NULL CHECK (typeof(revision) = 'integer')
);
CREATE TABLE slots (
    id INTEGER PRIMARY KEY,
    mock INTEGER NOT NULL CHECK (typeof(mock) = 'integer'),
    number INTEGER NOT NULL CHECK (typeof(number) = 'integer' AND number >= 0),
    question TEXT NOT NULL CHECK (question GLOB '[TL][0-9][0-9]-[0-9][0-9]'),
    fingerprint TEXT NOT NULL CHECK (typeof(fingerprint) = 'text'),
    item TEXT NOT NULL CHECK (item GLOB '[TL][0-9][0-9]'),
    choices TEXT NOT NULL CHECK (json_valid(choices) AND json_array_length(choices) = 4),
    place INTEGER CHECK (place IS NULL OR place BETWEEN 0 AND 3),
    flagged INTEGER NOT NULL CHECK (flagged IN (0, 1)),
    seconds REAL NOT NULL CHECK (typeof(seconds) = 'real' AND seconds BETWEEN 0 AND 1e9),
    UNIQUE (mock, number)
);
CREATE TABLE cards (
    id INTEGER PRIMARY KEY,
    question TEXT NOT NULL UNIQUE CHECK (question GLOB '[TL][0-9][0-9]-[0-9][0-9]'),
    fingerprint TEXT NOT NULL CHECK (typeof(fingerprint) = 'text'),
    card TEXT NOT NULL CHECK (json_valid(card)),
    reviewed TEXT NOT NULL CHECK (
        reviewed GLOB '*.[0-9][0-9][0-9][0-9][0-9][0-9]+00:00' AND length(reviewed) = 32
        AND strftime('%Y-%m-%dT%H:%M:%S', reviewed) IS substr(reviewed, 1, 19)
    )
);
CREATE TABLE notes (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
"""

#: MIGRATIONS[n] makes version n + 1 out of version n. What was published is never edited: append.
MIGRATIONS = (_FIRST,)
VERSION = len(MIGRATIONS)

#: In the order in which they are rescued; ``notes`` holds nothing that a person would miss.
TABLES = ("answers", "mocks", "slots", "cards")


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a file of ours, or an empty one, to this version; a step happens whole or not at all."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number in range(version, len(MIGRATIONS)):
        connection.executescript(
            f"BEGIN IMMEDIATE;{MIGRATIONS[number]}"
            f"PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = {number + 1};COMMIT;"
        )

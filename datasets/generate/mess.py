"""How an office's spreadsheet looks when it leaves the office: 和暦, 全角, thousands commas, CP932."""

from __future__ import annotations

import csv
import datetime as dt
import io

import numpy as np

_FULL_WIDTH = str.maketrans("0123456789.,", "０１２３４５６７８９．，")
REIWA_FIRST_YEAR = 2019


def to_full_width(text: str) -> str:
    """Return ``text`` with full-width digits, point and comma."""
    return text.translate(_FULL_WIDTH)


def date_reiwa_long(day: dt.date) -> str:
    """Return 令和6年4月1日 (valid from 2019-05-01)."""
    return f"令和{day.year - REIWA_FIRST_YEAR + 1}年{day.month}月{day.day}日"


def date_reiwa_short(day: dt.date) -> str:
    """Return R6.4.1."""
    return f"R{day.year - REIWA_FIRST_YEAR + 1}.{day.month}.{day.day}"


def date_slash(day: dt.date) -> str:
    """Return 2024/4/1."""
    return f"{day.year}/{day.month}/{day.day}"


def messy_date(rng: np.random.Generator, day: dt.date) -> str:
    """Return ``day`` in one of three spellings; the long one sometimes with full-width digits."""
    u = rng.random()
    if u < 0.55:
        return date_reiwa_long(day)
    if u < 0.65:
        return to_full_width(date_reiwa_long(day))
    if u < 0.85:
        return date_reiwa_short(day)
    return date_slash(day)


def messy_count(rng: np.random.Generator, value: int) -> str:
    """Return a count as text: － for zero, commas from 1,000, some full-width, some with a trailing space."""
    if value == 0:
        return "－"
    text = f"{value:,}"
    u = rng.random()
    if u < 0.05:
        return to_full_width(text)
    if u < 0.15:
        return text + " "
    return text


def to_cp932_csv(lines: list[list[str]]) -> bytes:
    """Return rows of text as CSV in CP932 with CRLF; fields with a comma are quoted, as Excel writes them."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(lines)
    return buffer.getvalue().encode("cp932")


_ERAS = ((2019, "令和", "R"), (1989, "平成", "H"), (1926, "昭和", "S"))


def era_year(year: int) -> tuple[str, str, int]:
    """Return (era, its letter, year of the era): 1973 is ("昭和", "S", 48), 1989 is 平成1."""
    first, name, letter = next(era for era in _ERAS if year >= era[0])
    return name, letter, year - first + 1


def messy_year(rng: np.random.Generator, year: int) -> str:
    """Return a year in one of seven spellings: 昭和48年, 昭和48年度, 昭48, S48, Ｓ４８, 1973, 1973年."""
    name, letter, number = era_year(year)
    long = "元" if number == 1 else str(number)
    spellings = [
        f"{name}{long}年", f"{name}{long}年度", f"{name[0]}{long}", f"{letter}{number}",
        {"S": "Ｓ", "H": "Ｈ", "R": "Ｒ"}[letter] + to_full_width(str(number)), str(year), f"{year}年",
    ]  # fmt: skip
    return spellings[int(rng.choice(7, p=[0.26, 0.08, 0.10, 0.26, 0.08, 0.16, 0.06]))]


def messy_measure(rng: np.random.Generator, text: str, units: list[str]) -> str:
    """Return a number as typed: mostly bare, sometimes with a unit in the cell or in full-width digits."""
    u = rng.random()
    if u < 0.60:
        return text
    if u < 0.70:
        return to_full_width(text)
    return text + str(rng.choice(units))

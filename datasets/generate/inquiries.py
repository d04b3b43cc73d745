"""``inquiries.csv`` and ``faq.csv``: what citizens asked the city in two fiscal years, and its Q&A.

A text is a template written by hand (``inquiry_templates/*.yaml``) x slot values x other wording x channel
style x slips of the keyboard. Many rows share a template: split by ``template_id``, never by row.

Mechanisms that the lessons use (each one is checked in tests/datasets/test_inquiries_facts.py):

- Ten categories with unequal shares; the label is the one that the staff gave: 5% are wrong, most of them
  税 <-> 国保・年金. One label an inquiry, though 8% carry a second need.
- A new topic (マイナ保険証) appears in the last three months. The list of categories has no place for it, so
  the staff label it in three different ways.
- Some memos end with the section the inquiry was passed to, which the label decided (leakage).
- 2% contain invented personal data.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from . import calendar_jp, city, inquiry_noise, seeds, weather
from .csv_format import to_csv_bytes
from .rounding import split_integer

TEMPLATES = Path(__file__).resolve().parent / "inquiry_templates"
FIRST_DAY, LAST_DAY = dt.date(2024, 4, 1), dt.date(2026, 3, 31)
INQUIRIES = 6_000

# file name -> (category, share [A]); the shares follow no published table.
CATEGORIES = {
    "garbage": ("ごみ", 0.18),
    "registry": ("住民票・戸籍", 0.17),
    "tax": ("税", 0.14),
    "childcare": ("子育て", 0.12),
    "roads": ("道路・公園", 0.12),
    "insurance": ("国保・年金", 0.09),
    "welfare": ("福祉・介護", 0.07),
    "disaster": ("防災", 0.04),
    "water": ("上下水道", 0.04),
    "other": ("その他", 0.03),
}
NAMES = [name for name, _ in CATEGORIES.values()]
NEW_TOPIC, NEW_TOPIC_CATEGORY = "mynumber_insurance", "マイナ保険証"
NEW_TOPIC_FROM = dt.date(2026, 1, 1)
NEW_TOPIC_BY_MONTH = {1: 20, 2: 32, 3: 44}  # inquiries [A]
NEW_TOPIC_LABELS = {"その他": 0.40, "国保・年金": 0.35, "住民票・戸籍": 0.25}  # [A]

SECOND_NEED_SHARE = 0.08  # [A]
WRONG_SHARE = 0.05  # of all labels [A]
WRONG_TAX_INSURANCE = 0.72  # of the wrong labels: 税 <-> 国保・年金, half of them each way [A]
WRONG_ELSEWHERE = {  # where the rest goes [A]
    "ごみ": "道路・公園", "住民票・戸籍": "その他", "税": "住民票・戸籍", "子育て": "福祉・介護",
    "道路・公園": "上下水道", "国保・年金": "福祉・介護", "福祉・介護": "国保・年金", "防災": "道路・公園",
    "上下水道": "道路・公園", "その他": "住民票・戸籍",
}  # fmt: skip
PII_SHARE = 0.02  # [A]
TYPO_SHARE = 0.03  # [A]
# Chances to try; about half of the texts have no word, katakana or digit that could change [A].
MISCONVERSION_CHANCE, HALF_KANA_CHANCE, FULL_DIGITS_CHANCE = 0.06, 0.08, 0.15
PASSED_ON_SHARE = 0.20  # memos that name the section they were passed to [A]
CHECKED_SHARE = 0.30  # inquiries whose right Q&A was checked by staff [A]
TOWN_UNKNOWN_SHARE = 0.30  # the person did not say where they live [A]
CLOSED_DAY_FACTOR = 0.30  # inquiries on a closed day / on an open day [A]
MONDAY_FACTOR = 1.25  # [A], as at the counters

SECTIONS = {
    "ごみ": "環境課", "住民票・戸籍": "市民課", "税": "税務課", "子育て": "保育課",
    "道路・公園": "道路管理課", "国保・年金": "保険年金課", "福祉・介護": "高齢福祉課", "防災": "危機管理課",
    "上下水道": "水道局", "その他": "総務課",
}  # fmt: skip
# Share of each channel at the beginning and at the end of the two years [A]: LINE grows.
CHANNEL_SHARE_FIRST = [0.24, 0.38, 0.18, 0.13, 0.07]
CHANNEL_SHARE_LAST = [0.21, 0.31, 0.16, 0.11, 0.21]
# Weight of each month, January first [A].
SEASON = {
    "ごみ": [1.5, 0.8, 1.3, 1.2, 0.9, 0.9, 0.9, 1.0, 0.9, 0.9, 1.0, 1.7],
    "住民票・戸籍": [0.8, 0.9, 2.2, 1.8, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.7, 0.7],
    "税": [0.8, 1.4, 1.6, 0.8, 1.2, 2.3, 0.9, 0.8, 0.6, 0.6, 0.6, 0.8],
    "子育て": [0.9, 1.1, 1.0, 1.1, 0.7, 0.7, 0.8, 0.8, 0.9, 1.9, 1.8, 0.7],
    "道路・公園": [0.9, 1.1, 1.1, 0.9, 1.0, 1.3, 1.2, 0.9, 1.1, 1.0, 0.8, 0.7],
    "国保・年金": [0.8, 0.8, 1.3, 1.6, 0.8, 0.9, 2.1, 1.0, 0.8, 0.8, 0.7, 0.7],
    "福祉・介護": [1.0, 1.0, 1.1, 1.1, 1.0, 1.0, 1.0, 0.9, 1.0, 1.0, 1.0, 0.9],
    "防災": [0.8, 0.7, 0.9, 0.7, 0.8, 1.3, 1.3, 1.4, 1.7, 1.0, 0.6, 0.6],
    "上下水道": [1.4, 1.3, 1.5, 1.2, 0.8, 0.8, 0.8, 0.9, 0.8, 0.8, 0.8, 0.9],
    "その他": [1.0] * 12,
}
HEAVY_RAIN_MM = 35
AFTER_RAIN_FACTOR = {"防災": 7.0, "道路・公園": 2.2}  # on the day of heavy rain and the two days after [A]
FREEZING_C, FREEZING_FACTOR = 0.0, 2.5  # frozen pipes: 上下水道 [A]
NEW_YEAR_FACTOR = 2.5  # ごみ: 20 to 28 December and 4 to 10 January [A]

COLUMNS = [
    "inquiry_id", "received_date", "channel", "town_code", "category", "template_id", "faq_id", "text",
]  # fmt: skip
TRUTH_COLUMNS = [
    "inquiry_id", "true_category", "second_category", "label_wrong", "is_new_topic", "faq_id", "has_pii",
    "pii_kinds", "passed_on", "has_typo", "has_misconversion", "has_half_kana", "has_full_digits",
    "has_emoji",
]  # fmt: skip


@cache
def _load(slug: str) -> dict:
    return yaml.safe_load((TEMPLATES / f"{slug}.yaml").read_text(encoding="utf-8"))


@cache
def templates() -> pd.DataFrame:
    """Return one row per template: slug, category, faq_id, text, second (category or ""), template_id.

    The ids are a random permutation: they say which rows share a template, and nothing else.
    """
    rows = []
    for slug in [*CATEGORIES, NEW_TOPIC]:
        source = _load(slug)
        for entry in source["faq"]:
            for template in entry["templates"]:
                item = template if isinstance(template, dict) else {"text": template, "second": ""}
                rows.append((slug, source["category"], entry["faq_id"], item["text"], item["second"]))
    table = pd.DataFrame(rows, columns=["slug", "category", "faq_id", "text", "second"])
    numbers = seeds.generator("inquiries/template_id").permutation(len(table)) + 1
    return table.assign(template_id=[f"T{number:04d}" for number in numbers])


def _faq(slugs: list[str]) -> pd.DataFrame:
    rows = [
        {"faq_id": entry["faq_id"], "category": source["category"], "question": entry["question"],
         "answer": entry["answer"]}
        for source in map(_load, slugs)
        for entry in source["faq"]
    ]  # fmt: skip
    return pd.DataFrame(rows)


def build_faq() -> pd.DataFrame:
    """Return the city's Q&A of the ten categories: one row per question."""
    return _faq(list(CATEGORIES))


def build_faq_new_topic() -> pd.DataFrame:
    """Return the Q&A that the city wrote after the new topic had come up (for instructors)."""
    return _faq([NEW_TOPIC])


def _day_weights() -> dict[str, np.ndarray]:
    """Return category -> weight of each day of the two years."""
    days = [stamp.date() for stamp in pd.date_range(FIRST_DAY, LAST_DAY)]
    sky = weather.build().set_index("date").loc[[day.isoformat() for day in days]]
    is_open = np.array([calendar_jp.is_open(day) for day in days])
    base = np.where(is_open, 1.0, CLOSED_DAY_FACTOR)
    base *= np.where([day.weekday() == 0 for day in days], MONDAY_FACTOR, 1.0)
    heavy = (sky["rain_mm"] >= HEAVY_RAIN_MM).rolling(3, min_periods=1).max().to_numpy() > 0
    freezing = (sky["temperature_min_c"] < FREEZING_C).to_numpy()
    new_year = np.array(
        [
            (12, 20) <= (day.month, day.day) <= (12, 28) or (1, 4) <= (day.month, day.day) <= (1, 10)
            for day in days
        ]
    )
    weights = {}
    for category, season in SEASON.items():
        weight = base * np.array([season[day.month - 1] for day in days])
        weight = weight * np.where(heavy, AFTER_RAIN_FACTOR.get(category, 1.0), 1.0)
        if category == "上下水道":
            weight = weight * np.where(freezing, FREEZING_FACTOR, 1.0)
        if category == "ごみ":
            weight = weight * np.where(new_year, NEW_YEAR_FACTOR, 1.0)
        weights[category] = weight / weight.sum()
    return weights


def _dates() -> pd.DataFrame:
    """Return slug and received_date of every inquiry."""
    rng = seeds.generator("inquiries/dates")
    days = [stamp.date() for stamp in pd.date_range(FIRST_DAY, LAST_DAY)]
    weights = _day_weights()
    new = sum(NEW_TOPIC_BY_MONTH.values())
    counts = split_integer(INQUIRIES - new, np.array([share for _, share in CATEGORIES.values()]))
    rows = []
    for (slug, (category, _)), count in zip(CATEGORIES.items(), counts, strict=True):
        rows += [(slug, days[index]) for index in rng.choice(len(days), size=count, p=weights[category])]
    for month, count in NEW_TOPIC_BY_MONTH.items():
        chosen = [day for day in days if day >= NEW_TOPIC_FROM and day.month == month]
        weight = np.array([1.0 if calendar_jp.is_open(day) else CLOSED_DAY_FACTOR for day in chosen])
        places = rng.choice(len(chosen), size=count, p=weight / weight.sum())
        rows += [(NEW_TOPIC, chosen[index]) for index in places]
    return pd.DataFrame(rows, columns=["slug", "received_date"])


def _choose_templates(rng: np.random.Generator, slugs: pd.Series) -> pd.DataFrame:
    """Return a template for each inquiry. Questions are unequally popular; 8% carry two needs."""
    out = np.empty(len(slugs), dtype=int)
    table = templates()
    for slug in [*CATEGORIES, NEW_TOPIC]:
        rows = np.flatnonzero(slugs == slug)
        own = table[table["slug"] == slug]
        popularity = dict(
            zip(own["faq_id"].unique(), rng.dirichlet(np.full(own["faq_id"].nunique(), 6.0)), strict=True)
        )
        two = (own["second"] != "").to_numpy()
        weight = (own["faq_id"].map(popularity) / own.groupby("faq_id")["text"].transform("size")).to_numpy()
        share = SECOND_NEED_SHARE if two.any() else 0.0
        wants_two = rng.random(len(rows)) < share
        for chosen, members in ((wants_two, two), (~wants_two, ~two)):
            if chosen.any():
                p = np.where(members, weight, 0.0)
                picked = rng.choice(len(own), size=int(chosen.sum()), p=p / p.sum())
                out[rows[chosen]] = own.index.to_numpy()[picked]
    return table.loc[out].reset_index(drop=True)


def _channels(rng: np.random.Generator, days: pd.Series) -> np.ndarray:
    """Return the channel of each inquiry. Nobody is at the phone or the counter on a closed day."""
    time = np.array([(day - FIRST_DAY).days / (LAST_DAY - FIRST_DAY).days for day in days])[:, None]
    share = (1 - time) * np.array(CHANNEL_SHARE_FIRST) + time * np.array(CHANNEL_SHARE_LAST)
    closed = np.array([not calendar_jp.is_open(day) for day in days])
    memo = np.isin(inquiry_noise.CHANNELS, inquiry_noise.MEMOS)
    share = np.where(closed[:, None] & memo[None, :], 0.0, share)
    share = share / share.sum(axis=1, keepdims=True)
    index = (rng.random(len(days))[:, None] > np.cumsum(share, axis=1)[:, :-1]).sum(axis=1)
    return np.array(inquiry_noise.CHANNELS)[index]


def _labels(rng: np.random.Generator, true: np.ndarray) -> np.ndarray:
    """Return the label that the staff gave to each inquiry."""
    label = true.astype(object)
    wrong = round(WRONG_SHARE * len(true))
    each_way = round(wrong * WRONG_TAX_INSURANCE / 2)
    for category, other in (("税", "国保・年金"), ("国保・年金", "税")):
        rows = rng.permutation(np.flatnonzero(true == category))[:each_way]
        label[rows] = other
    rest = rng.permutation(np.flatnonzero((label == true) & (true != NEW_TOPIC_CATEGORY)))
    for row in rest[: wrong - 2 * each_way]:
        label[row] = WRONG_ELSEWHERE[true[row]]
    rows = rng.permutation(np.flatnonzero(true == NEW_TOPIC_CATEGORY))
    counts = split_integer(len(rows), np.array(list(NEW_TOPIC_LABELS.values())))
    label[rows] = np.repeat(list(NEW_TOPIC_LABELS), counts)
    return label


def _fill(rng: np.random.Generator, template: str, slots: dict[str, list], town: str) -> str:
    """Return the template with its slots filled; a slot of the class goes before the one for all classes."""
    general = {
        "month": [f"{month}月" for month in range(1, 13)],
        "day": [f"{day}日" for day in range(1, 29)],
        "weekday": [f"{day}曜" for day in "月火水木金"],
        "count": list(range(2, 10)),
        "age": list(range(60, 89)),  # people say their age when it is a reason
    }
    values = {"town": town}
    for name, options in {**general, **slots}.items():
        if f"{{{name}}}" in template:
            values[name] = options[int(rng.integers(len(options)))]
    return template.format(**values)


@cache
def simulate() -> pd.DataFrame:
    """Return every column of the table together with the hidden ones, in order of the day received."""
    t = _dates()
    rng = seeds.generator("inquiries/people")
    chosen = _choose_templates(rng, t["slug"])
    t = t.join(chosen.drop(columns="slug").rename(columns={"text": "template"}))
    true = t["category"].to_numpy()
    t["true_category"] = true
    t["category"] = _labels(seeds.generator("inquiries/labels"), true)
    t["is_new_topic"] = (t["slug"] == NEW_TOPIC).astype(int)
    t["label_wrong"] = ((t["category"] != true) & (t["is_new_topic"] == 0)).astype(int)
    t["channel"] = _channels(rng, t["received_date"])
    towns = city.towns()
    place = rng.choice(len(towns), size=len(t), p=towns["population"] / towns["population"].sum())
    town_said = t["template"].str.contains("{town}", regex=False)
    known = town_said | (rng.random(len(t)) >= TOWN_UNKNOWN_SHARE)
    t["town_code"] = towns["town_code"].to_numpy()[place]
    town_names = towns["town"].to_numpy()[place]
    t.loc[~known, "town_code"] = None
    has_pii = np.zeros(len(t), dtype=bool)
    has_pii[rng.permutation(len(t))[: round(PII_SHARE * len(t))]] = True
    words = seeds.generator("inquiries/words")
    texts = [_text(words, row, town_names[row.Index], has_pii[row.Index]) for row in t.itertuples()]
    t = t.join(pd.DataFrame(texts))
    checked = (rng.random(len(t)) < CHECKED_SHARE) & (t["is_new_topic"] == 0)
    t["right_faq_id"] = t["faq_id"]
    t.loc[~checked, "faq_id"] = None
    numbers = seeds.generator("inquiries/inquiry_id").permutation(len(t)) + 1
    t["inquiry_id"] = [f"Q{number:05d}" for number in numbers]
    return t.sort_values(["received_date", "inquiry_id"], ignore_index=True)


def _text(rng: np.random.Generator, row, town: str, with_pii: bool) -> dict:
    """Return the text of one inquiry and what was done to it."""
    plain = inquiry_noise.reword(rng, _fill(rng, row.template, _load(row.slug).get("slots", {}), town))
    u = rng.random(5)
    misconverted = inquiry_noise.misconvert(rng, plain) if u[1] < MISCONVERSION_CHANCE else plain
    text = inquiry_noise.mistype(rng, misconverted) if u[0] < TYPO_SHARE else misconverted
    text, emoji = inquiry_noise.dress(rng, text, row.channel)
    passed_on = row.channel in inquiry_noise.MEMOS and u[4] < PASSED_ON_SHARE
    if passed_on:  # the label decided the section
        text += f"{SECTIONS[row.category]}へ回した。"
    kinds: list[str] = []
    if with_pii:
        text, kinds = inquiry_noise.add_personal_data(rng, text)
    half = inquiry_noise.half_width_kana(text) if u[2] < HALF_KANA_CHANCE else text
    full = inquiry_noise.full_width_digits(half) if u[3] < FULL_DIGITS_CHANCE else half
    return {
        "text": full.strip(),
        "has_pii": int(with_pii),
        "pii_kinds": ";".join(kinds),
        "passed_on": int(passed_on),
        "has_typo": int(u[0] < TYPO_SHARE),
        "has_misconversion": int(misconverted != plain),
        "has_half_kana": int(half != text),
        "has_full_digits": int(full != half),
        "has_emoji": int(emoji),
    }


def build() -> pd.DataFrame:
    """Return the table of inquiries, in order of the day received."""
    table = simulate()[COLUMNS].copy()
    table["received_date"] = table["received_date"].map(dt.date.isoformat)
    return table


def build_truth() -> pd.DataFrame:
    """Return what learners must not have: the true category, the right Q&A and what was done to the text."""
    table = simulate().drop(columns="faq_id")
    return table.rename(columns={"right_faq_id": "faq_id", "second": "second_category"})[TRUTH_COLUMNS]


def files() -> dict[str, bytes]:
    """Return path under ``datasets/`` -> bytes of each file made here."""
    return {
        "inquiries.csv": to_csv_bytes(build()),
        "faq.csv": to_csv_bytes(build_faq()),
        "instructor/inquiries_truth.csv": to_csv_bytes(build_truth()),
        "instructor/faq_new_topic.csv": to_csv_bytes(build_faq_new_topic()),
    }

"""``collection_cases.csv``: cases of 債権管理課 at the first reminder (督促), fiscal years 2022 to 2025.

Who pays depends on a hidden type: "forgot", "unread" (could not read the letter) or "hardship". The table
shows only traces of the type. The question of the lesson is "whom should we help early?", never "whom to
punish?".

Mechanisms that the lessons use (each one is checked in tests/datasets/test_collection_facts.py):

- Direct debit and few past delinquencies go with payment.
- The city knows the phone number, and calls or visits, where it has dealt with the household's hardship
  before. For language = 日本語 these columns are traces of the type; for language = その他 the number is
  mostly unknown and almost nobody is called, whatever the risk. A model that uses them finds the
  Japanese-speaking cases and misses the others.
- Staff contact goes to hard cases (confounding); in one month SMS was randomised (its true effect is
  below).
- ``seizure_notice_code`` is set about 120 days after the reminder: it knows the outcome (leakage).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from . import calendar_jp, seeds
from .csv_format import to_csv_bytes
from .logistic import logistic

FISCAL_YEARS = [2022, 2023, 2024, 2025]
EXTRACTION_DATE = dt.date(2026, 6, 30)
OBSERVED_DAYS = 90
TRIAL_FISCAL_YEAR, TRIAL_DUE_MONTH = 2024, 8  # due at the end of August, reminders in September 2024

# Due dates by tax item: (month, day); they move to the next opening day [S 地方税法 第20条の5].
DUE_DATES = {
    "市民税": [(6, 30), (8, 31), (10, 31), (1, 31)],
    "固定資産税": [(5, 31), (7, 31), (12, 25), (2, 28)],
    "軽自動車税": [(5, 31)],
    "国民健康保険税": [(7, 31), (8, 31), (9, 30), (10, 31), (11, 30), (12, 25), (1, 31), (2, 28)],
}
REMINDER_AFTER_DAYS = 20  # reminder within 20 days after the due date [S 地方税法 第329条 ほか]
TAX_SHARE = {"市民税": 0.30, "固定資産税": 0.22, "軽自動車税": 0.12, "国民健康保険税": 0.36}  # [A]
TAX_BALANCE_FACTOR = {"市民税": 1.05, "固定資産税": 1.45, "軽自動車税": 0.28, "国民健康保険税": 1.15}  # [A]
BALANCE_MEDIAN_YEN, BALANCE_SIGMA = 38_000, 1.1  # over all items [A]
MEDIAN_CORRECTION = 0.855  # the mix of items would put the overall median at 44,500 yen

AGE_BANDS = ["20代以下", "30代", "40代", "50代", "60代", "70代以上"]
AGE_SHARE = {"日本語": [0.13, 0.19, 0.22, 0.20, 0.14, 0.12], "その他": [0.30, 0.34, 0.21, 0.10, 0.04, 0.01]}
HOUSEHOLDS = ["単身", "夫婦", "子あり", "高齢のみ", "その他"]

PHONE_KNOWN = {"forgot": 0.61, "hardship": 0.95, "その他": 0.35}  # overall 66.1% (宇都宮市) [S]
REFUND_SHARE = 0.006

# Probability to pay within 90 days without any contact, by hidden type [A].
SMS_EFFECT_FORGOT = 0.06  # true effect of the randomised SMS [A]; 0 for hardship
CALL_EFFECT = {"forgot": 0.10, "hardship": 0.05, "unread": 0.22}  # when reached [A]
REACHED_SHARE = {"電話": 0.38, "訪問": 0.187}  # 宇都宮市 26.5%, 福井市 43.5% / 18.7% [S]
PROMISE_SHARE = 0.25  # of those reached, 宇都宮市 [S]
LATE_PAY_PER_YEAR = 0.258  # carried-over collection rate 25.8% [T 高松市 2020-24]


@dataclass(frozen=True)
class Draw:
    """One draw: its seed's name, rows per fiscal year, rows of the trial month, local differences."""

    name: str
    rows_per_year: int
    trial_rows: int
    id_prefix: str
    other_language_share: float
    direct_debit_share: float
    trial_seed: int


CITY = Draw("collection_cases", 1_600, 1_600, "C", 0.12, 0.28, 21)
WEST_BRANCH = Draw("collection_cases_ps3/d", 480, 480, "W", 0.22, 0.26, 14)


def build(draw: Draw = CITY) -> pd.DataFrame:
    """Return the table of one draw, in order of reminder date."""
    return _table(simulate(draw), draw)


def build_ps3() -> pd.DataFrame:
    """Return the table of the western branch (西部), used by assignment 3."""
    return build(WEST_BRANCH)


def _dates(rng: np.random.Generator, draw: Draw) -> pd.DataFrame:
    """Tax item, due date and reminder date of every case."""
    rows = []
    for year in FISCAL_YEARS:
        items = rng.choice(list(TAX_SHARE), size=draw.rows_per_year, p=list(TAX_SHARE.values()))
        for item in items:
            month, day = DUE_DATES[item][int(rng.integers(len(DUE_DATES[item])))]
            rows.append((year, str(item), month, day))
        if year == TRIAL_FISCAL_YEAR:  # every case of the trial month was extracted
            trial_items = rng.choice(["市民税", "国民健康保険税"], size=draw.trial_rows, p=[0.6, 0.4])
            rows += [(year, str(item), 8, 31) for item in trial_items]
    table = pd.DataFrame(rows, columns=["fiscal_year", "tax_item", "month", "day"])
    due = [
        calendar_jp.next_open(dt.date(y if m >= 4 else y + 1, m, d))
        for y, m, d in table[["fiscal_year", "month", "day"]].itertuples(index=False)
    ]
    table["due_date"] = due
    table["reminder_date"] = [
        calendar_jp.previous_open(day + dt.timedelta(days=REMINDER_AFTER_DAYS)) for day in due
    ]
    table["in_trial_month"] = (table["fiscal_year"] == TRIAL_FISCAL_YEAR) & (
        table["month"] == TRIAL_DUE_MONTH
    )
    return table.sort_values(["reminder_date", "tax_item"], kind="stable").reset_index(drop=True)


def _choice_by_row(rng: np.random.Generator, shares: np.ndarray) -> np.ndarray:
    """Draw one index per row of ``shares`` (rows add up to 1)."""
    return (rng.random(len(shares))[:, None] > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)


def simulate(draw: Draw) -> pd.DataFrame:
    """Return every column of the table together with the hidden ones (``type``, ``p_pay``)."""
    rng = seeds.generator(draw.name)
    t = _dates(rng, draw)
    n = len(t)
    years_on = (t["fiscal_year"] - FISCAL_YEARS[0]).to_numpy()

    # Who they are. The share of その他, of direct debit and the balance drift slowly over the years.
    other = rng.random(n) < draw.other_language_share * (0.92 + 0.06 * years_on)
    t["language"] = np.where(other, "その他", "日本語")
    age_shares = np.where(other[:, None], AGE_SHARE["その他"], AGE_SHARE["日本語"])
    age = _choice_by_row(rng, age_shares)
    t["age_band"] = np.array(AGE_BANDS)[age]
    old, young = age >= 4, age <= 1
    household_shares = np.select(
        [old[:, None], young[:, None]],
        [np.array([[0.24, 0.24, 0.06, 0.40, 0.06]]), np.array([[0.50, 0.14, 0.27, 0.0, 0.09]])],
        np.array([[0.28, 0.18, 0.44, 0.0, 0.10]]),
    )
    household = _choice_by_row(rng, household_shares)
    t["household_type"] = np.array(HOUSEHOLDS)[household]
    mean_years = np.select([other, young, old], [4.5, 6.0, 27.0], 15.0)
    years_resident = np.floor(np.minimum(rng.gamma(1.3, mean_years / 1.3), 20 + 10 * age)).astype(int)
    n_past = rng.negative_binomial(0.7, 0.7 / (0.7 + 1.05), n)
    direct_debit = rng.random(n) < (draw.direct_debit_share + 0.01 * years_on) * np.where(
        n_past >= 2, 0.6, 1.15
    )
    item_factor = t["tax_item"].map(TAX_BALANCE_FACTOR).to_numpy()
    balance = BALANCE_MEDIAN_YEN * item_factor * 1.02**years_on
    balance = balance * np.exp(BALANCE_SIGMA * 0.9 * rng.standard_normal(n) + 0.06 * np.minimum(n_past, 5))
    balance = np.maximum(1_000, np.round(balance / 100) * 100).astype(int)
    log_balance = np.log(balance / BALANCE_MEDIAN_YEN)

    # Hidden type: hardship or "forgot"; interactions make trees slightly better than a straight line.
    hard = (
        -2.20
        + 0.34 * np.minimum(n_past, 4)
        + 0.95 * (n_past >= 3)
        + 0.10 * log_balance
        + 0.30 * np.minimum(log_balance**2, 4)  # both ends: small bills are put off, large ones are too much
        + 1.00 * ((household == 0) & (age >= 2) & (age <= 3))
        + 1.30 * ((household == 2) & (log_balance > 0.7))
        - 1.50 * ((household == 3) & (log_balance < 0.3))
        + 0.35 * (t["tax_item"] == "国民健康保険税").to_numpy()
        - 1.30 * (direct_debit & (n_past < 2))
        - 0.3 * (direct_debit & (n_past >= 2))
        + 0.06 * years_on
    )
    hardship = rng.random(n) < logistic(hard)
    # Could not read the letter: language その他, more often when new in the city.
    unread_share = np.where(other, np.clip(0.75 - 0.05 * years_resident, 0.15, 0.75), 0.0)
    unread = ~hardship & (rng.random(n) < unread_share)
    t["type"] = np.select([hardship, unread], ["hardship", "unread"], "forgot")

    balance = np.maximum(1_000, np.round(balance * MEDIAN_CORRECTION / 100) * 100).astype(int)

    # What the city knows and does.
    phone_share = np.where(
        other, PHONE_KNOWN["その他"], np.where(hardship, PHONE_KNOWN["hardship"], PHONE_KNOWN["forgot"])
    )
    phone = rng.random(n) < phone_share
    sms_ok = phone & (rng.random(n) < np.where(age >= 5, 0.62, 0.88))
    trial = t["in_trial_month"].to_numpy() & sms_ok
    arm = _balanced_arms(
        seeds.generator(f"{draw.name}/sms_trial/{draw.trial_seed}"), trial, n_past, direct_debit
    )
    contact = _staff_contact(rng, hardship, other, phone, sms_ok, n_past, log_balance, years_on)
    contact = np.where(trial, np.where(arm == 1, "SMS", "なし"), contact)
    reached_share = np.select(
        [contact == "電話", contact == "訪問"], [REACHED_SHARE["電話"], REACHED_SHARE["訪問"]], 0.0
    )
    reached = rng.random(n) < reached_share
    promise = reached & (rng.random(n) < PROMISE_SHARE)

    # Payment within 90 days.
    base = np.select([hardship, unread], [0.30, 0.66], 0.895)
    lift = np.where(direct_debit, np.where(n_past < 2, 1.8, 0.6), 0.0)
    p_pay = 1 - (1 - base) * np.exp(-lift)
    p_pay -= np.where(~hardship, 0.02 * np.minimum(n_past, 4), 0.04 * np.minimum(n_past, 4))
    p_pay -= np.where((years_resident <= 1) & ~unread, 0.09, 0.0)
    p_pay += np.where((contact == "SMS") & ~hardship & ~unread, SMS_EFFECT_FORGOT, 0.0)
    effect = np.select(
        [hardship, unread], [CALL_EFFECT["hardship"], CALL_EFFECT["unread"]], CALL_EFFECT["forgot"]
    )
    p_pay = np.clip(p_pay + np.where(reached, effect, 0.0), 0.03, 0.99)
    paid = rng.random(n) < p_pay
    refund = rng.random(n) < REFUND_SHARE
    paid = paid | refund
    days = _days_to_pay(rng, t, paid, hardship)
    days = np.where(refund, 0, days)

    t["balance_yen"] = np.where(refund, -np.round(balance * 0.4 / 100) * 100, balance).astype(int)
    t["n_past_delinquency"] = n_past
    t["direct_debit"] = direct_debit.astype(int)
    t["years_resident"] = pd.array(years_resident, dtype="Int64")
    t["phone_known"] = phone.astype(int)
    t["sms_ok"] = sms_ok.astype(int)
    t["first_contact"] = contact
    t["contact_reached"] = pd.array(
        np.where(np.isin(contact, ["電話", "訪問"]), reached, -1).astype(int), dtype="Int64"
    )
    t["sms_trial"] = pd.array(np.where(trial, arm, -1).astype(int), dtype="Int64")
    t[["contact_reached", "sms_trial"]] = t[["contact_reached", "sms_trial"]].replace(-1, pd.NA)
    t["installment_promise"] = promise.astype(int)
    t["paid_90d"] = paid.astype(int)
    t["days_to_pay"] = pd.array(days.astype(int), dtype="Int64")
    t.loc[days < 0, "days_to_pay"] = pd.NA
    t["seizure_notice_code"] = _seizure_code(rng, paid, hardship)
    t["p_pay"] = p_pay
    t.loc[rng.random(n) < 0.03, "years_resident"] = pd.NA
    t.loc[rng.random(n) < 0.045, "household_type"] = None
    return t


def _balanced_arms(
    rng: np.random.Generator, trial: np.ndarray, n_past: np.ndarray, direct_debit: np.ndarray
) -> np.ndarray:
    """Return 0/1 for the trial cases, half and half within strata of past delinquency and direct debit."""
    arm = np.zeros(len(trial), dtype=int)
    for few in (True, False):
        for debit in (True, False):
            rows = np.flatnonzero(trial & ((n_past == 0) == few) & (direct_debit == debit))
            arm[rng.permutation(rows)[: len(rows) // 2]] = 1
    return arm


def _staff_contact(rng, hardship, other, phone, sms_ok, n_past, log_balance, years_on) -> np.ndarray:
    """First contact chosen by staff: hard and large cases first, others than Japanese speakers rarely."""
    n = len(phone)
    urgency = -1.75 + 2.1 * hardship + 0.30 * np.minimum(n_past, 4) + 0.35 * log_balance
    wants = rng.random(n) < logistic(urgency)
    wants &= ~other | (rng.random(n) < 0.22)
    u = rng.random(n)
    contact = np.full(n, "なし", dtype=object)
    contact[wants & phone] = np.where(u < 0.80, "電話", "訪問")[wants & phone]
    contact[wants & ~phone] = np.where(u < 0.55, "手紙", "訪問")[wants & ~phone]
    routine = ~wants & (rng.random(n) < 0.10)
    contact[routine] = "手紙"
    sms = ~wants & ~routine & sms_ok & (years_on >= 2) & (rng.random(n) < 0.12)
    contact[sms] = "SMS"
    return contact


def _days_to_pay(
    rng: np.random.Generator, t: pd.DataFrame, paid: np.ndarray, hardship: np.ndarray
) -> np.ndarray:
    """Days from the reminder to payment; -1 when not paid by the extraction date (censored)."""
    n = len(t)
    median = np.where(hardship, 38.0, 13.0)
    early = np.ceil(median * np.exp(0.8 * rng.standard_normal(n)))
    early = np.where(early > OBSERVED_DAYS, 1 + rng.integers(0, OBSERVED_DAYS, n), np.maximum(early, 1))
    yearly_hazard = -np.log(1 - LATE_PAY_PER_YEAR) / 365
    late = OBSERVED_DAYS + 1 + np.floor(rng.exponential(1 / yearly_hazard, n))
    observed = np.array([(EXTRACTION_DATE - day).days for day in t["reminder_date"]])
    return np.where(paid, early, np.where(late <= observed, late, -1))


def _seizure_code(rng: np.random.Generator, paid: np.ndarray, hardship: np.ndarray) -> np.ndarray:
    """0 none, 1 notice, 2 seizure: set about 120 days after the reminder, when the outcome is known."""
    n = len(paid)
    code = np.where(paid, 0, np.where(rng.random(n) < 0.16, 2, 1))
    skipped = rng.random(n) < 0.03  # 納税の猶予 and the like
    mistaken = paid & (rng.random(n) < 0.004)
    return np.where(skipped, 0, np.where(mistaken, 1, code))


COLUMNS = [
    "case_id", "fiscal_year", "tax_item", "due_date", "reminder_date", "balance_yen", "n_past_delinquency",
    "direct_debit", "age_band", "household_type", "years_resident", "phone_known", "sms_ok", "language",
    "first_contact", "contact_reached", "sms_trial", "installment_promise", "seizure_notice_code",
    "days_to_pay", "paid_90d",
]  # fmt: skip


def _table(cases: pd.DataFrame, draw: Draw) -> pd.DataFrame:
    """Keep the visible columns; ids are a random permutation so that they tell nothing."""
    rng = seeds.generator(f"{draw.name}/case_id")
    numbers = rng.permutation(len(cases)) + 1
    out = cases.assign(case_id=[f"{draw.id_prefix}{number:05d}" for number in numbers])
    for name in ("due_date", "reminder_date"):
        out[name] = out[name].map(dt.date.isoformat)
    return out[COLUMNS]


def files() -> dict[str, bytes]:
    """Return path -> bytes of the two tables."""
    return {
        "collection_cases.csv": to_csv_bytes(build()),
        "collection_cases_ps3.csv": to_csv_bytes(build_ps3()),
    }

"""What sessions and assignments teach with the collection cases is really in the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

KNOWN = [
    "tax_item", "balance_yen", "n_past_delinquency", "direct_debit", "age_band", "household_type",
    "years_resident",
]  # fmt: skip
CONTACT = ["phone_known", "sms_ok", "first_contact", "contact_reached"]
FLAGGED_SHARE = 0.20


def _model(kind: str):
    prepare = make_column_transformer(
        (
            make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
            make_column_selector(dtype_include="number"),
        ),
        (
            make_pipeline(
                SimpleImputer(strategy="constant", fill_value="不明"), OneHotEncoder(handle_unknown="ignore")
            ),
            make_column_selector(dtype_exclude="number"),
        ),
    )
    if kind == "logistic":
        return make_pipeline(prepare, LogisticRegression(max_iter=1000))
    boosting = HistGradientBoostingClassifier(
        learning_rate=0.06, max_iter=100, max_leaf_nodes=8, random_state=0
    )
    return make_pipeline(prepare, boosting)


@pytest.fixture(scope="session", params=["collection_cases", "collection_cases_ps3"])
def any_cases(request, datasets) -> pd.DataFrame:
    return pd.read_csv(datasets / f"{request.param}.csv")


@pytest.fixture(scope="session")
def cases(datasets) -> pd.DataFrame:
    return pd.read_csv(datasets / "collection_cases.csv")


class TimeSplit:
    """Fit on the fiscal years before ``test_year``, score that year; refunds (negative balance) left out."""

    def __init__(self, cases: pd.DataFrame, test_year: int = 2025) -> None:
        cases = cases[cases["balance_yen"] > 0].assign(unpaid=lambda table: 1 - table["paid_90d"])
        self.train = cases[cases["fiscal_year"] < test_year]
        self.test = cases[cases["fiscal_year"] == test_year]
        self._scores: dict[tuple, np.ndarray] = {}

    def scores(self, columns: list[str], kind: str) -> np.ndarray:
        key = (tuple(columns), kind)
        if key not in self._scores:
            with threadpool_limits(1):  # several threads on a busy machine are far slower
                fitted = _model(kind).fit(self.train[columns], self.train["unpaid"])
                self._scores[key] = fitted.predict_proba(self.test[columns])[:, 1]
        return self._scores[key]

    def auc(self, columns: list[str], kind: str = "logistic") -> float:
        return roc_auc_score(self.test["unpaid"], self.scores(columns, kind))

    def recall_gap(self, columns: list[str], kind: str) -> float:
        """Recall of 日本語 minus recall of その他 when the highest 20% of all scores are flagged."""
        scores = self.scores(columns, kind)
        flagged = pd.Series(scores >= np.quantile(scores, 1 - FLAGGED_SHARE), index=self.test.index)
        recall = flagged[self.test["unpaid"] == 1].groupby(self.test["language"]).mean()
        return recall["日本語"] - recall["その他"]


@pytest.fixture(scope="session")
def city(cases) -> TimeSplit:
    return TimeSplit(cases)


@pytest.fixture(scope="session")
def west(datasets) -> TimeSplit:
    return TimeSplit(pd.read_csv(datasets / "collection_cases_ps3.csv"))


def test_size_and_base_rate(cases, datasets):
    assert len(cases) == 8_000
    assert len(pd.read_csv(datasets / "collection_cases_ps3.csv")) == 2_400
    assert 0.25 < 1 - cases["paid_90d"].mean() < 0.29


def test_outcome_columns_agree(any_cases):
    days = any_cases["days_to_pay"]
    assert (any_cases["paid_90d"] == (days <= 90).astype(int)).all()
    reminder = pd.to_datetime(any_cases["reminder_date"])
    paid_on = reminder + pd.to_timedelta(days, unit="D")
    assert paid_on.max() <= pd.Timestamp("2026-06-30")  # extraction
    assert (pd.Timestamp("2026-06-30") - reminder).dt.days.min() >= 90  # every case was observed for 90 days
    due = pd.to_datetime(any_cases["due_date"])
    assert (reminder - due).dt.days.between(10, 20).all()
    year = due.dt.year - (due.dt.month < 4)
    assert (year == any_cases["fiscal_year"]).all()


def test_contact_columns_agree(any_cases):
    called = any_cases["first_contact"].isin(["電話", "訪問"])
    assert (any_cases["contact_reached"].notna() == called).all()
    assert (any_cases.loc[any_cases["first_contact"] == "電話", "phone_known"] == 1).all()
    assert (any_cases.loc[any_cases["first_contact"] == "SMS", "sms_ok"] == 1).all()
    assert (any_cases.loc[any_cases["sms_ok"] == 1, "phone_known"] == 1).all()
    trial = any_cases[any_cases["sms_trial"].notna()]
    assert trial["reminder_date"].str[:7].unique().tolist() == ["2024-09"]
    assert (trial["first_contact"] == trial["sms_trial"].map({1.0: "SMS", 0.0: "なし"})).all()
    promised = any_cases["installment_promise"] == 1
    assert (any_cases.loc[promised, "contact_reached"] == 1).all()


def test_a_time_split_works(city, cases):
    """FY2025 is like the years before, with mild drift: quality and base rate move little."""
    assert 0.72 <= city.auc(KNOWN) <= 0.80
    assert abs(city.test["unpaid"].mean() - city.train["unpaid"].mean()) < 0.04
    assert abs(TimeSplit(cases, test_year=2024).auc(KNOWN) - city.auc(KNOWN)) < 0.04


def test_drift_is_mild_but_there(cases):
    share = cases.groupby("fiscal_year")[["direct_debit"]].mean()["direct_debit"]
    other = (cases["language"] == "その他").groupby(cases["fiscal_year"]).mean()
    assert other[2025] > other[2022]
    assert 0 < share[2025] - share[2022] < 0.08


@pytest.mark.parametrize("draw", ["city", "west"])
def test_seizure_notice_leaks(draw, request):
    split = request.getfixturevalue(draw)
    without, leaked = split.auc(KNOWN), split.auc([*KNOWN, "seizure_notice_code"])
    assert 0.72 <= without <= 0.80
    assert leaked > 0.96
    alone = roc_auc_score(split.test["unpaid"], split.test["seizure_notice_code"] > 0)
    assert alone > 0.95


@pytest.mark.parametrize("draw", ["city", "west"])
@pytest.mark.parametrize("columns", [KNOWN, [*KNOWN, *CONTACT]], ids=["known", "naive"])
def test_boosting_is_slightly_better(draw, columns, request):
    split = request.getfixturevalue(draw)
    assert 0.004 < split.auc(columns, "boosting") - split.auc(columns, "logistic") < 0.04


def test_direct_debit_is_the_strongest(city):
    fitted = _model("logistic").fit(city.train[KNOWN], city.train["unpaid"])
    result = permutation_importance(
        fitted, city.test[KNOWN], city.test["unpaid"], scoring="roc_auc", n_repeats=5, random_state=0
    )
    order = pd.Series(result.importances_mean, index=KNOWN).sort_values(ascending=False)
    assert order.index[:2].tolist() == ["direct_debit", "n_past_delinquency"]
    rate = city.train.groupby("direct_debit")["unpaid"].mean()
    assert rate[0] > 3 * rate[1]


def test_few_past_delinquencies_pay(any_cases):
    unpaid = 1 - any_cases["paid_90d"]
    by_past = unpaid.groupby(any_cases["n_past_delinquency"].clip(upper=3)).mean()
    assert by_past.is_monotonic_increasing
    assert by_past[3] > 2 * by_past[0]


@pytest.mark.parametrize("kind", ["logistic", "boosting"])
def test_phone_and_contact_hide_the_other_language_group(city, kind):
    """Naive features: recall of その他 at least 15 points lower; without phone and contact under 12."""
    naive, known = city.recall_gap([*KNOWN, *CONTACT], kind), city.recall_gap(KNOWN, kind)
    assert naive >= 0.15
    assert abs(known) < 0.12
    assert naive - known >= 0.12


def test_the_trap_is_in_the_assignment_data_too(west):
    for kind in ("logistic", "boosting"):
        assert west.recall_gap([*KNOWN, *CONTACT], kind) >= 0.15
        assert abs(west.recall_gap(KNOWN, kind)) < 0.12


def test_trap_mechanism(cases):
    """The number is known for those dealt with before (日本語 only); その他 is hardly ever called."""
    phone = cases.groupby("language")["phone_known"].mean()
    assert abs(phone["日本語"] - 0.70) < 0.04 and abs(phone["その他"] - 0.35) < 0.04
    unpaid = 1 - cases["paid_90d"]
    by_phone = unpaid.groupby([cases["language"], cases["phone_known"]]).mean()
    assert by_phone["日本語", 1] - by_phone["日本語", 0] > 0.08
    assert by_phone["その他", 1] - by_phone["その他", 0] < 0.05
    called = cases["first_contact"].isin(["電話", "訪問"]).groupby(cases["language"]).mean()
    assert called["その他"] < 0.06 < 0.20 < called["日本語"]


def test_a_call_helps_the_other_language_group():
    """Same cases with and without being reached, from the hidden type: others gain most by an early call."""
    from generate import collection_cases

    hidden = collection_cases.simulate(collection_cases.CITY)
    gain = collection_cases.CALL_EFFECT
    assert gain["unread"] > gain["forgot"] > gain["hardship"]
    share = hidden.groupby("language")["type"].value_counts(normalize=True).unstack(fill_value=0)
    assert share.loc["その他", "unread"] > 0.3 and share.loc["日本語", "unread"] == 0


def test_staff_contact_is_confounded(cases):
    """Called people pay less often: staff call the hard cases."""
    paid = cases.groupby("first_contact")["paid_90d"].mean()
    assert paid["電話"] < paid["なし"] - 0.15 and paid["訪問"] < paid["なし"] - 0.10
    staff_sms = cases[(cases["first_contact"] == "SMS") & cases["sms_trial"].isna()]
    assert len(staff_sms) >= 50


def test_sms_trial_shows_about_six_points_for_those_who_forgot(cases):
    trial = cases[cases["sms_trial"].notna()]
    few = trial[trial["n_past_delinquency"] == 0].groupby("sms_trial")["paid_90d"].mean()
    many = trial[trial["n_past_delinquency"] >= 2].groupby("sms_trial")["paid_90d"].mean()
    assert 0.03 <= few[1] - few[0] <= 0.09
    assert abs(many[1] - many[0]) <= 0.03
    counts = trial["sms_trial"].value_counts()
    assert abs(counts[1] - counts[0]) <= 20 and counts.min() >= 400
    for column in ("direct_debit", "n_past_delinquency", "balance_yen", "years_resident"):
        arms = trial.groupby("sms_trial")[column]
        difference = (arms.mean()[1] - arms.mean()[0]) / trial[column].std()
        assert abs(difference) < 0.15, column  # the lot made the arms alike


def test_documented_gaps_and_refunds(any_cases):
    assert 0.02 < any_cases["years_resident"].isna().mean() < 0.04
    assert 0.03 < any_cases["household_type"].isna().mean() < 0.06
    refunds = any_cases[any_cases["balance_yen"] < 0]
    assert 0.003 < len(refunds) / len(any_cases) < 0.01
    assert (refunds["paid_90d"] == 1).all() and (refunds["days_to_pay"] == 0).all()


def test_censoring(any_cases):
    """Blank days_to_pay = "not paid yet at extraction": later years have more blanks among the unpaid."""
    unpaid = any_cases[any_cases["paid_90d"] == 0]
    blank = unpaid["days_to_pay"].isna().groupby(unpaid["fiscal_year"]).mean()
    assert blank[2025] > blank[2022] + 0.2

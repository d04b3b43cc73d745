"""The real tables: their sums, their known gaps, and the statements that their cards make about them."""

from __future__ import annotations

import datetime
import hashlib
import re
from pathlib import Path

import jpholiday
import pandas as pd
import pytest
import yaml

DATASETS = Path(__file__).resolve().parents[2] / "datasets"
NAMES = [
    "gkentei_results",
    "municipal_ai_adoption",
    "toyota_population_district",
    "toyota_oiden_bus_annual",
    "ofunato_window_hourly_share",
    "ayase_counter_busy_days",
    "shijonawate_opinion_box",
]
QUARTERS = ["q1", "q2", "q3", "q4"]
AGES = ["age0_14", "age15_64", "age65plus"]
PEOPLE = ["population", "male", "female", "households"]
BODIES = {"prefecture": 47, "designated_city": 20, "other_municipality": 1721}
CARD_HEADINGS = [
    "なぜ入れたか",
    "出典",
    "列",
    "確かめたこと",
    "疑わしいところ・抜けているところ",
    "言えること・言えないこと",
]
NO_AGES = [f"{name}地区" for name in ["高岡", "猿投", "松平", "藤岡", "小原", "足助", "下山", "旭", "稲武"]]
BLANKS = {
    ("gkentei_results", "exam_date"): ["2021#3", "2023#1", "2023#3"],
    ("gkentei_results", "applicants"): ["2023#1", "2023#3", "2026#1"],
    ("gkentei_results", "cumulative_examinees"): ["2023#3"],
    ("gkentei_results", "cumulative_passed"): ["2023#3"],
    ("toyota_oiden_bus_annual", "local_bus_riders"): [2009],
    ("toyota_oiden_bus_annual", "operating_cost_thousand_yen"): [2008, 2009, 2015, 2017, 2018, 2020],
    ("toyota_oiden_bus_annual", "city_burden_thousand_yen"): [2008, 2009, 2015, 2017],
    **{("toyota_population_district", column): NO_AGES for column in AGES},
}
"""Table and column -> the rows (first column) that are blank in the source; every other cell is filled."""


def _table(name: str) -> pd.DataFrame:
    return pd.read_csv(DATASETS / f"{name}.csv")


def _entry(name: str) -> dict:
    return yaml.safe_load((DATASETS / "resources" / f"{name}.yaml").read_text(encoding="utf-8"))


def _card(name: str) -> str:
    return (DATASETS / f"{name}.md").read_text(encoding="utf-8")


def _section(card: str, heading: str) -> str:
    return card.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


# --- every real table ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_file_is_the_one_that_was_checked(name):
    """Nobody edits a published figure by accident: the check sum stands in the entry, not in the build."""
    content = (DATASETS / f"{name}.csv").read_bytes()
    assert _entry(name)["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert b"\r" not in content
    assert content.endswith(b"\n")
    assert not content.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("name", NAMES)
def test_entry_says_real_with_source_and_licence(name):
    entry = _entry(name)
    assert entry["kind"] == "real"
    assert entry["description"].startswith("公表された実際の数値")
    assert all(source["title"] for source in entry["sources"])
    for licence in entry["licenses"]:
        assert re.fullmatch(r"[-a-zA-Z0-9._]+", licence["name"])
        assert licence["title"]


@pytest.mark.parametrize("name", NAMES)
def test_card_says_where_the_figures_come_from(name):
    card = _card(name)
    lines = card.splitlines()
    assert re.match(rf"# {name}\.csv — .+（[A-Za-z].+）$", lines[0]), "Japanese and English title"
    assert lines[2].startswith("**公表された実際の数値**／")
    assert re.findall(r"^## (.+)$", card, re.MULTILINE) == CARD_HEADINGS
    source = _section(card, "出典")
    for word in ("組織", "発表", "ライセンス", "引用の書き方", "どこから写したか"):
        assert f"- {word}：" in source, word
    assert re.search(r"20\d\d年|令和", source)


@pytest.mark.parametrize("name", NAMES)
def test_card_says_licence_as_the_entry_does(name):
    """No open licence is invented; where one asks for attribution, the wording is there."""
    card, licences = _card(name), {licence["name"] for licence in _entry(name)["licenses"]}
    if "facts-with-citation" in licences:
        assert "事実の数値を、出典を示して引用" in card
    if licences == {"facts-with-citation"}:
        assert not re.search(r"CC BY|クリエイティブ・コモンズ", card)
    else:
        assert "を加工して作成" in _section(card, "出典")


@pytest.mark.parametrize("name", NAMES)
def test_card_lists_columns_with_units_and_what_one_may_say(name):
    card = _card(name)
    for field in _entry(name)["fields"]:
        row = re.search(rf"^\| `{field['name']}` \|(.+)\|(.+)\|(.+)\|$", _section(card, "列"), re.MULTILINE)
        assert row, field["name"]
        assert field.get("unit", "") in row.group(3), field["name"]
    may, may_not = _section(card, "言えること・言えないこと").split("\n言えないこと\n")
    assert len(re.findall(r"^- ", may, re.MULTILINE)) in (2, 3)
    assert len(re.findall(r"^- ", may_not, re.MULTILINE)) in (3, 4)


@pytest.mark.parametrize("name", NAMES)
def test_blank_is_what_is_blank_in_the_source_and_nothing_else(name):
    table = _table(name)
    for column in table.columns.drop("note", errors="ignore"):
        blank = table.loc[table[column].isna(), table.columns[0]].tolist()
        assert blank == BLANKS.get((name, column), []), column


@pytest.mark.parametrize(("name", "column"), sorted(BLANKS))
def test_card_tells_of_every_blank(name, column):
    card = _card(name)
    row = re.search(rf"^\| `{column}` \|.*$", _section(card, "列"), re.MULTILINE)
    assert "空欄" in row.group()
    assert "空欄" in _section(card, "疑わしいところ・抜けているところ")


# --- G検定 --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sittings() -> pd.DataFrame:
    return _table("gkentei_results").set_index("sitting")


def test_gkentei_is_marked_as_not_official():
    assert "JDLA非公式" in _card("gkentei_results").splitlines()[2]
    assert "JDLA非公式" in _entry("gkentei_results")["title"]
    notes = (DATASETS / "instructor" / "gkentei_results.md").read_text(encoding="utf-8")
    assert "JDLA非公式" in notes


def test_gkentei_rates_are_passed_over_examinees(sittings):
    rate = 100 * sittings["passed"] / sittings["examinees"]
    assert (rate - sittings["pass_rate_pct"]).abs().max() <= 0.005 + 1e-9
    assert (sittings["examinees"] <= sittings["applicants"])[sittings["applicants"].notna()].all()
    assert (sittings["passed"] < sittings["examinees"]).all()


def test_gkentei_cumulative_is_the_sum_until_the_gap(sittings):
    whole = sittings.loc[:"2023#1"]
    assert len(whole) == 16
    for column in ("examinees", "passed"):
        assert (whole[column].cumsum() == whole[f"cumulative_{column}"]).all()
    published = {"2021#2": (60887, 40143), "2022#3": (88946, 57991), "2022#1": (75046, 49110)}
    for sitting, totals in published.items():
        row = sittings.loc[sitting, ["cumulative_examinees", "cumulative_passed"]]
        assert tuple(row) == totals, sitting


def test_gkentei_gap_is_known_in_sum_only(sittings):
    """The sittings that are not there had 81,045 examinees together; which had how many is not known."""
    before = sittings["cumulative_examinees"].iloc[-1] - sittings["examinees"].iloc[-1]
    between = before - sittings.loc["2023#1", "cumulative_examinees"]
    assert between == 85563
    assert between - sittings.loc["2023#3", "examinees"] == 81045
    assert "85,563" in _card("gkentei_results")
    assert not {"2023#2", "2023#4"} & set(sittings.index)
    assert not sittings["year"].isin([2024, 2025]).any()


def test_gkentei_sitting_is_year_and_round_in_order_of_time(sittings):
    label = sittings["year"].astype(str) + "#" + sittings["round"].astype(str)
    assert (label == sittings.index).all()
    dates = pd.to_datetime(sittings["exam_date"]).dropna()
    assert dates.is_monotonic_increasing
    assert (dates.dt.year == sittings.loc[dates.index, "year"]).all()
    saturday = dates.dt.day_name() == "Saturday"
    assert saturday.index[~saturday].tolist() == ["2022#3"]  # a Friday: the first of two days


# --- AI in municipalities -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def adoption() -> pd.DataFrame:
    return _table("municipal_ai_adoption")


@pytest.mark.parametrize("body_type", ["prefecture", "designated_city"])
def test_adoption_is_a_whole_number_of_bodies(adoption, body_type):
    """36 % of 47 is 17 prefectures: each rate of a small group is a rounded whole number of bodies."""
    size = BODIES[body_type]
    for row in adoption[adoption["body_type"] == body_type].itertuples():
        decimals = 1 if row.technology == "generative_AI" else 0
        possible = {round(100 * count / size, decimals) for count in range(size + 1)}
        assert row.adopted_pct in possible, row


def test_adoption_designated_cities_are_those_of_the_white_paper(adoption):
    ai = adoption[(adoption["technology"] == "AI") & (adoption["body_type"] == "designated_city")]
    assert (ai["adopted_pct"] * 20 / 100).tolist()[:5] == [12, 10, 16, 20, 20]


@pytest.mark.parametrize(("year", "national"), [(2018, 5.8), (2024, 59.2)])
def test_adoption_agrees_with_the_national_rate_within_rounding(adoption, year, national):
    rows = adoption[(adoption["technology"] == "AI") & (adoption["survey_fiscal_year"] == year)]
    weights = rows["body_type"].map(BODIES)
    assert weights.sum() == 1788
    mean = (rows["adopted_pct"] * weights).sum() / 1788
    assert (
        abs(mean - national) <= 0.5 + 0.05
    )  # the parts are whole per cents, the national figure has one decimal


def test_adoption_has_three_bodies_in_every_survey_and_the_era_year(adoption):
    assert (adoption.groupby(["survey_fiscal_year", "technology"])["body_type"].nunique() == 3).all()
    era = adoption["survey_fiscal_year"].map(
        lambda year: f"H{year - 1988}" if year < 2019 else f"R{year - 2018}"
    )
    assert (era == adoption["fiscal_year_ja"]).all()
    rpa = adoption[adoption["technology"] == "RPA"]["survey_fiscal_year"].unique().tolist()
    assert rpa == [2020, 2022, 2023]
    assert adoption[adoption["technology"] == "generative_AI"]["survey_fiscal_year"].min() == 2023


# --- Toyota: buses ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def buses() -> pd.DataFrame:
    return _table("toyota_oiden_bus_annual").set_index("fiscal_year")


def test_bus_years_that_were_not_found_have_no_row(buses):
    assert buses.index.tolist() == [2008, 2009, 2011, 2015, 2016, 2017, 2018, 2019, 2020]
    gaps = _section(_card("toyota_oiden_bus_annual"), "疑わしいところ・抜けているところ")
    for words in ("2010年度", "2012〜2014年度", "2021年度"):
        assert words in gaps
    era = [f"H{year - 1988}" if year < 2019 else f"R{year - 2018}" for year in buses.index]
    assert buses["fiscal_year_ja"].tolist() == era


@pytest.mark.parametrize(
    ("column", "year", "change"),
    [
        ("trunk_bus_riders", 2016, 142471),
        ("trunk_bus_riders", 2018, 97603),
        ("trunk_bus_riders", 2019, 84321),
        ("trunk_bus_riders", 2020, -723384),
        ("local_bus_riders", 2016, -21313),
        ("local_bus_riders", 2018, -10342),
        ("local_bus_riders", 2020, -75986),
        ("city_burden_thousand_yen", 2019, 32723),
    ],
)
def test_bus_published_change_leads_from_year_to_year(buses, column, year, change):
    assert buses.loc[year - 1, column] + change == buses.loc[year, column]
    assert f"{abs(change):,}" in _card("toyota_oiden_bus_annual")


def test_bus_derived_rows_say_so(buses):
    assert buses.index[buses["note"].str.startswith("derived")].tolist() == [2015, 2017]
    assert buses.loc[2018, "note"].count("derived") == 1


def test_bus_burden_is_cost_less_income(buses):
    income = pd.Series({2011: 503771, 2016: 612805, 2019: 661500})
    both = buses.loc[income.index]
    assert (both["operating_cost_thousand_yen"] - income == both["city_burden_thousand_yen"]).all()
    assert round(100 * income[2019] / both.loc[2019, "operating_cost_thousand_yen"], 1) == 41.6


def test_bus_restated_values_still_disagree(buses):
    """What the card calls restated is really not reconciled in the table."""
    assert buses.loc[2020, "city_burden_thousand_yen"] - 169245 == 913049
    assert buses.loc[2019, "city_burden_thousand_yen"] == 930067
    assert buses.loc[2019, "local_bus_riders"] + 7725 == 265893
    assert buses.loc[2018, "local_bus_riders"] == 265155
    assert buses.loc[2009, "trunk_bus_riders"] // 365 == 3419


# --- Toyota: population -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def population() -> pd.DataFrame:
    return _table("toyota_population_district").set_index("district_ja")


@pytest.mark.parametrize("column", PEOPLE)
def test_population_districts_are_the_total_and_the_first_six_the_subtotal(population, column):
    districts = population[population["level"] == "district"]
    assert len(districts) == 12
    assert districts[column].sum() == population.loc["総数", column]
    assert districts[column].iloc[:6].sum() == population.loc["豊田地区", column]
    assert districts.index[5] == "松平地区"


def test_population_is_the_sum_of_sexes_and_of_ages_where_given(population):
    assert (population["male"] + population["female"] == population["population"]).all()
    given = population.dropna(subset=AGES)
    assert given.index.tolist() == ["総数", "豊田地区", "挙母地区", "高橋地区", "上郷地区"]
    assert (given[AGES].sum(axis=1) == given["population"]).all()
    assert population[AGES].notna().all(axis=1).sum() == population[AGES].notna().any(axis=1).sum() == 5


def test_population_levels(population):
    assert population["level"].value_counts().to_dict() == {"district": 12, "total": 1, "subtotal": 1}
    share = 100 * population.loc["豊田地区", "population"] / population.loc["総数", "population"]
    assert f"{share:.1f}%" in _card("toyota_population_district")


# --- Ofunato ------------------------------------------------------------------------------------------------


def test_ofunato_shares_are_a_whole_within_rounding():
    table = _table("ofunato_window_hourly_share").set_index("hour")
    assert table.index.tolist() == list(range(8, 19))
    assert ((table.sum() - 100).abs() <= 0.15).all()
    assert table.sum().round(1).to_dict() == {"share_all_weekdays_pct": 100.1, "share_mon_fri_pct": 100.0}
    assert round(table.loc[17:18, "share_mon_fri_pct"].sum(), 1) == 6.6
    assert table["share_all_weekdays_pct"].idxmax() == 10


# --- Ayase --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def busy() -> pd.DataFrame:
    return _table("ayase_counter_busy_days")


def test_ayase_weekdays_agree_with_the_calendar(busy):
    dates = [datetime.date.fromisoformat(text) for text in busy["date"]]
    assert busy["weekday"].tolist() == [("Mon", "Tue", "Wed", "Thu", "Fri")[day.weekday()] for day in dates]
    assert dates == sorted(dates)
    assert not any(jpholiday.is_holiday(day) for day in dates)


def test_ayase_holidays_before_agree_with_the_calendar(busy):
    """ "After a 3-day holiday" really follows three closed days."""
    checked = 0
    for row in busy.itertuples():
        said = re.match(r"after (\d)-day holiday", row.situation)
        if not said:
            continue
        day = datetime.date.fromisoformat(row.date) - datetime.timedelta(days=1)
        closed = 0
        while day.weekday() >= 5 or jpholiday.is_holiday(day):
            closed, day = closed + 1, day - datetime.timedelta(days=1)
        assert closed == int(said.group(1)), row
        checked += 1
    assert checked == 10


def test_ayase_ratio_is_over_the_daily_mean(busy):
    assert 228 + 36 + 61 == 325
    assert (busy["transactions"] / 325 - busy["ratio_to_2016_daily_mean"]).abs().max() <= 0.005 + 1e-9


def test_ayase_days_are_picked_and_one_is_doubtful(busy):
    """Thirteen of fourteen above the mean: no year looks so. The odd one stays as it was published."""
    assert (busy["transactions"] > 325).sum() == 13
    odd = busy[busy["transactions"] <= 325].iloc[0]
    assert (odd["date"], odd["transactions"]) == ("2017-05-08", 228)
    assert "2017年5月8日の228件" in _section(
        _card("ayase_counter_busy_days"), "疑わしいところ・抜けているところ"
    )


# --- Shijonawate --------------------------------------------------------------------------------------------


def test_shijonawate_sums_by_row_and_by_column():
    table = _table("shijonawate_opinion_box").set_index("category_ja")
    assert len(table) == 15
    assert (table[QUARTERS].sum(axis=1) == table["total"]).all()
    assert table.sum().tolist() == [98, 92, 71, 80, 341]
    assert table["total"].min() == 0
    share = table["total"] / 341
    assert share.round(2)["防災・防犯・交通・消防"] == 0.19
    assert table["total"].nsmallest(5).sum() == 20

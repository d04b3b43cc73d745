"""No personal data, by construction: no free text anywhere, and ids that tell nothing."""

from __future__ import annotations

import re

import pandas as pd

FORBIDDEN_COLUMNS = re.compile(
    r"name|address|birth|mail|mynumber_no|tel(?!ler)|氏名|住所|生年月日", re.IGNORECASE
)
ALLOWED = {"holiday_name"}


def test_no_column_for_names_or_addresses(package):
    for resource in package["resources"]:
        for field in resource.get("schema", {}).get("fields", []):
            if field["name"] not in ALLOWED:
                assert not FORBIDDEN_COLUMNS.search(field["name"]), field["name"]


def test_text_is_a_closed_list_or_a_pattern(package, datasets):
    """Every text column has an enum or a pattern, so that validation leaves no room for free text."""
    for resource in package["resources"]:
        for field in resource.get("schema", {}).get("fields", []):
            if field["type"] == "string" and field["name"] not in ALLOWED:
                assert {"enum", "pattern"} & set(field["constraints"]), (resource["name"], field["name"])
    names = set(pd.read_csv(datasets / "calendar.csv")["holiday_name"].dropna())
    assert all(re.fullmatch(r"[一-龠々のツスポ振替休日 ーみどりこもとア-ン]+", name) for name in names), names


def test_no_phone_mail_or_long_number(datasets):
    pattern = re.compile(r"0\d{1,3}-\d{2,4}-\d{4}|[\w.]+@[\w.]+|(?<!\d)\d{10,}(?!\d)")
    for path in datasets.rglob("*.csv"):
        text = path.read_bytes().decode("cp932" if path.parent.name == "messy" else "utf-8")
        assert not pattern.search(text), path.name


def test_case_ids_tell_nothing(datasets):
    for name in ("collection_cases", "collection_cases_ps3"):
        cases = pd.read_csv(datasets / f"{name}.csv")
        number = cases["case_id"].str[1:].astype(int)
        assert sorted(number) == list(range(1, len(cases) + 1))
        for column in ("fiscal_year", "balance_yen", "paid_90d"):
            assert abs(number.corr(cases[column])) < 0.06, (name, column)


def test_fictional_city_is_said_in_the_messy_sheets(datasets):
    for path in (datasets / "messy").glob("*.csv"):
        assert "架空の市の合成データ" in path.read_bytes().decode("cp932")

"""No personal data, by construction: free text only where it is invented, and ids that tell nothing."""

from __future__ import annotations

import re
import unicodedata

import pandas as pd
from generate.inquiry_noise import NAMES, check_digit

FORBIDDEN_COLUMNS = re.compile(
    r"name|address|birth|mail|mynumber_no|tel(?!ler)|氏名|住所|生年月日", re.IGNORECASE
)
ALLOWED = {"holiday_name"}
FREE_TEXT = {("inquiries", "text"), ("faq", "question"), ("faq", "answer")}  # written for the course


def test_no_column_for_names_or_addresses(package):
    for resource in package["resources"]:
        for field in resource.get("schema", {}).get("fields", []):
            if field["name"] not in ALLOWED:
                assert not FORBIDDEN_COLUMNS.search(field["name"]), field["name"]


def test_text_is_a_closed_list_or_a_pattern(package):
    """Every text column has an enum or a pattern, so that validation leaves no room for free text."""
    for resource in package["resources"]:
        for field in resource.get("schema", {}).get("fields", []):
            if field["type"] == "string" and (resource["name"], field["name"]) not in FREE_TEXT:
                assert {"enum", "pattern"} & set(field["constraints"]), (resource["name"], field["name"])


IDENTIFYING = re.compile(r"0\d{1,3}-\d{2,4}-\d{4}|[\w.]+@[\w.]+|(?<!\d)\d{10,}(?!\d)")


def test_no_phone_mail_or_long_number(datasets):
    """Nowhere but in the texts of the inquiries, which have a test of their own below."""
    for path in datasets.rglob("*.csv"):
        text = path.read_bytes().decode("cp932" if path.parent.name == "messy" else "utf-8")
        if path.name == "inquiries.csv":
            text = pd.read_csv(path, dtype=str).drop(columns="text").to_csv()
        assert not IDENTIFYING.search(text), path.name


def _invented_only(text: str) -> bool:
    """Whether every phone number, mail address and long number of ``text`` can belong to nobody."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"[\w.+-]+@example\.(?:com|jp)(?![\w.])", "", text, flags=re.ASCII)
    text = re.sub(r"(?<!\d)090(?:-0\d{3}-|\(0\d{3}\)|0\d{3})\d{4}(?!\d)", "", text)
    numbers = re.findall(r"(?<!\d)\d{4} ?\d{4} ?\d{4}(?!\d)", text)
    for number in numbers:
        digits = number.replace(" ", "")
        if check_digit(digits[:11]) == int(digits[11]):
            return False
        text = text.replace(number, "")
    return "@" not in text and not re.search(r"\d{5}|\d[-( ]\d{2,}[-) ]\d", text)


def test_personal_data_in_the_inquiries_can_belong_to_nobody(datasets):
    """Phones begin with 090-0 (never assigned), mails end in example.*, 12 digits fail the check digit."""
    texts = pd.read_csv(datasets / "inquiries.csv")["text"]
    assert texts.map(_invented_only).all(), texts[~texts.map(_invented_only)].tolist()
    for text in texts.map(lambda text: unicodedata.normalize("NFKC", text)):
        for name in re.findall(r"(?:名前は|氏名 ?)([^。、]+?)(?:です)?。|。([^。、]{2,8}?)と申します", text):
            assert "".join(name) in NAMES, text
    for line in (datasets / "faq.csv").read_text(encoding="utf-8").splitlines():
        assert not re.search(r"\d{5}|@|\d-\d", line.split(",", 1)[1]), line


def test_real_looking_personal_data_would_be_noticed():
    assert _invented_only("電話 ０９０－０１２３－４５６７、a.b@example.jp、123456789012")  # check digit: 8
    for real in (
        "090-1234-5678", "03-0123-4567", "090(1234)5678", "０８０－０１２３－４５６７", "0901234567",
        "hanako@example.org", "a@example.com.test", "123456789018", "1234 5678 9018",
    ):  # fmt: skip
        assert not _invented_only(f"連絡先は{real}です。"), real


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

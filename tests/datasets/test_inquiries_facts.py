"""What the citizens' inquiries must show for the lessons, and what their templates must be."""

from __future__ import annotations

import re
import unicodedata
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from generate import inquiries, inquiry_noise, seeds
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, cross_val_predict
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

SLUGS = [*inquiries.CATEGORIES, inquiries.NEW_TOPIC]
SAME = 0.75  # Jaccard of character 3-grams: above it, two templates are one


@pytest.fixture(scope="module")
def table(datasets):
    everything = pd.read_csv(datasets / "inquiries.csv", dtype={"town_code": str}, keep_default_na=False)
    return everything.assign(day=pd.to_datetime(everything["received_date"]))


@pytest.fixture(scope="module")
def truth(datasets):
    return pd.read_csv(datasets / "instructor" / "inquiries_truth.csv", keep_default_na=False)


@pytest.fixture(scope="module")
def faq(datasets):
    return pd.read_csv(datasets / "faq.csv")


def _pipeline(model):
    return make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True), model)


def _trigrams(text: str) -> set[str]:
    text = re.sub(r"\W", "", unicodedata.normalize("NFKC", text))
    return {text[start : start + 3] for start in range(len(text) - 2)}


# Templates


@pytest.mark.parametrize("slug", SLUGS)
def test_enough_templates_each_with_known_slots(slug):
    own = inquiries.templates().query("slug == @slug")
    assert len(own) >= (30 if slug == inquiries.NEW_TOPIC else 60)
    known = {"town", "month", "day", "weekday", "count", "age"} | set(inquiries._load(slug).get("slots", {}))
    for text in own["text"]:
        assert set(re.findall(r"\{(\w*)\}", text)) <= known, text
    assert set(own["second"]) <= {"", *inquiries.NAMES} - set(own["category"])
    if slug != inquiries.NEW_TOPIC:
        assert own["category"].unique().tolist() == [inquiries.CATEGORIES[slug][0]]
        assert (own["second"] != "").sum() >= 4
        assert 8 <= own["faq_id"].nunique() <= 10


@pytest.mark.parametrize("slug", SLUGS)
def test_no_template_is_a_copy_of_another(slug):
    grams = {text: _trigrams(text) for text in inquiries.templates().query("slug == @slug")["text"]}
    for (one, a), (other, b) in combinations(grams.items(), 2):
        assert len(a & b) / len(a | b) <= SAME, (one, other)


def test_the_copy_check_would_notice():
    near = _trigrams("古くなった冷蔵庫を処分したいのですが、申し込みはどこにすればいいですか。")
    far = _trigrams("古くなった冷蔵庫を処分したいのですが、申し込みはどこへすればいいですか。")
    assert len(near & far) / len(near | far) > SAME


def test_each_question_of_the_city_has_inquiries_and_an_answer_of_its_own(faq, truth):
    assert set(truth.loc[truth["is_new_topic"] == 0, "faq_id"]) == set(faq["faq_id"])
    assert len(faq) == 100
    assert not faq["answer"].str.contains(r"第\d+条|https?:|0\d+-\d").any()


# The table


def test_table_and_truth_have_the_same_rows(table, truth, faq):
    assert table["inquiry_id"].tolist() == truth["inquiry_id"].tolist()
    numbers = table["inquiry_id"].str[1:].astype(int)
    assert sorted(numbers) == list(range(1, len(table) + 1))
    days = (table["day"] - table["day"].min()).dt.days
    assert abs(np.corrcoef(numbers, days)[0, 1]) < 0.05
    assert len(table) >= 4_500
    template = inquiries.templates().set_index("template_id").loc[table["template_id"]]
    assert (template["faq_id"].to_numpy() == truth["faq_id"]).all()
    checked = table["faq_id"] != ""
    assert 0.25 < checked.mean() < 0.35
    assert (table.loc[checked, "faq_id"] == truth.loc[checked, "faq_id"]).all()
    assert not checked[truth["is_new_topic"] == 1].any()


def test_the_town_in_the_text_is_the_town_in_the_table(table, datasets):
    names = pd.read_csv(datasets / "towns.csv", dtype={"town_code": str}).set_index("town_code")["town"]
    with_slot = inquiries.templates().query("text.str.contains('{town}', regex=False)")["template_id"]
    rows = table[table["template_id"].isin(with_slot)]
    assert len(rows) > 300
    plain = rows["text"].map(lambda text: unicodedata.normalize("NFKC", text))
    said = [names[code] in text for code, text in zip(rows["town_code"], plain, strict=True)]
    assert np.mean(said) > 0.98  # a slip of the keyboard may hit the name
    assert 0.15 < (table["town_code"] == "").mean() < 0.35


def test_no_memo_on_a_closed_day_and_an_emoji_only_in_line(table, truth, datasets):
    calendar = pd.read_csv(datasets / "calendar.csv")
    open_days = set(calendar.loc[calendar["is_open"] == 1, "date"])
    closed = ~table["received_date"].isin(open_days)
    assert 0.05 < closed.mean() < 0.25
    assert not table.loc[closed, "channel"].isin(inquiry_noise.MEMOS).any()
    assert set(table.loc[truth["has_emoji"] == 1, "channel"]) == {"LINE"}
    reported = table[table["channel"] == "電話メモ"]["text"].str.contains("とのこと")
    assert reported.mean() > 0.95
    assert table[table["channel"] == "メール"]["text"].str.contains("とのこと").mean() < 0.02


def test_seasons(table, truth, datasets):
    true, month = truth["true_category"], table["day"].dt.month
    by_month = pd.crosstab(true, month)
    assert by_month.loc["税"].idxmax() in (3, 6)
    assert by_month.loc["子育て"].nlargest(2).index.tolist() in ([10, 11], [11, 10])
    assert by_month.loc["ごみ"].nlargest(2).index.tolist() in ([1, 12], [12, 1])
    assert by_month.loc["住民票・戸籍"].idxmax() == 3
    rain = pd.read_csv(datasets / "weather.csv").set_index("date")["rain_mm"]
    heavy = (rain >= inquiries.HEAVY_RAIN_MM).rolling(3, min_periods=1).max()
    days = pd.Series(heavy.reindex(table["received_date"]).to_numpy() == 1)
    share_of_days = heavy.loc["2024-04-01":"2026-03-31"].mean()
    assert days[true == "防災"].mean() > 3 * share_of_days
    assert days[true == "税"].mean() < 1.5 * share_of_days


# What the lessons need


def test_a_random_split_flatters_and_a_split_by_template_does_not(table, truth):
    known = (truth["is_new_topic"] == 0).to_numpy()
    texts, labels = table.loc[known, "text"], table.loc[known, "category"]
    groups = table.loc[known, "template_id"]
    model = _pipeline(MultinomialNB(alpha=0.1))
    scores = [
        (cross_val_predict(model, texts, labels, cv=cv) == labels).mean()
        for cv in (
            KFold(5, shuffle=True, random_state=0),
            list(GroupKFold(5, shuffle=True, random_state=0).split(texts, groups=groups)),
        )
    ]
    assert scores[0] > 0.88
    assert 0.5 < scores[1] < 0.8
    assert scores[0] - scores[1] > 0.15


def test_wrong_labels_are_mostly_between_tax_and_insurance(table, truth):
    wrong = truth["label_wrong"] == 1
    assert wrong.mean() == pytest.approx(0.05, abs=0.002)
    pair = {"税", "国保・年金"}
    between = truth.loc[wrong, "true_category"].isin(pair) & table.loc[wrong, "category"].isin(pair)
    assert between.mean() > 0.6
    same = (table["category"] == truth["true_category"]) | (truth["is_new_topic"] == 1)
    assert (same == ~wrong).all()


def test_the_new_topic_has_no_home_among_the_labels(table, truth):
    new = truth["is_new_topic"] == 1
    assert table.loc[new, "received_date"].min() >= "2026-01-01"
    assert new.sum() >= 60
    shares = table.loc[new, "category"].value_counts(normalize=True)
    assert set(shares.index) == {"その他", "国保・年金", "住民票・戸籍"}
    assert shares.max() < 0.5
    before = table["received_date"] < "2026-01-01"
    model = _pipeline(LogisticRegression(C=10, max_iter=200))
    model.fit(table["text"][before], table["category"][before])
    sure = model.predict_proba(table["text"][new]).max(axis=1)
    assert (sure > 0.7).mean() > 0.15  # wrong, and confident
    assert not table.loc[before, "text"].str.contains("マイナ保険証|資格確認書").any()


def test_the_section_in_a_memo_follows_the_label(table, truth):
    passed = truth["passed_on"] == 1
    assert 0.05 < passed.mean() < 0.12
    for text, label in zip(table.loc[passed, "text"], table.loc[passed, "category"], strict=True):
        assert f"{inquiries.SECTIONS[label]}へ回した。" in text
    assert not table.loc[~passed, "text"].str.contains("へ回した").any()


def test_a_search_finds_the_answer_for_many_but_not_for_all(table, faq):
    asked = table[table["faq_id"] != ""]
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(2, 3), sublinear_tf=True)
    pages = vectorizer.fit_transform(faq["question"] + faq["answer"])
    score = (vectorizer.transform(asked["text"]) @ pages.T).toarray()
    best = np.argsort(-score, axis=1)
    ids = faq["faq_id"].to_numpy()[best]
    first = (ids[:, 0] == asked["faq_id"]).mean()
    in_five = (ids[:, :5] == asked["faq_id"].to_numpy()[:, None]).any(axis=1).mean()
    assert 0.3 < first < 0.8
    assert in_five > first + 0.1


# Personal data: invented, and some of it hard to find


def test_personal_data_is_where_the_truth_says(table, truth):
    has = truth["has_pii"] == 1
    assert has.mean() == pytest.approx(0.02, abs=0.001)
    assert ((truth["pii_kinds"] != "") == has).all()
    signs = {
        "電話": r"(?<!\d)090[-(]?0\d{3}[-)]?\d{4}(?!\d)",
        "メール": r"@example\.(?:com|jp)",
        "12桁": r"(?<!\d)\d{4} ?\d{4} ?\d{4}(?!\d)",
    }
    plain = table["text"].map(lambda text: unicodedata.normalize("NFKC", text))
    for kind, sign in signs.items():
        found = plain.str.contains(sign)
        assert (found == truth["pii_kinds"].str.contains(kind)).all(), kind
    names = plain.str.contains("|".join(inquiry_noise.NAMES))
    assert (names == truth["pii_kinds"].str.contains("氏名")).all()


def test_a_simple_pattern_misses_some_phone_numbers(table, truth):
    with_phone = truth["pii_kinds"].str.contains("電話")
    found = table["text"].str.contains(r"[0-9]{3}-[0-9]{4}-[0-9]{4}")
    assert not found[~with_phone].any()
    assert 0.3 < found[with_phone].mean() < 0.85


# The parts of the noise


def test_memo_reports_what_was_said():
    cases = {
        "道に穴があります。直してください。": "道に穴があります。直してほしいとのこと。",
        "会計課は何階ですか？": "会計課は何階かとのこと。",
        "何を持って行けば出してもらえますか。": "何を持って行けば出してもらえるかとのこと。",
        "予約はいりますか。": "予約はいるかとのこと。",
        "ネットで申し込めますか。": "ネットで申し込めるかとのこと。",
        "シールを貼られました。": "シールを貼られました、とのこと。",
    }
    for said, memo in cases.items():
        assert inquiry_noise._memo(said) == memo


def test_half_kana_digits_and_check_digit():
    assert inquiry_noise.half_width_kana("ペットボトル") == "ﾍﾟｯﾄﾎﾞﾄﾙ"
    assert inquiry_noise.full_width_digits("2026年") == "２０２６年"
    assert inquiry_noise.check_digit("12345678901") == 8
    rng, plain = seeds.generator("test/mistype"), "どうすればいいですか。"
    assert all(inquiry_noise.mistype(rng, plain) != plain for _ in range(50))

"""The words that people use for what the syllabus calls otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.exam.bank import Bank, read_bank
from autograder.exam.keywords import ALSO_CALLED, UnknownKeyword, questions_about


@pytest.fixture(scope="module")
def bank(repo: Path) -> Bank:
    return read_bank(repo / "course" / "exam" / "questions")


def keywords(word: str, bank: Bank) -> set[str]:
    return {keyword for question in questions_about(word, bank) for keyword in question.keywords}


@pytest.mark.parametrize(
    ("word", "keyword"),
    [
        ("CNN", "畳み込みニューラルネットワーク(CNN)"),
        ("ｃｎｎ", "畳み込みニューラルネットワーク(CNN)"),
        ("畳み込みニューラルネットワーク", "畳み込みニューラルネットワーク(CNN)"),
        ("RNN", "リカレントニューラルネットワーク(RNN)"),
        ("GAN", "敵対的生成ネットワーク(GAN)"),
        ("VAE", "変分オートエンコーダ(VAE)"),
        ("変分オートエンコーダー", "変分オートエンコーダ(VAE)"),
        ("bow", "BoW(Bag-of-Words)"),
        ("bag of words", "BoW(Bag-of-Words)"),
        ("ReLU", "ReLU関数"),
        ("relu 関数", "ReLU関数"),
        ("ViT", "Vision Transformer"),
        ("どろっぷあうと", "ドロップアウト"),
        ("ﾄﾞﾛｯﾌﾟｱｳﾄ", "ドロップアウト"),
        ("overfitting", "過学習"),
        ("Overfitting", "過学習"),
    ],
)
def test_everyday_names(bank, word, keyword):
    assert keyword in keywords(word, bank)


def test_a_part_of_a_keyword_means_all_that_have_it(bank):
    assert {"L1正則化", "L2正則化", "L0正則化"} <= keywords("正則化", bank)


def test_a_word_of_the_text_where_no_keyword_has_it(bank):
    found = questions_about("RAG", bank)
    assert found
    for question in found:
        assert "RAG" in question.stem + "".join(choice.text for choice in question.choices)


@pytest.mark.parametrize("word", ["mization", "orage", "g", ""])
def test_the_middle_of_a_word_and_single_letters_mean_nothing(bank, word):
    with pytest.raises(UnknownKeyword):
        questions_about(word, bank)


def test_suggestions_are_near_or_there_are_none(bank):
    with pytest.raises(UnknownKeyword, match="近いもの：過学習") as caught:
        questions_about("過学集", bank)
    assert caught.value.near[0] == "過学習"
    with pytest.raises(UnknownKeyword, match="用語集") as caught:
        questions_about("underfitting", bank)
    assert caught.value.near == ()


def test_other_names_have_questions(bank):
    for said, keyword in ALSO_CALLED.items():
        assert questions_about(said, bank) == questions_about(keyword, bank)

"""Everything that is checked about the question bank as a whole: one function and one result a check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import chisquare

from . import blind_record
from .bank import ASKS, CHOICES, FORMS, LETTERS, Bank, Problem, Question
from .guessers import GUESSERS, longest, middle_number, score
from .similarity import alike
from .syllabus import Syllabus, fingerprint, normalised
from .values import value_problems

__all__ = ["MINIMUM", "Result", "check_bank", "pages_in"]

#: Fewest questions, in all and by form.
MINIMUM = {"全部": 600, "計算": 60, "事例": 120}
MOST_KEYWORDS = 3  # of one question
#: Chance of positions as uneven as these, if they were drawn: below it, they are called uneven.
FEWEST_CHANCE = 0.01
MOST_OF_LONGEST = 0.32  # score of a guesser that picks the longest choice
#: Cosine from which two questions are called the same. On the 663 questions of November 2026, different ones
#: with the same four names as choices reach 0.47; a copy with other numbers, another scene or two other
#: choices mostly has 0.5 to 0.9.
ALIKE = 0.5
_DIFFICULTIES = ("難しさ1", "難しさ2", "難しさ3")
_SAYS_NOT = ("適切でない", "不適切", "誤って", "誤り", "間違って", "当たらない", "正しくない")


@dataclass(frozen=True)
class Result:
    """What one check found."""

    key: str  # for machines
    name: str  # for people
    value: str
    wanted: str = ""  # "" when the check only tells
    problems: tuple[str, ...] = ()
    figures: Mapping[str, float] | None = None  # for machines

    @property
    def ok(self) -> bool:
        return not self.problems


def pages_in(notebooks: Path) -> set[str]:
    """The items that have a page in this folder of notebooks."""
    return {path.name.partition("-")[0] for path in notebooks.glob("[TL][0-9][0-9]-*.ipynb")}


def check_bank(
    bank: Bank,
    syllabus: Syllabus,
    pages: Collection[str],
    record: Sequence[blind_record.Line],
    schema: Sequence[Problem] = (),
) -> list[Result]:
    """Check the bank.

    Parameters
    ----------
    bank : Bank
    syllabus : Syllabus
    pages : collection of str
        Items that have a page.
    record : sequence of Line
        Blind answers.
    schema : sequence of Problem
        Problems met in reading the files.

    Returns
    -------
    list of Result
        Always the same checks, in the same order.
    """
    questions = list(bank)
    return [
        Result("schema", "ファイルの形", f"{len(schema)}件の間違い", "0件", tuple(map(str, schema))),
        _coverage(bank, syllabus),
        _numbers(questions),
        _counted("ask", "選び方", questions, lambda question: question.ask, ASKS),
        _counted(
            "difficulty", "難しさ", questions, lambda question: f"難しさ{question.difficulty}", _DIFFICULTIES
        ),
        _areas(bank, syllabus),
        _positions(questions),
        _guessers(questions),
        _listed("keywords", "1問のキーワード", questions, _too_many_keywords, f"{MOST_KEYWORDS}個まで"),
        _listed("values", "計算問題の数", questions, _values, "すべて合う"),
        _listed("law", "法律問題の時点と根拠", questions, _law, "すべてある"),
        _listed("not", "「適切でないもの」の書き方", questions, _says_not, "すべて書いてある"),
        _listed("links", "ページへのリンク", questions, lambda question: _links(question, pages), "切れなし"),
        _alike(questions),
        _blind(questions, record),
    ]


def _coverage(bank: Bank, syllabus: Syllabus) -> Result:
    """Keywords are counted by item: all of an item's, when its questions have exactly these."""
    proved, problems = 0, []
    for item in syllabus.items.values():
        found = {normalised(keyword) for question in bank.of_item(item.id) for keyword in question.keywords}
        if fingerprint(found) == item.fingerprint:
            proved += item.keywords
        elif not found:
            problems.append(f"{item.id}：問題がありません（キーワード{item.keywords}個）。")
        elif len(found) != item.keywords:
            problems.append(
                f"{item.id}：問題のキーワードは{len(found)}個、シラバスは{item.keywords}個です。"
                "足りないものの問題を書き、シラバスに無い言葉は「keywords:」から消してください。"
            )
        else:
            problems.append(
                f"{item.id}：キーワードの数は合っていますが、書き方がシラバスと違うものがあります。"
                "ページの「terms:」（「keyword:」があればそちら）と同じに書いてください。"
            )
    problems += [f"{name}：シラバスに無い項目です。" for name in {q.item for q in bank} - set(syllabus.items)]
    wanted = syllabus.keywords
    return Result(
        "coverage",
        "キーワード",
        f"{proved}/{wanted}",
        f"{wanted}/{wanted}",
        tuple(problems),
        {"proved": proved, "wanted": wanted},
    )


def _numbers(questions: Sequence[Question]) -> Result:
    forms = Counter(question.form for question in questions)
    counts = {"全部": len(questions), **{form: forms[form] for form in FORMS}}
    problems = [
        f"{name}が{counts[name]}問です（{least}問以上）。"
        for name, least in MINIMUM.items()
        if counts[name] < least
    ]
    wanted = "、".join(f"{name}{least}以上" for name, least in MINIMUM.items())
    return Result("questions", "問題の数", _told(counts), wanted, tuple(problems), counts)


def _counted(
    key: str, name: str, questions: Sequence[Question], kind: Callable[[Question], str], kinds: Sequence[str]
) -> Result:
    found = Counter(map(kind, questions))
    counts = {kind: found[kind] for kind in kinds}
    return Result(key, name, _told(counts), figures=counts)


def _areas(bank: Bank, syllabus: Syllabus) -> Result:
    counts = {area.title: sum(len(bank.of_item(item)) for item in area.items) for area in syllabus.areas}
    return Result("areas", "領域", _told(counts, "\n"), figures=counts)


def _positions(questions: Sequence[Question]) -> Result:
    found = Counter(question.answer for question in questions)
    counts = [found[place] for place in range(CHOICES)]
    chance = float(chisquare(counts).pvalue) if questions else 1.0
    told = _told(dict(zip(LETTERS, counts, strict=True)))
    problems = (
        [f"正解の位置がかたよっています（{told}）。選択肢の順を入れかえてください。"]
        if chance < FEWEST_CHANCE
        else []
    )
    return Result(
        "positions",
        "正解の位置",
        f"{told}（p＝{chance:.3f}）",
        f"p≧{FEWEST_CHANCE}",
        tuple(problems),
        {**dict(zip(LETTERS, counts, strict=True)), "p": chance},
    )


def _guessers(questions: Sequence[Question]) -> Result:
    scores = {name: score(guesser, questions) for name, guesser in GUESSERS.items()}
    reckoned = [question for question in questions if question.form == "計算"]
    scores["計算で、まん中の数を選ぶ人"] = score(middle_number, reckoned)
    value = "\n".join(f"{name} {found:.1%}" for name, found in scores.items())
    by_length = score(longest, questions)
    problems = (
        [f"いちばん長い選択肢を選ぶだけで{by_length:.1%}正解できます。選択肢の長さをそろえてください。"]
        if by_length >= MOST_OF_LONGEST
        else []
    )
    return Result(
        "guessers", "勘で当たる割合", value, f"長さで{MOST_OF_LONGEST:.0%}未満", tuple(problems), scores
    )


def _listed(
    key: str,
    name: str,
    questions: Sequence[Question],
    look: Callable[[Question], Iterator[str]],
    wanted: str,
) -> Result:
    problems = [f"{question.id}：{problem}" for question in questions for problem in look(question)]
    return Result(
        key, name, f"{len(problems)}件の間違い", wanted, tuple(problems), {"problems": len(problems)}
    )


def _too_many_keywords(question: Question) -> Iterator[str]:
    if len(question.keywords) > MOST_KEYWORDS:
        yield f"キーワードが{len(question.keywords)}個あります。答えを決めるものだけにしてください。"


def _values(question: Question) -> Iterator[str]:
    if question.form == "計算":
        yield from value_problems(question)


def _law(question: Question) -> Iterator[str]:
    if question.item.startswith("L"):
        for key, value in (("as_of", question.as_of), ("source", question.source)):
            if not value:
                yield f"「{key}:」がありません。"


def _says_not(question: Question) -> Iterator[str]:
    if question.ask == "不適切" and not any(words in question.stem for words in _SAYS_NOT):
        yield "問題文が、適切でないものを選ぶと言っていません。"


def _links(question: Question, pages: Collection[str]) -> Iterator[str]:
    for item in question.see:
        if item not in pages:
            yield f"{item} のページがありません。"


def _alike(questions: Sequence[Question]) -> Result:
    pairs = alike(questions, ALIKE)
    problems = [
        f"{pair.first} と {pair.second}：ほとんど同じ問題です（似かた{pair.cosine:.2f}）。" for pair in pairs
    ]
    return Result(
        "alike",
        "似た問題",
        f"{len(pairs)}組",
        f"似かた{ALIKE}以上が0組",
        tuple(problems),
        {"pairs": len(pairs)},
    )


def _blind(questions: Sequence[Question], record: Sequence[blind_record.Line]) -> Result:
    now = blind_record.state(questions, record)
    kinds = (
        (now.unanswered, "まだ、書いた人ではない人に答えられていません"),
        (now.changed, "答えられたあとで変わりました（答え直すか、記録に「直した」と理由を書いてください）"),
        (now.unsettled, "答えが正解と合わず、どうしたかが記録にありません"),
        (now.unknown, "記録にあって、問題がありません"),
    )
    problems = [f"{_shortly(names)}：{what}。" for names, what in kinds if names]
    value = f"{now.first_pass}問に答え、はじめの答えが正解と合ったのは{now.rate:.1%}"
    if now.mended:
        value += f"。答えのあとで文を直し、答え直していない問題が{len(now.mended)}問"
    figures = {
        "first_pass": now.first_pass,
        "agreed_at_first": now.agreed_at_first,
        "rate": now.rate,
        "mended": len(now.mended),
        "unanswered": len(now.unanswered),
        "changed": len(now.changed),
        "unsettled": len(now.unsettled),
    }
    return Result("blind", "目隠しの解答", value, f"{len(questions)}問すべて", tuple(problems), figures)


def _told(counts: Mapping[str, int], between: str = "、") -> str:
    return between.join(f"{name} {number}" for name, number in counts.items())


def _shortly(names: Sequence[str], most: int = 8) -> str:
    """The first few names, and how many more."""
    listed = "、".join(names[:most])
    return f"{listed} ほか{len(names) - most}問" if len(names) > most else listed

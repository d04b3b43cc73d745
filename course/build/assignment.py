"""An assignment: reads ``assignments/text/psN.md`` and makes nbgrader's source notebook."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from autograder.exam.syllabus import ITEM
from autograder.grading.spec import CODE_STUB

from . import directives, stub
from .directives import Directive, Renderer
from .notebook import UnnamedIds, cell_id, code_cell, new_notebook, prose_cell
from .problems import Collector, shown_path
from .text import Cell, RoleRule, Text, data_files, read_text, require

RULES = {
    "given": RoleRule("code", True, False, ":takara: given setup"),
    "answer": RoleRule("code", True, False, ":takara: answer q1"),
    "test": RoleRule("code", True, True, ":takara: test q1 3"),
    "wrong": RoleRule("code", True, False, ":takara: wrong q1"),
    "written": RoleRule("markdown", True, True, '+++ {"takara": "written q8 3"}'),
    "ask": RoleRule("markdown", False, False, '+++ {"takara": "ask"}'),
}
#: Kinds of directives that learners never see.
SECRET_KINDS = ("why", "rubric", "answer")
FULL_POINTS = 20

_POINTS = re.compile(r"\{\{\s*(\w+)\.points\s*\}\}")
_POINTS_IN_TITLE = re.compile(r"\s*（[^（）]*(?:\{\{[^}]*\}\}|点)[^（）]*）\s*$")
_LABEL = re.compile(r"問\s*(\d+)")
_QUESTION = re.compile(r"q(\d+)")


@dataclass(frozen=True)
class Wrong:
    """A planted wrong answer and what must come of it."""

    cell: Cell
    message: str  # a part of the message that the learner must get
    loses: float  # points


@dataclass
class Question:
    """One question, put together from its cells and directives."""

    name: str  # "q1"
    title: str = ""  # "問1 待ち時間の平均"
    answer: Cell | None = None
    tests: list[Cell] = field(default_factory=list)
    wrongs: list[Wrong] = field(default_factory=list)
    written: Cell | None = None
    hints: list[str] = field(default_factory=list)  # Markdown, shallow to deep
    why: list[str] = field(default_factory=list)
    rubric: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)  # what the answer must define
    items: tuple[str, ...] = ()  # of the exam's syllabus: what to drill where points are lost

    @property
    def label(self) -> str:
        """For people: "問1"."""
        match = _LABEL.match(self.title)
        return f"問{match[1]}" if match else self.name

    @property
    def points(self) -> float:
        cells = [*self.tests, *([self.written] if self.written else [])]
        return sum(c.role.points for c in cells)

    def test_id(self, at: int) -> str:
        """nbgrader's grade id of the ``at``-th test (from 0): q1-test, q1-test-2, …"""
        return f"{self.name}-test" if at == 0 else f"{self.name}-test-{at + 1}"


@dataclass(frozen=True)
class Assignment:
    """One assignment, checked."""

    text: Text
    data: tuple[Path, ...]
    questions: Mapping[str, Question]

    @property
    def name(self) -> str:
        return self.text.name

    @property
    def title(self) -> str:
        return self.text.front["title"]

    @property
    def points(self) -> float:
        return sum(q.points for q in self.questions.values())

    @property
    def hint_count(self) -> dict[str, int]:
        return {q.name: len(q.hints) for q in self.questions.values()}

    @property
    def items(self) -> list[str]:
        """What the questions exercise: items of the exam's syllabus, in its order."""
        return sorted({item for q in self.questions.values() for item in q.items}, key=_place_in_syllabus)

    def metadata(self, titles: Mapping[str, str]) -> dict:
        """The notebook's own metadata: recognises a renamed file.

        Parameters
        ----------
        titles : mapping of str to str
            Of the items of the syllabus.
        """
        known = {"assignment": self.name, "session": self.text.front["session"], "title": self.title}
        return known | ({"syllabus": {i: titles.get(i, "") for i in self.items}} if self.items else {})

    def prose(self, markdown: str) -> str:
        """Prose with the points filled in."""
        return _POINTS.sub(
            lambda m: str(self.points if m[1] == "total" else self.questions[m[1]].points), markdown
        )


def _place_in_syllabus(item: str) -> tuple[bool, str]:
    return item.startswith("L"), item


def read_assignment(path: Path, datasets: Path) -> Assignment:
    """Read and check one assignment.

    Raises
    ------
    TextError
        With every problem found.
    """
    problems = Collector(shown_path(path))
    text = read_text(path, RULES, problems)
    require(text, problems, title=str, assignment=str, session=int, minutes=int)
    if text.front.get("assignment") not in (None, text.name):
        problems.add(
            1,
            f"先頭の設定「assignment: {text.front['assignment']}」とファイル名「{text.name}」が違います。",
        )
    data = data_files(text, datasets, problems)
    for name in sorted({f.name for f in data if [g.name for g in data].count(f.name) > 1}):
        problems.add(1, f"データ「{name}」が2つあります。同じ名前のファイルは並べて置けません。")
    questions = _questions(text, problems)
    assignment = Assignment(text, data, questions)
    _check_points(assignment, problems)
    problems.stop_if_any()
    return assignment


def source_notebook(assignment: Assignment, titles: Mapping[str, str]) -> NotebookNode:
    """nbgrader's source notebook: answers, tests and model answers inside, nbgrader v3 metadata complete.

    Parameters
    ----------
    assignment : Assignment
    titles : mapping of str to str
        Of the items of the exam's syllabus.
    """
    renderer = Renderer(assignment.hint_count, leave_out=SECRET_KINDS)
    ids = UnnamedIds(assignment.name)
    tests_seen: dict[str, int] = {}
    cells = []
    for cell in assignment.text.cells:
        kind = cell.role.kind if cell.role else ""
        name = cell.role.name if cell.role else ""
        question = assignment.questions.get(name)
        if kind == "wrong":
            continue
        if cell.kind == "markdown" and kind != "written":
            prose = directives.replace(assignment.prose(cell.source), renderer)
            metadata = {"takara": {"role": "ask"}} if kind == "ask" else {}
            identity = ids.of_prose(directives.heading_texts(cell.source))
            if kind == "ask":
                identity = cell_id(assignment.name, "ask")
            if prose.strip():
                cells.append(prose_cell(identity, prose, metadata))
        elif kind == "written":
            metadata = _graded(f"{name}-written", points=cell.role.points, solution=True)
            metadata["takara"] = {"question": name, "title": question.title} | _items(question)
            cells.append(
                prose_cell(cell_id(assignment.name, name, "written"), _model_answer(question), metadata)
            )
        elif kind == "given":
            grade_id = f"given-{name.replace('_', '-')}"
            metadata = _graded(grade_id, locked=True)
            metadata["takara"] = {"role": "given"}
            cells.append(code_cell(cell_id(assignment.name, grade_id), cell.source, metadata))
        elif kind == "answer":
            metadata = _graded(f"{name}-answer", solution=True)
            metadata["takara"] = {"question": name, "title": question.title}
            identity = cell_id(assignment.name, name, "answer")
            cells.append(code_cell(identity, stub.with_stub(cell.source, question.names), metadata))
        elif kind == "test":
            at = tests_seen.get(name, 0)
            tests_seen[name] = at + 1
            grade_id = question.test_id(at)
            metadata = _graded(grade_id, points=cell.role.points, locked=True)
            metadata["takara"] = {
                "hints": [assignment.prose(h) for h in question.hints],
                "question": name,
                "read": str(cell.options.get("read", _read_of(question))),
                "title": question.title,
            } | _items(question)
            cells.append(
                code_cell(cell_id(assignment.name, grade_id), _test_source(question, cell), metadata)
            )
        else:
            cells.append(code_cell(ids.next("code"), cell.source))
    return new_notebook(cells, assignment.metadata(titles))


def without_directives(markdown: str) -> str:
    """The prose of a cell with every directive taken out."""
    return directives.replace(markdown, lambda _: None).strip()


def _graded(
    grade_id: str, *, points: float | None = None, solution: bool = False, locked: bool = False
) -> dict:
    nbgrader = {
        "grade": points is not None,
        "grade_id": grade_id,
        "locked": locked,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    if points is not None:
        nbgrader["points"] = points
    return {"nbgrader": nbgrader}


def _test_source(question: Question, cell: Cell) -> str:
    """The test with the 未記入 check before it, for those of the answer's names that this test reads."""
    read = stub.used_names(cell.source)
    names = ", ".join(f'"{name}"' for name in question.names if name in read)
    if not names:  # a test of something else than the answer's names
        return cell.source
    check = f'checks.written("{question.label}", globals(), {names})'
    head = [] if "from autograder import checks" in cell.source else ["from autograder import checks", ""]
    if head:
        return "\n".join([*head, check, cell.source])
    # after the author's own imports
    lines = cell.source.split("\n")
    last = max(
        node.end_lineno
        for node in stub.parse(cell.source).body
        if type(node).__name__ in ("Import", "ImportFrom")
    )
    return "\n".join([*lines[:last], "", check, *lines[last:]])


def _model_answer(question: Question) -> str:
    """The written answer with its rubric; nbgrader puts the text stub in the place of all of it."""
    rubric = "\n\n".join(question.rubric)
    return f"{without_directives(question.written.source)}\n\n**採点基準**\n\n{rubric}"


def _items(question: Question) -> dict:
    return {"items": list(question.items)} if question.items else {}


def _read_of(question: Question) -> str:
    for cell in (*question.tests, *([question.answer] if question.answer else [])):
        if "read" in cell.options:
            return str(cell.options["read"])
    return ""


def _questions(text: Text, problems: Collector) -> dict[str, Question]:
    questions: dict[str, Question] = {}
    given: set[str] = set()
    asks = 0
    title, title_line = "", 0
    found: list[Directive] = []
    for cell in text.cells:
        if cell.kind == "markdown":
            found.extend(directives.find(cell.source, cell.line, problems))
            if cell.role is None:
                for heading in directives.headings(cell.source, cell.line):
                    if heading.level == 2:
                        title, title_line = _POINTS_IN_TITLE.sub("", heading.text), heading.line
        for option, kinds in (
            ("message", ("wrong",)),
            ("loses", ("wrong",)),
            ("read", ("test", "answer")),
            ("items", ("answer", "written")),
            ("shows", ()),
        ):
            if option in cell.options and (cell.role is None or cell.role.kind not in kinds):
                problems.add(cell.line, f"セルの設定「{option}」はこのセルでは使えません。")
        if cell.kind == "code":
            _check_markers(cell, problems)
        if cell.role is None:
            continue
        kind, name = cell.role.kind, cell.role.name
        if kind == "given":
            if name in given:
                problems.add(cell.line, f"「given {name}」が2つあります。名前を変えてください。")
            given.add(name)
            continue
        if kind == "ask":
            asks += 1
            if asks > 1:
                problems.add(cell.line, "「ask」のセルは1つだけ置けます。")
            continue
        question = questions.setdefault(name, Question(name))
        if kind in ("answer", "written"):
            if question.answer or question.written:
                problems.add(cell.line, f"問「{name}」の解答が2つあります。名前を変えてください。")
                continue
            question.title = title
            question.items = _items_of(cell, problems)
            if kind == "answer":
                question.answer = cell
            else:
                question.written = cell
            _check_title(question, title_line, cell, problems)
        elif kind == "test":
            if question.answer is None:
                problems.add(
                    cell.line,
                    f"テスト「{name}」に当たる解答（:takara: answer {name}）が、この前にありません。",
                )
            question.tests.append(cell)
        else:
            if not str(cell.options.get("message", "")).strip():
                problems.add(cell.line, f"誤答「{name}」に「:message:」（出るはずの文の一部）がありません。")
            loses = cell.options.get("loses")
            if loses is not None and not isinstance(loses, int | float):
                problems.add(cell.line, "「:loses:」は数で書いてください。")
            question.wrongs.append(Wrong(cell, str(cell.options.get("message", "")), loses))
    _attach(found, questions, problems)
    for question in questions.values():
        _complete(question, problems)
    _check_independence(text, problems)
    return questions


def _items_of(cell: Cell, problems: Collector) -> tuple[str, ...]:
    items = cell.options.get("items", [])
    if not isinstance(items, list) or not all(ITEM.fullmatch(str(item)) for item in items):
        problems.add(cell.line, "セルの設定「items」は [T07, L10] の形で書いてください。")
        return ()
    return tuple(items)


def _check_title(question: Question, title_line: int, cell: Cell, problems: Collector) -> None:
    label, number = _LABEL.match(question.title), _QUESTION.fullmatch(question.name)
    if label is None:
        problems.add(title_line or cell.line, f"問「{question.name}」の前に見出し「## 問1 …」がありません。")
    elif number is None or int(label[1]) != int(number[1]):
        problems.add(
            cell.line,
            f"見出しは「{label[0]}」ですが、名前は「{question.name}」です。番号をそろえてください。",
        )


def _check_markers(cell: Cell, problems: Collector) -> None:
    kind = cell.role.kind if cell.role else ""
    for begin, end, allowed in (
        (stub.BEGIN_SOLUTION, stub.END_SOLUTION, "answer"),
        (stub.BEGIN_HIDDEN, stub.END_HIDDEN, "test"),
    ):
        try:
            marked = stub.regions(cell.source, begin, end)
        except stub.StubError as error:
            problems.add(cell.line + error.line, str(error))
            continue
        if marked and kind != allowed:
            problems.add(
                cell.line + marked[0].start, f"「{begin}」は「:takara: {allowed} …」のセルだけで使えます。"
            )


def _attach(found: list[Directive], questions: dict[str, Question], problems: Collector) -> None:
    for directive in found:
        if directive.kind == directives.QUESTION:
            problems.add(directive.line, "「{question}」はハンドブックのページだけで使えます。")
        if directive.kind not in directives.NAMED:
            continue
        if directive.kind == "answer":
            problems.add(directive.line, "課題の解答は「:takara: answer q1」のコードセルに書いてください。")
            continue
        question = questions.get(directive.name)
        if question is None:
            problems.add(directive.line, f"「{{{directive.kind}}} {directive.name}」に当たる問がありません。")
        elif directive.kind == "hint":
            question.hints.append(directive.body)
        elif directive.kind == "why":
            question.why.append(directive.body)
        elif directive.kind == "rubric":
            question.rubric.append(directive.body)


def _complete(question: Question, problems: Collector) -> None:
    """Check what a question must have, and work out the names that its tests read."""
    if question.written:
        if not question.rubric:
            problems.add(
                question.written.line,
                f"記述の問「{question.name}」に採点基準（:::{{rubric}} {question.name}）がありません。",
            )
        if question.wrongs:
            problems.add(question.wrongs[0].cell.line, "記述の問に誤答は置けません。")
        if (
            not directives.find(question.written.source, 1, Collector(""))
            and not question.written.source.strip()
        ):
            problems.add(question.written.line, "記述の問に解答例がありません。")
        return
    if question.answer is None:
        line = (question.tests or [w.cell for w in question.wrongs])[0].line
        problems.add(line, f"問「{question.name}」に解答（:takara: answer {question.name}）がありません。")
        return
    line = question.answer.line
    if not question.tests:
        problems.add(line, f"問「{question.name}」にテスト（:takara: test {question.name} 3）がありません。")
        return
    if not question.hints:
        problems.add(line, f"問「{question.name}」にヒント（:::{{hint}} {question.name}）がありません。")
    if not question.wrongs:
        problems.add(line, f"問「{question.name}」に誤答（:takara: wrong {question.name}）がありません。")
    for at, wrong in enumerate(question.wrongs):
        loses = question.points if wrong.loses is None else wrong.loses
        question.wrongs[at] = Wrong(wrong.cell, wrong.message, loses)
        if not 0 < loses <= question.points:
            problems.add(
                wrong.cell.line,
                f"「:loses: {loses}」は0より大きく、問の点数{question.points}以下にしてください。",
            )
    _names_and_stub(question, problems)


def _names_and_stub(question: Question, problems: Collector) -> None:
    read: set[str] = set()
    for cell in question.tests:
        try:
            read |= stub.used_names(cell.source)
        except stub.StubError as error:
            problems.add(cell.line + error.line, str(error))
            return
    for wrong in question.wrongs:
        try:
            stub.parse(wrong.cell.source)
        except stub.StubError as error:
            problems.add(wrong.cell.line + error.line, str(error))
    cell = question.answer
    try:
        question.names = [name for name in stub.defined_names(cell.source) if name in read]
        if not question.names:
            problems.add(cell.line, f"問「{question.name}」のテストは、解答で作る名前を1つも使っていません。")
            return
        source = stub.with_stub(cell.source, question.names)
        blank = stub.replaced(source, stub.regions(source, stub.BEGIN_SOLUTION, stub.END_SOLUTION), CODE_STUB)
    except stub.StubError as error:
        problems.add(cell.line + error.line, str(error))
        return
    try:
        shown = stub.defined_names(blank)
    except stub.StubError:
        problems.add(
            cell.line,
            "「### BEGIN SOLUTION」から「### END SOLUTION」を消すとPythonとして読めません。"
            "関数の中身には、消えない行（... など）を1つ置いてください。",
        )
        return
    for name in question.names:
        if name not in shown:
            problems.add(
                cell.line,
                f"テストが使う「{name}」が、学ぶ人に見える部分にありません。「{name} = ...」を"
                "「### BEGIN SOLUTION」の前に書いてください。",
            )


def _check_independence(text: Text, problems: Collector) -> None:
    """A question must not read what another question's cells made: one mistake would cost two questions."""
    maker: dict[str, str] = {}  # name → the question whose cell bound it last; "" for given cells
    for cell in text.cells:
        kind = cell.role.kind if cell.role else ""
        if cell.kind != "code" or kind == "wrong":
            continue
        question = cell.role.name if kind in ("answer", "test") else ""
        try:
            bound = stub.bound_names(cell.source)
            read = stub.used_names(cell.source) - bound
        except stub.StubError:
            continue  # a cell magic in a given cell, or a mistake that is reported elsewhere
        for name in sorted(read):
            if maker.get(name, "") not in ("", question):
                problems.add(
                    cell.line,
                    f"このセルは問「{maker[name]}」で作る「{name}」を使っています。問どうしは独立にしてください"
                    "（「given」のセルで作り直すか、名前を変えます）。",
                )
        maker.update(dict.fromkeys(bound, question))


def _check_points(assignment: Assignment, problems: Collector) -> None:
    expected = assignment.text.front.get("points", FULL_POINTS)
    if assignment.points != expected:
        parts = "、".join(f"{q.name} {q.points}点" for q in assignment.questions.values())
        problems.add(
            1,
            f"点数の合計が{assignment.points}点です（{parts}）。{expected}点にしてください"
            "（ほかの合計にするときは先頭の設定に「points: 合計」を書きます）。",
        )
    known = {*assignment.questions, "total"}
    for cell in assignment.text.cells:
        if cell.kind != "markdown":
            continue
        for offset, line in enumerate(cell.source.split("\n")):
            for name in _POINTS.findall(line):
                if name not in known:
                    problems.add(cell.line + offset, f"「{{{{ {name}.points }}}}」に当たる問がありません。")
            if "{{" in _POINTS.sub("", line):
                problems.add(
                    cell.line + offset, "「{{ … }}」は {{ q1.points }} か {{ total.points }} だけです。"
                )

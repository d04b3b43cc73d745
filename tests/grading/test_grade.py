"""One hand-in from bytes to a record: honest, broken and hostile ones."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import factory
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.grading import grade as grade_module
from autograder.grading.grade import Unreadable, check_notebook, grade_hand_in, read_notebook
from autograder.grading.records import GradeRecord, HandIn, Rejected, Status

SOURCE = factory.source_notebook()
SPEC = factory.spec_of(SOURCE)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ps")
    (folder / "waits.csv").write_text(factory.DATA)
    nbformat.write(SOURCE, folder / "ps.ipynb")
    return folder


def graded(nb, data_dir: Path, **options) -> GradeRecord:
    got = grade_hand_in(factory.hand_in(nb), SPEC, data_dir=data_dir, **options)
    assert isinstance(got, tuple), got
    nbformat.validate(got[1])
    return got[0]


def statuses(record: GradeRecord) -> dict[str, str]:
    return {r.grade_id: r.status.value for r in record.results}


def test_right_answers(data_dir: Path) -> None:
    record = graded(factory.hand_in_of(SOURCE), data_dir)
    assert (record.points, record.max_points, record.learner) == (5.0, 8.0, "hana")
    assert statuses(record) == {"q1-test": "pass", "q2-test": "pass", "q3-written": "manual"}
    assert record.submitted_name == "hana/ps.ipynb" and record.cost.seconds > 0


def test_blank_notebook(data_dir: Path) -> None:
    record = graded(factory.hand_in_of(SOURCE, {}), data_dir)
    assert record.points == 0
    assert result_message(record, "q1-test") == "問1：mean_wait がまだ書かれていません。"
    assert result_message(record, "q2-test").startswith("まだ書かれていません")


def result_message(record: GradeRecord, grade_id: str) -> str:
    return next(r.message for r in record.results if r.grade_id == grade_id)


def test_a_wrong_answer_leaves_the_other_question_alone(data_dir: Path) -> None:
    nb = factory.spoiled(lambda nb: None, {**factory.RIGHT, "q1-answer": "mean_wait = sum(wait) / 3"})
    record = graded(nb, data_dir)
    assert statuses(record)["q2-test"] == "pass"
    assert "「wait」という名前がまだありません" in result_message(record, "q1-test")


def test_a_kernel_that_dies_keeps_what_was_earned(data_dir: Path) -> None:
    nb = factory.spoiled(
        lambda nb: None, {**factory.RIGHT, "q2-answer": "import os\nos.kill(os.getpid(), 9)"}
    )
    record = graded(nb, data_dir)
    assert statuses(record) == {"q1-test": "pass", "q2-test": "not_run", "q3-written": "manual"}
    assert record.points == 3.0


def test_an_endless_answer(data_dir: Path) -> None:
    nb = factory.spoiled(lambda nb: None, {**factory.RIGHT, "q1-answer": "while True: pass"})
    record = graded(nb, data_dir, cell_timeout_s=2.0)
    assert statuses(record)["q2-test"] == "pass"
    assert "時間内" in result_message(record, "q1-test")


def test_two_different_answers_are_for_a_person(data_dir: Path) -> None:
    def spoil(nb):
        cell = copy.deepcopy(factory.cell_of(nb, "q1-answer"))
        cell.source = "mean_wait = 7"
        nb.cells.insert(1, cell)

    record = graded(factory.spoiled(spoil), data_dir)
    assert record.points == 5.0 and record.needs_review


def test_a_deceitful_hand_in_is_for_a_person(data_dir: Path) -> None:
    eat = (
        "import ast\nclass Eat(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\n"
        "get_ipython().ast_transformers.append(Eat())\nmean_wait = 0"
    )
    record = graded(factory.spoiled(lambda nb: None, {"q1-answer": eat}), data_dir)
    assert record.points == 0
    assert statuses(record)["q1-test"] == "needs_review"
    assert "must fail" in next(r.detail for r in record.results if r.grade_id == "q1-test")


def test_the_answer_cannot_find_the_hidden_tests_on_disk(data_dir: Path) -> None:
    look = (
        "import os, pathlib\n"
        "roots = [pathlib.Path(r) for r in ('.', '..', os.path.expanduser('~'))]\n"
        "found = [p for root in roots for p in root.rglob('*.ipynb')]\n"
        "mean_wait = ... if not found else sum(waits) / len(waits)\n"
        f"leak = {str(data_dir)!r} in str(dict(os.environ)) + os.getcwd()\n"
        "assert not leak and not found, (leak, found)"
    )
    record = graded(factory.spoiled(lambda nb: None, {"q1-answer": look}), data_dir)
    assert result_message(record, "q1-test") == "問1：mean_wait がまだ書かれていません。"


def test_the_same_hand_in_gives_the_same_record(data_dir: Path) -> None:
    nb = factory.spoiled(
        lambda nb: nb.cells.remove(factory.cell_of(nb, "q2-test")), {"q1-answer": "mean_wait = hash('a') / 0"}
    )
    first, second = (graded(nb, data_dir) for _ in range(2))
    assert first.to_json() == second.to_json() and first == second


def test_in_a_pool_of_processes(data_dir: Path) -> None:
    hand_ins = [factory.hand_in(factory.hand_in_of(SOURCE), learner) for learner in ("a", "b", "c")]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(grade_hand_in, h, SPEC, data_dir=data_dir) for h in hand_ins]
        assert [f.result()[0].points for f in futures] == [5.0, 5.0, 5.0]


def test_no_kernel_is_our_fault(data_dir: Path) -> None:
    def none(*_):
        raise OSError("fork failed")

    got = grade_hand_in(factory.hand_in(factory.hand_in_of(SOURCE)), SPEC, data_dir=data_dir, kernel=none)
    assert isinstance(got, Rejected) and got.ours
    assert "提出物のせいではありません" in got.reason and "fork failed" in got.detail


# --- what cannot be graded -----------------------------------------------------------------------


def other_assignment() -> bytes:
    nb = factory.hand_in_of(SOURCE)
    nb.metadata["takara"] = {"assignment": "ps7"}
    return factory.to_bytes(nb)


def of_another_course() -> bytes:
    return factory.to_bytes(factory.notebook(factory.prose("# 旅の計画", "x"), factory.code("print('京都')")))


def as_utf16() -> bytes:
    return factory.to_bytes(factory.hand_in_of(SOURCE)).decode().encode("utf-16")


REJECTED = {
    "empty file": (b"", "空のファイル"),
    "spaces": (b"  \n ", "空のファイル"),
    "text": ("こんにちは".encode(), "JSON"),
    "half a notebook": (factory.to_bytes(factory.hand_in_of(SOURCE))[:700], "途中で切れて"),
    "deep nesting": (b"[" * 200_000, "JSON"),
    "a list": (b"[1, 2]", "ノートブックではありません"),
    "other JSON": (b'{"a": 1}', "ノートブックではありません"),
    "another encoding": (as_utf16(), "UTF-8"),
    "CP932": ('{"cells": [], "x": "市役所"}'.encode("cp932"), "UTF-8"),
    "a zip by another name": (b"PK\x03\x04rest", "zip"),
    "no cells": (factory.to_bytes(factory.notebook()), "セルが1つもない"),
    "cells are text": (
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": "x"}',
        "セルを読めません",
    ),
    "cells are numbers": (
        b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [1, 2]}',
        "読めるセル",
    ),
    "from the future": (b'{"nbformat": 9, "cells": []}', "nbformat 9"),
    "version is text": (b'{"nbformat": "4", "cells": []}', "ノートブックではありません"),
    "broken v3": (b'{"nbformat": 3, "worksheets": 5}', "nbformat 3"),
    "another assignment": (other_assignment(), "課題「ps」"),
    "another course": (of_another_course(), "課題「ps」"),
}


@pytest.mark.parametrize("case", REJECTED)
def test_what_cannot_be_graded_is_rejected_with_a_reason(case: str) -> None:
    content, reason = REJECTED[case]
    got = grade_hand_in(HandIn("hana", "ps", "hana.ipynb", content), SPEC)
    assert isinstance(got, Rejected) and not got.ours
    assert reason in got.reason
    assert (got.name, got.learner, got.assignment) == ("hana.ipynb", "hana", "ps")
    assert pickle.loads(pickle.dumps(got)) == got


def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grade_module, "MAX_NOTEBOOK_MB", 0)
    with pytest.raises(Unreadable, match="大きすぎます"):
        read_notebook(factory.to_bytes(factory.hand_in_of(SOURCE)))


def test_a_notebook_of_format_3_is_read() -> None:
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "old"},
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {
                        "cell_type": "code",
                        "input": "x = 1",
                        "language": "python",
                        "outputs": [],
                        "metadata": {},
                    },
                    {"cell_type": "markdown", "source": "# 見出し", "metadata": {}},
                ],
            }
        ],
    }
    nb = read_notebook(json.dumps(old).encode())
    nbformat.validate(nb)
    assert [c.source for c in nb.cells] == ["x = 1", "# 見出し"]


def test_oddities_inside_cells_do_not_stop_a_notebook() -> None:
    raw = json.loads(factory.to_bytes(factory.hand_in_of(SOURCE)))
    raw["cells"].insert(0, {"cell_type": "heading", "source": ["a", "b", 3], "metadata": 5, "id": 7})
    raw["cells"].insert(0, {"cell_type": "code"})
    raw["cells"].insert(0, {"cell_type": "code", "source": {"x": 1}})
    raw["cells"].insert(0, None)
    raw["cells"][5]["source"] += "\ud800"
    raw["cells"][5]["outputs"] = "not a list"
    raw["metadata"] = ["x"]
    nb = read_notebook(("\ufeff" + json.dumps(raw)).encode())
    nbformat.validate(nb)
    assert [c.source for c in nb.cells][:2] == ["", "ab"]
    factory.to_bytes(nb)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_words(content: bytes) -> None:
    try:
        read_notebook(content)
    except Unreadable as error:
        assert not error.reason.isascii()


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["cell_type", "source", "metadata", "id", "nbgrader", "grade_id", "x"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.lists(_json, max_size=6), _json)
def test_any_json_cells_are_read_or_refused_in_words(cells, metadata) -> None:
    content = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}).encode()
    got = read_or_none(content)
    if got is not None:
        nbformat.validate(got)


def read_or_none(content: bytes):
    try:
        return read_notebook(content)
    except Unreadable:
        return None


# --- takara check --------------------------------------------------------------------------------


def workspace(folder: Path, nb) -> Path:
    (folder / "waits.csv").write_text(factory.DATA)
    path = folder / "ps.ipynb"
    for cell in nb.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"]["checksum"] = "0" * 32
    nbformat.write(nb, path)
    return path


def test_check_with_the_visible_tests_of_the_own_notebook(tmp_path: Path) -> None:
    path = workspace(
        tmp_path, factory.spoiled(lambda nb: None, {"q1-answer": "mean_wait = 1", "q2-answer": "rate = 3"})
    )
    before = path.read_bytes()
    record = check_notebook(path)
    assert {r.grade_id: r.status for r in record.results} == {
        "q1-test": Status.PASS,  # its hidden test is not here
        "q2-test": Status.ERROR,
        "q3-written": Status.BLANK,
    }
    assert "関数ではないもの" in result_message(record, "q2-test")
    assert path.read_bytes() == before


def test_check_against_the_release_mends_changed_tests(tmp_path: Path) -> None:
    release = workspace(tmp_path, factory.release_of(SOURCE)).rename(tmp_path / "release.ipynb")
    nb = factory.hand_in_of(SOURCE, {"q2-answer": "def rate(a, b): return 0"})
    factory.cell_of(nb, "q2-test").source = "assert True"
    record = check_notebook(workspace(tmp_path, nb), release=release)
    assert next(r.status for r in record.results if r.grade_id == "q2-test") is Status.FAIL
    assert record.repairs


@pytest.mark.parametrize("content", [b"", b"{}", of_another_course()])
def test_check_says_what_is_wrong_with_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as error:
        check_notebook(path)
    assert not str(error.value).isascii()


def test_check_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="開けません"):
        check_notebook(tmp_path / "none.ipynb")


def test_a_learners_machine_needs_no_nbgrader(repo: Path) -> None:
    """The core of the grading, and the helpers in test cells, import none of the instructor's tools."""
    program = (
        "import sys\n"
        "for name in ('nbgrader', 'nbconvert', 'sqlalchemy', 'nh3'): sys.modules[name] = None\n"
        "import autograder.checks, autograder.grading.grade"
    )
    subprocess.run([sys.executable, "-c", program], cwd=repo, check=True)

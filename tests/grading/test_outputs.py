"""What a kernel says becomes a cell's outputs: merged, bounded, and well formed whatever was sent."""

from __future__ import annotations

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.grading.outputs import TOO_MUCH, Outputs


@pytest.fixture
def cell() -> NotebookNode:
    return nbformat.v4.new_code_cell("x")


def told(cell: NotebookNode, *messages: tuple[str, dict], at_most: int = 10_000) -> list[NotebookNode]:
    outputs = Outputs()
    outputs.begin(cell, at_most)
    for kind, content in messages:
        outputs.hear(kind, content)
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
    return cell.outputs


def stream(text: str, name: str = "stdout") -> tuple[str, dict]:
    return "stream", {"name": name, "text": text}


def test_pieces_of_a_stream_are_put_together(cell: NotebookNode) -> None:
    got = told(cell, stream("a"), stream("b\n"), stream("!", "stderr"), stream("c"), stream(""))
    assert [(o.name, o.text) for o in got] == [("stdout", "ab\n"), ("stderr", "!"), ("stdout", "c")]


def test_outputs_of_before_are_gone(cell: NotebookNode) -> None:
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="old")]
    assert told(cell) == []


def test_results_displays_and_errors(cell: NotebookNode) -> None:
    data = {"text/plain": "1", "application/json": {"a": [1]}}
    got = told(
        cell,
        ("display_data", {"data": data, "metadata": {}, "transient": {}}),
        ("execute_result", {"data": {"text/plain": "2"}, "metadata": {}, "execution_count": 3}),
        ("error", {"ename": "E", "evalue": "no", "traceback": ["E: no"]}),
    )
    assert [o.output_type for o in got] == ["display_data", "execute_result", "error"]
    assert got[0].data == data and got[1].execution_count == 3 and got[2].traceback == ["E: no"]


def test_a_display_is_updated_also_from_a_later_cell(cell: NotebookNode) -> None:
    shown = {"transient": {"display_id": "d"}, "metadata": {}}
    outputs, later = Outputs(), nbformat.v4.new_code_cell("y")
    outputs.begin(cell, 1000)
    outputs.hear("display_data", {"data": {"text/plain": "old"}, **shown})
    outputs.begin(later, 1000)
    outputs.hear("update_display_data", {"data": {"text/plain": "new"}, **shown})
    assert cell.outputs[0].data == {"text/plain": "new"} and later.outputs == []


@pytest.mark.parametrize(("wait", "expected"), [(False, []), (True, ["a"])])
def test_clearing(cell: NotebookNode, wait: bool, expected: list[str]) -> None:
    got = told(cell, stream("a"), ("clear_output", {"wait": wait}))
    assert [o.text for o in got] == expected
    got = told(cell, stream("a"), ("clear_output", {"wait": wait}), stream("b"))
    assert [o.text for o in got] == ["b"]


def test_what_is_too_much_is_cut_once(cell: NotebookNode) -> None:
    got = told(cell, stream("a" * 50), stream("b" * 50), stream("c"), at_most=80)
    assert [o.text for o in got] == ["a" * 50 + TOO_MUCH]
    assert [o.text for o in told(cell, stream("a"), ("too_much", {}), stream("b"))] == ["a" + TOO_MUCH]


def test_what_was_said_is_counted_up_to_the_bound(cell: NotebookNode) -> None:
    outputs = Outputs()
    outputs.begin(cell, 80)
    outputs.hear(*stream("a" * 50))
    assert 50 <= outputs.said < 80
    outputs.hear(*stream("b" * 500))
    assert outputs.said == 80


@pytest.mark.parametrize(
    "message",
    [
        ("stream", {"name": 5, "text": None}),
        ("stream", {}),
        ("display_data", {"data": {"text/plain": {"a": [1]}, "image/png": 5}}),
        ("display_data", {"data": "x", "metadata": 3, "transient": 4}),
        ("execute_result", {"data": {}, "metadata": [], "execution_count": "x"}),
        ("error", {"ename": 3, "evalue": None, "traceback": "abc"}),
        ("update_display_data", {"data": {}, "transient": {"display_id": []}}),
        ("clear_output", {}),
        ("nonsense", {"x": 1}),
    ],
)
def test_nonsense_leaves_a_valid_notebook(cell: NotebookNode, message: tuple[str, dict]) -> None:
    told(cell, message)

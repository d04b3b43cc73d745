"""A cell's outputs, made of what a kernel says while the cell runs; never more than was agreed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode

__all__ = ["TOO_MUCH", "Outputs", "error_output", "size"]

TOO_MUCH = "\n…（出力が多いため、ここから後は省きました）\n"


def size(content: Any) -> int:
    """How much a message says: characters, roughly."""
    if isinstance(content, str | bytes):
        return len(content)
    if isinstance(content, Mapping):
        return sum(map(size, content.values()))
    if isinstance(content, list | tuple):
        return sum(map(size, content))
    return 8


def error_output(ename: str, evalue: str, traceback: list[str] | None = None) -> NotebookNode:
    """An output of type "error"."""
    lines = traceback or [f"{ename}: {evalue}"]
    return NotebookNode(output_type="error", ename=ename, evalue=evalue, traceback=lines)


class Outputs:
    """Takes Jupyter's messages and keeps the outputs of one notebook's cells.

    What a message lacks, or has in a wrong type, is left out: the learner's code can send anything.
    """

    def __init__(self) -> None:
        self._displays: dict[str, list[NotebookNode]] = {}
        self._outputs: list[NotebookNode] = []
        self._clear_first = False
        self._left = 0
        self.said = 0

    def begin(self, cell: NotebookNode, at_most: int) -> None:
        """From here on everything belongs to this cell; what is said beyond ``at_most`` is dropped."""
        self._outputs = cell.outputs = []
        self._clear_first = False
        self._left, self.said = at_most, 0

    def hear(self, kind: str, content: Mapping[str, Any]) -> None:
        """Take a message."""
        if self._left < 0:
            return
        if kind == "clear_output":
            self._clear_first = bool(content.get("wait"))
            if not self._clear_first:
                self._outputs.clear()
            return
        used = size(content)
        self.said += min(used, self._left)
        self._left -= used
        if self._left < 0 or kind == "too_much":
            self._left = -1
            self._stream("stdout", TOO_MUCH)
            return
        if kind == "update_display_data":
            self._update(content)
            return
        if self._clear_first:
            self._outputs.clear()
            self._clear_first = False
        if kind == "stream":
            name = "stderr" if content.get("name") == "stderr" else "stdout"
            self._stream(name, str(content.get("text", "")))
        elif kind == "error":
            lines = content.get("traceback")
            told = [str(line) for line in lines] if isinstance(lines, list) else None
            self._outputs.append(
                error_output(str(content.get("ename", "")), str(content.get("evalue", "")), told)
            )
        elif kind in ("display_data", "execute_result"):
            self._rich(kind, content)

    def _stream(self, name: str, text: str) -> None:
        last = self._outputs[-1] if self._outputs else None
        if last is not None and last.output_type == "stream" and last.name == name:
            last.text += text
        elif text:
            self._outputs.append(NotebookNode(output_type="stream", name=name, text=text))

    def _rich(self, kind: str, content: Mapping[str, Any]) -> None:
        output = NotebookNode(
            output_type=kind, data=_data(content), metadata=_mapping(content.get("metadata"))
        )
        if kind == "execute_result":
            count = content.get("execution_count")
            output.execution_count = count if isinstance(count, int) else None
        name = _mapping(content.get("transient")).get("display_id")
        if isinstance(name, str):
            self._displays.setdefault(name, []).append(output)
        self._outputs.append(output)

    def _update(self, content: Mapping[str, Any]) -> None:
        for output in self._displays.get(str(_mapping(content.get("transient")).get("display_id")), ()):
            output.data, output.metadata = _data(content), _mapping(content.get("metadata"))


def _data(content: Mapping[str, Any]) -> NotebookNode:
    """The MIME bundle: text, but for JSON."""
    return NotebookNode(
        {
            kind: value
            for kind, value in _mapping(content.get("data")).items()
            if isinstance(value, str) or kind.endswith("json")
        }
    )


def _mapping(value: Any) -> NotebookNode:
    return _noded(value) if isinstance(value, Mapping) else NotebookNode()


def _noded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return NotebookNode({str(k): _noded(v) for k, v in value.items()})
    return value

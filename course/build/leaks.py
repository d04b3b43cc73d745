"""Finds what learners must not get (solutions, hidden tests, model answers, rubrics) in what they do get."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import directives, stub
from .assignment import SECRET_KINDS, Assignment

#: A shorter line says nothing that only a solution says (``return total``, ``plt.show()``).
SHORTEST = 16
_ARCHIVES = (".zip", ".whl", ".apkg")
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class Leak:
    """One secret line in one file."""

    path: str  # "dist/takara.whl!autograder/materials/…"
    line: str

    def __str__(self) -> str:
        return f"{self.path}: {self.line}"


def secrets_of(assignment: Assignment, public: Iterable[str] = ()) -> frozenset[str]:
    """Lines that only the author's text may hold.

    Solutions, hidden tests, model answers, rubrics, explanations and planted wrong answers; without lines
    that learners see anyway: in this assignment's visible cells, hints and stubs, or in ``public`` texts (the
    lessons).
    """
    secret: list[str] = []
    seen: list[str] = list(public)
    for cell in assignment.text.cells:
        kind = cell.role.kind if cell.role else ""
        if kind in ("answer", "test"):
            begin, end = (
                (stub.BEGIN_SOLUTION, stub.END_SOLUTION)
                if kind == "answer"
                else (stub.BEGIN_HIDDEN, stub.END_HIDDEN)
            )
            marked = stub.regions(cell.source, begin, end)
            if kind == "answer" and not marked:
                secret.append(cell.source)
            else:
                secret.append(stub.inside(cell.source, marked))
                seen.append(stub.replaced(cell.source, marked, ""))
        elif kind in ("wrong", "written"):
            secret.append(cell.source)
        else:
            seen.append(_shown_prose(cell.source) if cell.kind == "markdown" else cell.source)
    for question in assignment.questions.values():
        secret += [*question.why, *question.rubric]
        seen += question.hints
        if question.answer is not None:  # signatures and docstrings that the stub keeps
            source = stub.with_stub(question.answer.source, question.names)
            marked = stub.regions(source, stub.BEGIN_SOLUTION, stub.END_SOLUTION)
            seen.append(stub.replaced(source, marked, ""))
    known = "\n".join(seen)
    lines = {line.strip() for text in secret for line in text.split("\n")}
    return frozenset(line for line in lines if _telling(line) and line not in known)


def leaks(path: Path, secrets: Iterable[str]) -> list[Leak]:
    """Every secret line in a file or folder; archives (zip, wheel, tar) are looked into, however deep."""
    wanted = sorted(secrets)
    found = []
    for name, content in _contents(path):
        text = _readable(name, content)
        found.extend(Leak(name, line) for line in wanted if line in text)
    return found


def _telling(line: str) -> bool:
    return len(line) >= SHORTEST and not line.startswith(("import ", "from ", ":::", "###", "```"))


def _shown_prose(markdown: str) -> str:
    return directives.replace(markdown, lambda d: None if d.kind in SECRET_KINDS else d.body)


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        yield from _opened(file.as_posix(), file.read_bytes())


def _opened(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    if name.endswith(_ARCHIVES):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                if not member.endswith("/"):
                    yield from _opened(f"{name}!{member}", archive.read(member))
    elif name.endswith(_TARS):
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for entry in archive:
                if entry.isfile():
                    yield from _opened(f"{name}!{entry.name}", archive.extractfile(entry).read())
    else:
        yield name, content


def _readable(name: str, content: bytes) -> str:
    """The file's text; of JSON (notebooks too) every string as it was before it was escaped."""
    text = content.decode("utf-8", errors="ignore")
    if name.endswith((".ipynb", ".json")):
        try:
            return text + "\n" + "\n".join(_strings(json.loads(text)))
        except ValueError:
            return text
    return text


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)

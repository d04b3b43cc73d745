"""Bad files among the hand-ins: each gets its clear line, the others are graded, the status says partial."""

from __future__ import annotations

import copy
import csv
import json
import stat
import sys
import zipfile
from pathlib import Path

import factory
import nbformat
import pytest
import typer.testing

from autograder import cli
from autograder.grading import command

#: file → (what is in it, what its line must say)
BAD: dict[str, tuple[bytes, str]] = {
    "a-no-json/ps.ipynb": (b"this is no JSON", "JSON"),
    "b-cut-off/ps.ipynb": (factory.to_bytes(factory.source_notebook())[:900], "途中で切れている"),
    "c-no-notebook/ps.ipynb": (b'{"name": "Tanaka", "points": 100}', "ノートブックではありません"),
    "d-a-list/ps.ipynb": (b"[1, 2, 3]", "ノートブックではありません"),
    "e-empty/ps.ipynb": (b"", "空のファイル"),
    "f-cp932/ps.ipynb": ('{"cells": [], "nbformat": 4, "x": "窓口"}'.encode("cp932"), "UTF-8"),
    "g-zip-in-disguise/ps.ipynb": (b"PK\x03\x04abc", "圧縮ファイル"),
    "h-future/ps.ipynb": (b'{"cells": [], "nbformat": 9, "metadata": {}}', "新しすぎる形式"),
    "i-no-cells/ps.ipynb": (b'{"cells": [], "nbformat": 4, "metadata": {}}', "セルが1つもない"),
    "i-web-page/ps.ipynb": ("<!DOCTYPE html><title>ログイン</title>".encode(), "ウェブページ"),
    "j-word/answer.docx": (b"PK", "ノートブック（.ipynb）が入っていません"),
}  # fmt: skip


def other_course() -> bytes:
    nb = nbformat.v4.new_notebook()
    nb.cells = [nbformat.v4.new_code_cell("print('別の講座')"), nbformat.v4.new_markdown_cell("# 別の講座")]
    return factory.to_bytes(nb)


def version_3(nb: nbformat.NotebookNode) -> bytes:
    """The same notebook as IPython 1.0 wrote it."""
    return nbformat.writes(nbformat.convert(copy.deepcopy(nb), 3), version=3).encode()


@pytest.fixture
def course(tmp_path: Path) -> Path:
    folder = tmp_path / "course" / "source" / "ps"
    folder.mkdir(parents=True)
    nbformat.write(factory.source_notebook(), folder / "ps.ipynb")
    (folder / "waits.csv").write_text(factory.DATA)
    return tmp_path / "course"


def rows(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((out / "grades.csv").read_text("utf-8-sig").splitlines()))


def test_a_folder_full_of_bad_files(tmp_path: Path, course: Path, capsys: pytest.CaptureFixture) -> None:
    good = factory.hand_in_of(factory.source_notebook())
    bad = {**BAD, "k-other-course/ps.ipynb": (other_course(), "ではないようです")}
    files = {name: content for name, (content, _) in bad.items()}
    files |= {"y-version-3/ps.ipynb": version_3(good), "z-good/ps.ipynb": factory.to_bytes(good)}
    hand_ins = tmp_path / "hand-ins"
    for name, content in files.items():
        path = hand_ins / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (hand_ins / "l-huge").mkdir()
    with (hand_ins / "l-huge" / "ps.ipynb").open("wb") as stream:
        stream.truncate(200_000_000)
    expected = {name.removesuffix("/answer.docx"): says for name, (_, says) in bad.items()}
    expected["l-huge/ps.ipynb"] = "200 MB"
    if sys.platform != "win32":
        (hand_ins / "m-link").mkdir()
        (hand_ins / "m-link" / "ps.ipynb").symlink_to("/etc/passwd")
        expected["m-link/ps.ipynb"] = "リンク"

    status = command.grade(hand_ins, out=tmp_path / "out", course=course, workers=2)
    assert status == command.PARTIAL

    shown = capsys.readouterr().out
    table = rows(tmp_path / "out")
    graded = {r["learner"]: r["points"] for r in table if r["status"] == "graded"}
    assert graded == {"y-version-3": "5", "z-good": "5"}
    assert "nbformat 3" in next(r["repairs"] for r in table if r["learner"] == "y-version-3")
    rejected = {r["file"]: r for r in table if r["status"] == "rejected"}
    assert set(rejected) == set(expected)
    for name, says in expected.items():
        row = rejected[name]
        assert says in row["reason"], name
        assert row["learner"] == name.split("/")[0]
        assert row["points"] == ""
        assert row["reason"] in shown and row["file"] in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "out" / "submitted" / "m-link").exists()


def test_a_zip_that_wants_out(tmp_path: Path, course: Path) -> None:
    good = factory.to_bytes(factory.hand_in_of(factory.source_notebook()))
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr("../outside/ps.ipynb", good)
        archive.writestr("/tmp/absolute/ps.ipynb", good)
        link = zipfile.ZipInfo("linked/ps.ipynb")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "../../course/source/ps/ps.ipynb")
        archive.writestr("good/ps.ipynb", good)
    before = sorted(p.name for p in tmp_path.iterdir())
    status = command.grade(tmp_path / "class.zip", out=tmp_path / "out", course=course, workers=1)
    assert status == command.PARTIAL
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*before, "out"])
    table = rows(tmp_path / "out")
    assert [(r["learner"], r["points"]) for r in table if r["status"] == "graded"] == [("good", "5")]
    assert sum(r["status"] == "rejected" for r in table) == 3


def test_an_empty_zip_says_so_and_writes_nothing_graded(
    tmp_path: Path, course: Path, capsys: pytest.CaptureFixture
) -> None:
    with zipfile.ZipFile(tmp_path / "class.zip", "w"):
        pass
    assert command.grade(tmp_path / "class.zip", out=tmp_path / "out", course=course) == command.USAGE
    assert "空のzipファイルです" in capsys.readouterr().err
    assert not (tmp_path / "out" / "grades.csv").exists()


def test_only_bad_files(tmp_path: Path, course: Path) -> None:
    (tmp_path / "hand-ins" / "ken").mkdir(parents=True)
    (tmp_path / "hand-ins" / "ken" / "ps.ipynb").write_bytes(b"{")
    assert command.grade(tmp_path / "hand-ins", out=tmp_path / "out", course=course) == command.PARTIAL
    assert [r["status"] for r in rows(tmp_path / "out")] == ["rejected"]
    assert "採点できた提出物はありません" in (tmp_path / "out" / "report.html").read_text("utf-8")


HOSTILE = (
    {
        "cells": [{"cell_type": "code", "source": 7, "metadata": [], "outputs": "x"}],
        "nbformat": 4,
        "metadata": None,
    },
    {
        "cells": [None, 1, "x", {}],
        "nbformat": 4,
        "nbformat_minor": "?",
        "metadata": {"takara": {"assignment": 3}},
    },
    {"cells": {"a": 1}, "nbformat": 4, "metadata": {"takara": ["ps"]}},
    {"worksheets": [{"cells": [{"cell_type": "heading"}]}], "nbformat": 3, "metadata": {}},
    {"worksheets": 5, "nbformat": 2},
    {
        "cells": [{"cell_type": "code", "source": [], "metadata": {"nbgrader": "q1"}, "id": 5}],
        "nbformat": 4.5,
    },
)


@pytest.mark.parametrize("raw", HOSTILE, ids=range(len(HOSTILE)))
def test_notebooks_of_the_wrong_shape_are_rejected_one_by_one(tmp_path: Path, raw: dict) -> None:
    from autograder.grading.collect import collect

    folder = tmp_path / "ken"
    folder.mkdir()
    (folder / "ps.ipynb").write_text(json.dumps(raw))
    found = collect(tmp_path, {"ps": factory.spec_of(factory.source_notebook())})
    assert not found.hand_ins
    assert [r.learner for r in found.rejected] == ["ken"]
    assert found.rejected[0].reason and "Error" not in found.rejected[0].reason


def test_the_takara_command_ends_with_the_same_status(tmp_path: Path, course: Path) -> None:
    (tmp_path / "hand-ins" / "ken").mkdir(parents=True)
    (tmp_path / "hand-ins" / "ken" / "ps.ipynb").write_bytes(b"{")
    result = typer.testing.CliRunner().invoke(
        cli.app,
        ["grade", str(tmp_path / "hand-ins"), "--out", str(tmp_path / "out"), "--course", str(course)],
    )
    assert result.exit_code == command.PARTIAL, result.output

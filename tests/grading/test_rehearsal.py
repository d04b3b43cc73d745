"""The instructor's own notebook is run once: the parent imports what a class will import on the way."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import factory
import pytest

from autograder.grading import classroom
from autograder.grading.jupyter_kernel import jupyter_kernel
from autograder.grading.kernel_setup import prepared
from autograder.grading.rehearsal import imported_on_the_way
from autograder.grading.run import run
from autograder.grading.spec import from_notebook

#: What a function of a package does when it is first called: no import statement tells of it.
LAZY = "table = __import__('{}')"


def spec_of(*sources: str):
    cells = [factory.given(f"g{n}", source) for n, source in enumerate(sources)]
    notebook = factory.notebook(*cells, factory.test("q1-test", 1, "assert table"))
    return from_notebook(notebook, assignment="ps", notebook="ps")


def test_what_the_cells_import_is_found(tmp_path: Path) -> None:
    (tmp_path / "given.csv").write_text("a")
    spec = spec_of("open('given.csv').close()", LAZY.format("colorsys"), "1 / 0", LAZY.format("sndhdr"))
    found = imported_on_the_way(spec, tmp_path, jupyter_kernel())
    assert {"colorsys", "sndhdr"} <= found
    assert "json" not in found, "every kernel has that"


def test_a_notebook_that_ends_its_kernel_tells_nothing() -> None:
    spec = spec_of(LAZY.format("colorsys"), "import os; os._exit(1)")
    assert imported_on_the_way(spec, None, jupyter_kernel()) == set()


@pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")
def test_the_parent_has_it_before_the_first_hand_in(tmp_path: Path) -> None:
    spec = spec_of(LAZY.format("colorsys"))
    asked = factory.notebook(factory.code("import sys; print('colorsys' in sys.modules)"))

    with prepared([spec], sandbox="none", rehearse={"ps": tmp_path}) as ready:
        kernel = ready().starter()

        def is_there() -> bool:
            return run(asked, kernel=kernel).nb.cells[0].outputs[0].text.strip() == "True"

        until = time.monotonic() + 60
        while not is_there() and time.monotonic() < until:  # the first hand-ins do not wait for it
            time.sleep(0.1)
        assert is_there()
    with prepared([spec], sandbox="none") as ready:
        time.sleep(0.5)
        assert "False" in run(asked, kernel=ready().starter()).nb.cells[0].outputs[0].text


@pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")
def test_a_rehearsal_never_holds_up_the_end(tmp_path: Path) -> None:
    began = time.monotonic()
    with prepared(
        [spec_of("import time; time.sleep(9)")], sandbox="none", rehearse={"ps": tmp_path}
    ) as ready:
        ready()
        started = time.monotonic()
    assert time.monotonic() - started < 8, f"of {time.monotonic() - began:.1f}"


def test_nbgrader_is_imported_while_the_parent_starts_not_before() -> None:
    """It takes a second, which nobody should wait for."""
    code = "import sys, autograder.grading.classroom; from autograder.grading.command import *; print('nbgrader' in sys.modules)"  # noqa: E501
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
    source = Path(classroom.__file__).with_name("command.py").read_text(encoding="utf-8")
    assert (
        "grading.writer" not in source and "nbgrader." not in source.split("def grade(")[1].split("def ")[0]
    )

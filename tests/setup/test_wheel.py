"""The wheel: it holds what a learner needs and nothing else, and works with no clone in sight."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from hatchling.builders.wheel import WheelBuilder

from course.build.leaks import leaks
from tests.setup.clones import ROOT, clone_files, copy_clone
from tests.setup.servers import fetch, free_port, serving

MATERIALS = PurePosixPath("autograder/materials")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from what a clone holds."""
    clone = copy_clone(tmp_path_factory.mktemp("clone"))
    (built,) = WheelBuilder(str(clone)).build(
        directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"]
    )
    return Path(built)


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[PurePosixPath]:
    """Every file in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {PurePosixPath(name) for name in archive.namelist()}


def test_carries_the_learners_materials(names: set[PurePosixPath]) -> None:
    moved = {
        "course/notebooks": "course/notebooks",
        "assignments/release": "assignments",
        "datasets": "datasets",
    }
    for folder, place in moved.items():
        wanted = {
            MATERIALS / place / name.relative_to(folder).as_posix()
            for name in clone_files(ROOT)
            if name.is_relative_to(folder)
            and name.suffix not in (".py", ".yaml")
            and "instructor" not in name.parts
        }
        assert wanted, f"nothing in {folder}"
        assert wanted == {name for name in names if name.is_relative_to(MATERIALS / place)}
    notebooks = {name.name for name in names if name.is_relative_to(MATERIALS / "course/notebooks")}
    assert {"00-start.ipynb", "02-read-data.ipynb", "03-predict.ipynb"} <= notebooks
    for name in ("ps2", "ps3"):
        assert MATERIALS / "assignments" / name / f"{name}.ipynb" in names


def test_carries_the_exam_which_no_workspace_gets(names: set[PurePosixPath]) -> None:
    wanted = {
        MATERIALS / name.as_posix()
        for name in clone_files(ROOT)
        if name.is_relative_to("course/exam") and name.suffix == ".yaml"
    }
    assert {MATERIALS / "course/exam" / name for name in ("syllabus.yaml", "blueprints.yaml")} < wanted
    assert len([name for name in wanted if name.parent.name == "questions"]) == 55
    assert wanted == {name for name in names if name.is_relative_to(MATERIALS / "course/exam")}


def test_carries_the_package_with_its_settings_and_licences(names: set[PurePosixPath]) -> None:
    package = {PurePosixPath(name.as_posix()) for name in clone_files(ROOT) if name.parts[0] == "autograder"}
    assert package == {name for name in names if name.parts[0] == "autograder"} - {
        name for name in names if name.is_relative_to(MATERIALS)
    }
    assert PurePosixPath("autograder/learner/jupyter_config/labconfig/page_config.json") in names
    licences = {name.name for name in names if "licenses" in name.parts}
    assert licences == {"LICENSE", "LICENSE-CONTENT"}


def test_carries_nothing_else(names: set[PurePosixPath]) -> None:
    (information,) = {name.parts[0] for name in names} - {"autograder"}
    assert re.fullmatch(r"takara-[0-9.]+\.dist-info", information)
    for part in (
        "text",
        "source",
        "solutions",
        "tests",
        "sessions",
        "instructor",
        "build",
        ".ipynb_checkpoints",
        "__pycache__",
    ):
        assert not [name for name in names if part in name.parts], part


def test_holds_no_answer(wheel: Path, secrets: frozenset[str]) -> None:
    assert [str(leak) for leak in leaks(wheel, secrets)] == []


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment with this wheel; the third-party packages are those of the tests' environment."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True, timeout=120)
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "--no-deps",
            "--no-index",
            str(wheel),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    (site,) = venv.glob("**/site-packages")
    # Adds the folder only: .pth files inside it (an editable install of this clone) are not followed.
    (site / "third_party.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv


def away(home: Path) -> dict[str, str]:
    """An environment that knows nothing of the clone."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return {**kept, "HOME": str(home), "USERPROFILE": str(home), "PYTHONIOENCODING": "utf-8"}


def takara(installed: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command far from the clone."""
    command = installed / ("Scripts/takara.exe" if os.name == "nt" else "bin/takara")
    return subprocess.run(
        [str(command), *arguments],
        cwd=home,
        env=away(home),
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


def test_help_and_a_workspace_with_no_clone_in_sight(
    installed: Path, tmp_path: Path, secrets: frozenset[str]
) -> None:
    where = subprocess.run(
        [str(installed / "bin/python"), "-c", "import autograder; print(autograder.__file__)"],
        cwd=tmp_path,
        env=away(tmp_path),
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert Path(where).is_relative_to(installed)

    done = takara(installed, tmp_path, "--help")
    assert done.returncode == 0, done.stderr
    for command in ("lab", "init", "check", "grade", "doctor", "exam", "review"):
        assert command in done.stdout
    assert "教材" in done.stdout

    done = takara(installed, tmp_path, "init")
    assert done.returncode == 0, done.stderr
    workspace = tmp_path / "takara"
    assert (workspace / "course/notebooks/00-start.ipynb").is_file()
    assert (workspace / "assignments/ps2/ps2.ipynb").is_file()
    assert (workspace / "datasets/window_visits.csv").is_file()
    assert (workspace / "datasets/messy/window_daily_r6.csv").is_file()
    assert [str(leak) for leak in leaks(workspace, secrets)] == []

    assert not (workspace / "course/exam").exists()

    done = takara(installed, tmp_path, "exam", "--item", "T14", "--count", "1")
    assert done.returncode == 0, done.stderr
    assert "■ 一問一答　1/1" in done.stdout
    assert (workspace / "takara-exam.sqlite3").is_file()

    edited = workspace / "course/notebooks/02-read-data.ipynb"
    notebook = json.loads(edited.read_text(encoding="utf-8"))
    notebook["cells"][0]["source"] = ["私のメモ"]
    edited.write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")
    assert takara(installed, tmp_path, "init").returncode == 0
    assert "私のメモ" in edited.read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="ends the server by a POSIX signal")
def test_takara_lab_opens_the_start_page_in_japanese(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    page = f"http://127.0.0.1:{port}/api"
    command = [str(installed / "bin/takara"), "lab", "--no-browser", "--port", str(port)]
    log = tmp_path / "lab.log"
    with serving(command, page, cwd=tmp_path, env=away(tmp_path), log=log):
        runtime = Path(os.environ["JUPYTER_RUNTIME_DIR"])
        (server,) = [
            info
            for info in (json.loads(path.read_text()) for path in runtime.glob("jpserver-*.json"))
            if info["port"] == port
        ]
        token = server["token"]
        base = f"http://127.0.0.1:{port}"
        assert Path(server["root_dir"]) == (tmp_path / "takara").resolve()
        setting = fetch(f"{base}/lab/api/settings/@jupyterlab/translation-extension:plugin?token={token}")
        assert json.loads(setting)["schema"]["properties"]["locale"]["default"] == "ja_JP"
        listing = fetch(f"{base}/api/contents/course/notebooks/00-start.ipynb?content=0&token={token}")
        assert json.loads(listing)["type"] == "notebook"

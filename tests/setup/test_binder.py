"""Binder: repo2docker renders our files, and what it would build runs a lesson and holds no answer."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import repo2docker
from packaging.utils import canonicalize_name

from course.build.leaks import leaks
from tests.setup.clones import ROOT, copy_clone
from tests.setup.servers import fetch, free_port, serving

# What of the base image's own environment our package builds on (the rest of its lock file comes with these).
BASE = (
    "ipykernel",
    "ipython",
    "ipywidgets",
    "jupyter_client",
    "jupyter_server",
    "jupyterlab",
    "jupyterlab_server",
    "jupyterlab_widgets",
    "nbclient",
    "nbconvert",
    "nbformat",
    "notebook",
    "psutil",
    "setuptools",
    "tornado",
    "traitlets",
    "widgetsnbextension",
)


def base_versions() -> dict[str, str]:
    """Versions that repo2docker's base image has for the Python we ask for."""
    wanted = (ROOT / "binder" / "runtime.txt").read_text().strip().replace("python-", "py-")
    folder = Path(repo2docker.__file__).parent / "buildpacks" / "conda"
    lock = (folder / f"environment.{wanted}-linux-64.lock").read_text()
    found = dict(re.findall(r"/([A-Za-z0-9_.-]+?)-(\d[^-/]*)-[^-/]+\.conda", lock))
    found["nbconvert"] = found["nbconvert-core"]
    return {name: found[name] for name in BASE}


def test_repo2docker_renders_our_files(tmp_path: Path) -> None:
    clone = copy_clone(tmp_path / "takara")
    done = subprocess.run(
        [sys.executable, "-m", "repo2docker", "--no-build", "--debug", "."],
        cwd=clone,
        capture_output=True,
        text=True,
        timeout=120,
    )
    dockerfile = done.stdout + done.stderr
    assert done.returncode == 0, dockerfile[-2000:]
    assert "python=3.11" in dockerfile
    order = [
        "COPY --chown=0:0 src/binder/requirements.txt ${REPO_DIR}/binder/requirements.txt",
        'pip install --no-cache-dir -r "binder/requirements.txt"',
        "COPY --chown=0:0 src/ ${REPO_DIR}/",  # after the packages: they stay cached when a lesson changes
        "RUN ./binder/postBuild",
        'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"',
    ]
    places = [dockerfile.find(line) for line in order]
    assert -1 not in places and places == sorted(places), list(zip(order, places, strict=True))


def test_no_jupyter_of_the_base_image_is_installed_again() -> None:
    lines = (ROOT / "binder" / "requirements.txt").read_text().splitlines()
    asked = {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}
    assert asked.isdisjoint(canonicalize_name(name) for name in BASE)
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in lines
    assert not [name for name in asked if name.startswith("nvidia")]


def test_postbuild_refuses_to_empty_an_ordinary_clone(tmp_path: Path) -> None:
    clone = copy_clone(tmp_path / "takara")
    before = sorted(clone.rglob("*"))
    environment = {name: value for name, value in os.environ.items() if name != "REPO_DIR"}
    done = subprocess.run(
        ["bash", "binder/postBuild"], cwd=clone, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1 and "REPO_DIR" in done.stderr
    assert sorted(clone.rglob("*")) == before


RUN_LESSON = """
import nbclient, nbformat, sys
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=300).execute()
outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
errors = [output.text for output in outputs if output.get("name") == "stderr"]
figures = [output for output in outputs if "image/png" in output.get("data", {})]
print(len(outputs), "outputs,", len(figures), "figures")
if errors:
    sys.exit("".join(errors))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Binder is Linux")
def test_the_image_runs_session_2_and_holds_no_answer(tmp_path: Path, secrets: frozenset[str]) -> None:
    home = copy_clone(tmp_path / "jovyan")
    venv = tmp_path / "venv"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER_", "PYTHON"))},
        "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "REPO_DIR": str(home),
        "LC_ALL": "C.UTF-8",
        "PIP_NO_COMPILE": "1",  # a third of the time, and most of it never imported
    }
    # pip's own settings and cache are the person's
    for name, default in (("PIP_CACHE_DIR", "~/.cache/pip"), ("PIP_CONFIG_FILE", "~/.config/pip/pip.conf")):
        environment.setdefault(name, os.path.expanduser(default))
    if not Path(environment["PIP_CONFIG_FILE"]).exists():
        del environment["PIP_CONFIG_FILE"]

    def run(*command: str, cwd: Path = home) -> str:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=900,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}"
        return done.stdout

    # The base image's environment, then our layer. The extra index is left out where torch's CPU wheel is
    # to be had from pip's own settings, as on a machine that reaches no other host.
    run(sys.executable, "-m", "venv", str(venv), cwd=tmp_path)
    requirements = (home / "binder" / "requirements.txt").read_text()
    torch = re.search(r"^torch==.*$", requirements, re.M).group()
    local = subprocess.run(
        [str(venv / "bin/python"), "-m", "pip", "install", "--dry-run", "--no-deps", torch],
        env=environment,
        capture_output=True,
    )
    if local.returncode == 0:
        requirements = re.sub(r"^--extra-index-url.*\n", "", requirements, flags=re.M)
    stripped = tmp_path / "requirements.txt"
    stripped.write_text(requirements)
    base = [f"{name}=={version}" for name, version in base_versions().items()]
    run("python", "-m", "pip", "install", "-q", *base, "-r", str(stripped), cwd=tmp_path)
    before = run("python", "-m", "pip", "freeze")

    run("bash", "binder/postBuild")
    after = run("python", "-m", "pip", "freeze")
    assert set(after.splitlines()) - set(before.splitlines()) == {
        line for line in after.splitlines() if line.startswith("takara")
    }
    run("python", "-m", "pip", "check")  # the base image's Jupyter is new enough for us
    assert not re.search(r"^(nvidia-|triton)", after, re.M | re.I)

    # What a learner finds, and does not find
    visible = {path.name for path in home.iterdir() if not path.name.startswith(".")}
    assert visible == {"LICENSE", "LICENSE-CONTENT", "assignments", "binder", "course", "datasets"}
    assert [path.name for path in (home / "binder").iterdir()] == ["start"]
    assert not (home / ".git").exists() and not (home / ".ci").exists()
    assert (home / "assignments/ps2/ps2.ipynb").is_file()
    assert [str(leak) for leak in leaks(home, secrets)] == []
    (site,) = venv.glob("lib/python3*/site-packages")
    assert [str(leak) for leak in leaks(site / "autograder", secrets)] == []

    # A lesson runs, from the place and in the environment Binder gives it
    start = ["bash", str(home / "binder" / "start")]
    said = run(*start, "python", "-c", RUN_LESSON, "02-read-data.ipynb", cwd=home / "course" / "notebooks")
    assert re.search(r"[1-9]\d* outputs, [1-9]\d* figures", said), said

    # JupyterLab opens the address of the README's badge, in Japanese
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    options = ["--no-browser", f"--port={port}", "--IdentityProvider.token=", "--allow-root"]
    command = [*start, "jupyter", "notebook", *options]
    with serving(command, f"{url}/api", cwd=home, env=environment, log=tmp_path / "lab.log"):
        page = fetch(f"{url}/lab/tree/course/notebooks/00-start.ipynb")
        assert "@jupyter/nbgrader:formgrader" in page  # in the list of what is switched off
        setting = json.loads(fetch(f"{url}/lab/api/settings/@jupyterlab/translation-extension:plugin"))
        assert setting["schema"]["properties"]["locale"]["default"] == "ja_JP"
        assert "ja_JP" in json.loads(fetch(f"{url}/lab/api/translations/"))["data"]

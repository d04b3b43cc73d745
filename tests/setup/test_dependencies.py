"""pyproject.toml, constraints.txt and binder/requirements.txt say the same, and what the code imports."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CODE = ("autograder", "course", "datasets", "tests")
OURS = {"start", *CODE} | {
    name
    for folder in CODE
    for path in (ROOT / folder).rglob("*.py")
    for name in (path.stem, path.parent.name)
}


def declared(*extras: str) -> dict[str, Requirement]:
    """The requirements of the package with these extras, by name."""
    found: dict[str, Requirement] = {}
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in EXTRAS[extra])]
    for requirement in map(Requirement, lines):
        if requirement.name == "takara":
            found |= declared(*requirement.extras)
        else:
            found[canonicalize_name(requirement.name)] = requirement
    return found


def pins(path: Path) -> dict[str, str]:
    """The versions that a file of `name==version` lines gives."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "--")):
            name, separator, version = line.partition("==")
            assert separator and re.fullmatch(r"[A-Za-z0-9._-]+", name), line
            assert re.fullmatch(r"[0-9][0-9A-Za-z.]*(\+cpu)?", version), line
            found[canonicalize_name(name)] = version
    return found


def imported(*folders: str) -> dict[str, set[str]]:
    """Third-party top-level modules and the files that import them."""
    found: dict[str, set[str]] = {}
    for path in (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module]
            else:
                continue
            for module in modules:
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names:
                    found.setdefault(top, set()).add(path.relative_to(ROOT).as_posix())
    return found


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (["autograder"], ["instructor"]),
        (["course", "datasets"], ["instructor", "docs"]),
        (["tests"], ["test", "deep"]),
    ],
)
def test_what_is_imported_is_declared(folders: list[str], extras: list[str]) -> None:
    known = declared(*extras)
    owners = metadata.packages_distributions()
    undeclared = {
        module: sorted(files)
        for module, files in imported(*folders).items()
        if not {canonicalize_name(owner) for owner in owners.get(module, [])} & known.keys()
        and not (module in OURS and set(owners.get(module, [])) <= {"takara"})
    }
    assert undeclared == {}


def test_constraints_pin_every_declared_package_within_its_range() -> None:
    pinned = pins(ROOT / "constraints.txt")
    for name, requirement in declared(*EXTRAS).items():
        assert name in pinned, f"constraints.txt has no line for {name}"
        assert pinned[name] in requirement.specifier, f"{name}=={pinned[name]} is not {requirement.specifier}"


def test_constraints_pin_the_whole_tree() -> None:
    pinned = pins(ROOT / "constraints.txt")
    seen: set[str] = set()
    waiting = [(name, tuple(requirement.extras)) for name, requirement in declared(*EXTRAS).items()]
    while waiting:
        name, extras = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for requirement in map(Requirement, metadata.requires(name) or []):
            asked = [{"extra": extra} for extra in ("", *extras)]
            if requirement.marker is None or any(map(requirement.marker.evaluate, asked)):
                waiting.append((canonicalize_name(requirement.name), tuple(requirement.extras)))
    assert seen - pinned.keys() == set()


def test_constraints_hold_no_path_host_or_build() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert not re.search(r"[@+/]|--", "\n".join(lines))
    assert lines == sorted(lines, key=str.lower), "keep the order of pip freeze"


def test_binder_takes_the_same_versions() -> None:
    pinned = pins(ROOT / "constraints.txt")
    binder = pins(ROOT / "binder" / "requirements.txt")
    assert binder.pop("torch") == pinned["torch"] + "+cpu"
    assert binder == {name: pinned[name] for name in binder}


def test_no_extra_but_deep_can_pull_torch() -> None:
    assert [extra for extra in EXTRAS if "torch" in declared(extra)] == ["deep"]

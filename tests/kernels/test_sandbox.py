"""The trial of the walls notices each one that does not hold: broken on purpose, one at a time.

One parent is enough: a module that it imports runs a text (``spoil.py``, rewritten by each test) in every
child that it forks, before the walls are built.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autograder.kernels import landlock, sandbox, seccomp
from autograder.kernels.client import ForkParent
from autograder.kernels.sandbox import NoSandbox, Sandbox, choose, trial

SPOILER = """\
import pathlib
from autograder.kernels import child
detach = child._detach
def spoiled(report, parent):
    detach(report, parent)
    exec(pathlib.Path({path!r}).read_text(), {{}})
child._detach = spoiled
"""
SHOW_OUTSIDE = """
import dataclasses, os
from autograder.kernels import linux, namespaces as n
def build_root(view, owner=None, real=n.build_root):
    base = os.path.dirname(view.scratch)
    {before}
    real(dataclasses.replace(view, readable=(*view.readable, base)), owner)
n.build_root = build_root
"""
WRITABLE_OUTSIDE = SHOW_OUTSIDE.format(
    before="""
    [os.chmod(entry, 0) for entry in os.scandir(base) if not entry.is_dir() and entry.name != 'door']
    def make_read_only(place, real=linux.make_read_only): place == n.NEW_ROOT + base or real(place)
    linux.make_read_only = make_read_only"""
)
LANDLOCK_ALSO = """
import os
from autograder.kernels import child, landlock, seccomp
def restrict(readable, writable, real=landlock._allow):
    def allow(ruleset, path, rights):
        real(ruleset, path, rights)
        if path.endswith('/inside'): real(ruleset, os.path.dirname(path), {rights})
    landlock._allow = allow
    restored(readable, writable)
restored, landlock.restrict = landlock.restrict, restrict
"""
# name: (walls, how they are broken, what must be said)
BROKEN = {
    "the view shows the outside": ("namespaces", SHOW_OUTSIDE.format(before="pass"), "read a file outside"),
    "the outside can be written": ("namespaces", WRITABLE_OUTSIDE, "wrote a file outside"),
    "Python can be written": (
        "namespaces",
        """
import os, sys, tempfile
from autograder.kernels import linux, namespaces as n
prefix = sys.prefix = tempfile.mkdtemp()
os.chmod(prefix, 0o777)
def build_root(view, owner=None, real=n.build_root):
    real(view, owner)
    n._show(prefix, n.NEW_ROOT)
n.build_root = build_root
""",
        "wrote into Python",
    ),
    "no filter": (
        "namespaces",
        "from autograder.kernels import seccomp; seccomp.install = lambda **_: None",
        "opened an internet socket",
    ),
    "the filter lets namespaces be made": (
        "namespaces",
        "from autograder.kernels import seccomp; del seccomp._REFUSED['unshare']",
        "made a namespace",
    ),
    "nothing can be written inside": (
        "namespaces",
        """
from autograder.kernels import linux, namespaces as n
def build_root(view, owner=None, real=n.build_root):
    real(view, owner)
    linux.make_read_only(n.NEW_ROOT + view.scratch)
n.build_root = build_root
""",
        "could not write inside",
    ),
    "no namespaces at all": (
        "namespaces",
        """
from autograder.kernels import namespaces as n
def enter(user=None, **_): raise OSError(1, 'unshare: Operation not permitted')
n.enter = enter
""",
        "unshare: Operation not permitted",
    ),
    "no file system rules": (
        "landlock",
        "from autograder.kernels import landlock; landlock.restrict = lambda *_: None",
        "read a file outside",
    ),
    "a rule too many": ("landlock", LANDLOCK_ALSO.format(rights=4), "read a file outside"),
    "a rule to write too many": ("landlock", LANDLOCK_ALSO.format(rights=2 | 1 << 8), "wrote a file outside"),
    "sockets of others in reach": (
        "landlock",
        "from autograder.kernels import seccomp; del seccomp._REFUSED_IN_SHARED['connect']",
        "reached another program's socket",
    ),
    "signals to others": (
        "landlock",
        """
from autograder.kernels import landlock
landlock._SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 1
""",
        "could signal the parent",
    ),
    "a supervisor that ends": ("namespaces", "import os; os._exit(0)", "ended at once"),
}


@pytest.fixture(scope="module")
def spoil() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "spoil.py")


@pytest.fixture(scope="module")
def spoiled_parent(spoil: Path) -> Iterator[ForkParent]:
    (spoil.parent / "takara_test_spoiler.py").write_text(SPOILER.format(path=str(spoil)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "PYTHONPATH", os.pathsep.join(filter(None, [str(spoil.parent), os.environ.get("PYTHONPATH")]))
        )
        parent = ForkParent(["takara_test_spoiler"])
    with parent:
        assert parent.missing == ()
        yield parent


@pytest.mark.parametrize("name", BROKEN)
def test_a_wall_that_does_not_hold_is_noticed(
    spoiled_parent: ForkParent, spoil: Path, holds: Callable[[str], str], name: str
) -> None:
    tier, source, expected = BROKEN[name]
    holds(tier)
    if name == "signals to others" and not landlock.covers_signals():
        pytest.skip("this Landlock does not cover signals")
    spoil.write_text(source)
    assert expected in trial(spoiled_parent, tier)
    with pytest.raises(NoSandbox) as refused:
        choose(spoiled_parent, tier)
    assert expected in refused.value.reasons[tier]
    spoil.write_text("")
    assert trial(spoiled_parent, tier) == ""


def test_the_strongest_walls_that_hold(
    spoiled_parent: ForkParent, spoil: Path, holds: Callable[[str], str]
) -> None:
    holds("namespaces"), holds("landlock")
    spoil.write_text("")
    assert choose(spoiled_parent) == Sandbox("namespaces")
    assert choose(spoiled_parent, "landlock") == Sandbox("landlock")
    spoil.write_text(BROKEN["no namespaces at all"][1])
    chosen = choose(spoiled_parent)
    assert chosen.tier == "landlock"
    assert [tier for tier, _ in chosen.refused] == ["namespaces"]
    spoil.write_text(BROKEN["no filter"][1])
    with pytest.raises(NoSandbox) as refused:
        choose(spoiled_parent)
    assert set(refused.value.reasons) == {"namespaces", "landlock"}
    assert choose(spoiled_parent, "none") == Sandbox("none"), "asked for, nothing is tried"
    with pytest.raises(ValueError, match="unknown sandbox"):
        choose(spoiled_parent, "best")


def test_a_trial_that_does_not_end(
    spoiled_parent: ForkParent, spoil: Path, holds: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    holds("namespaces")
    monkeypatch.setattr(sandbox, "_END_TIMEOUT_S", 0.3)
    spoil.write_text(
        "import time\nfrom autograder.kernels import sandbox\nsandbox.breaches = lambda _: time.sleep(300)"
    )
    assert trial(spoiled_parent, "namespaces") == "the trial process did not end"


def test_where_there_is_nothing(parent: ForkParent, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(landlock, "version", lambda: 0)
        assert trial(parent, "landlock") == "this kernel has no Landlock"
    monkeypatch.setattr(seccomp, "supported", lambda: False)
    with pytest.raises(NoSandbox, match="no table of system calls"):
        choose(parent)


def test_a_trial_leaves_nothing(parent: ForkParent, holds: Callable[[str], str]) -> None:
    holds("namespaces")
    before = set(Path(tempfile.gettempdir()).glob("tks-*"))
    assert trial(parent, "namespaces") == ""
    assert set(Path(tempfile.gettempdir()).glob("tks-*")) <= before


def test_the_tries_succeed_where_there_are_no_walls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a try that can never succeed would be taken for a wall."""
    canary = tmp_path / "canary"
    canary.write_text("secret")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as door:
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            door.bind("door")
        door.listen()
        patched = [t for t in sandbox._TRIES if t.__name__ not in ("_signal", "_new_namespace", "_confined")]
        short = os.path.relpath(canary)
        assert [t.__name__ for t in patched if not t(os.path.join(".", short))] == []
    assert not sandbox._confined(str(canary))

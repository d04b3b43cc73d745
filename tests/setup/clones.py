"""Copies of what a clone of this tree holds."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def clone_files(root: Path) -> list[Path]:
    """Files of a clone, relative to `root`: tracked ones and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
    )
    names = listed.stdout.decode().split("\0")
    return sorted(Path(name) for name in set(names) if name and (root / name).is_file())


def copy_clone(destination: Path) -> Path:
    """Copy what a clone holds to `destination`."""
    for name in clone_files(ROOT):
        (destination / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, destination / name)
    return destination

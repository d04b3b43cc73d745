"""A learner's workspace: a folder with a copy of the course materials, refreshed without ever losing work.

What happens to a file depends on three versions of it: the one delivered last (known from the manifest
``.takara/manifest.json``), the one the learner has now, and the one in the materials:

================================  ============================  =======================================
the learner's file                materials unchanged           materials changed
================================  ============================  =======================================
as delivered                      left                          replaced
a notebook that was only run      left                          replaced; the old copy goes to the backup
edited                            left                          left; the new version is put beside it
deleted                           restored                      restored (new version)
unknown to the manifest           left; the new version is put beside it, unless it is the same
a link, or a folder               never touched, and said so
================================  ============================  =======================================

Every file is written to a temporary file and moved into place, and the manifest is written last: whenever a
refresh is interrupted, each file is either the old or the new one, and the next refresh goes on from there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import errno
import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from autograder.files import write_whole
from autograder.materials import Materials, find_materials

__all__ = [
    "Action",
    "Delivered",
    "Item",
    "Manifest",
    "Report",
    "WorkspaceError",
    "fingerprint",
    "init",
    "is_current",
    "read_manifest",
]

_STATE_FOLDER = ".takara"
_SCHEMA = 1
_STALE_AFTER_S = 3600.0
_DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


class WorkspaceError(Exception):
    """A workspace could not be made. The message is for people (Japanese), the cause on its last line."""


class Action(enum.StrEnum):
    """What was done with one file."""

    NEW = "new"  # copied for the first time
    UPDATED = "updated"  # unedited: replaced by the new version
    UPDATED_RUN = "updated_run"  # only run, not edited: replaced, the old copy is in the backup
    RESTORED = "restored"  # had been deleted: put back
    BESIDE = "beside"  # edited: kept; the new version was put beside it
    KEPT = "kept"  # differs from the delivered file, and there is no new version to offer
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"  # no longer part of the course; the file stays
    SKIPPED = "skipped"  # could not or must not be touched; see ``reason``


@dataclass(frozen=True)
class Item:
    """One file of the workspace and what became of it."""

    path: str  # relative to the workspace, with "/"
    action: Action
    other: str = ""  # BESIDE: where the new version is; UPDATED_RUN: where the old copy is
    reason: str = ""  # SKIPPED: why, in Japanese


@dataclass(frozen=True)
class Report:
    """What a refresh did."""

    directory: Path
    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()  # about the workspace as a whole, in Japanese

    def with_action(self, *actions: Action) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.action in actions)


@dataclass(frozen=True)
class Delivered:
    """What the manifest knows of one file."""

    sha256: str = ""  # the version the learner's file comes from; "" when it never came from us
    content: str = ""  # the same, notebooks only: hash of cell types and sources
    offered: str = ""  # sha256 of the version that was put beside an edited file
    beside: str = ""  # and its path


@dataclass(frozen=True)
class Manifest:
    """The workspace's record of what was delivered."""

    files: Mapping[str, Delivered] = dataclasses.field(default_factory=dict)
    fingerprint: str = ""  # of the materials
    version: str = ""  # of takara, for people

    def to_json(self) -> str:
        raw = {"schema": _SCHEMA, **dataclasses.asdict(self)}
        return json.dumps(raw, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read a manifest; raises ``ValueError`` for anything that is not one."""
        raw = json.loads(text)
        if (
            not isinstance(raw, dict)
            or raw.get("schema") != _SCHEMA
            or not isinstance(raw.get("files"), dict)
        ):
            raise ValueError("not a manifest of schema 1")
        files: dict[str, Delivered] = {}
        for name, entry in raw["files"].items():
            if not isinstance(entry, dict) or not all(isinstance(v, str) for v in entry.values()):
                raise ValueError(f"bad entry {name!r}")
            try:
                files[name] = Delivered(**entry)
            except TypeError as error:
                raise ValueError(f"bad entry {name!r}") from error
        return cls(
            files=files, fingerprint=str(raw.get("fingerprint", "")), version=str(raw.get("version", ""))
        )


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def content_hash(name: str, content: bytes) -> str:
    """Hash of what a person writes in a notebook: cell types and sources, empty cells left out.

    Opening, running and saving a notebook changes outputs, counts and metadata, and Shift+Enter in the last
    cell adds an empty one; none of that is an edit. Returns "" for other files and unreadable notebooks.
    """
    if not name.endswith(".ipynb"):
        return ""
    try:
        cells: list[dict[str, Any]] = json.loads(content)["cells"]
        lines = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError):
        return ""
    written = [(kind, source) for kind, source in lines if source.strip()]
    return sha256(json.dumps(written, ensure_ascii=False).encode("utf-8"))


def fingerprint(materials: Materials) -> str:
    """One hash over all materials: a workspace with the same one has been offered everything."""
    whole = hashlib.sha256()
    for place, source in materials.files().items():
        whole.update(f"{place}\0{sha256(source.read_bytes())}\n".encode())
    return whole.hexdigest()


def manifest_path(directory: Path) -> Path:
    return directory / _STATE_FOLDER / "manifest.json"


def read_manifest(directory: Path) -> Manifest | None:
    """The manifest of a workspace, ``None`` where there is none; ``ValueError`` where it is unreadable."""
    try:
        text = manifest_path(directory).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Manifest.from_json(text)  # UnicodeDecodeError and JSONDecodeError are ValueErrors


def is_current(directory: Path, materials: Materials) -> bool:
    """Whether the workspace exists and has been offered everything these materials have."""
    try:
        manifest = read_manifest(directory)
    except ValueError:
        return False
    return manifest is not None and manifest.fingerprint == fingerprint(materials)


def init(directory: Path | str, materials: Materials | None = None) -> Report:
    """Make the workspace ``directory``, or bring it up to date with the materials.

    Nothing a learner wrote is overwritten or deleted; see the table at the top of this module.

    Raises
    ------
    WorkspaceError
        The folder cannot be used at all, or the disk is full. What was written so far is complete.
    MaterialsNotFound
        This installation has no materials.
    """
    materials = materials or find_materials()
    root = _usable_root(Path(directory), materials)
    notes: list[str] = []
    try:
        manifest = read_manifest(root)
    except ValueError as error:
        copy = _put_aside_manifest(root)
        notes.append(
            "配布の記録（.takara/manifest.json）が壊れていたので、作り直しました。"
            "配布したときと中身が違うファイルは、すべて編集ずみとして残しました。"
            f"壊れた記録は {copy} にあります。（原因: {error}）"
        )
        manifest = None
    known = dict(manifest.files) if manifest else {}
    _clear_stale_temporaries(root)

    items: list[Item] = []
    entries: dict[str, Delivered] = {}
    for place, source in materials.files().items():
        name = str(place)
        item, entry = _refresh_one(root, place, source.read_bytes(), known.get(name))
        items.append(item)
        if entry is not None:
            entries[name] = entry
    for name in sorted(set(known) - {str(place) for place in materials.files()}):
        if (root / name).exists():
            items.append(Item(name, Action.WITHDRAWN))

    new = Manifest(files=entries, fingerprint=fingerprint(materials), version=_version())
    if any(item.action is Action.SKIPPED for item in items):
        new = dataclasses.replace(new, fingerprint="")  # not everything was offered: try again next time
    if new != manifest:
        _write(root, manifest_path(root), new.to_json().encode("utf-8"))
    return Report(directory=root, items=tuple(items), notes=tuple(notes))


def _version() -> str:
    try:
        return metadata.version("takara")
    except metadata.PackageNotFoundError:
        return ""


def _usable_root(directory: Path, materials: Materials) -> Path:
    root = directory.expanduser().resolve()
    home = materials.root.resolve()
    sources = [
        folder.resolve() for folder in (materials.notebooks, materials.assignments, materials.datasets)
    ]
    if root == home or any(root == folder or folder in root.parents for folder in sources):
        raise WorkspaceError(
            f"{root} は教材そのものの置き場所なので、作業用フォルダーにできません。"
            "別のフォルダー（たとえば workspace）を指定してください。"
        )
    if root.exists() and not root.is_dir():
        raise WorkspaceError(f"{root} はフォルダーではありません。別の名前を指定してください。")
    state = root / _STATE_FOLDER
    if state.is_symlink() or (state.exists() and not state.is_dir()):
        raise WorkspaceError(
            f"{state} がフォルダーではありません（リンクか、ふつうのファイルです）。"
            "名前を変えてから、もう一度実行してください。"
        )
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(
            f"{root} に書き込めません。"
            "書き込めるフォルダーを指定してください（例: takara init 好きなフォルダー名）。\n"
            f"原因: {error}"
        ) from error
    return root


def _refresh_one(
    root: Path, place: PurePosixPath, new: bytes, known: Delivered | None
) -> tuple[Item, Delivered | None]:
    """Bring one file up to date. Returns what was done and the file's next manifest entry."""
    name = str(place)
    path = root / place
    known = known or Delivered()
    try:
        reason = _untouchable(root, path)
        if reason:
            return Item(name, Action.SKIPPED, reason=reason), (known if known != Delivered() else None)
        return _decide(root, place, path, new, known)
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise WorkspaceError(
                f"ディスクの空きが足りないため、{name} を書けませんでした。"
                "空きを作ってから、もう一度実行してください。"
                f"できあがったファイルはそのまま使えます。\n原因: {error}"
            ) from error
        reason = (
            "書き込めませんでした。ほかのソフト（Excelなど）で開いていれば閉じて、"
            f"もう一度 takara init を実行してください。（原因: {error}）"
        )
        return Item(name, Action.SKIPPED, reason=reason), (known if known != Delivered() else None)


def _decide(
    root: Path, place: PurePosixPath, path: Path, new: bytes, known: Delivered
) -> tuple[Item, Delivered]:
    name = str(place)
    new_hash, new_content = sha256(new), content_hash(name, new)
    current = Delivered(sha256=new_hash, content=new_content)

    if not path.exists():
        _write(root, path, new)
        return Item(name, Action.RESTORED if known.sha256 else Action.NEW), current

    old = path.read_bytes()
    old_hash, old_content = sha256(old), content_hash(name, old)
    if old_hash == new_hash:
        return Item(name, Action.UNCHANGED), current
    if known.sha256 == new_hash:
        return Item(name, Action.KEPT), dataclasses.replace(known, offered="", beside="")
    if old_hash == known.sha256:
        _write(root, path, new)
        return Item(name, Action.UPDATED), current
    if old_content and old_content == known.content:
        backup = _back_up(root, place, old, old_hash)
        _write(root, path, new)
        return Item(name, Action.UPDATED_RUN, other=backup), current
    if old_content and old_content == new_content:
        return Item(name, Action.KEPT), current  # the learner's text is the new version's already
    if new_content and new_content == known.content:
        return Item(name, Action.KEPT), known  # nothing a reader would see has changed
    if known.offered == new_hash:
        return Item(name, Action.KEPT), known  # was offered before, the learner knows
    beside = _put_beside(root, place, new, known)
    return Item(name, Action.BESIDE, other=beside), dataclasses.replace(
        known, offered=new_hash, beside=beside
    )


def _untouchable(root: Path, path: Path) -> str:
    """Why this file must be left alone ("" when it may be touched)."""
    if path.is_symlink():
        return "リンクになっているので、さわりませんでした。"
    if not path.parent.resolve().is_relative_to(root):
        return "フォルダーが作業用フォルダーの外へのリンクになっているので、さわりませんでした。"
    if path.is_dir():
        return "同じ名前のフォルダーがあるので、置けませんでした。フォルダーの名前を変えてください。"
    for parent in path.relative_to(root).parents:
        if (root / parent).exists() and not (root / parent).is_dir():
            return f"{parent.as_posix()} がフォルダーではないので、置けませんでした。名前を変えてください。"
    return ""


def _put_beside(root: Path, place: PurePosixPath, new: bytes, known: Delivered) -> str:
    """Write the new version next to an edited file: ``x.new.ipynb``, or ``x.new-2.ipynb`` …"""
    number = 1
    while True:
        label = "new" if number == 1 else f"new-{number}"
        candidate = place.with_name(f"{place.stem}.{label}{place.suffix}")
        path = root / candidate
        if not os.path.lexists(path):
            break
        if not _untouchable(root, path):
            existing = path.read_bytes()
            if sha256(existing) == sha256(new):
                return str(candidate)
            if str(candidate) == known.beside and sha256(existing) == known.offered:
                break  # an older offer that nobody touched
        number += 1
    _write(root, path, new)
    return str(candidate)


def _back_up(root: Path, place: PurePosixPath, content: bytes, digest: str) -> str:
    name = PurePosixPath(_STATE_FOLDER, "backup", place.parent, f"{place.stem}.{digest[:8]}{place.suffix}")
    path = root / name
    if not path.is_file() or path.read_bytes() != content:
        _write(root, path, content)
    return str(name)


def _put_aside_manifest(root: Path) -> str:
    path = manifest_path(root)
    content = path.read_bytes()
    name = PurePosixPath(_STATE_FOLDER, f"manifest.broken-{sha256(content)[:8]}.json")
    _write(root, root / name, content)
    return str(name)


def _write(root: Path, path: Path, content: bytes) -> None:
    write_whole(path, content, temporaries=root / _STATE_FOLDER / "tmp")


def _clear_stale_temporaries(root: Path) -> None:
    """Remove what an interrupted refresh left, but not what another one is writing at this moment."""
    for path in (root / _STATE_FOLDER / "tmp").glob("*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_AFTER_S:
                path.unlink()

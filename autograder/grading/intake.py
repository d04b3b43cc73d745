"""Reads the files of a folder or zip of hand-ins without trusting any of them.

Nothing is written to disk and no link is followed. A file that cannot be taken safely becomes a
:class:`~autograder.grading.records.Rejected`; the others go on.
"""

from __future__ import annotations

import io
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.grading.records import Rejected

#: Folders and files that operating systems and Jupyter make by themselves.
CLUTTER = frozenset({"__MACOSX", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db", "desktop.ini", ".git"})


@dataclass(frozen=True)
class Limits:
    """How much of a hand-in is read. What is larger is rejected unread."""

    notebook_mb: int = 20
    nested_zip_mb: int = 200
    total_mb: int = 2000
    entries: int = 50_000
    zip_depth: int = 3  # the class zip, a learner's zip in it, and one more


@dataclass(frozen=True)
class FoundFile:
    """A notebook that was read, or any other file by name only."""

    parts: tuple[str, ...]  # path as handed in, NFC; the last part is the file name
    content: bytes | None  # None: not a notebook, not read

    @property
    def name(self) -> str:
        return "/".join(self.parts)


class IntakeError(ValueError):
    """The hand-ins as a whole cannot be read. The message is for people."""


@dataclass
class _Reader:
    limits: Limits
    rejected: list[Rejected] = field(default_factory=list)
    taken_bytes: int = 0
    entries: int = 0

    def reject(self, name: str, reason: str, detail: str = "") -> None:
        self.rejected.append(Rejected(name=name, reason=reason, detail=detail))

    def admit(self, name: str, size: int, limit_mb: int) -> bool:
        """Whether a file of ``size`` bytes may be read; says why not."""
        if size > limit_mb * 1_000_000:
            self.reject(
                name,
                f"ファイルが大きすぎます（{size / 1_000_000:,.0f} MB、上限は {limit_mb} MB）。"
                "読みこまずに外しました。"
                "出力を消してから（メニューの［すべてのセルの出力をクリア］）保存し、出し直してもらってください。",
                f"size {size} bytes > limit {limit_mb} MB",
            )
            return False
        if self.taken_bytes + size > self.limits.total_mb * 1_000_000:
            self.reject(
                name,
                f"提出物の合計が上限（{self.limits.total_mb:,} MB）をこえたため、読みこみませんでした。"
                "提出物をいくつかに分けて、採点してください。",
                "total size limit",
            )
            return False
        self.taken_bytes += size
        return True

    def count(self, name: str) -> None:
        self.entries += 1
        if self.entries > self.limits.entries:
            raise IntakeError(
                f"ファイルが多すぎます（{self.limits.entries:,} 個をこえました。「{name}」まで見ました）。"
                "提出物だけが入ったフォルダーを指定してください。"
            )


def read_files(path: Path, limits: Limits | None = None) -> tuple[list[FoundFile], list[Rejected]]:
    """Read every notebook below a folder, in a zip, or a single notebook.

    Parameters
    ----------
    path : Path
        Folder, ``.zip`` or ``.ipynb``.
    limits : Limits, optional

    Returns
    -------
    files : list of FoundFile
        Sorted by name. Notebooks carry their content, other files their name only.
    rejected : list of Rejected

    Raises
    ------
    IntakeError
        When nothing at all can be read (no such path, not a zip, an empty zip).
    """
    reader = _Reader(limits or Limits())
    if path.is_dir():
        files = list(_walk_folder(path, (), reader))
        empty = f"フォルダー「{path}」に、ファイルがありません。提出物のフォルダーを確かめてください。"
    elif path.is_file() and path.suffix.lower() == ".zip":
        try:
            with path.open("rb") as stream:
                files = list(_walk_zip(stream, (), reader, depth=1))
        except zipfile.BadZipFile as error:
            raise IntakeError(
                f"「{path.name}」は、zipファイルとして開けません（こわれているか、別の形式です）。"
                f"もう一度ダウンロードしてください。\n原因：{error}"
            ) from error
        empty = f"「{path.name}」は空のzipファイルです。提出物が入ったzipを指定してください。"
    elif path.is_file() and path.suffix.lower() == ".ipynb":
        content = _read_bounded_file(path, (path.name,), reader)
        files = [] if content is None else [FoundFile((_nfc(path.name),), content)]
        empty = ""
    elif path.exists():
        raise IntakeError(
            f"「{path}」は、フォルダーでもzipでもノートブック（.ipynb）でもありません。"
            "提出物のフォルダーかzipを指定してください。"
        )
    else:
        raise IntakeError(f"「{path}」がありません。提出物のフォルダーかzipの場所を確かめてください。")
    if not files and not reader.rejected:
        raise IntakeError(empty)
    return sorted(files, key=lambda f: f.parts), sorted(reader.rejected, key=lambda r: (r.name, r.reason))


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def printable(text: str) -> str:
    """A file name that can be shown: control, invisible and undecodable characters become U+FFFD."""
    return "".join("\ufffd" if unicodedata.category(c) in {"Cc", "Cf", "Cs"} else c for c in text)


def _walk_folder(folder: Path, parents: tuple[str, ...], reader: _Reader) -> Iterator[FoundFile]:
    shown = "/".join(parents) or str(folder)
    try:
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except OSError as error:
        reader.reject(shown, "フォルダーを開けません。読む権限があるか確かめてください。", str(error))
        return
    for entry in entries:
        if entry.name in CLUTTER or entry.name.startswith("._"):
            continue
        parts = (*parents, _nfc(printable(entry.name)))
        name = "/".join(parts)
        reader.count(name)
        if entry.is_symlink() or (hasattr(entry, "is_junction") and entry.is_junction()):
            reader.reject(
                name,
                "リンク（ショートカット）なので、安全のため開きませんでした。"
                "中身のファイルそのものを出してもらってください。",
                "symbolic link or junction",
            )
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk_folder(Path(entry.path), parts, reader)
        elif not entry.is_file(follow_symlinks=False):
            reader.reject(name, "ふつうのファイルではないので、開きませんでした。", "special file")
        elif entry.name.lower().endswith(".ipynb"):
            content = _read_bounded_file(Path(entry.path), parts, reader)
            if content is not None:
                yield FoundFile(parts, content)
        elif entry.name.lower().endswith(".zip"):
            yield from _walk_zip_file(Path(entry.path), parts, reader)
        else:
            yield FoundFile(parts, None)


def _open_plain(path: Path) -> io.BufferedReader:
    """Open without following a link that appeared after the listing."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    stream = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise OSError(f"not a regular file: {path}")
    return stream


def _read_bounded_file(path: Path, parts: tuple[str, ...], reader: _Reader) -> bytes | None:
    name = "/".join(parts)
    try:
        with _open_plain(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if not reader.admit(name, size, reader.limits.notebook_mb):
                return None
            return stream.read(size)
    except OSError as error:
        reader.reject(name, "ファイルを読めません。読む権限があるか確かめてください。", str(error))
        return None


def _walk_zip_file(path: Path, parts: tuple[str, ...], reader: _Reader) -> Iterator[FoundFile]:
    name = "/".join(parts)
    try:
        with _open_plain(path) as stream:
            yield from _walk_zip(stream, (*parts[:-1], _stem(parts[-1])), reader, depth=1)
    except (OSError, zipfile.BadZipFile) as error:
        reader.reject(name, _BROKEN_ZIP, str(error))


_BROKEN_ZIP = "zipファイルとして開けません（こわれているか、別の形式です）。出し直してもらってください。"


def _stem(file_name: str) -> str:
    return file_name[: -len(".zip")] if file_name.lower().endswith(".zip") else file_name


def _walk_zip(
    stream: io.IOBase, parents: tuple[str, ...], reader: _Reader, depth: int
) -> Iterator[FoundFile]:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            raw_name = decoded_name(info)
            shown = "/".join((*parents, printable(raw_name)))
            reader.count(shown)
            if info.is_dir() or raw_name.endswith(("/", "\\")):
                continue
            inner = safe_parts(raw_name)
            if inner is None:
                reader.reject(
                    shown,
                    "zipの中のファイルの場所が、zipの外を指しています。安全のため開きませんでした。"
                    "提出者に、ふつうの方法で作ったzipを出し直してもらってください。",
                    f"unsafe path in zip: {info.filename!r}",
                )
                continue
            if any(part in CLUTTER for part in inner) or inner[-1].startswith("._"):
                continue
            parts = (*parents, *inner)
            if stat.S_ISLNK(info.external_attr >> 16):
                reader.reject(
                    shown,
                    "リンク（ショートカット）なので、安全のため開きませんでした。"
                    "中身のファイルそのものを出してもらってください。",
                    "symbolic link in zip",
                )
            elif parts[-1].lower().endswith(".ipynb"):
                content = _read_bounded_entry(archive, info, shown, reader, reader.limits.notebook_mb)
                if content is not None:
                    yield FoundFile(parts, content)
            elif parts[-1].lower().endswith(".zip"):
                yield from _walk_nested_zip(archive, info, parts, shown, reader, depth)
            else:
                yield FoundFile(parts, None)


def _walk_nested_zip(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    parts: tuple[str, ...],
    shown: str,
    reader: _Reader,
    depth: int,
) -> Iterator[FoundFile]:
    if depth >= reader.limits.zip_depth:
        reader.reject(
            shown,
            "zipの中のzipが深すぎます。中のzipを一度ひらいてから、出し直してもらってください。",
            "depth",
        )
        return
    content = _read_bounded_entry(archive, info, shown, reader, reader.limits.nested_zip_mb)
    if content is None:
        return
    try:
        yield from _walk_zip(io.BytesIO(content), (*parts[:-1], _stem(parts[-1])), reader, depth + 1)
    except zipfile.BadZipFile as error:
        reader.reject(shown, _BROKEN_ZIP, str(error))


def _read_bounded_entry(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, shown: str, reader: _Reader, limit_mb: int
) -> bytes | None:
    if info.flag_bits & 0x1:
        reader.reject(
            shown,
            "パスワード付きのzipなので、開けません。パスワードなしのzipで出し直してもらってください。",
            "encrypted zip entry",
        )
        return None
    if not reader.admit(shown, info.file_size, limit_mb):
        return None
    try:
        with archive.open(info) as stream:
            # One byte more than declared: an entry that lies about its size is caught here.
            content = stream.read(info.file_size + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        reader.reject(
            shown, "zipの中のこのファイルは、こわれていて読めません。出し直してもらってください。", str(error)
        )
        return None
    if len(content) > info.file_size:
        reader.reject(
            shown, "zipの中のこのファイルは、書かれている大きさより大きいため、開きませんでした。", "size lie"
        )
        return None
    return content


def decoded_name(info: zipfile.ZipInfo) -> str:
    """The entry's name in NFC. Names without the UTF-8 flag are read as UTF-8 (macOS) or CP932 (Windows)."""
    name = info.orig_filename
    if not info.flag_bits & 0x800:
        try:
            raw = name.encode("cp437")
        except UnicodeEncodeError:
            return _nfc(name)
        for encoding in ("utf-8", "cp932"):
            try:
                return _nfc(raw.decode(encoding))
            except UnicodeDecodeError:
                continue
    return _nfc(name)


def safe_parts(name: str) -> tuple[str, ...] | None:
    """The path's parts, or None when it leaves the archive (absolute, drive letter, ``..``)."""
    path = name.replace("\\", "/")
    if path.startswith("/") or re.match(r"^[A-Za-z]:", path) or "\0" in path:
        return None
    parts = tuple(p for p in path.split("/") if p not in ("", "."))
    if not parts or ".." in parts:
        return None
    return tuple(printable(p) for p in parts)

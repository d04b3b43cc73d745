"""Whose is it, which assignment is it, and is it safe to read?"""

from __future__ import annotations

import io
import os
import stat
import sys
import unicodedata
import zipfile
from pathlib import Path

import factory
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.grading.collect import Collected, collect, safe_learner
from autograder.grading.intake import IntakeError, Limits, read_files, safe_parts
from autograder.grading.spec import from_notebook


def source(assignment: str) -> nbformat.NotebookNode:
    """The small course's notebook as one of several assignments, with Takara's metadata and cell ids."""
    nb = factory.source_notebook()
    nb.metadata["takara"] = {"assignment": assignment, "title": f"課題 {assignment}"}
    for cell in nb.cells:
        cell["id"] = f"{assignment}-{cell['id']}"
        if cell.cell_type == "markdown" and "nbgrader" not in cell.metadata:
            cell.source += f"\n\nこれは課題 {assignment} の文章です。"
            cell.source += "この文章は、ほかの課題にはありません。よく読んでから始めてください。"
    return nb


SPECS = {name: from_notebook(source(name), assignment=name, notebook=name) for name in ("ps2", "ps3")}


def notebook(assignment: str = "ps2", *, metadata: bool = True, ids: bool = True, mark: str = "") -> bytes:
    nb = factory.hand_in_of(source(assignment))
    if not metadata:
        nb.metadata.pop("takara")
        for cell in nb.cells:
            cell.metadata = {}
    if not ids:
        for n, cell in enumerate(nb.cells):
            cell["id"] = f"x{n}"
    if mark:
        nb.cells.append(nbformat.v4.new_markdown_cell(mark))
        nb.cells[-1]["id"] = "mark"
    return factory.to_bytes(nb)


def folder(tmp_path: Path, files: dict[str, bytes]) -> Path:
    root = tmp_path / "hand-ins"
    root.mkdir(exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def who(found: Collected) -> list[tuple[str, str]]:
    return [(h.learner, h.assignment) for h in found.hand_ins]


# ---------------------------------------------------------------- where the names come from


@pytest.mark.parametrize(
    ("name", "learner"),
    [
        ("tanaka/何でもよい.ipynb", "tanaka"),
        ("田中 花子/ps2.ipynb", "田中 花子"),
        ("tanaka/ps2/ps2.ipynb", "tanaka"),
        ("submitted/tanaka/ps2/ps2.ipynb", "tanaka"),
        ("ps2/tanaka/ps2.ipynb", "tanaka"),
        ("tanaka/assignments/ps2/ps2.ipynb", "tanaka"),
        ("ps2_tanaka.ipynb", "tanaka"),
        ("tanaka-ps2.ipynb", "tanaka"),
        ("PS2 田中花子.ipynb", "田中花子"),
        ("ps2_tanaka (1).ipynb", "tanaka"),
        ("ps2_tanaka-Copy1.ipynb", "tanaka"),
        ("提出/ps2_佐藤.ipynb", "佐藤"),
        ("田中 花子_12345_assignsubmission_file_/x.ipynb", "田中 花子"),
        ("tanakahanako_1201_99812_work.ipynb", "tanakahanako"),
    ],
)
def test_learner_from_path(tmp_path: Path, name: str, learner: str) -> None:
    found = collect(folder(tmp_path, {name: notebook()}), SPECS)
    assert who(found) == [(learner, "ps2")]
    assert found.hand_ins[0].name == name
    assert not found.rejected


@pytest.mark.parametrize(
    "name", ["ps2.ipynb", "Untitled.ipynb", "ps2 (2).ipynb", "ps2-Copy1.ipynb", "メモ.ipynb"]
)
def test_nobody_is_guessed(tmp_path: Path, name: str) -> None:
    found = collect(folder(tmp_path, {name: notebook()}), SPECS)
    assert not found.hand_ins
    assert "だれの提出物かわかりません" in found.rejected[0].reason
    assert found.rejected[0].assignment == "ps2"


def test_learner_from_metadata(tmp_path: Path) -> None:
    nb = factory.hand_in_of(source("ps2"))
    nb.metadata["takara"]["learner"] = "山本 健"
    assert who(collect(folder(tmp_path, {"x.ipynb": factory.to_bytes(nb)}), SPECS)) == [("山本 健", "ps2")]


def test_whole_name_is_the_learner_when_the_assignment_is_given(tmp_path: Path) -> None:
    root = folder(tmp_path, {"tanaka.ipynb": notebook(), "Untitled.ipynb": notebook(mark="2")})
    found = collect(root, SPECS, "ps2")
    assert who(found) == [("tanaka", "ps2")]
    assert [r.name for r in found.rejected] == ["Untitled.ipynb"]


def test_a_class_in_a_wrapping_folder(tmp_path: Path) -> None:
    root = folder(tmp_path, {"R8講座/a/ps2.ipynb": notebook(), "R8講座/b/ps2.ipynb": notebook()})
    assert who(collect(root, SPECS)) == [("a", "ps2"), ("b", "ps2")]


def test_one_learner_with_two_assignments_is_no_wrapping_folder(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a/ps2/ps2.ipynb": notebook(), "a/ps3/ps3.ipynb": notebook("ps3")})
    assert who(collect(root, SPECS)) == [("a", "ps2"), ("a", "ps3")]


def test_a_handed_in_workspace(tmp_path: Path) -> None:
    lesson = nbformat.v4.new_notebook(metadata={"takara": {"session": 2}})
    lesson.cells = [nbformat.v4.new_markdown_cell("# 第2回")]
    root = folder(
        tmp_path,
        {
            "a/course/notebooks/02.ipynb": nbformat.writes(lesson).encode(),
            "a/assignments/ps2/ps2.ipynb": notebook(),
            "a/assignments/ps2/waits.csv": b"x",
            "a/assignments/ps2/.ipynb_checkpoints/ps2-checkpoint.ipynb": notebook(mark="old"),
            "b/ps2.ipynb": notebook(),
        },
    )
    found = collect(root, SPECS)
    assert who(found) == [("a", "ps2"), ("b", "ps2")]
    assert [i.name for i in found.ignored] == ["a/assignments/ps2/waits.csv", "a/course/notebooks/02.ipynb"]
    assert not found.rejected


# ---------------------------------------------------------------- which assignment


@pytest.mark.parametrize(("metadata", "ids"), [(True, False), (False, True), (False, False)])
def test_assignment_from_content(tmp_path: Path, metadata: bool, ids: bool) -> None:
    root = folder(
        tmp_path,
        {
            "a/renamed.ipynb": notebook("ps2", metadata=metadata, ids=ids),
            "b/renamed.ipynb": notebook("ps3", metadata=metadata, ids=ids),
        },
    )
    assert who(collect(root, SPECS)) == [("a", "ps2"), ("b", "ps3")]


def test_name_and_content_disagree(tmp_path: Path) -> None:
    found = collect(folder(tmp_path, {"a/ps2.ipynb": notebook("ps3"), "b/ps2.ipynb": notebook()}), SPECS)
    assert who(found) == [("b", "ps2")]
    assert "名前は ps2 ですが、中身は ps3 です" in found.rejected[0].reason
    assert found.rejected[0].learner == "a"


def test_the_solutions_are_no_hand_in(tmp_path: Path) -> None:
    nb = factory.hand_in_of(source("ps2"))
    nb.metadata["takara"]["form"] = "solutions"
    found = collect(folder(tmp_path, {"a/ps2.ipynb": factory.to_bytes(nb)}), SPECS)
    assert not found.hand_ins
    assert (found.rejected[0].learner, found.rejected[0].assignment) == ("a", "ps2")
    assert "解答と解説" in found.rejected[0].reason


def test_other_assignments_are_ignored_when_one_is_asked_for(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a/ps2.ipynb": notebook(), "a/ps3.ipynb": notebook("ps3")})
    found = collect(root, SPECS, "ps3")
    assert who(found) == [("a", "ps3")]
    assert [i.name for i in found.ignored] == ["a/ps2.ipynb"]


def other_course(**metadata: object) -> bytes:
    nb = nbformat.v4.new_notebook(metadata=metadata)
    nb.cells = [nbformat.v4.new_code_cell("import pandas as pd"), nbformat.v4.new_markdown_cell("# 別の講座")]
    return nbformat.writes(nb).encode()


@pytest.mark.parametrize(
    ("name", "content", "only", "says"),
    [
        ("a/ps2.ipynb", other_course(), None, "課題 ps2 のノートブックではないようです"),
        ("a/work.ipynb", other_course(), None, "どの課題かわかりません"),
        ("a/work.ipynb", other_course(), "ps2", "課題 ps2 のノートブックではないようです"),
        ("a/work.ipynb", other_course(takara={"assignment": "ps9"}), None, "この講座にその課題はありません"),
    ],
)
def test_wrong_course(tmp_path: Path, name: str, content: bytes, only: str | None, says: str) -> None:
    found = collect(folder(tmp_path, {name: content, "b/ps2.ipynb": notebook()}), SPECS, only)
    assert who(found) == [("b", "ps2")]
    assert [r.learner for r in found.rejected] == ["a"]
    assert says in found.rejected[0].reason


# ---------------------------------------------------------------- conflicts


def test_two_different_hand_ins_of_one_learner_are_both_listed(tmp_path: Path) -> None:
    root = folder(tmp_path, {"a/ps2.ipynb": notebook(), "a/ps2_new.ipynb": notebook(mark="new")})
    found = collect(root, SPECS)
    assert not found.hand_ins
    assert [r.name for r in found.rejected] == ["a/ps2.ipynb", "a/ps2_new.ipynb"]
    assert all("a/ps2_new.ipynb" in r.reason and "2 つあり" in r.reason for r in found.rejected)


def test_identical_copies_count_once(tmp_path: Path) -> None:
    found = collect(folder(tmp_path, {"a/ps2.ipynb": notebook(), "a/copy/ps2.ipynb": notebook()}), SPECS)
    assert who(found) == [("a", "ps2")]
    assert "中身が同じです" in found.ignored[0].reason
    assert not found.rejected


def test_names_that_would_share_a_folder(tmp_path: Path) -> None:
    archive = tmp_path / "class.zip"
    archive.write_bytes(
        zipped({"Tanaka/ps2.ipynb": notebook(), "tanaka/ps2.ipynb": notebook(), "c/ps2.ipynb": notebook()})
    )
    found = collect(archive, SPECS)
    assert who(found) == [("c", "ps2")]
    assert {r.name for r in found.rejected} == {"Tanaka/ps2.ipynb", "tanaka/ps2.ipynb"}


def test_replaced_characters_collide(tmp_path: Path) -> None:
    archive = tmp_path / "class.zip"
    archive.write_bytes(
        zipped({"a?/ps2.ipynb": notebook(), "a*/ps2.ipynb": notebook(), "c/ps2.ipynb": notebook()})
    )
    found = collect(archive, SPECS)
    assert who(found) == [("c", "ps2")]
    assert "「a*」、「a?」" in found.rejected[0].reason


def test_moodle_namesakes_keep_their_numbers(tmp_path: Path) -> None:
    root = folder(
        tmp_path,
        {
            "田中 花子_11_assignsubmission_file_/x.ipynb": notebook(),
            "田中 花子_22_assignsubmission_file_/x.ipynb": notebook(mark="other"),
            "佐藤_33_assignsubmission_file_/x.ipynb": notebook(),
        },
    )
    assert who(collect(root, SPECS)) == [("佐藤", "ps2"), ("田中 花子_11", "ps2"), ("田中 花子_22", "ps2")]


def test_folder_without_a_notebook(tmp_path: Path) -> None:
    found = collect(folder(tmp_path, {"a/report.docx": b"x", "b/ps2.ipynb": notebook()}), SPECS)
    assert who(found) == [("b", "ps2")]
    assert found.rejected[0].learner == "a"
    assert "report.docx" in found.rejected[0].reason


# ---------------------------------------------------------------- names on disk


@pytest.mark.parametrize(
    "bad", ["..", ".", "", "  ", ".hidden", "a/b", "a\\b", "a\x00b", "a\nb", "a\u202eb", "CON", "x" * 300]
)
def test_names_that_cannot_be_folders(bad: str) -> None:
    assert safe_learner(bad) is None


@given(st.text(max_size=40))
def test_a_safe_name_is_one_plain_folder(raw: str) -> None:
    name = safe_learner(raw)
    if name is not None:
        assert (
            Path("x", name).name == name and name not in ("..", ".") and "/" not in name and "\\" not in name
        )
        assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for c in name)
        assert safe_learner(name) == name


@given(st.text(max_size=40))
def test_safe_parts_never_leave_the_archive(raw: str) -> None:
    parts = safe_parts(raw)
    assert parts is None or (parts and not any(p in ("", ".", "..") or "/" in p or "\\" in p for p in parts))


def test_decomposed_names_are_composed(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "がくしゅう 花子")
    archive = tmp_path / "class.zip"
    archive.write_bytes(zipped({f"{decomposed}/ps2.ipynb": notebook(), "b/ps2.ipynb": notebook()}))
    assert who(collect(archive, SPECS)) == [("b", "ps2"), ("がくしゅう 花子", "ps2")]


def test_windows_zip_names(tmp_path: Path) -> None:
    """CP932 names without the UTF-8 flag, with the backslash as second byte (表)."""
    name = "能美 表太/ps2.ipynb"
    archive = tmp_path / "class.zip"
    placeholder = "N" * len(name.encode("cp932"))
    content = zipped({placeholder: notebook(), "b/ps2.ipynb": notebook()})
    archive.write_bytes(content.replace(placeholder.encode(), name.encode("cp932")))
    assert who(collect(archive, SPECS)) == [("b", "ps2"), ("能美 表太", "ps2")]


# ---------------------------------------------------------------- unsafe and broken files


def test_zip_paths_outside(tmp_path: Path) -> None:
    archive = tmp_path / "class.zip"
    bad = ["../evil/ps2.ipynb", "/etc/ps2.ipynb", "C:/x/ps2.ipynb", "a/../../ps2.ipynb", "..\\w\\ps2.ipynb"]
    archive.write_bytes(zipped({**dict.fromkeys(bad, notebook()), "b/ps2.ipynb": notebook()}))
    found = collect(archive, SPECS)
    assert who(found) == [("b", "ps2")]
    assert len(found.rejected) == len(bad)
    assert all("zipの外" in r.reason for r in found.rejected)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["class.zip"]


def test_zip_symlink(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        link = zipfile.ZipInfo("a/ps2.ipynb")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("b/ps2.ipynb", notebook())
    (tmp_path / "class.zip").write_bytes(stream.getvalue())
    found = collect(tmp_path / "class.zip", SPECS)
    assert who(found) == [("b", "ps2")]
    assert found.rejected[0].learner == "a" and "リンク" in found.rejected[0].reason


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights on Windows")
def test_folder_symlinks_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "ps2.ipynb").write_bytes(notebook())
    root = folder(tmp_path, {"b/ps2.ipynb": notebook()})
    (root / "a").mkdir()
    (root / "a" / "ps2.ipynb").symlink_to(secret / "ps2.ipynb")
    (root / "c").symlink_to(secret)
    os.mkfifo(root / "a" / "pipe.ipynb")
    found = collect(root, SPECS)
    assert who(found) == [("b", "ps2")]
    assert [r.name for r in found.rejected] == ["a/pipe.ipynb", "a/ps2.ipynb", "c"]


def test_encrypted_zip(tmp_path: Path) -> None:
    content = bytearray(zipped({"a/ps2.ipynb": notebook(), "b/ps2.ipynb": notebook()}))
    local, central = content.index(b"PK\x03\x04"), content.index(b"PK\x01\x02")
    content[local + 6] |= 1
    content[central + 8] |= 1
    (tmp_path / "class.zip").write_bytes(bytes(content))
    found = collect(tmp_path / "class.zip", SPECS)
    assert who(found) == [("b", "ps2")]
    assert "パスワード" in found.rejected[0].reason


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    root = folder(tmp_path, {"b/ps2.ipynb": notebook()})
    (root / "a").mkdir()
    with (root / "a" / "ps2.ipynb").open("wb") as stream:
        stream.truncate(200_000_000)
    found = collect(root, SPECS)
    assert who(found) == [("b", "ps2")]
    assert "200 MB" in found.rejected[0].reason and found.rejected[0].learner == "a"


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "class.zip").write_bytes(
        zipped({"a/ps2.ipynb": b" " * 30_000_000, "b/ps2.ipynb": notebook()})
    )
    found = collect(tmp_path / "class.zip", SPECS)
    assert who(found) == [("b", "ps2")]
    assert "大きすぎます" in found.rejected[0].reason


def test_a_zip_that_lies_about_its_size(tmp_path: Path) -> None:
    content = bytearray(zipped({"a/ps2.ipynb": b" " * 30_000_000, "b/ps2.ipynb": notebook()}))
    central = content.index(b"PK\x01\x02")
    content[central + 24 : central + 28] = (1000).to_bytes(4, "little")
    (tmp_path / "class.zip").write_bytes(bytes(content))
    found = collect(tmp_path / "class.zip", SPECS)
    assert who(found) == [("b", "ps2")]
    assert [r.learner for r in found.rejected] == ["a"]


def test_the_total_is_limited(tmp_path: Path) -> None:
    root = folder(tmp_path, {f"{c}/ps2.ipynb": notebook(mark="x" * 600_000) for c in "ab"})
    found = collect(root, SPECS, limits=Limits(total_mb=1))
    assert who(found) == [("a", "ps2")]
    assert "合計が上限" in found.rejected[0].reason


def test_nested_zips(tmp_path: Path) -> None:
    root = folder(
        tmp_path,
        {
            "tanaka.zip": zipped({"ps2.ipynb": notebook(), "__MACOSX/._ps2.ipynb": b"x"}),
            "sato/ps2.zip": zipped({"ps2/ps2.ipynb": notebook()}),
            "broken/ps2.zip": b"no zip at all",
            "download.zip": zipped(
                {"鈴木_9_assignsubmission_file_/work.zip": zipped({"x.ipynb": notebook()})}
            ),
        },
    )
    found = collect(root, SPECS)
    assert who(found) == [("sato", "ps2"), ("tanaka", "ps2"), ("鈴木", "ps2")]
    assert [r.name for r in found.rejected] == ["broken/ps2.zip"]


def test_zips_in_zips_in_zips_end(tmp_path: Path) -> None:
    content = zipped({"x.ipynb": notebook()})
    for _ in range(5):
        content = zipped({"a.zip": content})
    (tmp_path / "class.zip").write_bytes(content)
    found = collect(tmp_path / "class.zip", SPECS)
    assert not found.hand_ins
    assert "深すぎます" in found.rejected[0].reason


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("class.zip", zipped({}), "空のzip"),
        ("class.zip", b"PK but no zip", "zipファイルとして開けません"),
        ("class.txt", b"hello", "フォルダーでもzipでも"),
    ],
)
def test_nothing_to_read_at_all(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(IntakeError, match=says):
        collect(tmp_path / name, SPECS)


def test_missing_and_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(IntakeError, match="がありません"):
        collect(tmp_path / "nothing", SPECS)
    with pytest.raises(IntakeError, match="ファイルがありません"):
        collect(folder(tmp_path, {}), SPECS)


def test_too_many_entries(tmp_path: Path) -> None:
    root = folder(tmp_path, {f"{n}/ps2.ipynb": b"" for n in range(12)})
    with pytest.raises(IntakeError, match="多すぎます"):
        read_files(root, Limits(entries=10))

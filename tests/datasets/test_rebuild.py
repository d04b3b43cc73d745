"""The committed files are what the generators make, byte for byte; the build command says what differs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from generate.package import load

DATASETS = Path(__file__).resolve().parents[2] / "datasets"
MADE = {".csv", ".npz", ".png"}
MAX_FILE_BYTES = 2_000_000
MAX_BYTES_TOGETHER = {".csv": 12_000_000, ".npz": 4_000_000, ".png": 1_000_000}


def test_rebuild_equals_committed(rebuilt, build_script, datasets):
    assert build_script.differences(rebuilt, datasets) == []
    assert build_script.differences(build_script.derived(datasets), datasets) == []


def test_second_rebuild_in_another_process_is_identical(rebuilt, datasets, tmp_path):
    """No hidden state: another process, another hash seed, an older CPU: the same bytes."""
    fast_paths = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    copy = tmp_path / "datasets"
    shutil.copytree(datasets, copy, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
    for name in rebuilt:
        (copy / name).unlink()
    run = subprocess.run(
        [sys.executable, "-B", str(copy / "build.py")],
        env={
            "PYTHONHASHSEED": "7",
            "NPY_DISABLE_CPU_FEATURES": " ".join(fast_paths),
            "PATH": "",
            "SYSTEMROOT": "C:\\Windows",
            "PYTHONUTF8": "1",
        },
        capture_output=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr.decode()
    for path in sorted(path for path in datasets.rglob("*") if path.suffix in MADE):
        assert (copy / path.relative_to(datasets)).read_bytes() == path.read_bytes(), path.name


def test_every_file_has_a_generator_or_is_a_real_table(rebuilt):
    for name, entry in load(DATASETS).items():
        assert (entry["path"] in rebuilt) == (entry["kind"] != "real"), name


def test_files_are_small(datasets):
    sizes = {path: path.stat().st_size for path in datasets.rglob("*") if path.suffix in MADE}
    assert [f"{path.name}: {size:,}" for path, size in sizes.items() if size > MAX_FILE_BYTES] == []
    for suffix, limit in MAX_BYTES_TOGETHER.items():
        assert sum(size for path, size in sizes.items() if path.suffix == suffix) <= limit, suffix


def test_bytes_are_in_the_fixed_format(rebuilt):
    for name, content in rebuilt.items():
        if name.endswith(".npz"):
            continue
        if name.startswith("messy/"):
            assert content.count(b"\n") == content.count(b"\r\n"), name
            content.decode("cp932")
            with pytest.raises(UnicodeDecodeError):  # that reading it as UTF-8 fails is the first lesson
                content.decode("utf-8")
        else:
            text = content.decode("utf-8")
            assert "\r" not in text, name
            assert not text.startswith("\ufeff"), name
            assert "-0.0" not in text, name


def test_check_names_the_file_and_the_line_that_differ(rebuilt, build_script, tmp_path):
    assert build_script.write(rebuilt, tmp_path) == list(rebuilt)
    assert build_script.differences(rebuilt, tmp_path) == []
    path = tmp_path / "window_daily.csv"
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[4] = lines[4].replace(",", ";", 1)
    path.write_text("\n".join(lines), encoding="utf-8", newline="\n")
    (tmp_path / "calendar.csv").unlink()
    found = build_script.differences(rebuilt, tmp_path)
    assert len(found) == 2
    assert any("calendar.csv" in line and "ありません" in line for line in found)
    assert any("window_daily.csv" in line and "5行目" in line for line in found)
    assert sorted(build_script.write(rebuilt, tmp_path)) == ["calendar.csv", "window_daily.csv"]
    assert not list(tmp_path.rglob("*.tmp"))


def test_check_command_has_an_exit_status(build_script, rebuilt, monkeypatch, tmp_path, capsys):
    build_script.write(rebuilt, tmp_path)
    monkeypatch.setattr(build_script, "DATASETS", tmp_path)
    monkeypatch.setattr(build_script, "build_all", lambda: rebuilt)
    monkeypatch.setattr(build_script, "derived", lambda folder: {"README.md": b"catalogue"})
    assert build_script.main([]) == 0
    assert "README.md" in capsys.readouterr().out
    assert build_script.main(["--check"]) == 0
    (tmp_path / "calendar.csv").write_bytes(b"date\n")
    assert build_script.main(["--check"]) == 1
    assert "calendar.csv" in capsys.readouterr().out
    assert (tmp_path / "calendar.csv").read_bytes() == b"date\n"  # --check writes nothing


def test_child_seeds_depend_only_on_the_name():
    from generate import seeds

    first = seeds.generator("a").random(5)
    seeds.generator("something new").random(100)
    assert np.array_equal(first, seeds.generator("a").random(5))
    assert not np.array_equal(first, seeds.generator("b").random(5))

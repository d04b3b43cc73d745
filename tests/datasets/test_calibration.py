"""Our figures lie where the published ones say, within the stated tolerance."""

from __future__ import annotations

import shutil

import pandas as pd
from calibration import calibration_table, render


def test_every_figure_is_within_tolerance(datasets):
    rows = calibration_table(datasets)
    assert len(rows) >= 35
    assert [f"{row.figure}: {row.ours} not in {row.low}..{row.high}" for row in rows if not row.ok] == []


def test_every_figure_names_its_source(datasets):
    for row in calibration_table(datasets):
        assert row.source.startswith(("[S] ", "[T] ", "[A]")), row
        assert row.low < row.high


def test_calibration_notices_other_data(datasets, tmp_path):
    """Shift the hours and halve the payments in a copy: those rows, and the exit message, say so."""
    shutil.copytree(
        datasets, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "__pycache__")
    )
    visits = pd.read_csv(tmp_path / "window_visits.csv", dtype=str)
    visits["arrive_time"] = visits["arrive_time"].str.replace("^10:", "11:", regex=True)
    visits.to_csv(tmp_path / "window_visits.csv", index=False)
    cases = pd.read_csv(tmp_path / "collection_cases.csv")
    cases.loc[cases["case_id"].str[-1].isin(list("01234")), "paid_90d"] = 0
    cases.to_csv(tmp_path / "collection_cases.csv", index=False)
    rows = calibration_table(tmp_path)
    failed = {row.figure for row in rows if not row.ok}
    assert {"来庁の割合 10時台（%）", "来庁の割合 11時台（%）", "督促から90日以内の納付"} <= failed
    assert render(rows).count("範囲外") == len(failed)


def test_command_prints_the_table(build_script, capsys):
    assert build_script.main(["--calibration"]) == 0
    out = capsys.readouterr().out
    assert "宇都宮市" in out
    assert "範囲外" not in out

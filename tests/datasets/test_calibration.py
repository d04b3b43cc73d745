"""Our figures lie where the published ones say, within the stated tolerance."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from calibration import (
    SUBJECTS,
    bus,
    calibration_table,
    childcare,
    city,
    collection,
    courses,
    forms,
    houses,
    inquiries,
    pipes,
    render,
    roads,
    windows,
)


@pytest.fixture(scope="module")
def rows(datasets):
    return calibration_table(datasets)


def test_every_figure_is_within_tolerance(rows):
    assert len(rows) >= 120
    assert [f"{row.figure}: {row.ours} not in {row.low}..{row.high}" for row in rows if not row.ok] == []


def test_every_figure_names_its_source_and_can_fail(rows):
    assert len({row.figure for row in rows}) == len(rows)
    for row in rows:
        assert row.source.startswith(("[S] ", "[T] ", "[A]")), row
        assert np.isfinite([row.ours, row.low, row.high]).all() and row.low < row.high, row


def _doubled(column: pd.Series) -> pd.Series:
    return (2 * column.astype(float)).astype(int).astype(str)


# subject, file, column, what is done to it, the figure that must then be out of tolerance
BROKEN = [
    (city, "population_age.csv", "age_group", lambda c: c.replace("0-4", "85+"), "15歳未満の割合"),
    (windows, "window_visits.csv", "arrive_time", lambda c: c.str.replace("^10:", "11:", regex=True),
     "来庁の割合 10時台（%）"),
    (collection, "collection_cases.csv", "paid_90d", lambda c: c.where(c.index % 2 == 0, "0"),
     "督促から90日以内の納付"),
    (inquiries, "inquiries.csv", "category", lambda c: c.replace("税", "ごみ"),
     "一番多い分類の割合（15分類／10分類）"),
    (houses, "house_survey.csv", "lot_text", lambda c: c.where(c.index % 5 > 0, "字" + c),
     "表記をそろえて結びつく調査の行"),
    (courses, "course_enrollments.csv", "rating", lambda c: c.replace("", "3"), "満足度の空欄"),
    (bus, "bus_daily.csv", "riders", _doubled, "バスの利用者、1人あたり（回／年、2019年度）"),
    (forms, "form_digits.csv", "label", lambda c: c.replace({"1": "7", "7": "1"}).where(c.index % 3 == 0, c),
     "手書き数字1文字の正解率、通常（k近傍法）"),
    (childcare, "nurseries.csv", "seats_1", _doubled, "希望の園に入れなかった子（人）"),
    (pipes, "instructor/pipes_truth.csv", "leaks_true", _doubled,
     "漏水（件/km・年、見つからなかったものを含む）"),
    (roads, "road_reports.csv", "kind", lambda c: c.replace({"街路樹": "舗装"}), "通報のうち舗装"),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "file", "column", "change", "figure"), BROKEN)
def test_calibration_notices_other_data(datasets, tmp_path, subject, file, column, change, figure):
    """Change one column in a copy: that row, and the printed table, say so."""
    copy = tmp_path / "datasets"
    shutil.copytree(datasets, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__", "*.png", "*.md"))
    table = pd.read_csv(copy / file, dtype=str, keep_default_na=False)
    table[column] = change(table[column])
    table.to_csv(copy / file, index=False)
    rows = subject.rows(copy)
    failed = {row.figure for row in rows if not row.ok}
    assert figure in failed
    assert render(rows).count("範囲外") == len(failed)


def test_every_subject_is_broken_once_above():
    assert {subject for subject, *_ in BROKEN} == set(SUBJECTS)


def test_command_prints_the_table(build_script, capsys):
    assert build_script.main(["--calibration"]) == 0
    out = capsys.readouterr().out
    assert "宇都宮市" in out
    assert "範囲外" not in out

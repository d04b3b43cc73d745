"""Frictionless validates every table; package, files, cards and catalogue agree."""

from __future__ import annotations

import ast
import re
import shutil

import pandas as pd
import pytest
from frictionless import Package

TABLES = [
    "calendar", "window_daily", "window_visits", "branch_monthly", "collection_cases", "collection_cases_ps3",
]  # fmt: skip


def _fields(package: dict, name: str) -> list[dict]:
    resource = next(item for item in package["resources"] if item["name"] == name)
    return resource["schema"]["fields"]


def test_frictionless_validates(datasets):
    report = Package(str(datasets / "datapackage.json")).validate()
    assert report.valid, report.flatten(["name", "rowNumber", "fieldName", "message"])[:10]


@pytest.mark.parametrize(
    ("file", "old", "new", "error"),
    [
        ("window_daily.csv", "2023-04-03,月", "2022-04-04,月", "foreign-key"),
        ("window_visits.csv", "V00001,2024-03-25", "V00001,2024-12-31", "foreign-key"),
        ("calendar.csv", "2023-04-01,土", "2023-04-01,Sat", "constraint-error"),
        ("branch_monthly.csv", "2023-04,2023,東支所", "2023-04,2023,北支所", "primary-key"),
        ("collection_cases.csv", "paid_90d", "paid", "incorrect-label"),
    ],
)
def test_frictionless_would_notice(datasets, tmp_path, file, old, new, error):
    """Break one thing in a copy: the validation fails with that error."""
    copy = tmp_path / "datasets"
    shutil.copytree(datasets, copy, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    text = (copy / file).read_text(encoding="utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1), encoding="utf-8", newline="\n")
    report = Package(str(copy / "datapackage.json")).get_resource(file.removesuffix(".csv")).validate()
    assert error in {row[0] for row in report.flatten(["type"])}


def test_every_file_is_declared(package, datasets):
    declared = {resource["path"] for resource in package["resources"]}
    assert declared == {path.relative_to(datasets).as_posix() for path in datasets.rglob("*.csv")}
    for resource in package["resources"]:
        messy = resource["path"].startswith("messy/")
        assert resource["encoding"] == ("cp932" if messy else "utf-8")
        assert resource["type"] == ("file" if messy else "table")


@pytest.mark.parametrize("name", TABLES)
def test_fields_are_the_columns_with_title_and_unit(package, datasets, name):
    fields = _fields(package, name)
    assert [field["name"] for field in fields] == list(pd.read_csv(datasets / f"{name}.csv", nrows=1).columns)
    for field in fields:
        assert re.search(r"[ぁ-んァ-ヶ一-龠]", field["title"]), field["name"]
        is_code = "enum" in field["constraints"] if "constraints" in field else False
        if field["type"] in ("integer", "number") and not is_code and field["name"] != "window_no":
            assert field.get("unit"), f"{name}.{field['name']} has no unit"


@pytest.mark.parametrize("name", TABLES)
def test_card_describes_every_column(package, datasets, name):
    card = (datasets / f"{name}.md").read_text(encoding="utf-8")
    assert "架空の市・合成データ" in card
    assert "CC BY 4.0" in card
    for heading in (
        "なぜ作ったか",
        "どう作ったか",
        "列",
        "仮定と根拠",
        "使ってはいけないこと",
    ):
        assert re.search(rf"^## {re.escape(heading)}", card, re.MULTILINE), heading
    columns = card.split("## 列", 1)[1].split("\n## ", 1)[0]
    for field in _fields(package, name):
        row = re.search(rf"^\| `{field['name']}` \|(.*)$", columns, re.MULTILINE)
        assert row, f"{name}.md does not describe {field['name']}"
        if field.get("unit"):
            assert field["unit"] in row.group(1), f"{name}.md: unit of {field['name']}"


def test_catalogue_names_every_file(package, datasets):
    readme = (datasets / "README.md").read_text(encoding="utf-8")
    for resource in package["resources"]:
        assert f"`{resource['path']}`" in readme
    for link in re.findall(r"\]\(([^)#]+)\)", readme):
        assert link.startswith("https://") or (datasets / link).exists(), link


def _stated_values(notes: str) -> list[tuple[str, str]]:
    """Return (code up to and with the expression, stated value) for each ``# → value`` line of a note."""
    found = []
    for block in re.findall(r"```python\n(.*?)```", notes, re.DOTALL):
        *parts, rest = re.split(r"^# → (.*)$", block, flags=re.MULTILINE)
        assert not rest.strip(), f"code without a stated value: {rest}"
        found += list(zip(parts[0::2], parts[1::2], strict=True))
    return found


@pytest.mark.parametrize("name", TABLES)
def test_pitfall_lines_give_the_stated_values(datasets, monkeypatch, name):
    """The code in the instructor's notes runs; each expression gives the ``# → value`` under it."""
    monkeypatch.chdir(datasets)
    stated = _stated_values((datasets / "instructor" / f"{name}.md").read_text(encoding="utf-8"))
    assert len(stated) >= 3
    namespace: dict = {}
    for code, value in stated:
        *statements, expression = ast.parse(code).body
        exec(compile(ast.Module(statements, []), f"{name}.md", "exec"), namespace)  # the project's own notes
        assert str(eval(ast.unparse(expression), namespace)) == value.strip(), ast.unparse(expression)

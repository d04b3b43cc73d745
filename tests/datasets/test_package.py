"""Frictionless validates every table; package, files, cards and catalogue agree."""

from __future__ import annotations

import ast
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from frictionless import Package
from generate.package import build as build_package
from generate.package import card_of, has_picture, load
from matplotlib.image import imread
from pictures import PICTURES
from pictures.frame import HEIGHT_PX, WIDTH_PX

from autograder.materials import Materials

DATASETS = Path(__file__).resolve().parents[2] / "datasets"
ENTRIES = load(DATASETS)
TABLES = [name for name, entry in ENTRIES.items() if entry["kind"] in ("synthetic", "real", "truth")]
PUBLIC = [name for name in TABLES if ENTRIES[name]["kind"] != "truth"]
CARDS = {card_of(ENTRIES[name]): ENTRIES[name]["kind"] for name in PUBLIC}
DATA = {".csv", ".npz"}
HEADINGS = {
    "synthetic": ("なぜ作ったか", "どう作ったか", "列", "仮定と根拠", "使ってはいけないこと"),
    "real": (
        "なぜ入れたか",
        "出典",
        "列",
        "確かめたこと",
        "疑わしいところ・抜けているところ",
        "言えること・言えないこと",
    ),
}


def test_package_is_what_the_entries_say(datasets, build_script):
    assert build_script.differences(build_package(datasets), datasets) == []


@pytest.mark.parametrize("place", ["datapackage.json", "instructor/datapackage.json"])
def test_frictionless_validates(datasets, place):
    report = Package(str(datasets / place)).validate()
    assert report.valid, report.flatten(["name", "rowNumber", "fieldName", "message"])[:10]


@pytest.mark.parametrize(
    ("file", "old", "new", "error"),
    [
        ("window_daily.csv", "2023-04-03,月", "2017-04-03,月", "foreign-key"),
        ("window_visits.csv", "V00001,2024-03-25", "V00001,2024-12-31", "foreign-key"),
        ("calendar.csv", "2023-04-01,土", "2023-04-01,Sat", "constraint-error"),
        ("branch_monthly.csv", "2023-04,2023,東支所", "2023-04,2023,北支所", "primary-key"),
        ("collection_cases.csv", "paid_90d", "paid", "incorrect-label"),
        ("towns.csv", "0101,本町,01", "0101,本町,13", "foreign-key"),
        ("towns.csv", "0101,本町,01", "101,本町,01", "constraint-error"),
    ],
)
def test_frictionless_would_notice(datasets, tmp_path, file, old, new, error):
    """Break one thing in a copy: the validation fails with that error."""
    copy = tmp_path / "datasets"
    shutil.copytree(datasets, copy, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    text = (copy / file).read_text(encoding="utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1), encoding="utf-8", newline="\n")
    descriptor = json.loads((copy / "datapackage.json").read_text(encoding="utf-8"))
    resource = Package(str(copy / "datapackage.json")).get_resource(file.removesuffix(".csv"))
    assert {row[0] for row in resource.validate().flatten(["type"])} & {"hash-count", "byte-count"}
    for item in descriptor["resources"]:  # with the check sum out of the way
        del item["hash"], item["bytes"]
    (copy / "datapackage.json").write_text(json.dumps(descriptor), encoding="utf-8")
    resource = Package(str(copy / "datapackage.json")).get_resource(file.removesuffix(".csv"))
    assert error in {row[0] for row in resource.validate().flatten(["type"])}


def test_pattern_and_enum_leave_no_gap(package):
    """frictionless writes ^ and $ around a pattern: a bar outside brackets would open it on both sides."""
    for resource in package["resources"]:
        for field in resource.get("schema", {}).get("fields", []):
            pattern = field.get("constraints", {}).get("pattern", "")
            outside = re.sub(r"\[[^]]*\]", "", pattern)
            while "(" in outside and outside != (inner := re.sub(r"\([^()]*\)", "", outside)):
                outside = inner
            assert "|" not in outside and r"\d" not in pattern, (resource["name"], field["name"])


TRUTH_OF = {  # truth -> the learners' table and the key (a foreign key cannot cross two packages)
    "houses_truth": ("houses", ["house_id"]),
    "pipes_truth": ("pipes", ["pipe_id"]),
    "inquiries_truth": ("inquiries", ["inquiry_id"]),
    "road_reports_truth": ("road_reports", ["report_id"]),
    "road_damage_truth": ("towns", ["town_code"]),
    "road_images_truth": ("road_images", ["image_id"]),
    "childcare_applicants_truth": ("childcare_applicants", ["applicant_id"]),
}


def test_truth_has_the_rows_of_the_learners_table_in_the_same_order(datasets):
    truths = {name for name in TABLES if ENTRIES[name]["kind"] == "truth"}
    assert truths - set(TRUTH_OF) == {"bus_daily_truth", "faq_new_topic"}  # not of a whole table
    for truth, (public, key) in TRUTH_OF.items():
        tables = [pd.read_csv(datasets / ENTRIES[name]["path"], dtype=str)[key] for name in (truth, public)]
        pd.testing.assert_frame_equal(*tables)


def test_every_file_is_declared(datasets):
    declared = {entry["path"] for entry in ENTRIES.values()}
    there = {path.relative_to(datasets).as_posix() for path in datasets.rglob("*") if path.suffix in DATA}
    assert declared == there


def test_kind_and_place_agree(package):
    for entry in ENTRIES.values():
        assert entry["path"].startswith("messy/") == (entry["kind"] == "messy"), entry["name"]
        assert entry["path"].startswith("instructor/") == (entry["kind"] == "truth"), entry["name"]
        assert ("架空の市・合成データ" in entry["description"]) == (entry["kind"] != "real"), entry["name"]
        assert entry["used_in"] and entry["teaches"], entry["name"]
    assert not any("instructor" in resource["path"] for resource in package["resources"])


def test_an_entry_that_names_no_file_in_the_catalogue_is_refused(datasets, tmp_path):
    shutil.copytree(datasets / "resources", tmp_path / "resources")
    (tmp_path / "resources" / "towns.yaml").rename(tmp_path / "resources" / "villages.yaml")
    with pytest.raises(ValueError, match=r"GROUPSだけにある: \['towns'\]"):
        load(tmp_path)
    (tmp_path / "resources" / "villages.yaml").rename(tmp_path / "resources" / "towns.yaml")
    (tmp_path / "resources" / "towns.yaml").write_text("name: towns\nkind: synthetic\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"towns\.yaml を直してください"):
        load(tmp_path)


@pytest.mark.parametrize("name", TABLES)
def test_fields_are_the_columns_with_title_and_unit(datasets, name):
    entry = ENTRIES[name]
    columns = list(pd.read_csv(datasets / entry["path"], nrows=1).columns)
    assert [field["name"] for field in entry["fields"]] == columns
    for field in entry["fields"]:
        assert re.search(r"[ぁ-んァ-ヶ一-龠]", field["title"]), field["name"]
        is_code = "enum" in field.get("constraints", {}) or field["name"] == "window_no"
        if field["type"] in ("integer", "number") and not is_code:
            assert field.get("unit"), f"{name}.{field['name']} has no unit"


@pytest.mark.parametrize("card", CARDS)
def test_card_has_its_sections(datasets, card):
    text = (datasets / card).read_text(encoding="utf-8")
    kind = CARDS[card]
    assert ("架空の市・合成データ" in text and "CC BY 4.0" in text) or kind == "real"
    assert "公表された実際の数値" in text or kind != "real"
    for heading in HEADINGS[kind]:
        body = re.search(rf"^## {re.escape(heading)}\n+(.+?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        assert body, heading
        assert len(body.group(1).strip()) >= 30, heading


@pytest.mark.parametrize("name", PUBLIC)
def test_card_describes_every_column(datasets, name):
    card = (datasets / card_of(ENTRIES[name])).read_text(encoding="utf-8")
    columns = card.split("## 列", 1)[1].split("\n## ", 1)[0]
    for field in ENTRIES[name]["fields"]:
        rows = re.findall(rf"^\| `{field['name']}` \|(.*)$", columns, re.MULTILINE)
        assert rows, f"the card of {name} does not describe {field['name']}"
        if field.get("unit"):
            assert any(field["unit"] in row for row in rows), f"card of {name}: unit of {field['name']}"


def test_catalogue_names_every_file_and_shows_its_picture(datasets):
    readme = (datasets / "README.md").read_text(encoding="utf-8")
    for entry in ENTRIES.values():
        assert (f"[`{entry['path']}`]({card_of(entry)})" in readme) == (entry["kind"] != "truth")
        assert (f"images/{entry['name']}.png" in readme) == has_picture(entry)
        for place in entry["used_in"] if entry["kind"] != "truth" else ():
            line = re.search(rf"^- \*\*{place}\*\*：(.+)$", readme, re.MULTILINE)
            assert line and f"[`{entry['path']}`]" in line.group(1), (place, entry["path"])
    for link in re.findall(r"\]\(([^)#]+)\)", readme):
        assert link.startswith("https://") or (datasets / link).exists(), link


def test_pictures_are_small_and_of_one_size(datasets):
    wanted = {name for name, entry in ENTRIES.items() if has_picture(entry)}
    assert set(PICTURES) == wanted
    assert {path.stem for path in (datasets / "images").glob("*.png")} == wanted
    for path in (datasets / "images").glob("*.png"):
        assert imread(path).shape[:2] == (HEIGHT_PX, WIDTH_PX), path.name
        assert path.stat().st_size < 80_000, path.name


def test_learners_get_every_file_card_and_picture_and_nothing_of_the_instructor():
    """The same relative path (``../../datasets/…``) holds in the repository, a workspace and the wheel."""
    delivered = {str(path) for path in Materials(DATASETS.parent, is_clone=True).files()}
    for entry in ENTRIES.values():
        wanted = entry["kind"] != "truth"
        assert (f"datasets/{entry['path']}" in delivered) == wanted, entry["path"]
        if wanted:
            assert f"datasets/{card_of(entry)}" in delivered
        if has_picture(entry):
            assert f"datasets/images/{entry['name']}.png" in delivered
    assert {"datasets/README.md", "datasets/datapackage.json"} <= delivered
    extra = [name for name in delivered if re.match(r"datasets/(?!messy/|images/)[^/]+/", name)]
    assert extra == []


def _stated_values(notes: str) -> list[tuple[str, str]]:
    """Return (code up to and with the expression, stated value) for each ``# → value`` line of a note."""
    found = []
    for block in re.findall(r"```python\n(.*?)```", notes, re.DOTALL):
        *parts, rest = re.split(r"^# → (.*)$", block, flags=re.MULTILINE)
        assert not rest.strip(), f"code without a stated value: {rest}"
        found += list(zip(parts[0::2], parts[1::2], strict=True))
    return found


@pytest.mark.parametrize("name", sorted({card.removesuffix(".md") for card in CARDS}))
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

"""What is derived from ``resources/*.yaml``: the data packages and the table in ``README.md``."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import yaml

from .catalogue import GROUPS

PACKAGE = {
    "profile": "data-package",
    "name": "takara-datasets",
    "title": "たから市のデータ（宝探しAI講座）",
    "description": (
        "架空の市「たから市」の合成データと、公表された実際の表。実在の人・世帯の記録は含まない。"
        "作り方と使い方の注意は、同じフォルダーの各カード（.md）にある。"
    ),
    "version": "2.0.0",
    "created": "2026-11-24T00:00:00Z",
    "licenses": [
        {
            "name": "CC-BY-4.0",
            "title": "Creative Commons Attribution 4.0 International（実際の表は、表ごとの licenses）",
            "path": "https://creativecommons.org/licenses/by/4.0/",
        }
    ],
    "contributors": [{"title": "Takara maintainers", "role": "author"}],
    "keywords": ["synthetic", "open data", "自治体", "窓口", "債権管理", "水道", "道路", "教材"],
}
INSTRUCTOR_PACKAGE = {
    **PACKAGE,
    "name": "takara-datasets-instructor",
    "title": "たから市の合成データの答え（講師用）",
    "description": "合成データの、受講者には渡さない本当の値。行の番号で元の表とつながる。",
}
FORMATS = {
    "csv": {"mediatype": "text/csv", "encoding": "utf-8"},
    "npz": {"mediatype": "application/octet-stream"},
}
KINDS = ("synthetic", "real", "messy", "arrays", "truth")
TABLE_KINDS = ("synthetic", "real", "truth")
BEGIN, END = "<!-- catalogue: begin（build.py が書きます） -->", "<!-- catalogue: end -->"


def load(folder: Path) -> dict[str, dict]:
    """Return name -> entry of every resource, in the order of the catalogue.

    Raises
    ------
    ValueError
        When the catalogue and the files in ``resources/`` do not name the same sets, or an entry lacks a key.
    """
    named = [name for names in GROUPS.values() for name in names]
    found = {path.stem: path for path in sorted((folder / "resources").glob("*.yaml"))}
    if len(set(named)) != len(named) or set(named) != set(found):
        raise ValueError(
            "generate/catalogue.py の GROUPS と resources/*.yaml が合いません。\n"
            f"GROUPSだけにある: {sorted(set(named) - set(found))}\n"
            f"resourcesだけにある: {sorted(set(found) - set(named))}"
        )
    entries = {name: yaml.safe_load(found[name].read_text(encoding="utf-8")) for name in named}
    for name, entry in entries.items():
        missing = {"name", "title", "description", "kind", "path", "row", "used_in", "teaches"} - set(entry)
        if missing or entry["name"] != name or entry["kind"] not in KINDS:
            raise ValueError(
                f"resources/{name}.yaml を直してください。ない項目: {sorted(missing)}、"
                f"name: {entry.get('name')}、kind: {entry.get('kind')}（{'・'.join(KINDS)}）"
            )
    return entries


def card_of(entry: dict) -> str:
    """Return the file name of the card of an entry."""
    return entry.get("card", f"{entry['name']}.md")


def build(folder: Path) -> dict[str, bytes]:
    """Return the data packages and ``README.md`` for the files that are in ``folder``."""
    entries = load(folder)
    public = [_resource(folder, entry) for entry in entries.values() if entry["kind"] != "truth"]
    truth = [_resource(folder, entry) for entry in entries.values() if entry["kind"] == "truth"]
    for resource in truth:
        resource["path"] = resource["path"].removeprefix("instructor/")
    files = {
        "datapackage.json": _json({**PACKAGE, "resources": public}),
        "README.md": _readme(folder, entries),
    }
    if truth:
        files["instructor/datapackage.json"] = _json({**INSTRUCTOR_PACKAGE, "resources": truth})
    return files


def _json(value: dict) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def _resource(folder: Path, entry: dict) -> dict:
    """Return one Frictionless resource: what the author wrote, and what follows from kind and file."""
    is_table = entry["kind"] in TABLE_KINDS
    suffix = entry["path"].rsplit(".", 1)[1]
    content = (folder / entry["path"]).read_bytes()
    resource = {
        "name": entry["name"],
        "title": entry["title"],
        "description": entry["description"],
        "type": "table" if is_table else "file",
        "path": entry["path"],
        "scheme": "file",
        "format": suffix,
        **FORMATS[suffix],
        "bytes": len(content),
        "hash": entry.get("hash", f"sha256:{hashlib.sha256(content).hexdigest()}"),
    }
    if entry["kind"] == "messy":
        resource["encoding"] = entry.get("encoding", "cp932")
    resource |= {key: entry[key] for key in ("sources", "licenses", "arrays") if key in entry}
    if is_table:
        resource["dialect"] = {"delimiter": ",", "lineTerminator": "\n"}
        resource["schema"] = {
            "fields": entry["fields"],
            "missingValues": [""],
            **{key: entry[key] for key in ("primaryKey", "foreignKeys") if key in entry},
        }
    return resource


def _readme(folder: Path, entries: dict[str, dict]) -> bytes:
    """Return ``README.md`` with its catalogue written anew between the two marks."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"README.md に、次の2行が1つずつ要ります。\n{BEGIN}\n{END}")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{_catalogue(entries)}\n{END}{after}".encode()


def _catalogue(entries: dict[str, dict]) -> str:
    shown = {name: entry for name, entry in entries.items() if entry["kind"] != "truth"}
    return "\n".join([*_by_lesson(shown), *_by_theme(shown), ""])


def _by_lesson(shown: dict[str, dict]) -> list[str]:
    """Return one line a lesson with its files: sessions, then assignments, then the handbook."""
    places = {place for entry in shown.values() for place in entry["used_in"]}
    lines = ["", "### 回から探す", ""]
    for place in sorted(places, key=lambda place: (("第", "課", "手").index(place[0]), place)):
        files = [_link(entry) for entry in shown.values() if place in entry["used_in"]]
        lines.append(f"- **{place}**：{'、'.join(files)}")
    return lines


def _by_theme(shown: dict[str, dict]) -> list[str]:
    lines = []
    for heading, names in GROUPS.items():
        lines += ["", f"### {heading}", "", "| 絵 | 表 |", "|---|---|"]
        for entry in (shown[name] for name in names if name in shown):
            picture = f'<img src="images/{entry["name"]}.png" width="300" alt="{entry["title"]}">'
            lines.append(
                f"| {picture if has_picture(entry) else ''} | {_link(entry)} {entry['title']}"
                f"<br>1行は：{entry['row']}<br>使う所：{'、'.join(entry['used_in'])}"
                f"<br>教えること：{entry['teaches']} |"
            )
    return lines


def _link(entry: dict) -> str:
    return f"[`{entry['path']}`]({card_of(entry)})"


def has_picture(entry: dict) -> bool:
    """Whether the catalogue shows a picture: every table that learners get, except the messy twins."""
    return entry["kind"] in ("synthetic", "real", "arrays")

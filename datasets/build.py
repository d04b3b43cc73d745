"""Rebuild the data sets, their pictures, the data packages and the catalogue.

``python datasets/build.py`` writes, ``--check`` compares with what is there, ``--calibration`` prints our
figures beside the published ones.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

DATASETS = Path(__file__).resolve().parent
sys.path.insert(0, str(DATASETS))

try:
    from calibration import calibration_table, render
    from generate import package
    from generate.catalogue import build_all
    from pictures import draw_all
except ModuleNotFoundError as error:
    sys.exit(
        f"部品「{error.name}」が見つかりません。\n"
        '`pip install -e ".[test]"` を実行してから、もう一度 build.py を動かしてください。'
    )

REBUILD = "`python datasets/build.py` を実行すると、作りなおした結果に置きかわります。"


def write(files: dict[str, bytes], folder: Path) -> list[str]:
    """Write what differs (temporary file, then replace) and return the names written."""
    written = []
    for name, content in files.items():
        path = folder / name
        if path.exists() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        temporary.write_bytes(content)
        os.replace(temporary, path)
        written.append(name)
    return written


def differences(files: dict[str, bytes], folder: Path) -> list[str]:
    """Return one line per file that is missing or differs, naming the first differing line of a text."""
    found = []
    for name, content in files.items():
        path = folder / name
        if not path.exists():
            found.append(f"{name}: ファイルがありません")
            continue
        committed = path.read_bytes()
        if committed != content:
            where = "" if path.suffix in (".png", ".npz") else f"（最初の違い: {_line(committed, content)}）"
            found.append(f"{name}: 作りなおした結果と違います{where}")
    return found


def _line(committed: bytes, content: bytes) -> str:
    pairs = zip(committed.split(b"\n"), content.split(b"\n"), strict=False)
    return next((f"{number}行目" for number, (a, b) in enumerate(pairs, 1) if a != b), "末尾")


def derived(folder: Path) -> dict[str, bytes]:
    """Return what is made from the data files in ``folder``: pictures, data packages, catalogue."""
    return draw_all(folder) | package.build(folder)


def rebuild(folder: Path) -> tuple[int, list[str]]:
    """Write everything that differs; return the number of files and the names written."""
    data = build_all()
    written = write(data, folder)
    made = derived(folder)
    return len(data) + len(made), written + write(made, folder)


def check(folder: Path) -> tuple[int, list[str]]:
    """Compare everything with a rebuild; return the number of files and one line per difference."""
    data = build_all()
    found = differences(data, folder)
    if any(not (folder / name).exists() for name in data):
        return len(data), found
    made = derived(folder)
    return len(data) + len(made), found + differences(made, folder)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 = as it should be, 1 = something differs or is out of tolerance."""
    parser = argparse.ArgumentParser(description="たから市のデータを作りなおします。")
    parser.add_argument("--check", action="store_true", help="書きこまずに、今あるファイルと比べます")
    parser.add_argument(
        "--calibration", action="store_true", help="公表値と合成データの値を並べた表を出します"
    )
    options = parser.parse_args(arguments)
    if options.calibration:
        rows = calibration_table(DATASETS)
        print(render(rows))
        return 0 if all(row.ok for row in rows) else 1
    if options.check:
        total, found = check(DATASETS)
        for line in found:
            print(line)
        if found:
            print(REBUILD)
            return 1
        print(f"{total}ファイルすべて、作りなおした結果と一致しました。")
        return 0
    total, written = rebuild(DATASETS)
    for name in written:
        print(f"書きこみました: {name}（{(DATASETS / name).stat().st_size:,} バイト）")
    print(f"{total}ファイル中 {len(written)}ファイルを更新しました。")
    return 0


if __name__ == "__main__":
    sys.exit(main())

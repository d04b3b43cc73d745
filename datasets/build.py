"""Rebuild the data sets.

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
    from generate.catalogue import build_all
except ModuleNotFoundError as error:
    sys.exit(
        f"部品「{error.name}」が見つかりません。\n"
        '`pip install -e ".[test]"` を実行してから、もう一度 build.py を動かしてください。'
    )


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
    """Return one line per file that is missing or differs, naming the first differing line."""
    found = []
    for name, content in files.items():
        path = folder / name
        if not path.exists():
            found.append(f"{name}: ファイルがありません")
            continue
        committed = path.read_bytes()
        if committed != content:
            pairs = zip(committed.split(b"\n"), content.split(b"\n"), strict=False)
            line = next((number for number, (a, b) in enumerate(pairs, 1) if a != b), "末尾")
            found.append(f"{name}: 作りなおした結果と違います（最初の違い: {line}行目）")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 = as it should be, 1 = something differs or is out of tolerance."""
    parser = argparse.ArgumentParser(description="たから市の合成データを作りなおします。")
    parser.add_argument("--check", action="store_true", help="書きこまずに、今あるファイルと比べます")
    parser.add_argument(
        "--calibration", action="store_true", help="公表値と合成データの値を並べた表を出します"
    )
    options = parser.parse_args(arguments)
    if options.calibration:
        from generate.calibration import calibration_table, render

        rows = calibration_table(DATASETS)
        print(render(rows))
        return 0 if all(row.ok for row in rows) else 1
    files = build_all()
    if options.check:
        found = differences(files, DATASETS)
        for line in found:
            print(line)
        if found:
            print("`python datasets/build.py` を実行すると、作りなおした結果に置きかわります。")
            return 1
        print(f"{len(files)}ファイルすべて、作りなおした結果と一致しました。")
        return 0
    written = write(files, DATASETS)
    for name in written:
        print(f"書きこみました: {name}（{len(files[name]):,} バイト）")
    print(f"{len(files)}ファイル中 {len(written)}ファイルを更新しました。")
    return 0


if __name__ == "__main__":
    sys.exit(main())

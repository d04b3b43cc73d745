"""Prints the corpus as a table: what each case tries, what stock nbgrader makes of it, what ours does.

Run as ``python tests/hostile/table.py [--stock N] [--json FILE]``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

from corpus import CORPUS, HONEST, Case  # noqa: E402
from small_class import FULL  # noqa: E402
from stock import run_stock, runs_with_stock  # noqa: E402
from trial import Trial, harm_of, harm_to_all, points_of, run_trial  # noqa: E402


def row_of(case: Case, trial: Trial) -> dict[str, object]:
    """What ours made of a case."""
    record = trial.record(case)
    points = points_of(record)
    expected = points == case.points and (record is None or record.needs_review == case.needs_review)
    return {
        "case": case.name,
        "tries": case.tries,
        "tries_ja": case.tries_ja,
        "course": case.assignment,
        "ours": _shown(points, "rejected") + (", review" if record and record.needs_review else ""),
        "as_expected": expected,
        "harm": harm_of(case, trial),
        "known_limit": case.known_limit,
    }


def _shown(points: dict[str, float] | None, otherwise: str) -> str:
    return otherwise if points is None else f"{sum(points.values()):g}/{sum(FULL.values()):g}"


def with_stock(rows: list[dict[str, object]], at_most: int, folder: Path) -> None:
    """Run as many cases with stock nbgrader as wanted, of all kinds; say of the others why not."""
    for case, row in zip(CORPUS, rows, strict=True):
        row["stock"] = runs_with_stock(case, folder / "look") or "not run: not chosen"
    runnable = [n for n, row in enumerate(rows) if row["stock"] == "not run: not chosen"]
    count = min(at_most, len(runnable))
    for case, row in (
        (CORPUS[n], rows[n]) for n in (runnable[k * len(runnable) // count] for k in range(count))
    ):
        print(f"stock nbgrader: {case.name}", file=sys.stderr)
        outcome = run_stock(case, folder / case.name)
        row["stock"] = _shown(outcome.points, "no grade")
        row["stock_harm"] = list(outcome.harm)
        row["stock_seconds"] = round(outcome.seconds, 1)


def totals(rows: list[dict[str, object]], trial: Trial) -> dict[str, object]:
    """The sums below the table."""
    stoppable = [r for r in rows if not r["known_limit"]]
    with_stock = [r for r in rows if "stock_harm" in r]
    return {
        "walls": trial.tier,
        "cases": len(rows),
        "as expected": sum(bool(r["as_expected"]) for r in rows),
        "harmful": sum(bool(r["harm"]) for r in stoppable),
        "harm to all": harm_to_all(trial),
        "known limits": len(rows) - len(stoppable),
        "honest hand-ins exact": all(points_of(trial.records.get((h, "plain"))) == FULL for h in HONEST),
        "stock: run": len(with_stock),
        "stock: harmful": sum(bool(r["stock_harm"]) for r in with_stock),
    }


def as_markdown(rows: list[dict[str, object]]) -> str:
    """The table."""
    lines = ["| case | what it tries | stock nbgrader | ours | harm |", "|---|---|---|---|---|"]
    for r in rows:
        stock = "; ".join([str(r.get("stock", "not run")), *map(str, r.get("stock_harm", []))])
        ours = str(r["ours"]) + ("" if r["as_expected"] else " (NOT AS EXPECTED)")
        harm = "; ".join(r["harm"]) or "none"
        if r["known_limit"]:
            harm = f"KNOWN LIMIT: {r['known_limit']}"
        lines.append(f"| {r['case']} | {r['tries']}<br>{r['tries_ja']} | {stock} | {ours} | {harm} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Grade, print, and say by the exit status whether there was harm."""
    parser = argparse.ArgumentParser(
        description="What hostile hand-ins achieve, with stock nbgrader and ours."
    )
    parser.add_argument(
        "--stock", type=int, default=0, metavar="N", help="run at most N cases with stock nbgrader"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there as JSON as well")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        trial = run_trial(CORPUS, folder / "ours")
        rows = [row_of(case, trial) for case in CORPUS]
        with_stock(rows, options.stock, folder / "stock")
        sums = totals(rows, trial)
    print(as_markdown(rows))
    print("\n".join(f"{name}: {value}" for name, value in sums.items()))
    if options.json:
        text = json.dumps({"totals": sums, "cases": rows}, ensure_ascii=False, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")
    return int(bool(sums["harmful"] or sums["harm to all"] or sums["as expected"] != sums["cases"]))


if __name__ == "__main__":
    sys.exit(main())

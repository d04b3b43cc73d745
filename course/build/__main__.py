"""``python -m course.build``: texts in, notebooks out, tables of the lessons, and what is lacking."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from . import check as checking
from . import exam_map, table
from .problems import TextError
from .release import ReleaseError
from .site import Course, build, compare, install, remove_stale_sources, scratch_folder

app = typer.Typer(add_completion=False)


@app.command()
def main(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            help="all（既定）、sessions、handbook、assignments、exam（問題の一覧と、解くページ）、"
            "または文章の名前（ps2、02 など）。"
            "table を付けると、本文を1回ずつ動かし、README の表の時間とメモリを測り直す。"
            "check を付けると、作らずに、ハンドブックに足りないもの、言葉の不ぞろい、切れたリンクを示す",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="書きかえずに、今あるファイルと1バイトずつ比べる（違えば終了コード1）"),
    ] = False,
    root: Annotated[Path, typer.Option(help="リポジトリの場所")] = Path("."),
) -> None:
    """文章（course/sessions、course/handbook、assignments/text）からノートブックを作ります。"""
    course = Course(root.resolve())
    measuring, looking = "table" in (targets or []), "check" in (targets or [])
    wanted = [target for target in targets or [] if target not in ("table", "check")]
    texts, unknown = select(course, wanted or (["sessions", "handbook"] if measuring else ["all"]))
    if unknown:
        say(
            f"「{unknown}」に当たる文章がありません。"
            "all、sessions、handbook、assignments、exam か、ファイル名の始まりを書いてください。"
        )
        raise typer.Exit(2)
    if looking:
        raise typer.Exit(checking.main(course, texts if wanted else None))
    if measuring and not check:
        raise typer.Exit(measure(course, texts))
    with scratch_folder() as scratch:
        out = Path(scratch)
        try:
            problems = build(course, texts, out)
        except ReleaseError as error:
            say(f"nbgrader が配布版を作れませんでした。下の記録を見てください。\n{error}")
            raise typer.Exit(1) from error
        whole = not problems and set(texts) == {*course.lesson_texts(), *course.assignment_texts()}
        if check:
            differences = compare(out, course.root, whole=whole)
        else:
            differences = install(out, course.root, whole=whole)
            if whole:
                remove_stale_sources(out, course.root)
    try:
        if "exam" in wanted or not set(texts).isdisjoint(course.handbook_texts()):
            differences += exam_map.refresh(course, write=not check)
        differences += table.refresh(course, texts, write=not check)
    except TextError as error:  # what is wrong with another text is told when that one is built
        problems += [p for p in error.problems if p.path.endswith(("README.md", ".yaml"))]
    for problem in dict.fromkeys(problems):  # a page and the map tell the same of a file of questions
        say(str(problem))
    if check:
        for difference in differences:
            say(str(difference))
        if differences:
            say("文章とノートブックが合っていません。python -m course.build を実行してください。")
        elif not problems:
            print(f"{len(texts)}個の文章とノートブックは合っています。")
    else:
        for difference in differences:
            print(f"{'消しました' if difference.kind == 'extra' else '書きました'}: {difference.path}")
        if not differences and not problems:
            print(f"{len(texts)}個の文章：変わったものはありません。")
    if problems or (check and differences):
        raise typer.Exit(1)


def measure(course: Course, texts: list[Path]) -> int:
    """Run each of these lessons once and write into its table what that took. Returns the exit status."""
    measured: dict[Path, table.Measured] = {}
    with scratch_folder() as scratch:
        for text in texts:
            try:
                run = table.run(course, text, Path(scratch) / "workspace")
            except TextError as error:
                say(str(error))
                continue
            if run.errors:
                say("\n".join([f"{text.stem}: エラーが出たので、測った値を書きません。", *run.errors]))
                continue
            measured[text] = table.Measured.of(run)
            print(f"{text.stem}: {run.seconds:.1f} 秒、{run.peak_mb:.0f} MB", flush=True)
    try:
        for difference in table.refresh(course, list(measured), measured):
            print(f"書きました: {difference.path}")
    except TextError as error:
        say(str(error))
        return 1
    return 0 if len(measured) == len(texts) else 1


def select(course: Course, targets: list[str]) -> tuple[list[Path], str]:
    """The texts that the targets name, and the first target that names none ("" if all do)."""
    sessions, handbook, assignments = (
        course.session_texts(),
        course.handbook_texts(),
        course.assignment_texts(),
    )
    exam = course.exam_texts()
    every = [*sessions, *handbook, *exam, *assignments]
    chosen: list[Path] = []
    for target in targets:
        groups = {
            "all": every,
            "sessions": sessions,
            "handbook": handbook,
            "assignments": assignments,
            "exam": exam,
        }
        if target in groups:
            found = groups[target]
        else:
            stem = Path(target).stem
            found = [p for p in every if p.stem == stem or p.stem.startswith(f"{stem}-")]
            if not found:
                return [], target
        chosen.extend(p for p in found if p not in chosen)
    return chosen, ""


def say(message: str) -> None:
    """To people, on the error stream."""
    print(message, file=sys.stderr)


if __name__ == "__main__":
    app()

"""Figures of the trainer, in the style of the course, each with the text that says what is seen in it."""

from __future__ import annotations

import contextlib
import datetime
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.learner.figures import BLUE, GREY, ORANGE, RED, course_rc

from .bank import Bank
from .progress import Answer
from .readiness import Readiness, known_answers
from .result import MockResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .trainer import Trainer

__all__ = ["Plot", "area_plot", "pace_plot", "plots_of", "save", "trend_plot"]

_GUESSING = 0.25


@dataclass(frozen=True)
class Plot:
    """A figure and what it shows."""

    name: str  # of a file, without its ending
    figure: Figure
    alt: str  # for who cannot see it (Japanese)

    def png(self) -> bytes:
        """The picture; its text stands in it as the description."""
        picture = io.BytesIO()
        with _style():
            self.figure.savefig(picture, format="png", metadata={"Description": self.alt})
        return picture.getvalue()


def plots_of(trainer: Trainer, mock: int | None = None) -> list[Plot]:
    """Every figure there is: areas, trend, and the pace of a mock exam (by default the last one) if any."""
    made = [area_plot(trainer.readiness()), trend_plot(trainer.progress.answers(), trainer.bank)]
    result = trainer.mock_result(mock)
    return made if result is None else [*made, pace_plot(result)]


def area_plot(readiness: Readiness) -> Plot:
    """The estimate of each area with its 80 % interval; areas with few answers are grey."""
    areas = list(reversed(readiness.areas))
    with _style():
        figure, axes = _subplots(7.2, 1.4 + 0.42 * len(areas))
        for place, area in enumerate(areas):
            mean, low, high = area.estimate.mean, area.estimate.low, area.estimate.high
            if area.known:
                axes.barh(place, 100 * mean, color=BLUE, height=0.6)
            axes.plot(
                [100 * low, 100 * high], [place, place], color=ORANGE if area.known else GREY, linewidth=3
            )
            text = f"{100 * mean:.0f}%" if area.known else "まだわかりません"
            axes.text(101, place, f"{text}（{area.questions}問）", va="center", fontsize=9.5)
        axes.axvline(100 * _GUESSING, color=GREY, linestyle="--", linewidth=1.2)
        axes.text(100 * _GUESSING + 1, len(areas) - 0.4, "当てずっぽう", color=GREY, fontsize=9, va="center")
        axes.set_yticks(range(len(areas)), [area.title for area in areas])
        axes.set_ylim(-0.6, len(areas))
        axes.set_xlim(0, 100)
        axes.set_xlabel("見積もった正答率（%）。横の線は80%の区間")
        axes.grid(axis="y", visible=False)
        axes.set_title(_area_title(readiness))
    known = [area for area in readiness.areas if area.known]
    said = (
        "、".join(f"{area.title}{100 * area.estimate.mean:.0f}%" for area in known)
        or "どの領域もまだわかりません"
    )
    return _finished("areas", figure, f"領域ごとの正答率の見積もりの横棒グラフ。{said}。")


def _area_title(readiness: Readiness) -> str:
    known = [area for area in readiness.areas if area.known]
    if not known:
        return "解答が少ないので、まだわかりません"
    weakest = min(known, key=lambda area: area.estimate.mean)
    low, high = 100 * weakest.estimate.low, 100 * weakest.estimate.high
    span = f"{weakest.questions}問の解答から{low:.0f}〜{high:.0f}%"
    return f"見積もりがいちばん低いのは「{weakest.title}」（{span}）"


def trend_plot(answers: Sequence[Answer], bank: Bank) -> Plot:
    """Right answers day by day, with the number of answers. A question answered twice a day counts twice."""
    days: dict[datetime.date, list[bool]] = {}
    for answer in known_answers(answers, bank)[0]:
        days.setdefault(answer.at.astimezone().date(), []).append(answer.right)
    order = sorted(days)
    shares = [100 * sum(days[day]) / len(days[day]) for day in order]
    counts = [len(days[day]) for day in order]
    from matplotlib.ticker import MaxNLocator

    with _style():
        figure, (upper, lower) = _subplots(7.2, 4.4, rows=2, height_ratios=[3, 1.2], sharex=True)
        upper.plot(order, shares, color=BLUE, marker="o", markersize=5)
        upper.axhline(100 * _GUESSING, color=GREY, linestyle="--", linewidth=1.2)
        upper.text(1, 100 * _GUESSING + 2, "当てずっぽう", transform=upper.get_yaxis_transform(), ha="right",
                   color=GREY, fontsize=9)  # fmt: skip
        upper.set_ylim(0, 104)
        upper.set_ylabel("正答率（%）")
        lower.bar(order, counts, color=ORANGE, width=0.8)
        lower.set_ylabel("問題数")
        lower.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        lower.set_ylim(0, 1.1 * max([1, *counts]))
        ticks = _some_days(order)
        lower.set_xticks(ticks, [f"{day.month}月{day.day}日" for day in ticks])
        lower.set_xlabel("日付")
        if order:
            margin = datetime.timedelta(days=1)
            lower.set_xlim(order[0] - margin, order[-1] + margin)
            alt = (
                f"日ごとの正答率の折れ線と、解いた数の棒グラフ。{len(order)}日分。"
                f"最初の日は{shares[0]:.0f}%、最後の日は{shares[-1]:.0f}%。"
            )
            upper.set_title(f"最後の日（{order[-1].month}月{order[-1].day}日）の正答率は{shares[-1]:.0f}%")
        else:
            alt = "日ごとの正答率のグラフ。まだ解答がありません。"
            upper.set_title("まだ解答がありません")
    return _finished("trend", figure, alt)


def pace_plot(result: MockResult) -> Plot:
    """Seconds spent with each question of a mock exam, against the even pace."""
    sitting = result.sitting
    even = sitting.limit_s / len(sitting.slots)
    right = {one.number for one in result.questions if one.marked.right}
    numbers = range(1, len(sitting.slots) + 1)
    seconds = [slot.seconds for slot in sitting.slots]
    slow = sum(value > even for value in seconds)
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator

    with _style():
        figure, axes = _subplots(7.2, 3.8)
        hatches = ["" if number - 1 in right else "////" for number in numbers]
        colours = [BLUE if number - 1 in right else "white" for number in numbers]
        axes.bar(numbers, seconds, color=colours, edgecolor=[BLUE if not h else RED for h in hatches],
                 hatch=hatches, width=0.8, linewidth=0.6)  # fmt: skip
        line = axes.axhline(
            even, color="black", linestyle="--", linewidth=1.2, label=f"ならすと1問{even:.0f}秒"
        )
        axes.set_xlim(0.2, len(seconds) + 0.8)
        axes.set_ylim(0, 1.15 * max(max(seconds), even))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
        axes.set_xlabel("問題の番号")
        axes.set_ylabel("使った時間（秒）")
        axes.set_title(f"{len(seconds)}問のうち{slow}問に、ならした時間（{even:.0f}秒）より長くかけた")
        axes.legend(
            handles=[
                line,
                Patch(facecolor=BLUE, edgecolor=BLUE, label="正解"),
                Patch(facecolor="white", edgecolor=RED, hatch="////", label="不正解・未解答"),
            ],
            loc="upper center",
            bbox_to_anchor=(0.5, -0.18),
            ncols=3,
        )
    alt = (
        f"模試の1問ごとに使った時間の棒グラフ。ならすと1問{even:.0f}秒で、{slow}問がそれより長い。"
        f"正解は{len(right)}問。"
    )
    return _finished("pace", figure, alt)


def save(plots: Sequence[Plot], folder: Path) -> list[Path]:
    """Write each figure as a PNG into ``folder``.

    Raises
    ------
    OSError
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for plot in plots:
        path = folder / f"takara-{plot.name}.png"
        path.write_bytes(plot.png())
        paths.append(path)
    return paths


@contextlib.contextmanager
def _style() -> Iterator[None]:
    """The look of the course, and the settings of whoever called untouched."""
    import matplotlib as mpl
    from matplotlib_fontja import japanize

    with mpl.rc_context():
        japanize()  # registers the font file; the settings below decide how it is used
        mpl.rcParams.update(course_rc())
        yield


def _finished(name: str, figure: Figure, alt: str) -> Plot:
    with _style():
        figure.draw_without_rendering()  # makes every text while the style holds
    return Plot(name, figure, alt)


def _subplots(width: float, height: float, rows: int = 1, **options):
    """Figure and axes outside pyplot: nothing is left open, and no window appears."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, **options)


def _some_days(days: Sequence[datetime.date], most: int = 7) -> list[datetime.date]:
    """At most ``most`` days from the first to the last, evenly apart."""
    if not days:
        return []
    span = (days[-1] - days[0]).days
    step = max(1, -(-span // (most - 1)))
    return [days[0] + datetime.timedelta(days=passed) for passed in range(0, span + 1, step)]

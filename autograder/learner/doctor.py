"""Does this computer have what the course needs? One check for each thing, and what to do about it.

Each ``check_*`` function looks at one thing and returns a :class:`Check`; :func:`examine` runs them all.
A check never raises: what it could not find out is what it found.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

__all__ = [
    "Check",
    "check_disk",
    "check_font",
    "check_kernel",
    "check_materials",
    "check_memory",
    "check_optional",
    "check_package",
    "check_port",
    "check_python",
    "check_temporary",
    "check_workspace",
    "check_writable",
    "examine",
    "requirements",
]

MINIMUM_PYTHON = (3, 11)
MINIMUM_MEMORY_MB = 2000
MINIMUM_DISK_MB = 1000
_GLYPHS = "たから市 髙﨑辻 ①㎡㈱ −1 ≤ 2"


@dataclass(frozen=True)
class Check:
    """The outcome of one check, for people (Japanese)."""

    name: str
    ok: bool
    found: str
    action: str = ""  # what to do; empty when ``ok``


def check_python(version: Sequence[int] = sys.version_info) -> Check:
    found = ".".join(str(part) for part in version[:3])
    ok = tuple(version[:2]) >= MINIMUM_PYTHON
    minimum = ".".join(map(str, MINIMUM_PYTHON))
    action = "" if ok else f"Python {minimum} 以上を入れて、入れ直してください（python.org にあります）。"
    return Check("Python", ok, f"{found}（{platform.system()} {platform.machine()}）", action)


def requirements(extra: str = "", distribution: str = "takara") -> list[Requirement]:
    """What the installed distribution needs; with ``extra``, only what that extra adds."""
    try:
        lines = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        lines = _requirements_of_clone()
    found = []
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        marker = requirement.marker
        in_base = marker is None or marker.evaluate({"extra": ""})
        in_extra = marker is not None and bool(extra) and marker.evaluate({"extra": extra})
        if (in_extra and not in_base) if extra else in_base:
            found.append(requirement)
    return found


def _requirements_of_clone() -> list[str]:
    path = Path(__file__).parents[2] / "pyproject.toml"
    if not path.is_file():
        return []
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra, extra_lines in project.get("optional-dependencies", {}).items():
        lines += [f'{line}; extra == "{extra}"' for line in extra_lines]
    return lines


def installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check_package(
    requirement: Requirement, version_of: Callable[[str], str | None] = installed_version
) -> Check:
    found = version_of(requirement.name)
    ok = found is not None and requirement.specifier.contains(found, prereleases=True)
    action = "" if ok else f'pip install "{requirement.name}{requirement.specifier}" を実行してください。'
    needed = f"（必要: {requirement.specifier}）" if found and not ok else ""
    return Check(requirement.name, ok, f"{found}{needed}" if found else "入っていません", action)


def check_optional(
    name: str, package: str, use: str, version_of: Callable[[str], str | None] = installed_version
) -> Check:
    """Something that only some people need: told, never demanded."""
    found = version_of(package)
    return Check(name, True, found if found else f"入っていません（{use}）")


def check_font() -> Check:
    """Draw a few characters with the course's fonts and see whether matplotlib misses any."""
    name = "グラフの日本語"
    again = "pip install --force-reinstall matplotlib-fontja を実行してください。"
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _draw(_GLYPHS)
    except Exception as error:  # whatever it is, the learner needs the same advice
        return Check(name, False, f"描けませんでした（{type(error).__name__}: {error}）", again)
    missing = [str(w.message) for w in caught if "missing from" in str(w.message)]
    if missing:
        return Check(name, False, f"出ない文字があります（{missing[0]}）", again)
    return Check(name, True, "IPAexGothic で表示できます")


def _draw(text: str) -> None:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib_fontja import japanize

    from autograder.learner.figures import course_rc

    with mpl.rc_context():
        japanize()
        mpl.rcParams.update(course_rc())
        figure = Figure(figsize=(3, 1))
        figure.text(0.1, 0.5, text)
        FigureCanvasAgg(figure).draw()


def available_memory_mb(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Memory that can still be used, a container's limit included (Binder has one)."""
    import psutil

    available = psutil.virtual_memory().available // 2**20
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
    except (OSError, ValueError):  # no container, no limit ("max"), not Linux
        return int(available)
    return int(min(available, max(limit - used, 0) // 2**20))


def check_memory(available_mb: int) -> Check:
    ok = available_mb >= MINIMUM_MEMORY_MB
    action = "" if ok else "ほかのソフトやブラウザーのタブを閉じて、空きを2 GB以上にしてください。"
    return Check("メモリの空き", ok, f"{available_mb / 1000:.1f} GB", action)


def check_disk(free_mb: int, place: Path) -> Check:
    ok = free_mb >= MINIMUM_DISK_MB
    action = "" if ok else "いらないファイルを消して、空きを1 GB以上にしてください。"
    return Check("ディスクの空き", ok, f"{free_mb / 1000:.1f} GB（{place}）", action)


def check_port(
    is_free: Callable[[int], bool], choose: Callable[[], int], default: int, *, ours: bool = False
) -> Check:
    """``ours``: our own JupyterLab listens there already."""
    name = f"ポート {default}"
    if ours:
        return Check(name, True, "この作業用フォルダーの JupyterLab が動いています")
    if is_free(default):
        return Check(name, True, "空いています")
    try:
        return Check(name, True, f"使用中です（takara lab は {choose()} を使います）")
    except Exception as error:
        return Check(name, False, "空いているポートがありません", str(error).splitlines()[0])


def check_writable(place: Path) -> Check:
    """Whether the workspace, or the folder it would be made in, can be written to."""
    name = "作業用フォルダーへの書き込み"
    folder = _nearest_existing(place)
    problem = _cannot_write(folder)
    if problem:
        action = "書き込めるフォルダーを選んで「takara lab フォルダー名」のように指定してください。"
        return Check(name, False, f"{folder} に書き込めません（{problem}）", action)
    return Check(name, True, str(folder))


def check_temporary(folder_of: Callable[[], str] = tempfile.gettempdir) -> Check:
    """Whether there is a folder for temporary files, and it can be written to."""
    name = "一時フォルダーへの書き込み"
    action = "一時フォルダーの空きと権限を、情報システムの担当者に確かめてください。"
    try:
        folder = Path(folder_of())
    except OSError as error:
        return Check(name, False, f"使える一時フォルダーがありません（{error}）", action)
    problem = _cannot_write(folder)
    if problem:
        return Check(name, False, f"{folder} に書き込めません（{problem}）", action)
    return Check(name, True, str(folder))


def _cannot_write(folder: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"takara")
    except OSError as error:
        return str(error)
    return ""


def check_kernel(timeout_s: float = 60.0) -> Check:
    """Start the Python kernel that notebooks run in, and let it compute 1+1."""
    name = "ノートブックの実行"
    again = (
        "pip install --force-reinstall ipykernel を実行してください。"
        "職場のセキュリティソフトが止めていることもあります。"
    )
    try:
        answer = _ask_kernel("1+1", timeout_s)
    except Exception as error:
        return Check(name, False, f"Python を起動できませんでした（{type(error).__name__}: {error}）", again)
    ok = answer == "2"
    return Check(
        name, ok, "1+1 を計算できました" if ok else f"1+1 の答えが {answer!r} でした", "" if ok else again
    )


def _ask_kernel(code: str, timeout_s: float) -> str:
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(startup_timeout=timeout_s, stderr=subprocess.DEVNULL)
    try:
        answers: list[str] = []

        def keep(message: Mapping) -> None:
            if message["msg_type"] == "execute_result":
                answers.append(message["content"]["data"]["text/plain"])

        client.execute_interactive(code, timeout=timeout_s, output_hook=keep)
        return answers[0] if answers else ""
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def check_sandbox() -> Check:
    """Which walls stand around hand-ins when this machine grades; learners do not need any."""
    from autograder.kernels.client import ForkParent, ParentError
    from autograder.kernels.sandbox import NoSandbox, choose

    name = "採点の囲い（講師用）"
    try:
        with ForkParent() as parent:
            walls = choose(parent)
    except (NoSandbox, ParentError) as error:
        advice = "ほかの人の提出物は、--sandbox none を付けたときだけ採点します"
        return Check(name, True, f"使えません。{advice}（{error}）")
    weaker = "".join(f"、{tier} は使えません（{reason}）" for tier, reason in walls.refused)
    return Check(name, True, f"{walls.tier}{weaker}")


def check_materials() -> Check:
    from autograder.materials import MaterialsNotFound, find_materials

    try:
        materials = find_materials()
    except MaterialsNotFound as error:
        return Check("教材", False, "見つかりません", str(error).splitlines()[0])
    return Check("教材", True, f"{len(materials.files())} ファイル（{materials.root}）")


def check_workspace(directory: Path) -> Check:
    from autograder.learner.workspace import is_current, read_manifest
    from autograder.materials import MaterialsNotFound, find_materials

    name = "作業用フォルダー"
    refresh = f"takara init {directory} を実行してください。書きかけのファイルは、そのまま残ります。"
    try:
        manifest = read_manifest(directory)
    except (ValueError, OSError) as error:
        return Check(name, False, f"{directory} の配布の記録が読めません（{error}）", refresh)
    if manifest is None:
        return Check(name, True, f"まだありません（takara lab が {directory} に作ります）")
    missing = [file for file in manifest.files if not (directory / file).is_file()]
    if missing:
        return Check(
            name, False, f"ファイルが {len(missing)} 個なくなっています（{missing[0]} など）", refresh
        )
    try:
        if not is_current(directory, find_materials()):
            return Check(name, False, f"{directory} に、まだ届いていない新しい教材があります", refresh)
    except MaterialsNotFound:
        pass  # told by check_materials
    return Check(name, True, str(directory))


def _nearest_existing(place: Path) -> Path:
    for folder in (place, *place.parents):
        if folder.is_dir():
            return folder
    return Path.cwd()


def examine(directory: Path | None = None) -> Iterator[Check]:
    """Run every check, in the order a person would mend things, one after the other.

    Parameters
    ----------
    directory : Path, optional
        The workspace to look at; by default the one that ``takara lab`` would open.
    """
    from autograder.learner import lab
    from autograder.materials import MaterialsNotFound, find_materials

    if directory is None:
        try:
            directory = lab.default_directory(find_materials())
        except MaterialsNotFound:
            directory = Path.home() / "takara"
    directory = directory.expanduser().resolve()

    yield check_python()
    packages = [check_package(requirement) for requirement in requirements()]
    yield from packages
    yield check_optional("torch（任意）", "torch", "第5回から使います。それまでは要りません")
    yield check_optional(
        "nbgrader（講師用）", "nbgrader", "受講する人には要りません。講師は pip install 'takara[instructor]'"
    )
    if installed_version("nbgrader"):
        yield check_sandbox()
    if not packages:
        yield Check("takara", False, "必要なパッケージの一覧が読めません", "takara を入れ直してください。")
        return
    if all(check.ok for check in packages):
        yield check_font()
        yield check_kernel()
        yield check_memory(available_memory_mb())
        yield check_port(
            lab.port_is_free,
            lambda: lab.choose_port(None),
            lab.DEFAULT_PORT,
            ours=lab.find_running(directory) is not None,
        )
    folder = _nearest_existing(directory)
    yield check_disk(shutil.disk_usage(folder).free // 2**20, folder)
    yield check_writable(directory)
    yield check_temporary()
    yield check_materials()
    yield check_workspace(directory)

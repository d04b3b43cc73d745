"""Open JupyterLab in Japanese at the start page of a learner's workspace.

JupyterLab is started as a process of its own, with a folder of ours on ``JUPYTER_CONFIG_PATH`` (Japanese
interface, no news, nbgrader's instructor panels hidden). Its log goes to ``.takara/lab.log``, so that the
learner's terminal shows Japanese only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from autograder.learner import workspace
from autograder.materials import START_PAGE, Materials, find_materials

__all__ = [
    "DEFAULT_PORT",
    "LabError",
    "RunningLab",
    "choose_port",
    "command",
    "default_directory",
    "environment",
    "find_running",
    "port_is_free",
    "prepare",
    "run",
]

DEFAULT_PORT = 8888
_PORTS_TO_TRY = 50
_HOST = "127.0.0.1"
_CONFIG_FOLDER = Path(__file__).parent / "jupyter_config"


class LabError(Exception):
    """JupyterLab could not be opened. The message is for people (Japanese), the cause on its last line."""


@dataclass(frozen=True)
class RunningLab:
    """A Jupyter server that answers."""

    url: str  # "http://127.0.0.1:8888/"
    token: str
    pid: int
    port: int

    @property
    def start_page(self) -> str:
        page = f"{self.url}lab/tree/{quote(str(START_PAGE))}"
        return f"{page}?token={self.token}" if self.token else page


def default_directory(materials: Materials) -> Path:
    """``workspace/`` in a clone, else ``takara`` in the home folder."""
    return materials.root / "workspace" if materials.is_clone else Path.home() / "takara"


def prepare(directory: Path, materials: Materials | None = None) -> workspace.Report | None:
    """Make the workspace, or refresh it when the materials changed. ``None`` when there was nothing to do."""
    materials = materials or find_materials()
    if workspace.is_current(directory, materials):
        return None
    return workspace.init(directory, materials)


def port_is_free(port: int) -> bool:
    """Whether a server can listen on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name != "nt":  # on Windows this option would let two servers share a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def choose_port(wanted: int | None, is_free: Callable[[int], bool] = port_is_free) -> int:
    """The port to use: exactly ``wanted`` where given, else the first free one from 8888 on.

    Raises
    ------
    LabError
        The wanted port is taken or impossible, or no port is free.
    """
    if wanted is not None:
        if not 1 <= wanted <= 65535:
            raise LabError(f"ポート番号は1から65535までの数です（指定されたのは {wanted}）。")
        if not is_free(wanted):
            raise LabError(
                f"ポート {wanted} は、ほかのプログラムが使っています。"
                "別の番号を指定するか、--port を付けずに実行してください（空いている番号を自動で選びます）。"
            )
        return wanted
    for port in range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TO_TRY):
        if is_free(port):
            return port
    raise LabError(
        "空いているポートがありません"
        f"（{DEFAULT_PORT} から {DEFAULT_PORT + _PORTS_TO_TRY - 1} まで調べました）。"
        "使っていない JupyterLab を終了するか、パソコンを再起動してから、もう一度実行してください。"
    )


def command(directory: Path, port: int, *, open_browser: bool) -> list[str]:
    """The command line that starts JupyterLab on this workspace."""
    line = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={directory}",
        f"--ServerApp.ip={_HOST}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.answer_yes=True",  # Ctrl+C ends it without a question in English
        f"--LabApp.default_url=/lab/tree/{quote(str(START_PAGE))}",
        # The layout is kept per workspace; tabs of another project would be missing files here.
        f"--LabApp.workspaces_dir={directory / '.takara' / 'lab-layout'}",
        # Nothing is asked of the network: no extension catalogue, no news.
        "--LabApp.extension_manager=readonly",
        "--LabApp.news_url=",
    ]
    if is_administrator():
        line.append("--allow-root")
    if not open_browser:
        line.append("--no-browser")
    return line


def is_administrator() -> bool:
    """Whether this is root: usual in a container, where JupyterLab would otherwise refuse to start."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """The environment JupyterLab runs in: ``base``, our configuration folder before any other, and this
    installation's commands on the path, so that ``takara`` works in Lab's terminal as it is.
    """
    added = {"JUPYTER_CONFIG_PATH": str(_CONFIG_FOLDER), "PATH": sysconfig.get_path("scripts")}
    return {**base, **{name: _before(value, base.get(name, "")) for name, value in added.items()}}


def _before(first: str, others: str) -> str:
    rest = [part for part in others.split(os.pathsep) if part and part != first]
    return os.pathsep.join([first, *rest])


def running_servers() -> Iterator[dict[str, Any]]:
    """What Jupyter's own list says is running."""
    from jupyter_server.serverapp import list_running_servers

    with contextlib.suppress(OSError):  # an entry may vanish, or belong to another user
        yield from list_running_servers()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((_HOST, port), timeout=2):
            return True
    except OSError:
        return False


def find_running(
    directory: Path,
    servers: Callable[[], Iterator[dict[str, Any]]] = running_servers,
    answers: Callable[[int], bool] = _answers,
) -> RunningLab | None:
    """The JupyterLab that already serves this workspace, if one does and answers."""
    wanted = directory.expanduser().resolve()
    for info in servers():
        try:
            if Path(info["root_dir"]).resolve() != wanted:
                continue
            found = RunningLab(
                url=str(info["url"]), token=str(info["token"]), pid=int(info["pid"]), port=int(info["port"])
            )
        except (KeyError, TypeError, ValueError, OSError):
            continue
        if answers(found.port):
            return found
    return None


def run(
    directory: Path,
    *,
    port: int | None = None,
    open_browser: bool = True,
    say: Callable[[str], None] = print,
    start_timeout_s: float = 180.0,
) -> int:
    """Start JupyterLab on a prepared workspace and wait until it ends. Returns the exit status.

    Parameters
    ----------
    directory : Path
        A workspace that :func:`prepare` made.
    port : int, optional
        Exactly this port; by default the first free one.
    open_browser : bool
        Open the start page in the default browser.
    say : callable
        Takes each line for the learner (Japanese).
    start_timeout_s : float
        How long JupyterLab may take until it answers.

    Raises
    ------
    LabError
        JupyterLab did not start.
    """
    directory = directory.expanduser().resolve()
    already = find_running(directory)
    if already is not None:
        say("この作業用フォルダーの JupyterLab は、もう動いています。そのページを開きます。")
        say(already.start_page)
        if open_browser:
            webbrowser.open(already.start_page)
        return 0

    chosen = choose_port(port)
    if port is None and chosen != DEFAULT_PORT:
        say(f"ポート {DEFAULT_PORT} は使用中なので、{chosen} を使います。")
    log_path = directory / ".takara" / "lab.log"
    say("JupyterLab を起動しています（はじめは30秒ほどかかることがあります）。")
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command(directory, chosen, open_browser=open_browser),
            env=environment(os.environ),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    with _stopped_on_exit(process):
        try:
            started = _wait_until_started(directory, process, start_timeout_s, log_path)
            say(f"JupyterLab が開きました。作業用フォルダー: {directory}")
            say("ブラウザーが開かないときは、つぎのアドレスをブラウザーに貼り付けてください。")
            say(started.start_page)
            say("終わるときは、この画面で Ctrl+C を押します（書いたものは、保存していれば残ります）。")
            status = process.wait()
        except KeyboardInterrupt:
            # Ctrl+C reaches JupyterLab as well, which shuts its kernels down in order.
            with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                process.wait(timeout=10)
            status = 0
    if status not in (0, -signal.SIGINT, -signal.SIGTERM):
        raise LabError(
            "JupyterLab が途中で止まりました。もう一度 takara lab を実行してください。"
            "保存したものは残っています。\n"
            f"原因: exit status {status}; {log_path}\n{_tail(log_path)}"
        )
    say("JupyterLab を終了しました。")
    return 0


def _wait_until_started(
    directory: Path, process: subprocess.Popen[bytes], timeout_s: float, log_path: Path
) -> RunningLab:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        status = process.poll()
        if status is not None:
            raise LabError(
                "JupyterLab を起動できませんでした。takara doctor を実行すると、足りないものがわかります。\n"
                f"原因: exit status {status}; {log_path}\n{_tail(log_path)}"
            )
        found = find_running(directory)
        if found is not None:
            return found
        time.sleep(0.3)
    raise LabError(
        f"JupyterLab が {timeout_s:.0f} 秒たっても起動しませんでした。"
        "ほかのソフトを閉じてから、もう一度実行してください。\n"
        f"原因: no answer; {log_path}\n{_tail(log_path)}"
    )


@contextlib.contextmanager
def _stopped_on_exit(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """However we leave (also by SIGTERM), no JupyterLab stays behind."""

    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    previous = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _tail(path: Path, lines: int = 8) -> str:
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return "\n".join(_without_token(text.splitlines()[-lines:]))


def _without_token(lines: Sequence[str]) -> list[str]:
    return [line.split("token=")[0] for line in lines]

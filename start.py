#!/usr/bin/env python3
"""Set the course up with one command and open it: `python3 start.py`.

Standard library only. It must start on any Python 3.6 or later, if only to say in Japanese that 3.11 is
needed: so no syntax, import or annotation that is newer than 3.6 at module level.

    python3 start.py                 make .venv, install the course, open JupyterLab
    python3 start.py setup           only install
    python3 start.py test [...]      install what the tests need and run pytest [...]
    python3 start.py COMMAND [...]   any other command goes to `takara` (lab, check, exam, grade, doctor, …)
"""

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 14)  # the newest for which every pinned package has ready-made wheels
DOWNLOAD_PAGE = "https://www.python.org/downloads/"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"

# A clone serves learner, instructor and author alike: beside torch the other two extras are small, and with
# them `takara grade` and `python -m course.build` work at once. Only the test tools wait to be asked for.
EXTRAS = ("deep", "docs", "instructor")
TEST_EXTRAS = (*EXTRAS, "test")

NEEDED_GB = 3.0
NEEDED_WITH_CUDA_GB = 10.0
NEEDED_TEMPORARY_GB = 0.5
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


class Problem(Exception):
    """What went wrong, what to do next (both Japanese, for the person) and the technical cause."""

    def __init__(self, what, todo, cause="", kind=""):
        super().__init__(what)
        self.what = what
        self.todo = [todo] if isinstance(todo, str) else list(todo)
        self.cause = cause
        self.kind = kind

    def text(self):
        """The message as shown on screen."""
        lines = ["", "■ " + self.what, "", "  次にすること:"]
        lines += ["   ・" + step for step in self.todo]
        if self.cause:
            lines += ["", "  技術的な原因:"]
            lines += ["    " + line for line in self.cause.strip().splitlines()]
        return "\n".join([*lines, ""])


# ---------------------------------------------------------------- Python


def version_text(version):
    """(3, 11, 7) -> "3.11.7"."""
    return ".".join(str(number) for number in tuple(version)[:3])


def too_old(version):
    """Whether this Python cannot run the course."""
    return tuple(version)[:2] < OLDEST_PYTHON


def old_python_problem(version, executable):
    """The message for a Python that is too old when no newer one was found on the machine."""
    return Problem(
        f"Pythonが古いため、動かせません（いまは {version_text(version)}、"
        f"必要なのは {version_text(OLDEST_PYTHON)} 以上です）。",
        [
            f"{DOWNLOAD_PAGE} から Python 3.12 を入れてください（無料です）。",
            "Ubuntu・Debian では sudo apt install python3.11 python3.11-venv でも入ります。",
            "入れたあと、もう一度 python3 start.py を実行してください（Windowsでは py start.py）。",
        ],
        f"{executable} は Python {version_text(version)} です。",
    )


def candidate_pythons(system):
    """Commands that may be a Python of a version we know, the one the tests run with first."""
    minors = range(OLDEST_PYTHON[1], NEWEST_PYTHON[1] + 1)
    if system == "Windows":
        launcher = shutil.which("py")
        return [[launcher, f"-3.{minor}"] for minor in minors] if launcher else []
    found = [shutil.which(f"python3.{minor}") for minor in minors]
    return [[path] for path in found if path]


def works(command):
    """Whether this command starts a Python we can use, with venv and pip's installer in it."""
    probe = (
        "import sys, venv, ensurepip; "
        f"sys.exit(not {OLDEST_PYTHON!r} <= sys.version_info[:2] <= {NEWEST_PYTHON!r})"
    )
    try:
        done = subprocess.run(
            [*command, "-c", probe],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def other_python(system):
    """The first usable other Python on this machine as a command, or None."""
    return next((command for command in candidate_pythons(system) if works(command)), None)


def wrong_build_problem():
    """A message when this Python can get no ready-made packages (32 bit), else None."""
    if sys.maxsize > 2**32:
        return None
    return Problem(
        "32ビット版のPythonでは動きません。",
        f"{DOWNLOAD_PAGE} から64ビット版（64-bit）のPythonを入れてください。",
        f"{sys.executable}: sys.maxsize = {sys.maxsize}",
    )


def has_venv_modules():
    """Debian and Ubuntu take venv's and pip's installer out of python3."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


def no_venv_problem():
    """The message for a Python without venv or ensurepip."""
    name = "python{}.{}-venv".format(*sys.version_info[:2])
    return Problem(
        "このPythonには、環境を作るための部品（venv）が入っていません。",
        [
            f"Ubuntu・Debian では次を実行してください: sudo apt install {name}",
            "管理者の権限がないときは、情報システムの担当者に頼んでください。",
            "入れたあと、もう一度 python3 start.py を実行してください。",
        ],
        f"{sys.executable} に venv または ensurepip がありません。",
    )


def restart_with(command, arguments):
    """Run this same file with another Python and hand its exit code on."""
    environment = dict(os.environ, TAKARA_RESTARTED="1")
    return run_through([*command, str(ROOT / "start.py"), *arguments], environment)


# ---------------------------------------------------------------- the place


def venv_python(venv):
    """Path of the Python inside a venv."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def venv_command(venv, name):
    """Path of a command inside a venv."""
    return venv / (f"Scripts/{name}.exe" if os.name == "nt" else f"bin/{name}")


def place_problem(root, needed_gb, free_gb, temporary_free_gb):
    """A message when nothing can be installed at `root`, else None. Sizes in GB."""
    if os.pathsep in str(root):
        return Problem(
            f"フォルダーの名前に「{os.pathsep}」が入っているため、ここには準備できません。",
            "フォルダーの名前を変えるか、別の場所へ移してから、もう一度実行してください。",
            f"{root}: venv cannot live in a path that contains the PATH separator",
        )
    if str(root).startswith("\\\\"):
        return Problem(
            "ネットワーク上の共有フォルダーの中では、準備できません。",
            "フォルダーごと、自分のPCの中（例: C:\\takara）へコピーしてから、そこで実行してください。",
            f"{root}: UNC path",
        )
    if free_gb < needed_gb:
        return disk_problem(f"{root}: 空き {free_gb:.1f} GB、必要 約 {needed_gb:.0f} GB", needed_gb)
    if temporary_free_gb < NEEDED_TEMPORARY_GB:
        temporary = tempfile.gettempdir()
        return disk_problem(f"一時フォルダー {temporary}: 空き {temporary_free_gb:.1f} GB", needed_gb)
    try:
        with tempfile.TemporaryFile(dir=str(root)):
            pass
    except OSError as error:
        return permission_problem(f"{root}: {error}")
    return None


def disk_problem(cause, needed_gb=NEEDED_GB):
    """The message for a full disk."""
    return Problem(
        f"ディスクの空きが足りません（約 {needed_gb:.0f} GB 必要です）。",
        [
            "いらないファイルを消して空きを作るか、空きの多い場所へこのフォルダーごと移してください。",
            "一時フォルダーが小さいときは、環境変数 TMPDIR（Windowsは TEMP）で別の場所を指定してください。",
            "そのあと、もう一度 同じコマンドを実行してください。",
        ],
        cause,
        kind="disk",
    )


def permission_problem(cause):
    """The message for a place one may not write to."""
    return Problem(
        "このフォルダーに書き込めません。",
        [
            "ホームフォルダーや「ドキュメント」の中など、自分が書き込める場所へフォルダーごと移してください。",
            "開いているJupyterLabやファイルがあれば閉じて、もう一度実行してください。",
        ],
        cause,
        kind="permission",
    )


def free_gb(path):
    """Free space at `path` in GB."""
    return shutil.disk_usage(str(path)).free / 1e9


@contextlib.contextmanager
def only_one(lock_path):
    """Keep a second start.py from installing into the same .venv. The system frees the lock when we end."""
    try:
        handle = open(str(lock_path), "a+")  # noqa: SIM115  closed below
    except OSError as error:
        raise permission_problem(str(error)) from error
    try:
        try:
            if os.name == "nt":
                import msvcrt

                handle.seek(0)
                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Problem(
                "別の画面で start.py が準備をしている途中です。",
                "そちらが終わるのを待ってから、もう一度実行してください。",
                f"{lock_path}: {error}",
                kind="busy",
            ) from error
        yield
    finally:
        handle.close()


# ---------------------------------------------------------------- the stamp: what .venv holds


def stamp_key(root, version):
    """Digest of everything that decides what a finished .venv holds, apart from the extras."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((root / name).read_bytes())
    digest.update(str(root).encode("utf-8", "surrogateescape"))  # an editable install knows where it stands
    digest.update(version_text(version).encode())
    return digest.hexdigest()


def stamp_path(venv):
    """Where the stamp lies."""
    return venv / "takara-install.json"


def read_stamp(venv):
    """What start.py noted about this .venv: {} if nothing readable."""
    try:
        stamp = json.loads(stamp_path(venv).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(venv, **entries):
    """Note the state of .venv in one step, so that an interruption leaves the old note or the new one."""
    venv.mkdir(parents=True, exist_ok=True)
    part = stamp_path(venv).with_suffix(".part")
    part.write_text(json.dumps(entries, ensure_ascii=False, indent=1), encoding="utf-8")
    os.replace(str(part), str(stamp_path(venv)))


def venv_state(venv, key, extras):
    """One of "missing", "foreign" (not made by us), "half-made", "stale" (to be updated), "ready"."""
    if not venv.exists():
        return "missing"
    stamp = read_stamp(venv)
    if not stamp:
        return "foreign" if (venv / "pyvenv.cfg").exists() or any(venv.iterdir()) else "half-made"
    if stamp.get("state") != "finished" or not venv_python(venv).exists():
        return "half-made"
    if stamp.get("root") != str(venv.parent) or stamp.get("python") != version_text(sys.version_info):
        return "half-made"  # the folder was moved, or Python was updated: the old scripts point nowhere
    if stamp.get("key") != key or not set(extras) <= set(stamp.get("extras", [])):
        return "stale"
    return "ready"


def foreign_problem(venv):
    """The message for a .venv that start.py did not make. It may hold somebody's work: we leave it alone."""
    return Problem(
        "start.py が作ったものではない .venv フォルダーがあります。",
        [
            f"使っていなければ、次のフォルダーを消すか名前を変えてください: {venv}",
            "そのあと、もう一度 同じコマンドを実行してください。",
        ],
        f"{stamp_path(venv)} がありません。",
    )


# ---------------------------------------------------------------- pip


def pip_environment():
    """The person's own environment (PIP_INDEX_URL, PIP_FIND_LINKS, proxies …) less what breaks a venv."""
    environment = dict(os.environ)
    for name in ("PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"):
        environment.pop(name, None)
    environment.update(
        PIP_USER="0", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONIOENCODING="utf-8"
    )
    return environment


# (kind, what pip says, what happened, what to do next). The first that matches wins: when the network fails,
# pip ends with "No matching distribution" as well.
PIP_FAILURES = [
    (
        "broken-clone",
        r"Forced include not found|does not appear to be a Python project|Readme file does not exist",
        "講座のファイルが足りません。",
        ["講座をもう一度ダウンロードし、すべてのファイルを展開してから、そこで実行してください。"],
    ),
    (
        "disk",
        r"No space left on device|Errno 28|not enough space on the disk|WinError 112|Disk quota exceeded",
        "途中でディスクの空きがなくなりました。",
        [
            f"約 {NEEDED_GB:.0f} GB の空きを作ってから、もう一度実行してください。",
            "一時フォルダーが小さいときは、環境変数 TMPDIR（Windowsは TEMP）で別の場所を指定してください。",
        ],
    ),
    (
        "proxy",
        r"ProxyError|Cannot connect to proxy|Tunnel connection failed|407 Proxy Authentication",
        "プロキシ（庁内のインターネット中継）を通れませんでした。",
        [
            "情報システムの担当者に、プロキシのアドレスと、pip（Pythonの部品の入手）を通せるかを確かめてください。",
            "環境変数 HTTPS_PROXY に、そのアドレスを指定してください（例: http://proxy.example.lg.jp:8080）。",
            "庁内で通せないときは、Binder版を使ってください（READMEにあります）。",
        ],
    ),
    (
        "certificate",
        r"CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError",
        "通信の証明書を確かめられませんでした。庁内の機器が通信を調べているときに、よく起きます。",
        [
            "情報システムの担当者から、庁内の証明書（.pem か .crt）をもらってください。",
            "環境変数 PIP_CERT に、その証明書の場所を指定してください。",
            "PCの日時が正しいかも確かめてください。",
        ],
    ),
    (
        "network",
        r"NewConnectionError|NameResolutionError|name resolution|Name or service not known|getaddrinfo failed"
        r"|Failed to establish a new connection|ConnectTimeoutError|ReadTimeoutError|[Rr]ead timed out"
        r"|Connection refused|Connection reset|Network is unreachable|Max retries exceeded|Connection aborted"
        r"|IncompleteRead|RemoteDisconnected|Connection broken",
        "インターネットにつながらないため、部品を受け取れませんでした。",
        [
            "インターネットにつながっているかをブラウザーで確かめてから、もう一度実行してください。",
            "プロキシを使う職場では、環境変数 HTTPS_PROXY の指定が要ります。担当者に確かめてください。",
            "インターネットのないPCでは、つながるPCで pip download した部品のフォルダーを持ち込み、"
            "環境変数 PIP_FIND_LINKS にその場所、PIP_NO_INDEX に 1 を指定してください。",
        ],
    ),
    (
        "long-path",
        r"Windows Long Path|WinError 206|File name too long|Errno 36",
        "ファイルの場所の名前が長すぎて、置けませんでした。",
        ["フォルダーを、短い名前の場所（例: C:\\takara）へ移してから、もう一度実行してください。"],
    ),
    (
        "in-use",
        r"WinError 32|being used by another process",
        "置き換えたいファイルが、使われている途中です。",
        ["開いているJupyterLabやPythonの画面をすべて閉じてから、もう一度実行してください。"],
    ),
    (
        "permission",
        r"Permission denied|Errno 13|WinError 5\b|Access is denied|Read-only file system|Errno 30",
        "書き込みが許されていない場所がありました。",
        ["ホームフォルダーなど、自分が書き込める場所へフォルダーごと移してから、もう一度実行してください。"],
    ),
    (
        "memory",
        r"MemoryError|Cannot allocate memory|Errno 12",
        "メモリが足りなくなりました。",
        ["ほかのアプリを閉じてから、もう一度実行してください。"],
    ),
    (
        "no-wheel",
        r"No matching distribution found|Could not find a version|Failed building wheel"
        r"|Failed to build|metadata-generation-failed|Microsoft Visual C\+\+",
        "このPC（OSとPythonの組み合わせ）に合う部品が見つかりませんでした。",
        [
            "Python 3.11、3.12、3.13 のどれかを入れて、もう一度実行してください。",
            "インターネットにつながっているかも、ブラウザーで確かめてください。",
            "PIP_INDEX_URL や PIP_FIND_LINKS を指定しているときは、そこに部品があるかを確かめてください。",
        ],
    ),
    (
        "conflict",
        r"ResolutionImpossible|conflicting dependencies",
        "部品どうしの版が合いませんでした。",
        [
            "pipの設定（pip.conf、PIP_CONSTRAINT）で版を指定しているときは、それを外して、もう一度実行してください。"
        ],
    ),
]


def explain_pip(output, exit_code=1, log=None):
    """Turn what pip printed into a Problem. Pure."""
    causes = [line.strip() for line in output.splitlines() if re.search(r"error|warning: retry", line, re.I)]
    cause = "\n".join(causes[-4:] or output.strip().splitlines()[-4:])
    if log is not None:
        cause += f"\n全部の記録: {log}"
    if exit_code in (-9, 137):
        output += "\nMemoryError"
    for kind, pattern, what, todo in PIP_FAILURES:
        if re.search(pattern, output):
            return Problem(what, todo, cause, kind=kind)
    return Problem(
        "部品を入れている途中で、思わぬエラーが起きました。",
        [
            "もう一度 同じコマンドを実行してください。",
            "同じエラーが続くときは、下の記録を添えて、講座のGitHubのIssuesで知らせてください。",
        ],
        cause,
        kind="unknown",
    )


def fitted(text, columns):
    """Cut or pad `text` to a width in terminal columns; Japanese letters take two."""
    shown, width = [], 0
    for letter in text:
        wide = 2 if unicodedata.east_asian_width(letter) in "WFA" else 1
        if width + wide > columns:
            break
        shown.append(letter)
        width += wide
    return "".join(shown) + " " * (columns - width)


class Progress:
    """Says what is going on: one line rewritten each second on a terminal, a line a minute elsewhere."""

    def __init__(self, title):
        self.title = title
        self.note = ""
        self.started_s = time.monotonic()
        self.terminal = sys.stdout.isatty()
        self.columns = shutil.get_terminal_size().columns - 1
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self):
        if not self.terminal:
            say(f"{self.title} …")
        self.thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self.ended.set()
        self.thread.join()
        done = "できました" if kind is None else "止まりました"
        line = f"{self.title} … {done}（{self._elapsed()}）"
        if self.terminal:
            line = "\r" + fitted(line, self.columns)
        say(line)

    def _elapsed(self):
        seconds = int(time.monotonic() - self.started_s)
        return f"{seconds // 60}分{seconds % 60:02d}秒" if seconds >= 60 else f"{seconds}秒"

    def _tick(self):
        while not self.ended.wait(1 if self.terminal else 60):
            if self.terminal:
                line = f"{self.title} … {self._elapsed()} {self.note}"
                sys.stdout.write("\r" + fitted(line, self.columns))
                sys.stdout.flush()
            else:
                say(f"  … {self._elapsed()} {self.note}")

    def hear(self, line):
        """Take a line of pip's output: its gist goes into the note."""
        found = re.match(r"\s*(?:Collecting|Downloading|Using cached) ([A-Za-z0-9_.]+)", line)
        if found:
            self.note = found.group(1)
        elif "Installing collected packages" in line:
            self.note = "ファイルを置いています"
        elif "Retrying" in line:
            self.note = "通信がつながりにくいようです。待っています"


def pip(venv, arguments, title):
    """Run pip in `venv`, note everything it prints in a log, raise a Problem if it fails."""
    log = venv / "takara-install.log"
    command = [str(venv_python(venv)), "-m", "pip", *arguments]
    lines = []
    with Progress(title) as progress, open(str(log), "a", encoding="utf-8") as record:
        record.write("$ pip " + " ".join(arguments) + "\n")
        process = subprocess.Popen(
            command,
            cwd=str(ROOT),
            env=pip_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        try:
            for line in process.stdout:
                lines.append(line)
                record.write(line)
                progress.hear(line)
            process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode:
            raise explain_pip("".join(lines), process.returncode, log)


# ---------------------------------------------------------------- torch without CUDA


def torch_pin(constraints_text):
    """The pinned version of torch, "2.13.0"."""
    found = re.search(r"^torch==([^\s+;]+)", constraints_text, re.M)
    if not found:
        raise Problem(
            "constraints.txt に torch の版がありません。",
            "講座のファイルをもう一度ダウンロードしてください。",
            "constraints.txt: no line torch==…",
        )
    return found.group(1)


def has_nvidia_gpu():
    """Whether NVIDIA's own tool lists a GPU."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return False
    try:
        done = subprocess.run([tool, "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0 and b"GPU" in done.stdout


def cuda_in_plan(report):
    """Names in a pip installation report that show a CUDA (or other accelerator) build; empty if CPU only.

    `report` is the JSON object of `pip install --report`.
    """
    found = []
    for item in report.get("install", []):
        metadata = item.get("metadata", {})
        name = metadata.get("name", "").lower().replace("_", "-")
        version = metadata.get("version", "")
        local = version.partition("+")[2]
        wanted = " ".join(metadata.get("requires_dist", []))
        if (
            name.startswith(("nvidia-", "cuda-"))
            or name in ("triton", "pytorch-triton")
            or (name == "torch" and local not in ("", "cpu"))
            or (name == "torch" and re.search(r"\b(nvidia-|cuda-|triton)", wanted))
        ):
            found.append(f"{name} {version}")
    return found


def pip_version(venv):
    """(major, minor) of the venv's pip; (0, 0) if unknown."""
    done = subprocess.run(
        [str(venv_python(venv)), "-m", "pip", "--version"], stdout=subprocess.PIPE, env=pip_environment()
    )
    found = re.match(rb"pip (\d+)\.(\d+)", done.stdout)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def no_cpu_torch_problem(cause):
    """The message when only a CUDA build is to be had."""
    return Problem(
        "GPUのないPC用のtorch（CPU版）が手に入りませんでした。数GBのGPU用の部品は入れません。",
        [
            f"{TORCH_CPU_INDEX} につながるかを、ブラウザーで確かめてください。",
            "つながらないなら、CPU版のwheelがあるフォルダーを、環境変数 PIP_FIND_LINKS に書いてください。",
        ],
        cause,
        kind="no-cpu-torch",
    )


def install_cpu_torch(venv, version):
    """Install torch's CPU build on Linux, never CUDA. Three ways, the person's own pip settings first.

    The version with "+cpu" is asked for by name, because asking for a plan (`--dry-run`) makes pip older than
    25.3 download the whole CUDA build. Dependencies follow with everything else, from the ordinary index.
    """
    asked = f"torch=={version}+cpu"
    quietly = ["install", "--no-deps", "--only-binary", ":all:"]
    try:
        return pip(venv, [*quietly, asked], "torch（CPU版）を入れています")
    except Problem as problem:
        if problem.kind != "no-wheel":
            raise
    try:
        cpu_index = ["--index-url", TORCH_CPU_INDEX, "--retries", "2", "--timeout", "20"]
        return pip(venv, [*quietly, *cpu_index, asked], "torch（CPU版）をPyTorchの配布元から入れています")
    except Problem as problem:
        if problem.kind not in ("no-wheel", "network", "proxy", "certificate"):
            raise
        unreachable = problem
    # A mirror of one's own may hold a CPU build under the plain version number.
    if pip_version(venv) < (25, 3):
        try:
            pip(venv, ["install", "--upgrade", "pip>=25.3"], "pipを新しくしています")
        except Problem:
            raise no_cpu_torch_problem(unreachable.cause) from unreachable
    report_path = venv / "torch-plan.json"
    plan = ["install", "--dry-run", "--ignore-installed", "--only-binary", ":all:", f"torch=={version}"]
    pip(venv, [*plan, "--report", str(report_path)], "torchの入れ方を調べています")
    cuda = cuda_in_plan(json.loads(report_path.read_text(encoding="utf-8")))
    if cuda:
        raise no_cpu_torch_problem(unreachable.cause + "\n手元の設定で見つかったもの: " + ", ".join(cuda))
    return pip(venv, [*quietly, f"torch=={version}"], "torchを入れています")


def torch_is_installed(venv, version):
    """Whether the pinned torch is in the venv already."""
    pattern = f"**/site-packages/torch-{version}*.dist-info"
    return any(path.name.split("-")[1].partition("+")[0] == version for path in venv.glob(pattern))


def install_torch(venv, constraints_text):
    """Install torch where it needs a way of its own. Returns False when this machine can have none."""
    version = torch_pin(constraints_text)
    if torch_is_installed(venv, version):
        return True
    try:
        if platform.system() == "Linux" and not has_nvidia_gpu():
            install_cpu_torch(venv, version)
        else:
            pip(venv, ["install", "--only-binary", ":all:", f"torch=={version}"], "torchを入れています")
    except Problem as problem:
        if problem.kind != "no-wheel":
            raise
        machine = f"{platform.system()} {platform.machine()}、Python {version_text(sys.version_info)}"
        say(f"  このPC（{machine}）に合うtorchがありません。第1回から第4回はそのまま使えます。")
        say("  第5回から第7回は、Binder版を使ってください（READMEにあります）。")
        return False
    return True


# ---------------------------------------------------------------- installing


def repair_editable_path(venv, encoding):
    """Rewrite the editable install's .pth in the encoding this Python reads it in. Returns the files changed.

    Before Python 3.13, Windows reads .pth files in the ANSI code page while hatchling writes UTF-8: a clone
    below C:\\Users\\山田 would not be found.
    """
    changed = []
    for path in venv.glob("**/site-packages/*takara*.pth"):
        text = path.read_bytes().decode("utf-8", "replace")
        try:
            wanted = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        if wanted != path.read_bytes():
            path.write_bytes(wanted)
            changed.append(path)
    return changed


def check_import(venv):
    """Make sure that the installed package is found, from a folder other than the clone."""
    code = "import locale, sys; sys.stdout.write(locale.getpreferredencoding(False)); import autograder"
    command = [str(venv_python(venv)), "-c", code]

    def attempt():
        return subprocess.run(command, cwd=str(venv), env=pip_environment(), capture_output=True)

    done = attempt()
    if done.returncode and repair_editable_path(venv, done.stdout.decode("ascii", "replace") or "utf-8"):
        done = attempt()
    if done.returncode:
        raise Problem(
            "部品は入りましたが、講座のプログラムを読み込めませんでした。",
            [
                "フォルダーを、英数字だけの名前の場所（例: C:\\takara）へ移して、もう一度実行してください。",
                "それでも同じときは、下の記録を添えて、講座のGitHubのIssuesで知らせてください。",
            ],
            done.stderr.decode("utf-8", "replace").strip()[-1500:],
        )


def make_venv(venv):
    """Make an empty .venv with pip in it. The stamp comes first: whatever has one was made by us."""
    write_stamp(venv, state="installing")
    with Progress("Pythonの環境（.venv）を作っています"):
        done = subprocess.run(
            [sys.executable, "-m", "venv", str(venv)],
            env=pip_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            output = done.stdout.decode("utf-8", "replace")
            if "ensurepip" in output and "No space left" not in output:
                problem = no_venv_problem()
                problem.cause += "\n" + output.strip()[-600:]
                raise problem
            raise explain_pip(output, done.returncode)


def remove_venv(venv):
    """Remove a .venv of ours that was never finished or has lost its Python."""
    say("前の準備が途中で終わっているか、フォルダーが移されています。.venv を作り直します。")
    try:
        shutil.rmtree(str(venv))
    except OSError as error:
        raise permission_problem(str(error)) from error


def install(extras, root=ROOT):
    """Bring .venv to the wanted state. Does nothing, and starts no process, when it is there already."""
    venv = root / ".venv"
    key = stamp_key(root, sys.version_info)
    if venv_state(venv, key, extras) == "ready":
        return venv
    with only_one(root / ".venv.lock"):
        state = venv_state(venv, key, extras)  # again: another start.py may just have finished
        if state == "ready":
            return venv
        if state == "foreign":
            raise foreign_problem(venv)
        if state == "half-made":
            remove_venv(venv)
        had = read_stamp(venv).get("extras", []) if state == "stale" else []
        if state != "stale":
            cuda = platform.system() == "Linux" and has_nvidia_gpu()
            needed_gb = NEEDED_WITH_CUDA_GB if cuda else NEEDED_GB
            problem = place_problem(root, needed_gb, free_gb(root), free_gb(tempfile.gettempdir()))
            if problem:
                raise problem
            say(f"講座を準備します。初回は5〜15分、約 {needed_gb:.0f} GBのディスクを使います。")
            make_venv(venv)
        else:
            say("講座が新しくなったか、追加の部品が要ります。足りない分を入れます。")
            write_stamp(venv, state="installing")
        asked = sorted(set(extras) | set(had))
        constraints = root / "constraints.txt"
        installed = list(asked)
        if "deep" in asked and not install_torch(venv, constraints.read_text(encoding="utf-8")):
            installed.remove("deep")
        requirement = "{}[{}]".format(".", ",".join(installed))
        pip(
            venv,
            ["install", "--prefer-binary", "--constraint", str(constraints), "--editable", requirement],
            "講座の部品を入れています",
        )
        check_import(venv)
        write_stamp(
            venv,
            state="finished",
            key=key,
            extras=asked,
            root=str(root),
            python=version_text(sys.version_info),
        )
        say("準備ができました。")
    return venv


def assignments_key(root):
    """Digest of what the assignments' source notebooks are made of."""
    digest = hashlib.sha256()
    for pattern in ("assignments/text/*.md", "datasets/**/*.csv", "course/build/*.py"):
        for path in sorted(root.glob(pattern)):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def build_assignments(venv, root=ROOT):
    """Make what grading needs and git does not hold (assignments/source): once, and when its texts changed.

    A failure is told but does not stop a learner: only grading needs these files.
    """
    texts = sorted((root / "assignments" / "text").glob("*.md"))
    noted = venv / "takara-assignments.txt"
    key = assignments_key(root)
    there = all((root / "assignments" / "source" / text.stem).is_dir() for text in texts)
    if not texts or (there and noted.exists() and noted.read_text(encoding="ascii") == key):
        return
    with Progress("課題の採点用ファイルを作っています"):
        done = subprocess.run(
            [str(venv_python(venv)), "-m", "course.build", "assignments"],
            cwd=str(root),
            env=dict(pip_environment(), PYTHONUTF8="1"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    if done.returncode:
        say("  採点用ファイルを作れませんでした。受講はこのままできます。原因:")
        say("    " + done.stdout.decode("utf-8", "replace").strip()[-800:].replace("\n", "\n    "))
        return
    noted.write_text(key, encoding="ascii")


def run_through(command, environment=None):
    """Run a command on this terminal, as the last thing we do, and return its exit code."""
    command = [str(part) for part in command]
    environment = os.environ if environment is None else environment
    if os.name == "posix":
        sys.stdout.flush()
        os.execve(command[0], command, environment)  # becomes the command: signals and exit code are its own
    process = subprocess.Popen(command, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # Ctrl-C reaches the command as well, which ends in its own way
            continue


def run_takara(venv, arguments):
    """Run the `takara` command of the venv."""
    return run_through([venv_command(venv, "takara"), *arguments])


def run_tests(venv, arguments):
    """Run pytest from the clone and return its exit code."""
    os.chdir(str(ROOT))
    return run_through([venv_python(venv), "-m", "pytest", *arguments])


# ---------------------------------------------------------------- the command

HELP = """宝探しAI講座（Takara）を始めるコマンドです。

  python3 start.py              準備をして、JupyterLabで講座を開きます
  python3 start.py setup        準備だけをします
  python3 start.py test         テストに要る部品を入れて、テストを実行します（残りの引数はpytestへ）
  python3 start.py doctor       このPCで講座が動くかを調べます
  python3 start.py grade ...    提出物を採点します（講師）
  python3 start.py COMMAND ...  そのほか、takaraのコマンド（check、exam、review、doctor）も使えます

Windowsでは python3 の代わりに py を使ってください。"""


def say(text):
    """Print for a person, at once, whatever the terminal's encoding."""
    print(text)
    sys.stdout.flush()


def run(arguments):
    """Carry out the command line and return the exit code."""
    if arguments[:1] in (["-h"], ["--help"], ["help"]):
        say(HELP)
        return 0
    usable = OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON and has_venv_modules()
    if not usable and "TAKARA_RESTARTED" not in os.environ:
        better = other_python(platform.system())
        if better:
            return restart_with(better, arguments)
    if too_old(sys.version_info):
        raise old_python_problem(sys.version_info, sys.executable)
    wrong_build = wrong_build_problem()
    if wrong_build:
        raise wrong_build
    if not has_venv_modules():
        raise no_venv_problem()

    command, rest = (arguments[0], arguments[1:]) if arguments else ("lab", [])
    if command == "test":
        return run_tests(install(TEST_EXTRAS), rest)
    venv = install(EXTRAS)
    build_assignments(venv)
    if command == "setup":
        say("講座を開くには: python3 start.py")
        say("takaraコマンド: {}".format(venv_command(venv, "takara")))
        return 0
    return run_takara(venv, [command, *rest])


def main(arguments):
    """Run and turn every failure into a message in Japanese and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        return run(arguments)
    except Problem as problem:
        print(problem.text(), file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("\n中断しました。もう一度実行すると、準備をやり直します。", file=sys.stderr)
        return EXIT_INTERRUPTED
    except OSError as error:
        print(explain_pip(f"error: {error}").text(), file=sys.stderr)
        return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

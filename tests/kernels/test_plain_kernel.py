"""What a forked kernel says while code runs: as an ipykernel would, in order, and within bounds."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from typing import Any

import pytest
from forked import Kernel, eventually

from autograder.kernels.forked import KernelEnded

Said = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def kernel(start: Callable[..., Kernel]) -> Kernel:
    return start("none")


def ask(kernel: Kernel, source: str, *, at_most: int = 1_000_000, **options: Any) -> tuple[dict, Said]:
    said: Said = []
    number = kernel.process.ask(textwrap.dedent(source), output_bytes=at_most, **options)
    reply = kernel.process.answer(number, 60, lambda kind, content: said.append((kind, content)))
    return reply, said


def text_of(said: Said, name: str = "stdout") -> str:
    return "".join(c["text"] for kind, c in said if kind == "stream" and c["name"] == name)


def test_results_displays_and_errors(kernel: Kernel) -> None:
    reply, said = ask(kernel, "1 + 1")
    assert reply["status"] == "ok" and reply["execution_count"] == 1
    assert said == [
        ("execute_result", {"data": {"text/plain": "2"}, "metadata": {}, "execution_count": 1}),
    ]
    _, said = ask(kernel, "h = display('a', display_id=True)\nh.update('b')")
    assert [kind for kind, _ in said] == ["display_data", "update_display_data"]
    assert said[0][1]["transient"] == said[1][1]["transient"]
    reply, said = ask(kernel, "1 / 0")
    assert (reply["status"], reply["ename"], reply["execution_count"]) == ("error", "ZeroDivisionError", 3)
    assert [kind for kind, _ in said] == ["error"] and said[0][1]["traceback"] == reply["traceback"]
    reply, said = ask(kernel, "_ = 7\nIn[1], Out[1]")
    assert said[0][1]["data"]["text/plain"] == "('1 + 1', 2)"


def test_questions_outside_the_notebook_leave_no_trace(kernel: Kernel) -> None:
    reply, said = ask(kernel, "", silent=True, store_history=False, user_expressions={"value": "6 * 7"})
    assert reply["user_expressions"]["value"]["data"]["text/plain"] == "42"
    assert said == []
    assert ask(kernel, "len(In)")[1][0][1]["data"]["text/plain"] == "2"


def test_a_figure_is_shown_without_being_asked_for(kernel: Kernel) -> None:
    _, said = ask(kernel, "import matplotlib.pyplot as plt\nplt.plot([1, 2]);")
    assert [kind for kind, _ in said] == ["display_data"] and "image/png" in said[0][1]["data"]


def test_what_programs_print_is_in_its_place(kernel: Kernel) -> None:
    _, said = ask(
        kernel,
        """
        import os, subprocess, sys
        print('a')
        subprocess.run(['echo', 'b'])
        print('c', end='')
        os.write(1, b'd\\n')
        print('e', file=sys.stderr)
        os.system('echo f >&2')
        !echo g
        """,
    )
    assert text_of(said).replace("\r", "") == "a\nb\ncd\ng\n"
    assert text_of(said, "stderr") == "e\nf\n"


def test_a_program_that_prints_after_its_cell_is_heard_in_the_next(kernel: Kernel) -> None:
    ask(kernel, "import subprocess\np = subprocess.Popen('sleep 0.2; echo late', shell=True)")
    assert text_of(ask(kernel, "p.wait()\nprint('next')")[1]) == "late\nnext\n"


def test_output_is_cut_and_said_so_once(kernel: Kernel) -> None:
    _, said = ask(kernel, "for _ in range(200): print('あ' * 1000)", at_most=20_000)
    assert [kind for kind, _ in said].count("too_much") == 1 and said[-1][0] == "too_much"
    assert len(text_of(said)) < 20_000
    assert text_of(ask(kernel, "print('short')")[1]) == "short\n", "each request has its own bound"


def test_an_endless_print_costs_the_client_nothing(kernel: Kernel) -> None:
    said: Said = []
    number = kernel.process.ask("while True: print('x' * 1000)", output_bytes=10_000)
    with pytest.raises(TimeoutError):
        kernel.process.answer(number, 1.0, lambda kind, content: said.append((kind, content)))
    kernel.process.interrupt()
    assert kernel.process.answer(number, 30)["ename"] == "KeyboardInterrupt"
    assert len(said) < 100


def test_the_end_of_what_was_printed_before_a_crash(kernel: Kernel) -> None:
    said: Said = []
    number = kernel.process.ask("print('the last words')\nimport os; os._exit(3)", output_bytes=1000)
    with pytest.raises(KernelEnded) as ended:
        kernel.process.answer(number, 60, lambda kind, content: said.append((kind, content)))
    assert ended.value.end.code == 3 and text_of(said) == "the last words\n"


def test_threads_and_coroutines(kernel: Kernel) -> None:
    _, said = ask(
        kernel,
        """
        import asyncio, threading
        await asyncio.sleep(0.01)
        thread = threading.Thread(target=print, args=('from a thread',))
        thread.start(); thread.join()
        print(asyncio.get_running_loop() is not None)
        """,
    )
    assert text_of(said) == "from a thread\nTrue\n"
    reply, _ = ask(kernel, "asyncio.run(asyncio.sleep(0))")
    assert reply["ename"] == "RuntimeError", "as in Jupyter: a loop is running already"


def test_a_coroutine_is_interrupted_too(kernel: Kernel) -> None:
    number = kernel.process.ask("import asyncio\nawait asyncio.sleep(100)")
    with pytest.raises(TimeoutError):
        kernel.process.answer(number, 0.5)
    kernel.process.interrupt()
    assert kernel.process.answer(number, 30)["status"] == "error"
    assert kernel.run("print('goes on')") == "goes on"


def test_an_interrupt_that_comes_too_late_hits_nothing(kernel: Kernel) -> None:
    """A cell may end by itself just when it is interrupted: the next one must not suffer."""
    for _ in range(30):
        number = kernel.process.ask("pass")
        kernel.process.interrupt()
        kernel.process.answer(number, 30)
        assert kernel.run("print(1)") == "1"


def test_questions_to_the_learner_are_refused(kernel: Kernel) -> None:
    reply, _ = ask(kernel, "input('名前：')")
    assert reply["ename"] == "StdinNotImplementedError"


def test_exit_ends_the_kernel_after_the_cell(kernel: Kernel) -> None:
    reply, _ = ask(kernel, "x = 1\nexit()")
    assert reply["status"] in ("ok", "error")
    assert eventually(lambda: kernel.process.poll() is not None)
    with pytest.raises(KernelEnded):
        ask(kernel, "x")


def test_a_copy_that_the_code_forks_does_not_answer(kernel: Kernel) -> None:
    _, said = ask(kernel, "import os\ntwin = os.fork()\nprint('twin' if twin == 0 else 'kernel')")
    time.sleep(0.2)
    assert "kernel" in text_of(said)
    for n in range(3):
        assert text_of(ask(kernel, f"print({n})")[1]).strip().splitlines()[-1] == str(n)
    assert kernel.process.doubts == []


def test_a_reply_that_is_not_the_kernels_own_is_noticed(kernel: Kernel) -> None:
    ask(
        kernel,
        """
        import threading, time
        line = get_ipython().kernel._line
        def hurry(seen):
            while line._number == seen: time.sleep(0.0001)
            line.reply({'status': 'ok'})
        threading.Thread(target=hurry, args=(line._number,), daemon=True).start()
        """,
    )
    reply, _ = ask(kernel, "import time; time.sleep(0.5); assert False")
    assert reply["status"] == "ok", "the forged one"
    kernel.run("pass")
    assert kernel.process.doubts == ["a request got two replies"]


def test_a_client_survives_a_kernel_that_closes_the_line(kernel: Kernel) -> None:
    number = kernel.process.ask("import os, time; os.closerange(3, 1000); time.sleep(100)")
    began = time.monotonic()
    with pytest.raises(KernelEnded):
        kernel.process.answer(number, 60)
    assert time.monotonic() - began < 10

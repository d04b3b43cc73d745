"""The widget: carries commands to the desk and the desk's screen to the browser."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from autograder.materials import Materials, MaterialsNotFound, find_materials

from ..errors import ExamError
from ..trainer import Trainer, progress_path
from .desk import Desk, error_view
from .views import View

__all__ = ["ExamWidget", "exam_trainer"]

_HERE = Path(__file__).parent
# By progress file: in one kernel there is one desk for each, and one widget in front of it.
_desks: dict[Path, Callable[[Any], View]] = {}
_widgets: dict[Path, ExamWidget] = {}


class ExamWidget(anywidget.AnyWidget):
    """A view of a desk. All that the browser knows is :attr:`screen`; all that it sends are commands.

    Attributes
    ----------
    screen : dict
        What is shown. ``screen["reply"]`` is the ``call`` of the command that it answers.
    """

    _esm = _HERE / "trainer.js"
    _css = _HERE / "trainer.css"

    screen = traitlets.Dict().tag(sync=True)

    def __init__(self, screen: View, handle: Callable[[Any], View] | None = None) -> None:
        """Show a screen.

        Parameters
        ----------
        screen : dict
            The first one.
        handle : callable, optional
            Command → the next screen.
        """
        self._handle = handle
        self._one_at_a_time = threading.Lock()
        super().__init__(screen={**screen, "reply": None})
        self.on_msg(self._receive)

    def refresh(self) -> None:
        """Bring the screen up to now."""
        self._receive(self, {"do": "tick"}, None)

    def _receive(self, _: Any, command: Any, __: Any) -> None:
        if self._handle is None:
            return
        with self._one_at_a_time:  # Lab may hand messages to another thread than the one that runs cells
            call = command.get("call") if isinstance(command, dict) else None
            self.screen = {**self._handle(command), "reply": call}


def exam_trainer(progress: Path | None = None, materials: Materials | None = None) -> ExamWidget:
    """The exam trainer, to be shown as the last line of a cell.

    Run again in the same kernel, it goes on where one was. In a new kernel it goes on with the mock exam that
    was left unfinished, if there is one.

    Parameters
    ----------
    progress : Path, optional
        The file of results; by default the one of the workspace.
    materials : Materials, optional
        By default those of this installation.

    Returns
    -------
    ExamWidget
        Where the trainer cannot be opened, it says why and what to do.
    """
    try:
        materials = materials or find_materials()
        path = (progress or progress_path(materials)).resolve()
        if path not in _desks:
            _desks[path] = _sit_down(path, materials)
    except (ExamError, MaterialsNotFound) as error:
        return ExamWidget(error_view(str(error)))
    handle = _desks[path]
    widget = _widgets.get(path)
    if widget is None or widget.comm is None:  # not there yet, or closed
        widget = _widgets[path] = ExamWidget(handle(None), handle)
    else:
        widget.refresh()
    return widget


def _sit_down(path: Path, materials: Materials) -> Callable[[Any], View]:
    """Open a desk in a thread of its own, since SQLite wants to stay in one. Returns its ``handle``."""
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="takara-exam")
    try:
        desk = thread.submit(lambda: Desk(Trainer(path, materials))).result()
    except BaseException:
        thread.shutdown(wait=False)
        raise
    return lambda command: thread.submit(desk.handle, command).result()

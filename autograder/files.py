"""Write a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, content: bytes, *, temporaries: Path | None = None) -> None:
    """Write ``content`` so that ``path`` holds the old bytes or the new ones, whenever we are interrupted.

    Parameters
    ----------
    path : Path
        Folders on the way are made.
    content : bytes
    temporaries : Path, optional
        Folder, on the same disk, for the file in the making; by default next to ``path``.

    Raises
    ------
    OSError
        A full disk, no permission. ``path`` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = temporaries or path.parent
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".takara-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    # There is no way to read the umask without setting it; a wrong guess would only make a file less private.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask

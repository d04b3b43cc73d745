"""What the parent is asked for, as plain JSON: one dataclass a message."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

TIERS = ("namespaces", "landlock", "none")


@dataclass(frozen=True)
class Bounds:
    """How much one kernel with all its processes may use.

    Parameters
    ----------
    memory_mb : int
        Resident memory of all processes together, beyond what is shared with the parent.
    processes : int
        Processes and threads.
    file_mb : int
        Size of a single file.
    disk_mb : int
        All files together.
    open_files : int
    """

    memory_mb: int = 1500
    processes: int = 128
    file_mb: int = 100
    disk_mb: int = 256
    open_files: int = 512


@dataclass(frozen=True)
class Start:
    """Fork a kernel. The message brings the kernel's end of its line along, as a descriptor.

    Parameters
    ----------
    folder : str
        The hand-in's private folder: working folder, home, temporary files. All it may write to.
    cwd : str
    env : dict of str
        The whole environment of the kernel.
    tier : str
        One of ``TIERS``.
    bounds : Bounds
    canary : str
        For a trial of the walls: a file outside. The process tries to reach it instead of being a kernel.
    """

    folder: str
    cwd: str
    env: dict[str, str]
    tier: str
    bounds: Bounds = field(default_factory=Bounds)
    canary: str = ""

    def to_dict(self) -> dict:
        """As a message for the parent."""
        return {"start": asdict(self)}

    @classmethod
    def from_dict(cls, fields: dict) -> Start:
        """The reverse, for what ``to_dict`` has under "start"."""
        return cls(**{**fields, "bounds": Bounds(**fields["bounds"])})

"""Hatchling's build hook: puts into the wheel the materials that a learner's workspace gets, and the exam's.

An editable install has none of them: ``autograder.materials`` finds them in the clone then.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class LearnersMaterials(BuildHookInterface):
    """Adds ``autograder/materials/`` to the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name each file and its place. `version` is "standard" or "editable"."""
        if version == "editable":
            return
        root = Path(self.root)
        materials = _materials_module(root).Materials(root, is_clone=True)
        for folder in (materials.notebooks, materials.assignments):
            if not any(folder.rglob("*.ipynb")):
                raise FileNotFoundError(f"no notebook in {folder}: run `python -m course.build` first")
        for place, path in (materials.files() | materials.exam_files()).items():
            build_data["force_include"][str(path)] = f"autograder/materials/{place}"


def _materials_module(root: Path) -> Any:
    """``autograder.materials`` by its path: it needs the standard library only, the package may need more."""
    name = "takara_materials"
    spec = importlib.util.spec_from_file_location(name, root / "autograder" / "materials.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module

"""What every test shares: the clone's root, and a home for Jupyter that is not the person's own."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

# Kernels, servers and nbgrader started by a test must neither read nor write the person's own settings. Set
# at import, before any test module imports Jupyter; the short path keeps socket names below their limit.
_jupyter_home = Path(tempfile.mkdtemp(prefix="takara-test-"))
for _name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
    os.environ[_name] = str(_jupyter_home / _name.lower())
for _name in ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH", "MPLBACKEND"):
    os.environ.pop(_name, None)

# The same examples at every run, and no deadline: a busy machine must not fail a test.
settings.register_profile("takara", deadline=None, derandomize=True)
settings.load_profile("takara")


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(_jupyter_home, ignore_errors=True)


@pytest.fixture(scope="session")
def repo() -> Path:
    """The clone's root."""
    return ROOT

"""Shared by the tests of the data sets: where they are, and one rebuild for all."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

DATASETS = Path(__file__).resolve().parents[2] / "datasets"
sys.path.insert(0, str(DATASETS))


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder ``datasets/`` of the clone."""
    return DATASETS


@pytest.fixture(scope="session")
def build_script() -> ModuleType:
    """``datasets/build.py`` as a module (its own name would hide PyPA's ``build``)."""
    spec = importlib.util.spec_from_file_location("takara_datasets_build", DATASETS / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def rebuilt() -> dict[str, bytes]:
    """Every generated file, built afresh once for the whole test run."""
    from generate.catalogue import build_all

    return build_all()


@pytest.fixture(scope="session")
def package() -> dict:
    """``datapackage.json`` as a dictionary."""
    return json.loads((DATASETS / "datapackage.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def daily() -> pd.DataFrame:
    return pd.read_csv(DATASETS / "window_daily.csv")


@pytest.fixture(scope="session")
def visits() -> pd.DataFrame:
    return pd.read_csv(DATASETS / "window_visits.csv")


@pytest.fixture(scope="session")
def branches() -> pd.DataFrame:
    return pd.read_csv(DATASETS / "branch_monthly.csv")

"""One root seed; every generator gets a child seed by name, so adding a set changes no other."""

from __future__ import annotations

import hashlib

import numpy as np

ROOT_SEED = 20260401


def generator(name: str) -> np.random.Generator:
    """Return the random generator that belongs to ``name`` (for example ``"window_visits/clock"``)."""
    digest = hashlib.sha256(name.encode("utf-8")).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([ROOT_SEED, *words])))

"""Where the tree is."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The directory that the file names in locations are relative to."""


def build_folder() -> Path:
    """Where what is built goes: beside the sources, if that is a checkout and may be written; else the user's cache.

    Each copy and each interpreter has a folder of its own there: what one builds is not taken for another's (XDG Base
    Directory).
    """
    beside = ROOT / "build"
    if (ROOT / "pyproject.toml").is_file() and os.access(beside if beside.exists() else ROOT, os.W_OK):
        return beside
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    whose = f"{ROOT}\0{os.path.realpath(sys.executable)}\0{sys.version}"
    return cache / "pithos" / hashlib.sha256(whose.encode()).hexdigest()[:16]


BUILD_FOLDER = build_folder()

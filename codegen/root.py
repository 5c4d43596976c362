"""Where the tree is."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The directory that the file names in locations are relative to."""


def build_folder() -> Path:
    """Where what is built goes: beside the sources, but for an installed copy of them (XDG Base Directory).

    Each copy and each interpreter has a folder of its own there: what one builds is not taken for another's.
    """
    if (ROOT / "pyproject.toml").is_file():
        return ROOT / "build"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    whose = f"{ROOT}\0{os.path.realpath(sys.executable)}\0{sys.version}"
    return cache / "pithos" / hashlib.sha256(whose.encode()).hexdigest()[:16]


BUILD_FOLDER = build_folder()

"""Where the tree is."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The directory that the file names in locations are relative to."""


def build_folder() -> Path:
    """Where what is built goes: beside the sources, but for an installed copy of them (XDG Base Directory)."""
    if (ROOT / "pyproject.toml").is_file():
        return ROOT / "build"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pithos"


BUILD_FOLDER = build_folder()

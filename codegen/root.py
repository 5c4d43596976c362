"""Where the tree is."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The directory that the file names in locations are relative to."""

"""Where the user wants a file to be written: refused in one line before anything is made for it."""

from __future__ import annotations

from pathlib import Path

from harness.errors import HarnessError


def check_folder(path: Path) -> None:
    """Raises HarnessError unless a file can be called `path`: a folder that is misspelt is not made."""
    if not path.parent.is_dir():
        raise HarnessError(f"{path}: there is no directory {path.parent}")
    if path.is_dir():
        raise HarnessError(f"{path} is a directory: give the name of a file")


def check_replaceable(path: Path) -> None:
    """`check_folder`; raises HarnessError for a device or a pipe, too, which a new file would replace."""
    check_folder(path)
    if path.exists() and not path.is_file():
        raise HarnessError(f"{path} is no file: give the name of one")

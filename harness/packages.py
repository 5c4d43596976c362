"""Debian packages as material for tests: fetched with apt-get, laid into a folder with dpkg-deb.

Nothing is installed, and no script of a package runs.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 120
"""Seconds that apt-get may take for one package."""


UNWANTED = ("--exclude=./usr/share", "--exclude=./usr/lib/x86_64-linux-gnu/gconv")
"""What no test needs, and is large: texts, and tables of character sets."""


class NoPackage(Exception):
    """A package cannot be had here; the text says why."""


def fetch(name: str, folder: Path) -> Path:
    """The file of package `name`, fetched into `folder` unless it is there. Raises NoPackage."""
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(folder.glob(f"{name}_*.deb"))
    if found:
        return found[-1]
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NoPackage("this machine has no apt-get and dpkg-deb")
    try:
        subprocess.run(
            ["apt-get", "download", "-qq", name], cwd=folder, check=True, capture_output=True, timeout=PATIENCE
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise NoPackage(f"apt-get download {name} failed") from error
    found = sorted(folder.glob(f"{name}_*.deb"))
    if not found:
        raise NoPackage(f"apt-get download {name} brought nothing")
    return found[-1]


def lay(names: Sequence[str], folder: Path, root: Path) -> None:
    """Lay the files of packages into the directory `root`. Raises NoPackage."""
    for name in names:
        package = fetch(name, folder)
        files = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True).stdout
        command = ["tar", "-x", "--keep-directory-symlink", *UNWANTED, "-C", str(root)]
        subprocess.run(command, input=files, check=True, capture_output=True)

"""Debian packages as material for tests: fetched with apt-get, laid into a folder with dpkg-deb.

Nothing is installed, and no script of a package runs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

PATIENCE = 120
"""Seconds that apt-get may take for one package."""
IMPATIENT = ("-o", "Acquire::http::Timeout=15", "-o", "Acquire::https::Timeout=15", "-o", "Acquire::Retries=0")
"""A mirror that does not answer is given up soon."""
NOT_ANSWERING = re.compile(r"timed out|Temporary failure|Could not resolve|[Cc]ould not connect|Unable to connect")
WIDE_TIME = "t64"
"""What Debian 13 adds to the names of libraries in which times got wider."""

UNWANTED = ("--exclude=./usr/share", "--exclude=./usr/lib/x86_64-linux-gnu/gconv")
"""What no test needs, and is large: texts, and tables of character sets."""

_given_up: list[str] = []
"""Why no mirror is asked any more, once one has not answered."""


class NoPackage(Exception):
    """A package cannot be had here; the text says why."""


def fetch(name: str, folder: Path) -> Path:
    """The file of package `name`, fetched into `folder` unless it is there. Raises NoPackage."""
    folder.mkdir(parents=True, exist_ok=True)
    if found := _kept(name, folder):
        return found
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NoPackage("this machine has no apt-get and dpkg-deb")
    if _given_up:
        raise NoPackage(f"apt-get download {name} failed: {_given_up[0]}")
    complaint = _download(name, folder)
    if complaint and NOT_ANSWERING.search(complaint):
        _given_up.append("no mirror answers")
    elif complaint:
        _download(name + WIDE_TIME, folder)
    if found := _kept(name, folder):
        return found
    raise NoPackage(f"apt-get download {name} failed: {complaint or 'it brought nothing'}")


def _kept(name: str, folder: Path) -> Path | None:
    """The newest file of a package that was fetched."""
    return max((*folder.glob(f"{name}_*.deb"), *folder.glob(f"{name}{WIDE_TIME}_*.deb")), default=None)


def _download(name: str, folder: Path) -> str:
    """Fetch a package, whole or not at all, as other processes look into the folder. What apt-get complained of."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        command = ["apt-get", "download", "-qq", *IMPATIENT, name]
        try:
            done = subprocess.run(
                command,
                cwd=place,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"timed out after {PATIENCE} s"
        for file in Path(place).glob("*.deb"):
            file.replace(folder / file.name)
    return next((line.removeprefix("E: ") for line in done.stderr.splitlines() if line.startswith("E: ")), "")


def lay(names: Sequence[str], folder: Path, root: Path) -> None:
    """Lay the files of packages into the directory `root`. Raises NoPackage."""
    for name in names:
        package = fetch(name, folder)
        files = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True).stdout
        command = ["tar", "-x", "--keep-directory-symlink", *UNWANTED, "-C", str(root)]
        subprocess.run(command, input=files, check=True, capture_output=True)
    _merge(root)


def _merge(root: Path) -> None:
    """Let what is in /usr be found at the root, too: packages of Debian 13 leave that to links of its base system."""
    for name in ("lib", "lib64"):
        if (root / "usr" / name).is_dir() and not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    for program in (root / "usr" / "bin").glob("*"):
        link = root / "bin" / program.name
        if link.parent.is_dir() and not os.path.lexists(link):
            link.symlink_to(f"../usr/bin/{program.name}")


def python_version() -> str:
    """The version of Python that this machine's distribution has, as `3.11`. Raises NoPackage."""
    if shutil.which("apt-cache") is None:
        raise NoPackage("this machine has no apt-cache")
    told = subprocess.run(["apt-cache", "depends", "python3-minimal"], capture_output=True, text=True, check=False)
    found = re.search(r"python(3\.\d+)-minimal", told.stdout)
    if found is None:
        raise NoPackage("apt-get download python3-minimal failed: apt-cache does not know it")
    return found[1]

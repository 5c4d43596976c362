"""Root file systems, as the harness is given them: a directory or a tar file becomes a tree (tree.py).

| file | holds |
| --- | --- |
| `tree` | a root file system as a whole: each name once, no path through a link |
| `contents` | where the bytes of a file lie until they are written |
| `losses` | what could not be kept, to be said once |
| `attributes` | which extended attributes are kept |
| `folder` | a tree of a directory |
| `tar` `tar_header` `tar_pax` `tar_sparse` | a tree of a tar file, in all formats that are in use |
| `stream` | the bytes of a file, unpacked if it is compressed |
| `recognise` | what a file looks like that is no root file system, and what to do with it |
| `memory` `limits` | how much memory a machine needs for a tree, and what the kernel can keep of a file |
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness.errors import HarnessError
from harness.images.folder import read_folder
from harness.images.losses import shown
from harness.images.recognise import EXPECTED, refuse_other_images
from harness.images.stream import Damage
from harness.images.tar import read_tar
from harness.images.tree import Tree

__all__ = ["Tree", "explained", "read_image"]


def read_image(source: Path, files: ExitStack) -> Tree:
    """The root file system that `source` is, a directory or a tar file. Raises HarnessError.

    What is in its files is read when they are written, for which they are open as long as `files`.
    """
    tree = Tree(source)
    with explained(source):
        kind = stat.S_IFMT(source.stat().st_mode)
        if kind == stat.S_IFDIR:
            read_folder(source, tree)
        elif kind == stat.S_IFREG:
            read_tar(source, tree, files)
        else:
            raise HarnessError(f"{source}: is neither a directory nor a file; {EXPECTED}")
    refuse_other_images(tree)
    return tree


@contextmanager
def explained(source: Path) -> Iterator[None]:
    """Make one line of whatever goes wrong with reading a root file system."""
    try:
        yield
    except Damage as damage:
        raise HarnessError(f"{source}: is damaged: {damage}; get or make it anew") from None
    except FileNotFoundError as error:
        if error.filename is not None and os.fspath(error.filename) == os.fspath(source):
            raise HarnessError(f"{source}: no such directory or tar file; {EXPECTED}") from None
        raise HarnessError(f"{place_of(error, source)}: {error.strerror}; try again") from None
    except PermissionError as error:
        advice = "ROOTFS has to be readable for you: use sudo, or give a tar file of it"
        raise HarnessError(f"{place_of(error, source)}: {error.strerror}; {advice}") from None
    except OSError as error:
        raise HarnessError(f"{place_of(error, source)}: {error.strerror or error}; {EXPECTED}") from None


def place_of(error: OSError, source: Path) -> str:
    """The file that an error is about."""
    return shown(os.fsencode(source if error.filename is None else error.filename))

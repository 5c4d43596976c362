"""What need not be done again: objects by the content of their LLVM text, and whole builds by their inputs.

A cache is a folder that may be deleted at any time. Entries are written beside their place and moved there,
so that builds may run at once; one that is torn reads as absent, and one of another version has another name.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pickle
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from codegen.files import read_sealed, write_sealed, write_whole
from codegen.root import ROOT

if TYPE_CHECKING:
    from codegen.objects import ObjectFile

CODEGEN = Path(__file__).parent
TEXT_TO_OBJECT = (
    "cfg_text.py", "llvm/machine.py", "target.py", "emit.py", "elf.py", "objects.py", "dwarf.py", "lines.py",
    "stack_frames.py", "disassembler.py",
)  # fmt: skip
SIZES = "sizes"
DISTRIBUTIONS = ("capstone-", "keystone_engine-", "llvmlite-", "pyelftools-")


@functools.lru_cache(maxsize=1)
def compiler_fingerprint() -> str:
    """Changes whenever the way from LLVM text to an object does; the text itself stands for what is before."""
    digest = hashlib.sha256(tools().encode())
    for name in TEXT_TO_OBJECT:
        digest.update((CODEGEN / name).read_bytes())
    return digest.hexdigest()


def tools() -> str:
    """The versions of Python and of the packages that the compiler is made of, as pip names what it installs."""
    found = {
        entry
        for folder in map(Path, sys.path)
        if folder.is_dir()
        for entry in os.listdir(folder)
        if entry.startswith(DISTRIBUTIONS) and entry.endswith(".dist-info")
    }
    return " ".join((sys.version, *sorted(found)))


class ObjectCache:
    """Objects by the hash of what they are made from; without a folder it holds nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def key(self, *parts: str) -> str:
        """The name of the object that is made from `parts`."""
        digest = hashlib.sha256(compiler_fingerprint().encode())
        for part in parts:
            digest.update(part.encode() + b"\0")
        return digest.hexdigest()

    def __contains__(self, key: str) -> bool:
        return self._folder is not None and (self._folder / key).exists()

    def longest_first(self, modules: list[str]) -> list[str]:
        """`modules` by the work that they are: first those with a source newer than all that is kept, as LLVM has to
        see them; then by the size of what was made of them last time, or in the order given."""
        kept = _changed_at(self._folder)
        sizes = self._sizes()

        def order(name: str) -> tuple[bool, int]:
            changed = _changed_at(getattr(sys.modules.get(name), "__file__", None)) > kept
            return not changed, -sizes.get(name, 0)

        return sorted(modules, key=order)

    def _sizes(self) -> dict[str, int]:
        content = read_sealed(self._folder / SIZES) if self._folder is not None else None
        return json.loads(content) if content is not None else {}

    def note_sizes(self, objects: Iterable[ObjectFile]) -> None:
        """Keep the sizes of a program's objects, for `longest_first`."""
        if self._folder is not None:
            sizes = {made.name: sum(section.size for section in made.sections.values()) for made in objects}
            write_sealed(self._folder / SIZES, json.dumps(self._sizes() | sizes, sort_keys=True).encode())

    def load(self, key: str) -> ObjectFile | None:
        """The object of that name; None when it is not there, or not whole."""
        content = read_sealed(self._folder / key) if self._folder is not None else None
        if content is None:
            return None
        made: ObjectFile = pickle.loads(content)
        return made

    def save(self, key: str, made: ObjectFile) -> None:
        if self._folder is not None:
            write_sealed(self._folder / key, pickle.dumps(made, protocol=5))


def _changed_at(path: Path | str | None) -> int:
    """When a file or the list of a folder was changed; 0 for what is not there."""
    try:
        return os.stat(path).st_mtime_ns if path is not None else 0
    except OSError:
        return 0


class BuildRecord:
    """What a finished build was made from: lets the next one find in a moment that nothing changed.

    The inputs are the source files of the modules that were imported; the record holds a hash of each,
    and of each output, and the versions of Python and of the packages that the compiler is made of.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_current(self, outputs: Iterable[Path], options: str = "") -> bool:
        """Whether no input has changed since `save`, and the outputs are what was made then."""
        try:
            record = json.loads(self._path.read_text())
            if (
                record["tools"] != tools()
                or record["options"] != options
                or set(record["outputs"]) != {str(path) for path in outputs}
            ):
                return False
            files = {**record["inputs"], **record["outputs"]}
            return all(_hash(Path(name)) == digest for name, digest in files.items())
        except (OSError, ValueError, KeyError):
            return False

    def save(
        self,
        outputs: Iterable[Path],
        options: str = "",
        extra_inputs: Iterable[Path] = (),
        packages: tuple[str, ...] = ("codegen",),
    ) -> None:
        """Note the inputs (the modules of `packages` that are imported now, and others given) and the outputs."""
        inputs = {*map(str, extra_inputs), *_imported_files(packages)}
        record = {
            "tools": tools(),
            "options": options,
            "inputs": {name: _hash(Path(name)) for name in sorted(inputs)},
            "outputs": {str(path): _hash(path) for path in outputs},
        }
        write_whole(self._path, json.dumps(record, indent=1).encode())


def _imported_files(packages: tuple[str, ...]) -> set[str]:
    """The files of the imported modules of these packages of the tree."""
    folders = tuple(f"{ROOT / package}{os.sep}" for package in packages)
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return {name for name in files if name and name.startswith(folders)}


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

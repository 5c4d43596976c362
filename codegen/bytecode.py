"""The compiled Python of our own modules, kept by content.

CPython keeps it too, but tells by a file's time, in seconds, and size whether it is current, so that an edit within the
same second may be missed; and where PYTHONDONTWRITEBYTECODE is set, it keeps nothing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from codegen.files import read_sealed, write_sealed

PACKAGES = ("boot", "codegen", "examples", "kernel", "user")


@contextmanager
def kept_bytecode(folder: Path | None) -> Iterator[None]:
    """What is imported of the tree is compiled once for each content, and kept in `folder`."""
    if folder is None:
        yield
        return
    finder = _Finder(folder)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder:
    """Finds the modules of the tree as Python does, and gives them our loader."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name.partition(".")[0] not in PACKAGES:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, str(spec.loader.path), self._folder)
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, folder: Path) -> None:
        super().__init__(name, path)
        self._folder = folder

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        source = self.get_data(path)
        key = hashlib.sha256(b"\0".join((importlib.util.MAGIC_NUMBER, path.encode(), source))).hexdigest()
        kept = read_sealed(self._folder / key)
        if kept is not None:
            code: CodeType = marshal.loads(kept)
            return code
        code = self.source_to_code(source, path)
        write_sealed(self._folder / key, marshal.dumps(code))
        return code

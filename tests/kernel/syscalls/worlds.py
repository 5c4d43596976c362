"""Two worlds with the same file calls: the kernel's functions run by CPython, and Linux itself, the oracle.

Each call answers with a value, or with the name of the error.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from codegen.lang import Errno, Fd, UserAddr, UserSlice
from codegen.lang.slices import HostSlice
from kernel.base.errno import EFAULT, ENAMETOOLONG
from kernel.files import path as path_module
from kernel.files.credentials import Credentials
from kernel.files.file import FileOwner
from kernel.files.flags import AT_FDCWD, AtFlags
from kernel.files.path_buffer import PathBuffers
from kernel.files.ramfs import create_file_system
from kernel.files.table import create_table
from kernel.memory import user
from kernel.memory.account import Account
from kernel.process.limits import UNLIMITED
from kernel.process.path_context import PathContext
from kernel.sched import mutex
from kernel.sched.usage import Usage
from kernel.syscalls import (
    file_limit,
    files_attributes,
    files_descriptors,
    files_io,
    files_listing,
    files_open,
    files_support,
    files_tree,
)
from tests.kernel.files.conftest import NOW

MEMORY_BASE = 0x10000
MEMORY_SIZE = 0x8000
OUT = UserAddr(MEMORY_BASE + 0x4000)
Answer = Any


class UserMemory:
    """A program's memory, in place of the functions of kernel/memory/user.py."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.content = bytearray(MEMORY_SIZE)
        names = ("copy_in", "copy_in_now", "copy_out", "copy_out_now", "copy_out_some", "copy_in_string", "get", "put")
        for name in names:
            monkeypatch.setattr(user, name, getattr(self, name))

    def at(self, address: int, length: int) -> slice:
        start = address - MEMORY_BASE
        if start < 0 or start + length > MEMORY_SIZE:
            raise EFAULT
        return slice(start, start + length)

    def copy_in(self, destination: HostSlice[Any], source: UserSlice) -> None:
        for index, byte in enumerate(self.content[self.at(source.address, source.length)]):
            destination[index] = byte

    def copy_out(self, destination: UserSlice, source: HostSlice[Any]) -> None:
        self.content[self.at(destination.address, destination.length)] = bytes(list(source))

    def copy_in_now(self, destination: HostSlice[Any], source: UserAddr) -> int:
        self.copy_in(destination, UserSlice(source, len(destination)))
        return len(destination)

    def copy_out_some(self, destination: UserSlice, source: HostSlice[Any]) -> int:
        self.copy_out(destination, source)
        return destination.length

    def copy_out_now(self, destination: UserAddr, source: HostSlice[Any]) -> int:
        return self.copy_out_some(UserSlice(destination, len(source)), source)

    def copy_in_string(self, destination: HostSlice[Any], source: UserAddr) -> int:
        start = int(self.at(source, 1).start)
        end = self.content.index(0, start)
        if end - start >= len(destination):
            raise ENAMETOOLONG
        for index, byte in enumerate(self.content[start:end]):
            destination[index] = byte
        return end - start

    def get(self, kind: Any, source: UserAddr) -> int:
        raw = self.content[self.at(source, kind.bits // 8)]
        return int(kind(int.from_bytes(raw, "little", signed=kind.signed)))

    def put(self, kind: Any, destination: UserAddr, value: int) -> None:
        raw = int(value).to_bytes(kind.bits // 8, "little", signed=kind.signed)
        self.content[self.at(destination, len(raw))] = raw

    def place(self, text: bytes, at: int = 0) -> UserAddr:
        """Put text where a program could have it; returns its address."""
        self.content[at : at + len(text)] = text
        return UserAddr(MEMORY_BASE + at)


class HostProcess(SimpleNamespace):
    """What calls for files look at of a process."""

    def __init__(self) -> None:
        super().__init__(paths=PathContext())

    @property
    def root(self) -> Any:
        return self.paths.root

    @property
    def directory(self) -> Any:
        return self.paths.directory

    @property
    def umask(self) -> int:
        return self.paths.umask


class KernelWorld:
    """The kernel's functions, called as the dispatcher would."""

    def __init__(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        buffers = PathBuffers()
        for module in (path_module, files_support, files_tree):
            monkeypatch.setattr(module, "PATH_BUFFERS", buffers)
        monkeypatch.setattr(files_attributes, "wall_time", lambda: NOW)
        monkeypatch.setattr(file_limit, "file_size_limit", lambda: UNLIMITED)
        monkeypatch.setattr(mutex, "current", lambda: SimpleNamespace(mutexes=1))
        self.memory = UserMemory(monkeypatch)
        self.owner = FileOwner()
        self.owner.account = account
        self.fs = create_file_system(account, None)
        credentials = Credentials()
        process = HostProcess()
        process.paths.begin(self.fs.root, self.fs.root)
        process.credentials = credentials
        process.files = create_table(account)
        process.container = SimpleNamespace(files=self.owner, account=account)
        self.task: Any = SimpleNamespace(process=process, usage=Usage())

    def end(self) -> None:
        """Give everything back."""
        self.task.process.files.drop()
        self.task.process.paths.drop()
        assert self.owner.open_files.is_empty
        self.fs.destroy()

    def answer(self, call: Callable[..., Any], *arguments: Any) -> Answer:
        try:
            value = call(self.task, *arguments)
        except Errno as error:
            return errno.errorcode[error.code]
        return 0 if value is None else int(value)

    def with_path(self, call: Callable[..., Any], path: bytes, *rest: Any) -> Answer:
        return self.answer(call, self.memory.place(path + b"\0"), *rest)

    def with_paths(self, call: Callable[..., Any], first: bytes, second: bytes) -> Answer:
        return self.answer(call, self.memory.place(first + b"\0"), self.memory.place(second + b"\0", 0x2000))

    def open(self, path: bytes, flags: int) -> Answer:
        return self.with_path(files_open.open_, path, flags, 0o666)

    def close(self, fd: int) -> Answer:
        return self.answer(files_descriptors.close, Fd(fd))

    def dup2(self, old: int, new: int) -> Answer:
        return self.answer(files_descriptors.dup2, Fd(old), Fd(new))

    def read(self, fd: int, count: int) -> Answer:
        done = self.answer(files_io.read, Fd(fd), OUT, count)
        return done if isinstance(done, str) else bytes(self.memory.content[0x4000 : 0x4000 + done])

    def write(self, fd: int, text: bytes) -> Answer:
        return self.answer(files_io.write, Fd(fd), self.memory.place(text), len(text))

    def pwrite(self, fd: int, text: bytes, offset: int) -> Answer:
        return self.answer(files_io.pwrite64, Fd(fd), self.memory.place(text), len(text), offset)

    def lseek(self, fd: int, offset: int, whence: int) -> Answer:
        return self.answer(files_io.lseek, Fd(fd), offset, whence)

    def ftruncate(self, fd: int, size: int) -> Answer:
        return self.answer(files_io.ftruncate, Fd(fd), size)

    def truncate(self, path: bytes, size: int) -> Answer:
        return self.with_path(files_io.truncate, path, size)

    def mkdir(self, path: bytes) -> Answer:
        return self.with_path(files_tree.mkdir, path, 0o777)

    def rmdir(self, path: bytes) -> Answer:
        return self.with_path(files_tree.rmdir, path)

    def unlink(self, path: bytes) -> Answer:
        return self.with_path(files_tree.unlink, path)

    def rename(self, old: bytes, new: bytes) -> Answer:
        return self.with_paths(files_tree.rename, old, new)

    def link(self, old: bytes, new: bytes) -> Answer:
        return self.with_paths(files_tree.link, old, new)

    def symlink(self, target: bytes, path: bytes) -> Answer:
        return self.with_paths(files_tree.symlink, target, path)

    def readlink(self, path: bytes) -> Answer:
        done = self.with_path(files_tree.readlink, path, OUT, 100)
        return done if isinstance(done, str) else bytes(self.memory.content[0x4000 : 0x4000 + done])

    def chdir(self, path: bytes) -> Answer:
        return self.with_path(files_tree.chdir, path)

    def chmod(self, path: bytes, mode: int) -> Answer:
        return self.with_path(files_attributes.chmod, path, mode)

    def stat(self, path: bytes, follow: bool) -> Answer:
        flags = AtFlags.NONE if follow else AtFlags.SYMLINK_NO_FOLLOW
        try:
            about = files_attributes.attributes_at(self.task, AT_FDCWD, self.memory.place(path + b"\0"), flags)
        except Errno as error:
            return errno.errorcode[error.code]
        return about.mode, about.links, -1 if about.is_directory else about.size

    def list(self, fd: int) -> Answer:
        """The names that getdents64(2) tells from where the descriptor is on, sorted."""
        names: list[bytes] = []
        while True:
            done = self.answer(files_listing.getdents64, Fd(fd), OUT, 100)
            if isinstance(done, str):
                return done
            if done == 0:
                return sorted(names)
            position = 0x4000
            while position < 0x4000 + done:
                length = int.from_bytes(self.memory.content[position + 16 : position + 18], "little")
                names.append(bytes(self.memory.content[position + 19 : position + length]).split(b"\0")[0])
                position += length


class LinuxWorld:
    """The same calls on Linux, below a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.home = os.getcwd()
        self.mask = os.umask(0o022)
        self.first = os.open("/dev/null", os.O_RDONLY)
        self.kept = [self.first]
        os.chdir(folder)

    def end(self) -> None:
        os.chdir(self.home)
        os.umask(self.mask)
        os.close(self.first)

    def answer(self, name: str, *arguments: Any) -> Answer:
        done = getattr(self.libc, name)(*arguments)
        return errno.errorcode[ctypes.get_errno()] if done < 0 else done

    def __getattr__(self, name: str) -> Callable[..., Answer]:
        """A call whose parameters are those of the C library."""
        return lambda *arguments: self.answer(name, *arguments)

    def open(self, path: bytes, flags: int) -> Answer:
        return self.answer("open", path, flags, 0o666)

    def read(self, fd: int, count: int) -> Answer:
        place = ctypes.create_string_buffer(count)
        done = self.answer("read", fd, place, count)
        return done if isinstance(done, str) else place.raw[:done]

    def write(self, fd: int, text: bytes) -> Answer:
        return self.answer("write", fd, text, len(text))

    def pwrite(self, fd: int, text: bytes, offset: int) -> Answer:
        return self.answer("pwrite", fd, text, len(text), ctypes.c_long(offset))

    def lseek(self, fd: int, offset: int, whence: int) -> Answer:
        return self.answer("lseek", fd, ctypes.c_long(offset), whence)

    def ftruncate(self, fd: int, size: int) -> Answer:
        return self.answer("ftruncate", fd, ctypes.c_long(size))

    def truncate(self, path: bytes, size: int) -> Answer:
        return self.answer("truncate", path, ctypes.c_long(size))

    def mkdir(self, path: bytes) -> Answer:
        return self.answer("mkdir", path, 0o777)

    def readlink(self, path: bytes) -> Answer:
        place = ctypes.create_string_buffer(100)
        done = self.answer("readlink", path, place, 100)
        return done if isinstance(done, str) else place.raw[:done]

    def stat(self, path: bytes, follow: bool) -> Answer:
        try:
            about = os.stat(path, follow_symlinks=follow)
        except OSError as error:
            return errno.errorcode[error.errno or 0]
        return about.st_mode, about.st_nlink, -1 if stat.S_ISDIR(about.st_mode) else about.st_size

    def list(self, fd: int) -> Answer:
        names: list[bytes] = []
        place = ctypes.create_string_buffer(100)
        while True:
            done = self.answer("syscall", 217, fd, place, 100)
            if isinstance(done, str):
                return done
            if done == 0:
                return sorted(names)
            position = 0
            while position < done:
                length = int.from_bytes(place.raw[position + 16 : position + 18], "little")
                names.append(place.raw[position + 19 : position + length].split(b"\0")[0])
                position += length

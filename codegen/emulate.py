"""`codegen.run(function, *args)`: a kernel function compiled and called in the CPU emulator.

The function and all that it reaches are compiled for ring 3 and linked at a low address, with a small entry
made here as a typed tree: it loads the arguments from a block of words, calls the function, and stores the
result or the error number. So nothing here depends on how the compiler passes values.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import MethodType
from typing import Any

from codegen import tree
from codegen.build import compile_checked
from codegen.check import check_program
from codegen.image import Image, link
from codegen.lang import Array, array, u64
from codegen.lang import struct as language_struct
from codegen.lang.failure import errno_of
from codegen.lang.slices import HostSlice
from codegen.marshal import WORD, Marshaller, struct_type
from codegen.sandbox import ENTRY, STUBS, Sandbox
from codegen.stubs import Stub
from codegen.target import Target
from codegen.types import (
    ERROR,
    I32,
    U64,
    USER_SLICE,
    VOID,
    EmbeddedType,
    NeverType,
    SliceType,
    StructType,
    TupleType,
    UserSliceType,
    VoidType,
)

BASE = 0x400000
BLOCK_WORDS = 64
ERROR_OFFSET = 0
RESULT_OFFSET = 8
ARGUMENTS_OFFSET = 32 * WORD


@language_struct
class CallBlock:
    """Where the entry finds the arguments and leaves the outcome: error number, result, arguments."""

    words: Array[u64] = array(BLOCK_WORDS)


BLOCK = StructType(CallBlock)


def run(function: Callable[..., Any], *arguments: Any, stubs: Sequence[Stub] = ()) -> Any:
    """Compile `function` and all it reaches, call it in the emulator, and return its value.

    Arguments: integers, bools, enums, units, packed values, bytes and bytearray (as slices of u8), slices,
    and struct instances, which come back as the code left them. Raises the Errno class that the function
    raised, or `Panic` with the traceback. Module-level state begins as it was when first compiled. `stubs`
    give the external symbols that the function reaches.
    """
    root: Any = function
    if isinstance(function, MethodType):
        root = function.__func__, struct_type(function.__self__)
        arguments = (function.__self__, *arguments)
    compiled = _compiled(root, frozenset(_struct_types(arguments)), tuple(stubs))
    sandbox = Sandbox(compiled.image)
    marshaller = compiled.marshaller(sandbox)
    words = []
    for value, parameter in zip(arguments, compiled.parameters, strict=True):
        words += marshaller.words(value, parameter)
    block = sandbox.allocate(BLOCK_WORDS * WORD)
    sandbox.write(block + ARGUMENTS_OFFSET, struct.pack(f"<{len(words)}Q", *words))
    try:
        sandbox.call(compiled.image.symbols[ENTRY], block)
        outcome = list(struct.unpack("<32Q", sandbox.read(block, ARGUMENTS_OFFSET)))
        if outcome[0]:
            raise errno_of(outcome[0] & 0xFFFFFFFF)
        return marshaller.value(outcome[RESULT_OFFSET // WORD :], compiled.result)
    finally:
        marshaller.copy_back()


@dataclass(frozen=True)
class _Compiled:
    """A linked image with the entry of one function."""

    image: Image
    checked: tree.CheckedProgram
    parameters: tuple[Any, ...]
    result: Any

    def marshaller(self, sandbox: Sandbox) -> Marshaller:
        symbols = self.image.symbols
        vtables = {
            cls: symbols[table.symbol]
            for interface in self.checked.interfaces
            for cls, table in _vtables(interface)
            if table.symbol in symbols
        }
        statics = [
            (static.host, static.type.struct, symbols[static.symbol])
            for static in self.checked.statics
            if static.host is not None and isinstance(static.type, EmbeddedType)
        ]
        return Marshaller(sandbox, vtables, symbols, statics)


def _struct_types(arguments: Iterable[Any]) -> Iterator[StructType]:
    """The types of the structs that can be reached from the arguments: they may be called through interfaces."""
    waiting, seen = list(arguments), set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if hasattr(type(value), "__struct__"):
            yield struct_type(value)
            waiting += vars(value).values()
        elif isinstance(value, HostSlice) and isinstance(value.cells, list):
            waiting += value.cells


@functools.lru_cache(maxsize=256)
def _compiled(root: Any, structs: frozenset[StructType], stubs: tuple[Stub, ...]) -> _Compiled:
    checked = check_program([root], sorted(structs, key=str))
    target = checked.roots[0]
    checked.functions.append(entry_for(target))
    program = compile_checked(checked, target=Target.USER)
    image = link(program, base=BASE, stubs=(*STUBS, *stubs), entry=ENTRY, user=True)
    parameters = tuple(parameter.type for parameter in target.parameters)
    return _Compiled(image, checked, parameters, target.result)


def entry_for(function: tree.Function) -> tree.Function:
    """A function of one parameter, the address of a CallBlock, that calls `function` with what is in it."""
    at = function.location._replace(function=ENTRY)
    block = tree.Local("block", BLOCK)
    arguments: list[tree.Expression] = []
    offset = ARGUMENTS_OFFSET
    for parameter in function.parameters:
        expression, size = _load(at, block, offset, parameter.type)
        arguments.append(expression)
        offset += size
    call = tree.Call(at, function.result, function, arguments)
    body: list[tree.Statement]
    if isinstance(function.result, VoidType | NeverType):
        body = [tree.Evaluate(at, call)]
    else:
        result = tree.Local("result", function.result)
        body = [tree.Assign(at, result, call)]
        value = tree.ReadLocal(at, function.result, result)
        body += _store(at, block, RESULT_OFFSET, value)
    if function.fallible:
        error = tree.Local("error", ERROR)
        number = tree.Convert(at, I32, tree.Conversion.RETYPE, tree.ReadLocal(at, ERROR, error))
        handler = tree.Handler(None, error, [tree.Store(at, _place(at, block, ERROR_OFFSET, I32), number)])
        body = [tree.Try(at, body, [handler], [])]
    body.append(tree.Return(at, None))
    return tree.Function(ENTRY, function.module, at, [block], VOID, body=body, export=True, noinline=True)


def _place(at: tree.Location, block: tree.Local, offset: int, type_: Any) -> tree.Field:
    return tree.Field(at, type_, tree.ReadLocal(at, BLOCK, block), f"at {offset}", offset)


def _load(at: tree.Location, block: tree.Local, offset: int, type_: Any) -> tuple[tree.Expression, int]:
    """The argument at `offset`, and how many bytes it takes."""

    def word(index: int) -> tree.Expression:
        return tree.Read(at, U64, _place(at, block, offset + index * WORD, U64))

    if isinstance(type_, SliceType):
        return tree.MakeSlice(at, type_, word(0), word(1)), 2 * WORD
    if isinstance(type_, UserSliceType):
        return tree.MakeTuple(at, USER_SLICE, [word(0), word(1)]), 2 * WORD
    if isinstance(type_, TupleType):
        elements: list[tree.Expression] = []
        size = 0
        for element in type_.elements:
            expression, taken = _load(at, block, offset + size, element)
            elements.append(expression)
            size += taken
        return tree.MakeTuple(at, type_, elements), size
    return tree.Read(at, type_, _place(at, block, offset, type_)), WORD


def _store(at: tree.Location, block: tree.Local, offset: int, value: Any) -> list[tree.Statement]:
    """Statements that store `value` from `offset` on, word by word."""
    type_ = value.type
    if isinstance(type_, SliceType):
        parts: list[Any] = [tree.SliceAddress(at, U64, value), tree.SliceLength(at, U64, value)]
    elif isinstance(type_, UserSliceType):
        parts = [tree.TupleElement(at, U64, value, index) for index in range(2)]
    elif isinstance(type_, TupleType):
        parts = [tree.TupleElement(at, element, value, index) for index, element in enumerate(type_.elements)]
    else:
        return [tree.Store(at, _place(at, block, offset, type_), value)]
    statements: list[tree.Statement] = []
    for part in parts:
        stored = _store(at, block, offset, part)
        offset += WORD * len(stored)
        statements += stored
    return statements


def _vtables(interface: tree.Interface) -> list[tuple[type, tree.Static]]:
    """The vtables of an interface by the struct class that each is for."""
    classes = {f"{cls.__module__}.{cls.__qualname__}": cls for cls in _implementors(interface)}
    return [(classes[name], table) for name, table in interface.vtables.items() if name in classes]


def _implementors(interface: tree.Interface) -> list[type]:
    from codegen.lang import Interface

    waiting: list[type] = list(Interface.__subclasses__())
    found: list[type] = []
    while waiting:
        cls = waiting.pop()
        found.append(cls)
        waiting += cls.__subclasses__()
    return found

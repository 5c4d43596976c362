"""Lowering of places, slices and storage: addresses, bounds checks, loads and stores."""

from __future__ import annotations

from codegen import cfg, layout, tree
from codegen.cfg import Value
from codegen.lower.builder import Builder, constant, lowers
from codegen.lower.representation import SLICE, USER_SLICE, machine_type
from codegen.types import (
    BoolType,
    InterfaceType,
    OptionalType,
    SliceType,
    StructType,
    Type,
    UserSliceType,
)


def _element_size(slice_type: Type) -> int:
    assert isinstance(slice_type, SliceType)
    return int(layout.measure(slice_type.element)[0])


# Addresses ------------------------------------------------------------------------------------------


@lowers(tree.Field)
def field_place(builder: Builder, node: tree.Field) -> Value:
    return builder.offset(builder.pointer(builder.value(node.base)), constant(node.offset, "i64"))


@lowers(tree.Element)
def element_place(builder: Builder, node: tree.Element) -> Value:
    stride = _element_size(node.slice.type)
    if isinstance(node.slice, tree.ArraySlice):
        base = builder.place(node.slice.place)
        length = constant(node.slice.length, "i64")
    else:
        slice_ = builder.value(node.slice)
        base, length = builder.unpack(slice_, 0), builder.unpack(slice_, 1)
    index = builder.value(node.index)
    if node.trap is not None and not _is_below(index, length):
        builder.check(builder.compare("ult", index, length), node.trap)
    return builder.offset(base, index, stride)


def _is_below(index: Value, length: Value) -> bool:
    return index.text.isdigit() and length.text.isdigit() and int(index.text) < int(length.text)


@lowers(tree.StaticPlace)
def static_place(builder: Builder, node: tree.StaticPlace) -> Value:
    return builder.uses.static(node.static)


@lowers(tree.Unaligned)
def unaligned_place(builder: Builder, node: tree.Unaligned) -> Value:
    slice_ = builder.value(node.slice)
    offset = builder.value(node.offset)
    length, size = builder.unpack(slice_, 1), constant(layout.measure(node.type)[0], "i64")
    builder.check(builder.compare("uge", length, size), node.trap)
    builder.check(builder.compare("ule", offset, builder.arithmetic("sub", length, size)), node.trap)
    return builder.offset(builder.unpack(slice_, 0), offset)


@lowers(tree.AddressOf)
def address_of(builder: Builder, node: tree.AddressOf) -> Value:
    address = builder.place(node.place)
    return address if machine_type(node.type) == "ptr" else builder.number(address)


@lowers(tree.StaticAddress)
def static_address(builder: Builder, node: tree.StaticAddress) -> Value:
    address = builder.uses.static(node.static)
    return address if machine_type(node.type) == "ptr" else builder.number(address)


@lowers(tree.FunctionAddress)
def function_address(builder: Builder, node: tree.FunctionAddress) -> Value:
    address = builder.uses.function(node.function)
    return address if machine_type(node.type) == "ptr" else builder.number(address)


@lowers(tree.SymbolAddress)
def symbol_address(builder: Builder, node: tree.SymbolAddress) -> Value:
    return builder.number(builder.uses.symbol(node.symbol))


@lowers(tree.StackStorage)
def stack_storage(builder: Builder, node: tree.StackStorage) -> Value:
    address = builder.storage(node)
    return address if machine_type(node.type) == "ptr" else builder.number(address)


@lowers(tree.Construct)
def construct(builder: Builder, node: tree.Construct) -> Value:
    address = builder.pointer(builder.value(node.address))
    size = constant(node.size, "i64")
    if node.template is None:
        builder.emit(cfg.FillMemory(builder.location, None, address, constant(0, "i8"), size))
    else:
        template = builder.uses.static(node.template)
        builder.emit(cfg.CopyMemory(builder.location, None, address, template, size, disjoint=True))
    return address


# Loads and stores -----------------------------------------------------------------------------------


@lowers(tree.Read)
def read(builder: Builder, node: tree.Read) -> Value:
    type_, address = node.type, builder.place(node.place)
    if isinstance(type_, SliceType | UserSliceType):
        first = "ptr" if isinstance(type_, SliceType) else "i64"
        low = builder.load(address, first)
        high = builder.load(builder.offset(address, constant(8, "i64")), "i64")
        return builder.pack(SLICE if first == "ptr" else USER_SLICE, [low, high])
    volatile = isinstance(node.place, tree.Field) and node.place.volatile
    if isinstance(type_, BoolType):
        byte = builder.load(address, "i8", volatile=volatile)
        return builder.compare("ne", byte, constant(0, "i8"))
    never_null = isinstance(type_, StructType | InterfaceType) and node.trap is None
    value = builder.load(address, machine_type(type_), volatile=volatile, nonnull=never_null)
    if node.trap is not None and not isinstance(type_, OptionalType):
        builder.check(builder.compare("ne", value, Value("null", "ptr")), node.trap)
    return value


@lowers(tree.Store)
def store(builder: Builder, node: tree.Store) -> None:
    # As in Python, the value is evaluated before the place.
    value = builder.value(node.value)
    address = builder.place(node.place)
    type_ = node.place.type
    if isinstance(type_, SliceType | UserSliceType):
        builder.store(builder.unpack(value, 0), address)
        builder.store(builder.unpack(value, 1), builder.offset(address, constant(8, "i64")))
        return
    if isinstance(type_, BoolType):
        value = builder.cast("zext", value, "i8")
    volatile = isinstance(node.place, tree.Field) and node.place.volatile
    builder.store(value, address, volatile=volatile)


# Slices ---------------------------------------------------------------------------------------------


@lowers(tree.MakeSlice)
def make_slice(builder: Builder, node: tree.MakeSlice) -> Value:
    address = builder.pointer(builder.value(node.address))
    return builder.pack(SLICE, [address, builder.value(node.length)])


@lowers(tree.ArraySlice)
def array_slice(builder: Builder, node: tree.ArraySlice) -> Value:
    return builder.pack(SLICE, [builder.place(node.place), constant(node.length, "i64")])


@lowers(tree.SliceLength)
def slice_length(builder: Builder, node: tree.SliceLength) -> Value:
    return builder.unpack(builder.value(node.slice), 1)


@lowers(tree.SliceAddress)
def slice_address(builder: Builder, node: tree.SliceAddress) -> Value:
    return builder.number(builder.unpack(builder.value(node.slice), 0))


@lowers(tree.Subslice)
def subslice(builder: Builder, node: tree.Subslice) -> Value:
    slice_ = builder.value(node.slice)
    start = builder.value(node.start) if node.start is not None else constant(0, "i64")
    length = builder.unpack(slice_, 1)
    stop = builder.value(node.stop) if node.stop is not None else length
    if node.stop is not None:
        builder.check(builder.compare("ule", stop, length), node.trap)
    if node.start is not None:
        builder.check(builder.compare("ule", start, stop), node.trap)
    first = builder.offset(builder.unpack(slice_, 0), start, _element_size(node.slice.type))
    return builder.pack(SLICE, [first, builder.arithmetic("sub", stop, start)])


@lowers(tree.SliceView)
def slice_view(builder: Builder, node: tree.SliceView) -> Value:
    slice_ = builder.value(node.slice)
    pointer, length = builder.unpack(slice_, 0), builder.unpack(slice_, 1)
    size = _element_size(node.type)
    both = builder.arithmetic("or", builder.number(pointer), length)
    rest = builder.arithmetic("and", both, constant(size - 1, "i64"))
    builder.check(builder.compare("eq", rest, constant(0, "i64")), node.trap)
    return builder.pack(SLICE, [pointer, builder.arithmetic("udiv", length, constant(size, "i64"))])


@lowers(tree.CopySlice)
def copy_slice(builder: Builder, node: tree.CopySlice) -> None:
    destination, source = builder.value(node.destination), builder.value(node.source)
    length = builder.unpack(destination, 1)
    builder.check(builder.compare("eq", length, builder.unpack(source, 1)), node.trap)
    size = builder.arithmetic("mul", length, constant(_element_size(node.destination.type), "i64"))
    pointers = builder.unpack(destination, 0), builder.unpack(source, 0)
    builder.emit(cfg.CopyMemory(builder.location, None, *pointers, size))


@lowers(tree.FillSlice)
def fill_slice(builder: Builder, node: tree.FillSlice) -> None:
    destination, value = builder.value(node.destination), builder.value(node.value)
    size = _element_size(node.destination.type)
    pointer, length = builder.unpack(destination, 0), builder.unpack(destination, 1)
    if value.type == "i1":
        value = builder.cast("zext", value, "i8")
    if size == 1 or value.text in ("0", "null"):
        count = builder.arithmetic("mul", length, constant(size, "i64"))
        byte = value if value.type == "i8" else constant(0, "i8")
        builder.emit(cfg.FillMemory(builder.location, None, pointer, byte, count))
        return
    _fill_loop(builder, pointer, length, value, size)


def _fill_loop(builder: Builder, pointer: Value, length: Value, value: Value, size: int) -> None:
    counter = builder.new_slot("i64", "index")
    head, body, after = builder.new_block("fill"), builder.new_block("body"), builder.new_block("after")
    builder.store(constant(0, "i64"), counter)
    builder.jump(head)
    builder.enter(head)
    index = builder.load(counter, "i64")
    builder.branch(builder.compare("ult", index, length), body, after)
    builder.enter(body)
    builder.store(value, builder.offset(pointer, index, size))
    builder.store(builder.arithmetic("add", index, constant(1, "i64")), counter)
    builder.jump(head)
    builder.enter(after)


# Atomics --------------------------------------------------------------------------------------------

_ATOMIC = {
    tree.AtomicOperator.LOAD: "load",
    tree.AtomicOperator.STORE: "store",
    tree.AtomicOperator.EXCHANGE: "xchg",
    tree.AtomicOperator.ADD: "add",
    tree.AtomicOperator.SUBTRACT: "sub",
    tree.AtomicOperator.OR: "or",
    tree.AtomicOperator.AND: "and",
    tree.AtomicOperator.COMPARE_EXCHANGE: "cmpxchg",
}


@lowers(tree.Atomic)
def atomic(builder: Builder, node: tree.Atomic) -> Value | None:
    address = builder.place(node.place)
    operands = [builder.value(operand) for operand in node.operands]
    operands = [builder.cast("zext", each, "i8") if each.type == "i1" else each for each in operands]
    operator, wanted = _ATOMIC[node.operator], machine_type(node.type)
    if operator == "store":
        builder.emit(cfg.AtomicAccess(builder.location, None, operator, address, operands, node.order))
        return None
    in_memory = "i8" if wanted == "i1" and operator != "cmpxchg" else wanted
    result = builder.fresh(in_memory)
    builder.emit(cfg.AtomicAccess(builder.location, result, operator, address, operands, node.order))
    return result if in_memory == wanted else builder.cast("trunc", result, wanted)

"""The types of the language as debug metadata (LLVM Language Reference, "Debug Info"; DWARF 4, chapter 5).

A struct is described in full by the module that defines it, and only by name elsewhere: the debugger joins
the two, and one changed field does not touch the text of every module. A struct whose module has no code
is described wherever it is used.

| type | what the debugger shows |
| --- | --- |
| a unit | a typedef: `PhysAddr` |
| an enum | its members by name |
| `@bits` | its fields, as bit fields |
| a struct, interface or `T | None` | a pointer to the struct |
| a slice | its pointer and length |
| an embedded struct or array | its fields or elements, in place |
"""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, Any

from codegen import layout, types
from codegen.resolve import Annotations, field_annotations

if TYPE_CHECKING:
    from codegen.llvm.metadata import Metadata

_BYTE = 8


class DebugTypes:
    """The metadata of types, each made once. `elsewhere`: the modules that describe their own structs."""

    def __init__(self, metadata: Metadata, elsewhere: Set[str]) -> None:
        self._metadata = metadata
        self._elsewhere = elsewhere
        self._known: dict[types.Type, int | None] = {types.VOID: None, types.NEVER: None}
        self._bodies: dict[types.StructType, int] = {}

    def of(self, type_: types.Type) -> str:
        """The operand that names a type: `!7`, or `null` for nothing."""
        number = self._known.get(type_, -1)
        if number == -1:
            number = self._known[type_] = self._make(type_)
        return "null" if number is None else f"!{number}"

    def _make(self, type_: types.Type) -> int | None:
        match type_:
            case types.EmbeddedType(struct):
                return self.struct(struct)
            case types.StructType():
                return self._pointer(f"!{self.struct(type_)}")
            case types.OptionalType(inner):
                self.of(inner)
                return self._known[inner]
            case types.InterfaceType(cls):
                return self._pointer(f"!{self._record(cls.__name__, 8, [('vtable', self._address(), 0, 8)])}")
            case types.FunctionType():
                return self._pointer(f"!{self.signature([])}")
            case types.SliceType(element):
                pointer = f"!{self._pointer(self.of(element))}"
                members = [("pointer", pointer, 0, 8), ("length", self.of(types.U64), 8, 8)]
                return self._record(str(type_), 16, members)
            case types.UserSliceType():
                number = self.of(types.U64)
                return self._record(str(type_), 16, [("address", number, 0, 8), ("length", number, 8, 8)])
            case types.ArrayType(element, length):
                return self._array(element, length)
            case types.TupleType(elements):
                return self._tuple(str(type_), elements)
            case types.AtomicType(inner):
                return self._typedef(str(type_), inner)
            case types.ErrorType():
                return self._typedef(str(type_), types.I32)
        return self._number(type_)

    # Numbers ----------------------------------------------------------------------------------------

    def _number(self, type_: Any) -> int:
        match type_:
            case types.BoolType():
                return self._basic("bool", 8, "boolean")
            case types.UnitType():
                return self._typedef(str(type_), types.Int(type_.bits, type_.signed))
            case types.EnumType() if not type_.is_flag:
                return self._enumeration(type_)
            case types.EnumType():
                return self._typedef(str(type_), types.Int(type_.bits, type_.signed))
            case types.BitsType():
                return self._packed(type_)
        return self._basic(str(type_), type_.bits, "signed" if type_.signed else "unsigned")

    def _basic(self, name: str, size: int, encoding: str) -> int:
        return self._metadata.node(f'!DIBasicType(name: "{name}", size: {size}, encoding: DW_ATE_{encoding})')

    def _typedef(self, name: str, base: types.Type) -> int:
        return self._metadata.node(f'!DIDerivedType(tag: DW_TAG_typedef, name: "{name}", baseType: {self.of(base)})')

    def _enumeration(self, type_: types.EnumType) -> int:
        unsigned = "" if type_.signed else ", isUnsigned: true"
        members = [f'!DIEnumerator(name: "{member.name}", value: {int(member)}{unsigned})' for member in type_.cls]
        base = self.of(types.Int(type_.bits, type_.signed))
        return self._composite("enumeration_type", str(type_), type_.bits, members, f", baseType: {base}")

    def _packed(self, type_: types.BitsType) -> int:
        """A `@bits` class: DW_AT_data_bit_offset counts from the low bit (DWARF 4, section 5.5.6)."""
        cls: Any = type_.cls
        module, nodes = field_annotations(cls)
        annotations = Annotations(module, cls.__qualname__)
        members = []
        for name, field in cls.__fields__.items():
            base = annotations.type(nodes[name].annotation)
            if base.bits not in (1, 8, 16, 32, 64):
                base = types.Int(type_.bits, False)
            members.append(
                f'!DIDerivedType(tag: DW_TAG_member, name: "{name}", baseType: {self.of(base)}, '
                f"size: {field.high - field.low}, offset: {field.low}, flags: DIFlagBitField, extraData: i64 0)"
            )
        return self._composite("structure_type", str(type_), type_.bits, members)

    # Structs ----------------------------------------------------------------------------------------

    def struct(self, struct: types.StructType) -> int:
        """A struct itself: its fields, or only its name where another module describes it."""
        found = self._bodies.get(struct)
        if found is not None:
            return found
        name = str(struct)
        if struct.cls.__module__ in self._elsewhere and not struct.arguments:
            found = self._bodies[struct] = self._metadata.node(
                f'!DICompositeType(tag: DW_TAG_structure_type, name: "{name}", flags: DIFlagFwdDecl)'
            )
            return found
        made = self._bodies[struct] = self._metadata.reserve()
        form = layout.of(struct)
        members = [("vtable", self._address(), 0, 8)] if form.has_vtable else []
        for entry in form.fields.values():
            size = layout.measure(entry.type)[0]
            members.append((entry.name, self.of(entry.type), entry.offset, size))
        elements = self._metadata.list([self._member(*member) for member in members])
        self._metadata.define(
            made,
            f'!DICompositeType(tag: DW_TAG_structure_type, name: "{name}", size: {form.size * _BYTE}, '
            f"elements: {elements})",
        )
        return made

    def _record(self, name: str, size: int, members: list[tuple[str, str, int, int]]) -> int:
        return self._composite("structure_type", name, size * _BYTE, [self._member(*each) for each in members])

    @staticmethod
    def _member(name: str, base: str, offset: int, size: int) -> str:
        place = f"size: {size * _BYTE}, offset: {offset * _BYTE}"
        return f'!DIDerivedType(tag: DW_TAG_member, name: "{name}", baseType: {base}, {place})'

    def _composite(self, tag: str, name: str, bits: int, elements: list[str], more: str = "") -> int:
        listed = self._metadata.list(elements)
        return self._metadata.node(
            f'!DICompositeType(tag: DW_TAG_{tag}, name: "{name}", size: {bits}, elements: {listed}{more})'
        )

    def _tuple(self, name: str, elements: tuple[types.Type, ...]) -> int:
        members, end = [], 0
        for index, element in enumerate(elements):
            size, alignment = layout.measure(element)
            offset = (end + alignment - 1) & -alignment
            members.append((str(index), self.of(element), offset, size))
            end = offset + size
        return self._record(name, (end + 7) & -8, members)

    def _array(self, element: types.Type, length: int) -> int:
        size = layout.measure(element)[0] * length * _BYTE
        count = self._metadata.list([f"!DISubrange(count: {length})"])
        return self._metadata.node(
            f"!DICompositeType(tag: DW_TAG_array_type, baseType: {self.of(element)}, size: {size}, elements: {count})"
        )

    def _pointer(self, base: str) -> int:
        return self._metadata.node(f"!DIDerivedType(tag: DW_TAG_pointer_type, baseType: {base}, size: 64)")

    def _address(self) -> str:
        return f"!{self._pointer('null')}"

    def signature(self, listed: list[types.Type]) -> int:
        """The type of a function: its result, then its parameters."""
        return self._metadata.node(
            f"!DISubroutineType(types: !{self._metadata.node('!{' + ', '.join(map(self.of, listed)) + '}')})"
        )

"""Random programs of the kernel language, each beside a checked rendering for CPython.

The two texts of a program have the same shape. In the checked one every operation that a compiled program
checks is a call of `arithmetic`, which raises the same Panic; so CPython says what the answer has to be,
and where the machine has to trap.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies

from codegen import lang
from codegen.lang import Errno, Panic, TrapKind
from kernel.base.errno import EAGAIN, EIO

TYPES = ("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64")
PARAMETERS = {f"{name}_{index}": name for index in range(2) for name in TYPES}
ARITHMETIC = ("+", "-", "*", "//", "%", "&", "|", "^")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


class Text(NamedTuple):
    """An expression in the language and in its checked rendering."""

    kernel: str
    checked: str


class Program(NamedTuple):
    kernel: list[str]
    checked: list[str]


def arithmetic(operator: str, kind: Any, left: int, right: int) -> int:
    """What `left operator right` has to give in the type `kind`."""
    if operator in ("//", "%") and right == 0:
        raise Panic(TrapKind.DIVISION)
    if operator in ("<<", ">>") and right >= kind.bits:
        raise Panic(TrapKind.SHIFT)
    value = int(eval(f"left {operator} right", {"left": left, "right": right}))
    if not kind.minimum <= value <= kind.maximum:
        raise Panic(TrapKind.SHIFT if operator == "<<" else TrapKind.OVERFLOW)
    return value


NAMESPACE: dict[str, Any] = {
    **{name: getattr(lang, name) for name in (*TYPES, "truncate", "wrapping_add", "wrapping_mul", "saturating_sub")},
    "arithmetic": arithmetic,
    "EIO": EIO,
    "EAGAIN": EAGAIN,
    "Errno": Errno,
}


class Generator:
    """Draws programs. Every operation has a variable below it, or the compiler would fold it."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.locals = dict(PARAMETERS)

    def pick(self, choices: Any) -> Any:
        return self.draw(strategies.sampled_from(list(choices)))

    def variable(self, kind: str) -> Text:
        name = self.pick([name for name, of in self.locals.items() if of == kind])
        return Text(name, name)

    def literal(self, kind: str) -> Text:
        limits = getattr(lang, kind)
        edges = strategies.sampled_from([limits.minimum, limits.maximum, 1, 2, 7])
        value = self.draw(edges | strategies.integers(limits.minimum, limits.maximum))
        return Text(f"{kind}({value})", str(value))

    def expression(self, kind: str, depth: int) -> Text:
        """An expression of type `kind` that has a variable in it."""
        if depth == 0:
            return self.variable(kind)
        match self.draw(strategies.integers(0, 9)):
            case 0 | 1 | 2 | 3:
                return self.operation(kind, depth)
            case 4:
                left, count = self.expression(kind, depth - 1), self.expression("u8", depth - 1)
                operator = self.pick(("<<", ">>"))
                return Text(
                    f"({left.kernel} {operator} ({count.kernel} % 40))",
                    f"arithmetic('{operator}', {kind}, {left.checked}, {count.checked} % 40)",
                )
            case 5:
                return self.call(kind, self.expression(self.pick(TYPES), depth - 1))
            case 6:
                operand = self.expression(self.pick(TYPES), depth - 1)
                return Text(f"truncate({kind}, {operand.kernel})", f"truncate({kind}, {operand.checked})")
            case 7:
                test = self.test(depth - 1)
                then, other = self.expression(kind, depth - 1), self.expression(kind, depth - 1)
                return Text(
                    f"({then.kernel} if {test.kernel} else {other.kernel})",
                    f"({then.checked} if {test.checked} else {other.checked})",
                )
            case 8:
                name = self.pick(("min", "max"))
                return self.pair(f"{name}(", kind, depth)
            case _:
                name = self.pick(("wrapping_add", "wrapping_mul", "saturating_sub"))
                return self.pair(f"{name}({kind}, ", kind, depth)

    def operation(self, kind: str, depth: int) -> Text:
        operator = self.pick(ARITHMETIC)
        left = self.expression(kind, depth - 1)
        right = self.literal(kind) if self.draw(strategies.booleans()) else self.expression(kind, depth - 1)
        if operator in ("//", "%") and right.checked == "0":
            right = Text("1", "1")
        return Text(
            f"({left.kernel} {operator} {right.kernel})",
            f"arithmetic('{operator}', {kind}, {left.checked}, {right.checked})",
        )

    def call(self, kind: str, operand: Text) -> Text:
        return Text(f"{kind}({operand.kernel})", f"{kind}({operand.checked})")

    def pair(self, head: str, kind: str, depth: int) -> Text:
        left, right = self.expression(kind, depth - 1), self.expression(kind, depth - 1)
        return Text(f"{head}{left.kernel}, {right.kernel})", f"{head}{left.checked}, {right.checked})")

    def test(self, depth: int) -> Text:
        kind, operator = self.pick(TYPES), self.pick(COMPARISONS)
        left, right = self.expression(kind, depth), self.expression(kind, depth)
        first = Text(f"{left.kernel} {operator} {right.kernel}", f"{left.checked} {operator} {right.checked}")
        if depth == 0 or self.draw(strategies.booleans()):
            return first
        second, word = self.test(depth - 1), self.pick(("and", "or", "and not", "or not"))
        return Text(f"({first.kernel} {word} ({second.kernel}))", f"({first.checked} {word} ({second.checked}))")

    # Statements

    def block(self, depth: int, indent: str) -> Program:
        program = Program([], [])
        for _ in range(self.draw(strategies.integers(1, 3))):
            part = self.statement(depth, indent)
            program.kernel.extend(part.kernel)
            program.checked.extend(part.checked)
        return program

    def statement(self, depth: int, indent: str) -> Program:
        choice = self.draw(strategies.integers(0, 5 if depth else 1))
        inner = indent + "    "
        match choice:
            case 0 | 1:
                name = self.pick(self.locals)
                value = self.expression(self.locals[name], 2)
                return Program([f"{indent}{name} = {value.kernel}"], [f"{indent}{name} = {value.checked}"])
            case 2:
                test, then, other = self.test(1), self.block(depth - 1, inner), self.block(depth - 1, inner)
                return Program(
                    [f"{indent}if {test.kernel}:", *then.kernel, f"{indent}else:", *other.kernel],
                    [f"{indent}if {test.checked}:", *then.checked, f"{indent}else:", *other.checked],
                )
            case 3:
                count, body = self.expression("u8", 1), self.block(depth - 1, inner)
                leave, way = self.test(0), self.pick(("break", "continue"))
                head = f"{indent}for counter_{depth} in range("
                last = [f"{inner}if {leave.kernel}:", f"{inner}    {way}"]
                return Program(
                    [f"{head}{count.kernel} % 5):", *last, *body.kernel],
                    [f"{head}{count.checked} % 5):", *last, *body.checked],
                )
            case 4:
                test, error = self.test(1), self.pick(("EIO", "EAGAIN"))
                return Program(
                    [f"{indent}if {test.kernel}:", f"{inner}raise {error}"],
                    [f"{indent}if {test.checked}:", f"{inner}raise {error}"],
                )
            case _:
                return self.try_statement(depth, indent, inner)

    def try_statement(self, depth: int, indent: str, inner: str) -> Program:
        parts = [(f"{indent}try:", self.block(depth - 1, inner))]
        if self.draw(strategies.booleans()):
            caught = self.pick(("EIO", "Errno", "(EAGAIN, EIO)"))
            parts.append((f"{indent}except {caught}:", self.block(depth - 1, inner)))
        if len(parts) == 1 or self.draw(strategies.booleans()):
            parts.append((f"{indent}finally:", self.block(depth - 1, inner)))
        program = Program([], [])
        for head, body in parts:
            program.kernel.extend([head, *body.kernel])
            program.checked.extend([head, *body.checked])
        return program


@strategies.composite
def programs(draw: Any) -> Program:
    """A whole function `program` of all PARAMETERS, in the language and checked."""
    generator = Generator(draw)
    body = generator.block(3, "    ")
    result = generator.expression("i64", 2)
    typed = ", ".join(f"{name}: {kind}" for name, kind in PARAMETERS.items())
    return Program(
        [f"def program({typed}) -> Fallible[i64]:", *body.kernel, f"    return {result.kernel}"],
        [f"def program({', '.join(PARAMETERS)}):", *body.checked, f"    return {result.checked}"],
    )


@strategies.composite
def arguments(draw: Any) -> list[int]:
    """Values for the PARAMETERS: mostly small ones and the ends of the types."""
    values = []
    for kind in PARAMETERS.values():
        limits = getattr(lang, kind)
        small = strategies.integers(max(limits.minimum, -9), 9)
        edges = strategies.sampled_from([limits.minimum, limits.maximum])
        values.append(draw(small | edges | strategies.integers(limits.minimum, limits.maximum)))
    return values

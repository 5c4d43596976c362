"""`match`: a switch over enums and integers, a chain of tests for classes, guards and bytes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from codegen.check import expressions, membership, operators
from codegen.check.convert import coerce, materialise, plain
from codegen.check.values import Binding, HostValue, State, Value
from codegen.lang import TrapKind
from codegen.resolve import is_struct
from codegen.tree import (
    Block,
    Break,
    Case,
    CompareOperator,
    Expression,
    If,
    IsInstance,
    Label,
    Logical,
    ReadLocal,
    Statement,
    Switch,
)
from codegen.types import BOOL, BoolType, EnumType, ErrorType, Int, OptionalType, StructType, UnitType

if TYPE_CHECKING:
    from codegen.check.function import Checker


def check_match(f: Checker, node: ast.Match) -> None:
    value = f.expression(node.subject)
    if isinstance(value, HostValue) and not is_struct(type(value.object)):
        _fold(f, node, value)
        return
    subject = materialise(f, value)
    if not isinstance(subject, ReadLocal):
        subject = f.settled(subject, "subject")
    switchable = isinstance(subject.type, (EnumType, Int, UnitType, BoolType, ErrorType))
    if switchable and all(case.guard is None and _is_plain(case.pattern) for case in node.cases):
        _switch(f, node, subject)
    else:
        _chain(f, node, subject)


def _is_plain(pattern: ast.pattern) -> bool:
    match pattern:
        case ast.MatchValue() | ast.MatchSingleton() | ast.MatchAs(pattern=None, name=None):
            return True
        case ast.MatchOr(patterns=patterns):
            return all(isinstance(inner, (ast.MatchValue, ast.MatchSingleton)) for inner in patterns)
    return False


def _pattern_value(f: Checker, pattern: ast.pattern) -> HostValue:
    if isinstance(pattern, ast.MatchSingleton):
        return HostValue(f.at(pattern), pattern.value)
    if isinstance(pattern, ast.MatchValue):
        value = f.expression(pattern.value)
        if isinstance(value, HostValue):
            return value
    raise f.refuse(pattern, "a case is a constant, a class, or _", "use if for other tests")


def _alternatives(pattern: ast.pattern) -> list[ast.pattern]:
    return pattern.patterns if isinstance(pattern, ast.MatchOr) else [pattern]


def _fold(f: Checker, node: ast.Match, value: HostValue) -> None:
    """A match over a constant: only the case that it takes is compiled."""
    for case in node.cases:
        if case.guard is not None:
            raise f.refuse(case.guard, "a guard over a constant", "use if")
        wildcard = isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
        if wildcard or any(_pattern_value(f, p).object == value.object for p in _alternatives(case.pattern)):
            f.out.extend(f.collect(case.body))
            return


def _switch(f: Checker, node: ast.Match, subject: Expression) -> None:
    before = f.state
    cases: list[Case] = []
    seen: set[int] = set()
    ends: list[tuple[bool, State]] = []
    default: list[Statement] | None = None
    for case in node.cases:
        f.live, f.state = True, dict(before)
        if isinstance(case.pattern, ast.MatchAs):
            default = f.collect(case.body)
        else:
            values = []
            for pattern in _alternatives(case.pattern):
                number = _case_number(f, pattern, subject)
                if number in seen:
                    raise f.refuse(pattern, "this case comes twice")
                seen.add(number)
                values.append(number)
            cases.append(Case(tuple(values), f.collect(case.body)))
        ends.append((f.live, f.state))
    if default is None:
        if isinstance(subject.type, EnumType) and not subject.type.is_flag:
            _exhaustive(f, node, subject.type, seen)
        elif not (isinstance(subject.type, BoolType) and len(seen) == 2):
            default = []
            ends.append((True, before))
    f.emit(Switch(f.at(node), subject, cases, default, TrapKind.MATCH))
    f.branch_states(*ends)


def _case_number(f: Checker, pattern: ast.pattern, subject: Expression) -> int:
    value = _pattern_value(f, pattern)
    target: Any = subject.type
    if not isinstance(target, EnumType):
        target = plain(target)
        if isinstance(value.object, int) and not isinstance(value.object, bool):
            value = HostValue(value.location, int(value.object))
    return int(getattr(coerce(f, value, target), "value", 0))


def _exhaustive(f: Checker, node: ast.Match, type_: EnumType, seen: set[int]) -> None:
    missing = [member.name for member in type_.cls if int(member) not in seen]
    if missing:
        shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        hint = "add the cases, or `case _:`"
        raise f.refuse(node.subject, f"the match over {type_} lacks {shown}", hint)


def _chain(f: Checker, node: ast.Match, subject: Expression) -> None:
    """Cases tried one after the other; each that matches leaves the block."""
    end = Label("match")
    outer, f.out = f.out, []
    ends: list[tuple[bool, State]] = []
    state = f.state
    covered = False
    for case in node.cases:
        f.live, f.state = True, dict(state)
        test: Expression | bool = _pattern_test(f, node, case.pattern, subject)
        if test is False:
            continue
        if case.guard is not None:
            test = _guarded(f, case.guard, test)
            if test is False:
                continue
        body = f.collect(case.body)
        ends.append((f.live, f.state))
        if f.live:
            body.append(Break(f.at(case.pattern), end))
        if test is True:
            for statement in body:
                f.emit(statement)
            covered = True
            break
        assert not isinstance(test, bool)
        f.emit(If(f.at(case.pattern), test, body, []))
    statements, f.out = f.out, outer
    f.emit(Block(f.at(node), end, statements))
    if not covered:
        ends.append((True, state))
    f.branch_states(*ends)


def _guarded(f: Checker, guard: ast.expr, test: Expression | bool) -> Expression | bool:
    condition = expressions.condition(f, guard)
    f.state = {**f.state, **condition.when_true}
    if test is True:
        return condition.value
    if isinstance(condition.value, bool):
        return test if condition.value else False
    assert not isinstance(test, bool)
    return Logical(f.at(guard), BOOL, True, test, condition.value)


def _pattern_test(f: Checker, node: ast.Match, pattern: ast.pattern, subject: Expression) -> Expression | bool:
    """Whether the subject has the pattern; binds and narrows names for the case's body."""
    match pattern:
        case ast.MatchAs(pattern=None, name=None):
            return True
        case ast.MatchAs(pattern=inner, name=name) if name is not None:
            test = True if inner is None else _pattern_test(f, node, inner, subject)
            _bind(f, pattern, name, subject, inner)
            return test
        case ast.MatchOr(patterns=patterns):
            tests = [_pattern_test(f, node, inner, subject) for inner in patterns]
            return _any_of(f, pattern, tests)
        case ast.MatchClass():
            return _class_test(f, node, pattern, subject)
        case ast.MatchSingleton(value=None):
            if not isinstance(subject.type, OptionalType):
                return False
            return operators.comparison(
                f, f.at(pattern), CompareOperator.EQUAL, subject, HostValue(f.at(pattern), None), identity=True
            )
        case ast.MatchValue() | ast.MatchSingleton():
            value: Value = _pattern_value(f, pattern)
            return operators.comparison(f, f.at(pattern), CompareOperator.EQUAL, subject, value)
    raise f.refuse(pattern, "a case is a constant, a class, or _", "use if for other tests")


def _any_of(f: Checker, pattern: ast.pattern, tests: list[Expression | bool]) -> Expression | bool:
    if True in tests:
        return True
    result: Expression | bool = False
    for test in tests:
        if isinstance(test, bool):
            continue
        result = test if isinstance(result, bool) else Logical(f.at(pattern), BOOL, False, result, test)
    return result


def _class_test(f: Checker, node: ast.Match, pattern: ast.MatchClass, subject: Expression) -> Expression | bool:
    if pattern.patterns or pattern.kwd_patterns:
        raise f.refuse(pattern, "a class pattern with parts", "name the fields in the body")
    value = f.expression(pattern.cls)
    if not isinstance(value, HostValue) or not is_struct(value.object):
        raise f.refuse(pattern.cls, "this is not a struct class")
    narrowed = StructType(value.object)
    tree = subject
    where = f.at(pattern)
    test: Expression | bool
    if isinstance(subject.type, OptionalType):
        inner = ReadLocal(where, subject.type.inner, subject.local) if isinstance(subject, ReadLocal) else subject
        present = operators.comparison(
            f, where, CompareOperator.NOT_EQUAL, subject, HostValue(where, None), identity=True
        )
        asked = membership.is_instance(f, pattern.cls, inner, value.object)
        test = present if asked is True else asked
        if isinstance(asked, IsInstance):
            test = Logical(where, BOOL, True, present, asked)
    else:
        test = membership.is_instance(f, pattern.cls, tree, value.object)
    if isinstance(node.subject, ast.Name) and isinstance(subject, ReadLocal):
        binding = f.state.get(node.subject.id)
        if binding is not None and binding.local is not None:
            f.state[node.subject.id] = Binding(binding.local, narrowed)
    return test


def _bind(f: Checker, pattern: ast.MatchAs, name: str, subject: Expression, inner: ast.pattern | None) -> None:
    type_: Any = subject.type
    if isinstance(inner, ast.MatchClass):
        cls = f.expression(inner.cls)
        if isinstance(cls, HostValue):
            type_ = StructType(cls.object)
    if not isinstance(subject, ReadLocal):
        raise f.refuse(pattern, "a name for what a case matched needs a local to match")
    f.state[name] = Binding(subject.local, type_)

"""The graph that lowering makes of a function, and what its verifier refuses."""

from __future__ import annotations

import pytest

from codegen import cfg, cfg_text, tree
from codegen.cfg import Value
from codegen.lang import TrapKind
from codegen.llvm.machine import emit_assembly
from codegen.llvm.text import module_text
from codegen.lower import Uses, lower_function
from codegen.target import Target
from codegen.tree import Location
from codegen.types import ERROR, U32, VOID

LINE = Location("sample.py", 1, 0, 1, 5, "sample")


def at(line: int) -> Location:
    return LINE._replace(line=line)


def function(name: str, parameters: list[tree.Local], body: list[tree.Statement], **more: bool) -> tree.Function:
    return tree.Function(f"sample.{name}", "sample", LINE, parameters, U32, body=body, **more)


def raise_unless_zero() -> tree.Function:
    """Fail with 2 unless the argument is 0, else return it plus one; a cleanup runs either way."""
    number = tree.Local("number", U32)
    note = tree.Function("sample.note", "sample", LINE, [], VOID, external=True)
    read = tree.ReadLocal(at(2), U32, number)
    test = tree.Compare(at(2), U32, tree.CompareOperator.NOT_EQUAL, read, tree.Constant(at(2), U32, 0))
    fail = tree.If(at(2), test, [tree.Raise(at(3), tree.Constant(at(3), ERROR, 2))], [])
    one = tree.Constant(at(4), U32, 1)
    total = tree.Binary(at(4), U32, tree.BinaryOperator.ADD, read, one, TrapKind.OVERFLOW)
    call: list[tree.Statement] = [tree.Evaluate(at(5), tree.Call(at(5), VOID, note, []))]
    body = tree.Cleanup(at(1), [fail, tree.Return(at(4), total)], call, on_failure_only=False)
    return function("guarded", [number], [body], fallible=True)


EXPECTED = """\
sample.guarded(%number.in: i32) -> {i32, i32}
    %number.0: i32
    %error.1: i32
    %error.2: i32
    %result.3: {i32, i32}
  entry:
    store %number.in %number.0  # line 1
    %v1: i32 = load %number.0  # line 2
    %v2: i1 = compare ne %v1 0  # line 2
    branch %v2 then1 after2  # line 2
  then1:
    store 2 %error.2  # line 3
    jump cleanup3  # line 3
  after2:
    %v3: i32 = load %number.0  # line 2
    %v4: i32 = arithmetic add %v3 1 OVERFLOW  # line 4
    call @"sample.note" () void  # line 5
    %v5: {i32, i32} = pack (0, %v4)  # line 4
    store %v5 %result.3  # line 4
    jump return6  # line 4
  cleanup3:
    call @"sample.note" () void  # line 5
    %v6: i32 = load %error.2  # line 1
    store %v6 %error.1  # line 1
    jump failed5  # line 1
  failed5:
    %v7: i32 = load %error.1  # line 1
    %v8: {i32, i32} = pack (%v7, poison)  # line 1
    store %v8 %result.3  # line 1
    jump return6  # line 1
  return6:
    %v9: {i32, i32} = load %result.3  # line 1
    return %v9  # line 1
"""


def test_a_cleanup_is_copied_to_each_way_out() -> None:
    assert cfg_text.dump(lower_function(raise_unless_zero(), Uses())) == EXPECTED


def test_every_trap_keeps_its_own_line() -> None:
    """Two additions on two lines report through two calls, or the traceback would name the wrong one."""
    number = tree.Local("number", U32)

    def plus(line: int, value: tree.Expression) -> tree.Expression:
        one = tree.Constant(at(line), U32, 1)
        return tree.Binary(at(line), U32, tree.BinaryOperator.ADD, value, one, TrapKind.OVERFLOW)

    body: list[tree.Statement] = [
        tree.Assign(at(7), number, plus(7, tree.ReadLocal(at(7), U32, number))),
        tree.Return(at(8), plus(8, tree.ReadLocal(at(8), U32, number))),
    ]
    program = tree.CheckedProgram([function("twice", [number], body)], [], [], [])
    assembly = emit_assembly(module_text("sample", program), Target.KERNEL)
    assert assembly.count("callq\ttrap_failed") == 2


def test_the_text_is_the_same_every_time() -> None:
    texts = {module_text("sample", tree.CheckedProgram([raise_unless_zero()], [], [], [])) for _ in range(3)}
    assert len(texts) == 1


def broken(change: str) -> cfg.Graph:
    graph = lower_function(raise_unless_zero(), Uses())
    entry = graph.blocks[0]
    match change:
        case "no end":
            entry.terminator = None
        case "outside":
            entry.terminator = cfg.Jump(LINE, cfg.BasicBlock("nowhere"))
        case "twice":
            entry.instructions.append(entry.instructions[1])
        case "too early":
            entry.instructions.reverse()
        case "types":
            wrong = Value("5", "i64")
            entry.instructions.append(cfg.Compare(LINE, Value("%c", "i1"), "eq", Value("%v1", "i32"), wrong))
        case "result":
            graph.blocks[-1].terminator = cfg.Return(LINE, Value("0", "i32"))
    return graph


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("no end", "block entry does not end"),
        ("outside", "goes to a block outside"),
        ("twice", "%v1 is defined twice"),
        ("too early", "%v1 is used before it is defined"),
        ("types", "operands of two types"),
        ("result", "returns 0, not {i32, i32}"),
    ],
)
def test_the_verifier_refuses(change: str, message: str) -> None:
    with pytest.raises(cfg_text.MalformedGraph, match=message.replace("{", r"\{")):
        cfg_text.verify(broken(change))

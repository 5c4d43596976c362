"""Descriptors and gates against the values that the manual's figures give."""

from __future__ import annotations

import pytest

from boot.layout import KERNEL_CODE, KERNEL_DATA, TASK_STATE, USER_CODE, USER_CODE_32, USER_DATA
from codegen.lang import UserAddr, size_of, to_raw
from kernel.machine.cpu import SYSTEM_CALL_MASK, USER_FLAGS
from kernel.machine.idt import Gate, GateTable
from kernel.machine.msr import SystemCallTarget
from kernel.machine.segments import FLAT_DESCRIPTORS, SegmentTables
from kernel.machine.trap import TrapFrame, handler_flags, is_canonical, restored_flags


@pytest.mark.parametrize(
    ("selector", "descriptor"),
    [
        (0, 0),
        (KERNEL_CODE, 0x00AF9A000000FFFF),
        (KERNEL_DATA, 0x00CF92000000FFFF),
        (USER_CODE_32 & ~3, 0x00CF7A000000FFFF),
        (USER_DATA & ~3, 0x00CFF2000000FFFF),
        (USER_CODE & ~3, 0x00AFFA000000FFFF),
    ],
)
def test_flat_descriptors(selector: int, descriptor: int) -> None:
    assert to_raw(FLAT_DESCRIPTORS[selector // 8]) == descriptor


def test_task_state_descriptor_points_to_the_task_state() -> None:
    tables = SegmentTables()
    tables.fill()
    low = tables.descriptors[TASK_STATE // 8]
    assert low.present
    assert low.kind == 9
    assert low.limit_low == 103
    assert not low.code_or_data


def test_sysret_selectors_are_those_of_the_table() -> None:
    target = SystemCallTarget(kernel_code=KERNEL_CODE, user_base=USER_DATA - 8)
    assert target.user_base + 8 == USER_DATA
    assert target.user_base + 16 == USER_CODE
    assert target.kernel_code + 8 == KERNEL_DATA


def test_gate_splits_the_address() -> None:
    gate = Gate()
    gate.point_to(0xFFFFFFFF81234567, 2, 3)
    assert to_raw(gate.low) == 0x8123_EE02_0008_4567
    assert gate.offset_high == 0xFFFFFFFF
    assert size_of(GateTable) == 4096


def test_frame_of_a_new_program() -> None:
    frame = TrapFrame()
    frame.rbx = 7
    frame.start_user(UserAddr(0x401000), UserAddr(0x7FFFFFFFE000))
    assert (frame.rip, frame.rsp, frame.rbx) == (0x401000, 0x7FFFFFFFE000, 0)
    assert (frame.cs, frame.ss, frame.rflags) == (USER_CODE, USER_DATA, 0x202)
    assert frame.from_user


@pytest.mark.parametrize(
    ("current", "wanted", "given"),
    [
        (0x202, 0, 0x202),
        (0x202, 0xFFFFFFFF, 0x202 | 0x50DD5),
        (0x4202, 0x100, 0x4302),
        (0x40202, 0, 0x202),
        (0x202, 0x3000, 0x202),
    ],
)
def test_flags_that_a_signal_frame_may_change(current: int, wanted: int, given: int) -> None:
    assert restored_flags(current, wanted) == given


def test_flags_at_the_start_of_a_handler() -> None:
    assert handler_flags(0x54F02) == 0x44A02


@pytest.mark.parametrize(
    ("address", "canonical"),
    [(0, True), (0x7FFFFFFFFFFF, True), (0x800000000000, False), (0x8000000000000000, False), (2**64 - 1, True)],
)
def test_canonical_addresses(address: int, canonical: bool) -> None:
    assert is_canonical(address) == canonical


def test_what_iret_would_refuse() -> None:
    frame = TrapFrame()
    frame.start_user(UserAddr(0x401000), UserAddr(0))
    assert frame.check_return()
    frame.ss = 0x2F
    assert not frame.check_return()
    frame.start_user(UserAddr(0x800000000000), UserAddr(0))
    assert not frame.check_return()


def test_system_call_masks_what_would_harm_the_kernel() -> None:
    assert to_raw(SYSTEM_CALL_MASK) == 0x47700 | 0x0000
    assert to_raw(USER_FLAGS) & to_raw(SYSTEM_CALL_MASK) == 0x200

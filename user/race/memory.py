"""Races of memory: what one thread does to a mapping, the others see at once, and nobody sees another's pages.

A processor that keeps a translation which is gone reads an old value, or writes where it must not.
"""

from __future__ import annotations

from codegen.lang import (
    Array,
    Atomic,
    export,
    i64,
    inline,
    inline_array,
    reference,
    static_array,
    struct,
    symbol_address,
    u64,
    wrapping_add,
    wrapping_mul,
)
from user.lib.system import exit_group, system_call
from user.lib.threads import ThreadHandle, end_thread, join_thread, start_thread
from user.race.common import (
    MMAP,
    NO_FILE,
    PAGE,
    PRIVATE_ANONYMOUS,
    READ_WRITE,
    Word,
    checked,
    fork,
    map_memory,
    unmap_memory,
    wait_for,
    yield_now,
)

MPROTECT: u64 = 10
MREMAP: u64 = 25
MADVISE: u64 = 28
GETRANDOM: u64 = 318
DONT_NEED: u64 = 4
FIXED: u64 = 0x10
MAY_MOVE: u64 = 1
READ_ONLY: u64 = 1
EFAULT: i64 = -14
PHASES: u64 = 4
WRITABLE_PHASE: u64 = 0
READ_ONLY_PHASE: u64 = 2
"""Between them is a phase in which it is not known."""
READERS: u64 = 3
LOOKS: u64 = 200
MANY_PAGES: u64 = 8


@struct
class Scene:
    """What the threads of a race share."""

    page: u64 = 0
    announced: Atomic[u64] = inline()
    """The lowest value that may be seen, once it is announced."""
    ended: Atomic[u64] = inline()
    threads: Array[ThreadHandle] = inline_array(READERS)


SCENE = Scene()
SCENE_SIZE = static_array(u64, READERS)
"""How large the mapping of each thread is."""


def word_at(address: u64) -> Word:
    """The word there."""
    return reference(Word, address)


def begin(function: u64) -> None:
    """A page, and threads that look at it."""
    SCENE.page = map_memory(PAGE, PRIVATE_ANONYMOUS)
    SCENE.announced.store(0)
    SCENE.ended.store(0)
    for number in range(READERS):
        checked(start_thread(SCENE.threads[number], function, number))


def finish() -> None:
    """Let the threads end."""
    SCENE.ended.store(1)
    for number in range(READERS):
        join_thread(SCENE.threads[number])
    unmap_memory(SCENE.page, PAGE)


@export
def read_page(number: u64) -> None:
    """See nothing that is older than what is announced; 0 is a fresh page."""
    while SCENE.ended.load() == 0:
        least = SCENE.announced.load()
        value = word_at(SCENE.page).value.load()
        assert value == 0 or value >= least, "a page that was unmapped is still seen"
    end_thread()


def replace_pages(turns: u64) -> None:
    """Put fresh pages in the place of one that others read, in several ways."""
    begin(symbol_address("read_page"))
    for turn in range(turns):
        if turn % 2 == 0:
            flags = PRIVATE_ANONYMOUS | FIXED
            checked(system_call(MMAP, SCENE.page, PAGE, READ_WRITE, flags, NO_FILE, 0))
        else:
            checked(system_call(MADVISE, SCENE.page, PAGE, DONT_NEED, 0, 0, 0))
        assert word_at(SCENE.page).value.load() == 0, "a fresh page is not empty"
        word_at(SCENE.page).value.store(turn + 1)
        SCENE.announced.store(turn + 1)
        if turn % 8 == 0:
            yield_now()
    finish()


@export
def write_page(number: u64) -> None:
    """Have the kernel write to the page: refused in the phase READ_ONLY_PHASE, done in WRITABLE_PHASE."""
    while SCENE.ended.load() == 0:
        before = SCENE.announced.load()
        result = system_call(GETRANDOM, SCENE.page + 8 + number * 8, 8, 0, 0, 0, 0)
        if before == SCENE.announced.load():
            if before % PHASES == READ_ONLY_PHASE:
                assert result == EFAULT, "a page that is read only was written"
            elif before % PHASES == WRITABLE_PHASE:
                assert result == 8, "a page was not written"
    end_thread()


def protect_pages(turns: u64) -> None:
    """Take away and give the right to write a page that others write."""
    begin(symbol_address("write_page"))
    for turn in range(turns):
        SCENE.announced.fetch_add(1)
        checked(system_call(MPROTECT, SCENE.page, PAGE, READ_ONLY, 0, 0, 0))
        SCENE.announced.fetch_add(1)
        seen = word_at(SCENE.page + 8).value.load()
        for _ in range(LOOKS):
            assert word_at(SCENE.page + 8).value.load() == seen, "a page that is read only changed"
        SCENE.announced.fetch_add(1)
        checked(system_call(MPROTECT, SCENE.page, PAGE, READ_WRITE, 0, 0, 0))
        SCENE.announced.fetch_add(1)
        if turn % 4 == 0:
            yield_now()
    finish()


@export
def count_in_page(number: u64) -> None:
    """Count in a word of the page."""
    word = word_at(SCENE.page + 64 * (1 + number))
    while SCENE.ended.load() == 0:
        word.value.fetch_add(1)
    end_thread()


def copy_pages(turns: u64) -> None:
    """fork(2) while threads write: what the child sees is one moment, and stays as it is."""
    begin(symbol_address("count_in_page"))
    for turn in range(turns):
        word_at(SCENE.page).value.store(turn)
        child = fork()
        if child == 0:
            look_at_copy(turn)
        word_at(SCENE.page).value.store(turn + 1)
        assert wait_for(child) == 0, "a child saw its memory change"
    finish()


def look_at_copy(turn: u64) -> None:
    """The child: nobody else writes here."""
    seen = counts()
    for _ in range(LOOKS):
        assert word_at(SCENE.page).value.load() == turn, "a copy shows what was written later"
        assert counts() == seen, "a copy changes"
    word_at(SCENE.page + 64).value.store(0)
    exit_group(0)


def counts() -> u64:
    """The counts of all threads, mixed."""
    total: u64 = 0
    for number in range(READERS):
        total = wrapping_add(u64, wrapping_mul(u64, total, 31), word_at(SCENE.page + 64 * (1 + number)).value.load())
    return total


def fill_pages(turns: u64) -> None:
    """Memory that comes new is empty, and keeps what is put there: no page belongs to two."""
    for turn in range(turns):
        size = MANY_PAGES * PAGE
        start = map_memory(size, PRIVATE_ANONYMOUS)
        mark = start ^ turn << 48 | 1
        for page in range(MANY_PAGES):
            word = word_at(start + page * PAGE + 8 * (turn % 500))
            assert word.value.load() == 0, "new memory is not empty"
            word.value.store(mark + page)
        if turn % 4 == 0:
            yield_now()
        for page in range(MANY_PAGES):
            word = word_at(start + page * PAGE + 8 * (turn % 500))
            assert word.value.load() == mark + page, "memory does not keep what is put there"
        unmap_memory(start, size)


@export
def move_memory(number: u64) -> None:
    """Grow, move and shrink a mapping of one's own; its content goes with it."""
    for turn in range(SCENE.announced.load()):
        start = map_memory(PAGE, PRIVATE_ANONYMOUS)
        word_at(start + 8).value.store(number << 32 | turn)
        for pages in (4, 2, 16, 1):
            start = checked(system_call(MREMAP, start, SCENE_SIZE[number], pages * PAGE, MAY_MOVE, 0, 0))
            SCENE_SIZE[number] = pages * PAGE
            assert word_at(start + 8).value.load() == number << 32 | turn, "memory lost its content when it moved"
            assert word_at(start + (pages - 1) * PAGE + 16).value.load() == 0, "grown memory is not empty"
        unmap_memory(start, PAGE)
    end_thread()


def move_pages(turns: u64) -> None:
    """Threads move mappings of one address space (mremap(2))."""
    SCENE.announced.store(turns)
    for number in range(READERS):
        SCENE_SIZE[number] = PAGE
        checked(start_thread(SCENE.threads[number], symbol_address("move_memory"), number))
    for number in range(READERS):
        join_thread(SCENE.threads[number])

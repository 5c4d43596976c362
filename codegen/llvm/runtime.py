"""The LLVM text that does not come from the program: attributes, trap functions, and byte comparison."""

from __future__ import annotations

CODE, TRAP = "#0", "#1"  # attribute groups: of every function, of the calls that report a trap

# Frame pointers and no tail calls: a traceback misses no function.
_EVERY = 'noredzone nounwind "frame-pointer"="all" "disable-tail-calls"="true" "no-builtins"'

ATTRIBUTES = f"""\
attributes #0 = {{ {_EVERY} }}
attributes #1 = {{ cold nomerge noreturn nounwind }}
attributes #2 = {{ noinline {_EVERY} }}"""

TRAP_FUNCTIONS = {
    "trap_failed": "void @trap_failed(i32) cold noreturn",
    "trap_message": "void @trap_message(i64, i64) cold",
}

EQUAL_MEMORY = """\
define internal i1 @memory.equal(ptr readonly %left, ptr readonly %right, i64 %length) #2 {
entry:
  %empty = icmp eq i64 %length, 0
  br i1 %empty, label %same, label %loop
loop:
  %index = phi i64 [0, %entry], [%next, %again]
  %left.at = getelementptr inbounds i8, ptr %left, i64 %index
  %right.at = getelementptr inbounds i8, ptr %right, i64 %index
  %left.byte = load i8, ptr %left.at
  %right.byte = load i8, ptr %right.at
  %equal = icmp eq i8 %left.byte, %right.byte
  br i1 %equal, label %again, label %differ
again:
  %next = add nuw i64 %index, 1
  %more = icmp ult i64 %next, %length
  br i1 %more, label %loop, label %same
same:
  ret i1 true
differ:
  ret i1 false
}"""

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
  %wide = and i64 %length, -8
  br label %words
words:
  %at = phi i64 [0, %entry], [%at.next, %word]
  %more.words = icmp ult i64 %at, %wide
  br i1 %more.words, label %word, label %bytes
word:
  %left.word.at = getelementptr inbounds i8, ptr %left, i64 %at
  %right.word.at = getelementptr inbounds i8, ptr %right, i64 %at
  %left.word = load i64, ptr %left.word.at, align 1
  %right.word = load i64, ptr %right.word.at, align 1
  %at.next = add nuw i64 %at, 8
  %same.word = icmp eq i64 %left.word, %right.word
  br i1 %same.word, label %words, label %differ
bytes:
  %index = phi i64 [%wide, %words], [%next, %byte]
  %more.bytes = icmp ult i64 %index, %length
  br i1 %more.bytes, label %byte, label %same
byte:
  %left.at = getelementptr inbounds i8, ptr %left, i64 %index
  %right.at = getelementptr inbounds i8, ptr %right, i64 %index
  %left.byte = load i8, ptr %left.at
  %right.byte = load i8, ptr %right.at
  %next = add nuw i64 %index, 1
  %same.byte = icmp eq i8 %left.byte, %right.byte
  br i1 %same.byte, label %bytes, label %differ
same:
  ret i1 true
differ:
  ret i1 false
}"""

"""`pithos run --strace`: the system calls of a container as strace(1) shows them.

| file | holds |
| --- | --- |
| `calls` | what the arguments of each call are, in a small notation |
| `flags` | names of flags and numbers |
| `values` | how one value is written |
| `records` | the records of trace_container(1007) out of the bytes that are read |
| `writer` | records as lines, and the counts at the end |
| `tracing` | the call itself, and where the lines go |
"""

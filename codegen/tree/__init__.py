"""The typed, desugared tree: what the front of the compiler hands to `lower`.

Nothing in it has to be looked up, inferred or converted implicitly:

- Names are `Local`, `Static` and `Function` objects (compared by identity); generics are instantiated;
  constants are folded; `yield` iterators are inlined; properties, operators of classes and f-strings are calls.
- An expression has a `type` and is evaluated once, operands left to right. Every conversion is a `Convert`.
- A checked operation names the `trap` it takes when it fails; `None` means that it wraps or cannot fail.
- Control leaves a statement only by `Return`, `Raise`, `Break` to an enclosing label, a trap, or a failing call
  (`Call*` with `fallible`), which goes to the nearest enclosing `Try`, or out of the function.
- `Cleanup` and `Try` are structured: `lower.py` runs each cleanup on every way out that passes it, innermost first.
- Reading a local whose declared type is `T | None` as a `T` (after a test) is a `ReadLocal` of type T: both
  are one pointer.
- An array is indexed through the slice of all of it (`ArraySlice`), so `Element` is the only indexed place.
"""

from codegen.tree.expressions import *  # noqa: F403
from codegen.tree.names import *  # noqa: F403
from codegen.tree.statements import *  # noqa: F403
from codegen.tree.walk import *  # noqa: F403

"""`python -m harness.cli` is `pithos`."""

from harness.cli import main

main()

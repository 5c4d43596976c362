"""The first process of a container that is started with `pithos run --init`."""

# Every target sets up what it needs (harness/setup.sh). `make` alone prints this help.
PYTHON := .venv/bin/python
PITHOS := .venv/bin/pithos
ROOTFS ?= build/rootfs
COMMAND ?= /bin/busybox echo hello
RUN_OPTIONS ?=

.DEFAULT_GOAL := help
.PHONY: help run test packages image check bench soak console debug listing sizes docs clean setup

help: ## print this help
	@echo "Pithos: an x86-64 kernel written in Python, in which a container is one kernel object."
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null || \
	 sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST)
	@echo
	@echo "  make run COMMAND='/bin/busybox uname -a' RUN_OPTIONS='--machine q35 --log'"

.venv/.ready: pyproject.toml harness/setup.sh
	@sh harness/setup.sh

setup: .venv/.ready ## install what is missing (apt where it may) and the virtual environment

run: .venv/.ready ## build, boot in QEMU, run COMMAND of ROOTFS in a container
	@$(PYTHON) -m harness.rootfs build/rootfs
	@$(PITHOS) run $(RUN_OPTIONS) $(ROOTFS) -- $(COMMAND)

test: .venv/.ready packages check ## every check and every test; installs what they look for (apt where it may)
	@$(PITHOS) build
	@$(PYTHON) -m pytest -n 2 --dist loadfile -m "not slow"

packages:
	@sh harness/setup.sh tests

check: .venv/.ready ## ruff, mypy --strict, pyright, layers, file sizes, unused names
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check --quiet . || { echo "run: ruff format ."; exit 1; }
	@$(PYTHON) -m mypy
	@$(PYTHON) -m basedpyright --level error
	@$(PYTHON) -m tests.house.rules
	@$(PYTHON) -m tests.house.unused

image: .venv/.ready ## build build/pithos.elf and build/pithos.img
	@$(PITHOS) build

bench: .venv/.ready ## measure and print the figures as a table
	@$(PYTHON) -m bench

soak: .venv/.ready ## the long campaigns
	@$(PITHOS) build
	@$(PYTHON) -m pytest -m slow

console: .venv/.ready ## attach to a running machine
	@$(PITHOS) console

debug: .venv/.ready ## gdb on a machine that runs COMMAND, stopped before its first instruction
	@$(PYTHON) -m harness.rootfs build/rootfs
	@$(PYTHON) -m harness.debug $(ROOTFS) -- $(COMMAND)

listing: .venv/.ready ## Python interleaved with its machine code, in build/listing
	@$(PITHOS) build
	@$(PYTHON) -m codegen.listing build/pithos.elf build/listing

sizes: .venv/.ready ## section sizes and the deepest stack of every entry point
	@$(PITHOS) build
	@$(PYTHON) -m codegen.sizes build/pithos.elf

clean: ## remove build/ (not the virtual environment)
	rm -rf build

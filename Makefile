# Everything a contributor or CI runs; `make help` lists it.
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
DATA ?= ../shared/benchmarks
export PROOFSMITH_DATA ?= $(abspath $(DATA))

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install Debian packages (when root or sudo) and the hash-locked environment in .venv
	@PYTHON="$(PYTHON)" sh scripts/setup.sh

demo: setup ## really optimise a bundled C kernel and print the evidence
	@$(BIN)/proofsmith demo

check: setup ## format, lint, layers, types and fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy
	$(BIN)/pytest -q -m "not slow" -n 2 --dist loadfile

test: setup ## the whole test suite
	$(BIN)/pytest -q -n 2 --dist loadfile

format: setup ## rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup ## write docs/cli.md from the command line itself
	$(BIN)/python scripts/cli_reference.py docs/cli.md

lock: setup ## renew the locked requirements from pyproject.toml
	$(BIN)/uv pip compile -q pyproject.toml --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements/core.lock
	$(BIN)/uv pip compile -q pyproject.toml --all-extras --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements/dev.lock

.PHONY: help setup demo check test format docs lock

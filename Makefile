# `make test` sets up a virtual environment and runs the tests; `make check` adds lint, types and docs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: test check lint types docs clean

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@

test: .venv/installed
	$(BIN)/python -m pytest

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

docs: .venv/installed
	$(BIN)/mkdocs build --strict --quiet

check: lint types docs test

clean:
	rm -rf .venv site dist

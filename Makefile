# `make test` sets up a virtual environment and runs the tests; `make check` adds lint, types and docs.
# `make check EXTRAS=dev,t2v,lance,evaluate,sound,novelty,ray` installs and tests what needs those extras, too; without them such tests are skipped.
PYTHON ?= python3
EXTRAS ?= dev
BIN := .venv/bin
COMMA := ,
INSTALLED := .venv/installed-$(subst $(COMMA),-,$(EXTRAS))

.PHONY: venv test check lint types docs audit clean

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -e ".[$(EXTRAS)]"
	touch $@

venv: $(INSTALLED)

test: $(INSTALLED)
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

docs: $(INSTALLED)
	$(BIN)/python tools/build_docs.py

# Licences of all that is installed, and known vulnerabilities; AUDIT=--required: the service has to answer.
audit: $(INSTALLED)
	$(BIN)/python tools/licences.py
	$(BIN)/python tools/audit.py $(AUDIT)

check: lint types docs audit test

clean:
	rm -rf .venv .cache site dist

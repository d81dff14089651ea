# One command each; the first one that needs it makes the virtual environment.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Installed sets are remembered by the lock they came from, so that a second run installs nothing.
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip install
# Minutes without a word look like a fault: count the packages. pip's errors are on standard error.
SHELL := /bin/bash
COUNTED := | awk '/^Collecting/ { printf "\r  %d packages", ++n; fflush() } /^Installing/ { print ", installing them ..." }'
export DAGSTER_DISABLE_TELEMETRY := 1
# Hundreds of processes are started; without bytecode each would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test check soak dev bench lock licences lint dictionary reliability

help:  ## What there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(RUN)  ## Everything from here to a loaded data/demo.db, against a synthetic iNode
	@$(BIN)/inode-pipeline demo --days 14

# One worker more than cores: tests that wait for a process or a clock leave a core free.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

test: lint  ## Lint, types, import contracts and every test but the long ones
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup -m "not soak" --reliability check

# Whole rooms that cost more than the inner loop may: real servers, faults, processes. `make test` runs them.
LEFT_TO_TEST := reference faults cli defs views analysis operating project

check: lint  ## The inner loop: lint, types, contracts and the fast tests on SQLite
	$(BIN)/pytest -q -n $(WORKERS) --dist loadgroup $(LEFT_TO_TEST:%=--ignore=tests/%) \
	  -m "not soak and not slow and not browser and not postgresql"

reliability: $(DEV)  ## Write the tests' names into docs/reliability.md
	$(BIN)/pytest -q -n $(WORKERS) --dist loadgroup -m "not soak" -k "$$(seq -f m%02g -s ' or ' 1 99)" --reliability write

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

soak: $(DEV)  ## The long proofs
	HYPOTHESIS_PROFILE=random $(BIN)/pytest -m soak

dev: $(RUN)  ## The Dagster UI against the emulator
	@$(BIN)/python deploy/dev.py

bench: $(DEV)  ## The benchmark
	@$(BIN)/python bench/run.py

dictionary: $(RUN)  ## Write docs/data-dictionary.md from the tables and views
	@$(BIN)/python -m inode_pipeline.warehouse.dictionary > docs/data-dictionary.md

# The locks hold for Python 3.11 to 3.14 and every platform, with hashes and without an index address. That of the
# extras has only what comes on top of requirements.lock.
lock:  ## Renew the locks from pyproject.toml (needs uv)
	for set in "requirements.lock --group build" "requirements-extras.lock --all-extras" \
	  "requirements-dev.lock --all-extras --group build --group dev"; do \
	  set -- $$set; file=$$1; shift; \
	  if [ $$file = requirements-extras.lock ]; then \
	    set -- "$$@" -c requirements.lock $$(sed -nE 's/^([a-z0-9-]+).*==.*/--no-emit-package \1/p' requirements.lock); fi; \
	  uv pip compile pyproject.toml "$$@" --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-strip-extras --custom-compile-command "make lock" --quiet --output-file $$file || exit 1; \
	done

PAPERS := dist/runtime
licences:  ## Write docs/licences.md, and dist/sbom.json for a release (needs uv)
	@uv venv --quiet --clear $(PAPERS)
	@VIRTUAL_ENV=$(PAPERS) uv pip install --quiet --require-hashes -r requirements.lock -r requirements-extras.lock
	@sed '/^|/d' docs/licences.md > $(PAPERS)/licences.md
	@uvx --quiet --from pip-licenses==5.5.5 pip-licenses --python $(PAPERS)/bin/python --format markdown --with-system \
	  | sed -E '/^\| +\|/d; s/ +\|/ |/g; s/-{3,}/---/g' >> $(PAPERS)/licences.md
	@mv $(PAPERS)/licences.md docs/licences.md
	@uvx --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py environment $(PAPERS)/bin/python \
	  --pyproject pyproject.toml --output-reproducible --output-file dist/sbom.json

$(BIN)/python:
	@$(PYTHON) -c 'import sys; found = sys.version_info[:2]; \
	  (3, 11) <= found <= (3, 14) or sys.exit("Python 3.11 to 3.14 is needed, and $(PYTHON) is %d.%d. Install another one, \
	by your system or with `uv python install 3.13`, and name it: make demo PYTHON=python3.13" % found)'
	@$(PYTHON) -m venv $(VENV)

$(RUN): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what the pipeline needs into $(VENV) (about 750 MB, once) ..."
	@set -o pipefail; $(PIP) --require-hashes -r requirements.lock $(COUNTED)
	@$(PIP) --quiet --no-build-isolation --no-deps --editable .
	@touch $@

$(DEV): requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing what the tests need into $(VENV) ..."
	@set -o pipefail; $(PIP) --require-hashes -r requirements-dev.lock $(COUNTED)
	@$(PIP) --quiet --no-build-isolation --no-deps --editable .
	@touch $@ $(RUN)

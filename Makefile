# `make` prints what one can do. Every target installs what it needs first, from the locked requirements.

PYTHON := .venv/bin/python
RUN := .venv/.installed-run
DEV := .venv/.installed-dev
ARGS ?=
# One more than there are processors: some tests wait for processes, leases and deadlines.
PROCESSES := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.DEFAULT_GOAL := help
.PHONY: help setup demo run test lint bench crash lock clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DEV) ## Install everything for development into .venv

demo: $(RUN) ## Show the main job: signed sample events in, sandbox enrollments out
	$(PYTHON) -m app demo $(ARGS)

run: $(RUN) ## Run the service against the sandbox, with deploy/rules/practice.yaml
	SEGUE_CONFIG=$${SEGUE_CONFIG:-deploy/rules/practice.yaml} exec $(PYTHON) -m app serve --sandbox $(ARGS)

test: $(DEV) ## Run all tests (ARGS="-k name" for some)
	$(PYTHON) -m pytest -n $(PROCESSES) --maxprocesses 4 --dist worksteal $(ARGS)

lint: $(DEV) ## Check format, style, types, layers, lock files and the example rules
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports
	sh deploy/lock.sh check
	$(PYTHON) -m app check --placeholders deploy/rules/example.yaml
	$(PYTHON) -m app check --placeholders deploy/rules/practice.yaml

bench: $(DEV) ## Measure, and compare with a baseline of the same run
	$(PYTHON) -m tests.bench.run $(ARGS)

crash: $(DEV) ## Kill real processes for a long time and count what was lost or doubled
	$(PYTHON) -m tests.crash.soak $(ARGS)

lock: $(DEV) ## Write the lock files anew from pyproject.toml
	sh deploy/lock.sh write

clean: ## Remove .venv and all caches; data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find app tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): requirements.txt pyproject.toml deploy/install.sh
	sh deploy/install.sh requirements.txt
	@touch $@

$(DEV): requirements-dev.txt pyproject.toml deploy/install.sh
	sh deploy/install.sh requirements-dev.txt
	@touch $@

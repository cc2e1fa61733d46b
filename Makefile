# `make` prints what one can do. Every target installs what it needs first, from the locked requirements.

PYTHON := .venv/bin/python
RUN := .venv/.installed-run
DEV := .venv/.installed-dev
ARGS ?=
STRICT ?=
# One more than there are processors: some tests wait for processes, leases and deadlines.
PROCESSES := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.DEFAULT_GOAL := help
.PHONY: help setup demo run test lint audit sbom pin bench crash shots lock upgrade release clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DEV) ## Install everything for development into .venv

demo: $(RUN) ## Show the main job: signed sample events in, sandbox enrollments out
	$(PYTHON) -m app demo $(ARGS)

run: $(RUN) ## Run the service against the sandbox, with deploy/rules/practice.yaml
	SEGUE_CONFIG=$${SEGUE_CONFIG:-deploy/rules/practice.yaml} exec $(PYTHON) -m app serve --sandbox $(ARGS)

test: $(DEV) ## Run all tests (ARGS="-k name" for some)
	$(PYTHON) -m pytest -n $(PROCESSES) --maxprocesses 4 --dist worksteal $(ARGS)

lint: $(DEV) ## Check format, style, types, layers, locks, rules, secrets, advisories (STRICT=1: for a release)
	STRICT=$(STRICT) sh deploy/lint.sh

audit: $(DEV) ## Look for advisories about all locked packages, the tools too; needs the network
	$(PYTHON) deploy/audit.py requirements-dev.txt

sbom: $(DEV) ## Write the list of parts, sbom.cdx.json: what the service is made of
	$(PYTHON) deploy/sbom.py $(PYTHON) sbom.cdx.json requirements.txt

pin: $(DEV) ## Write the digests of the base images into Dockerfile and docker-compose.yml; needs the network
	$(PYTHON) deploy/images.py pin

bench: $(DEV) ## Measure, and compare with a baseline of the same run
	$(PYTHON) -m tests.bench.run $(ARGS)

crash: $(DEV) ## Kill real processes for a long time and count what was lost or doubled
	$(PYTHON) -m tests.crash.soak $(ARGS)

shots: $(DEV) ## Take pictures of every page of the console, into shots/ (ARGS="audit people" for some)
	$(PYTHON) -m tests.browser.shots $(ARGS)

lock: $(DEV) ## Write the lock files anew from pyproject.toml
	sh deploy/lock.sh write

upgrade: $(DEV) ## Write the lock files anew with the newest versions that pyproject.toml allows
	sh deploy/lock.sh upgrade

release: $(DEV) ## Keep the tables and statements of this version, which tests upgrade from then on
	$(PYTHON) -m tests.database.release_schema

clean: ## Remove .venv and all caches; data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .secrets_cache
	find app tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): requirements.txt pyproject.toml deploy/install.sh
	sh deploy/install.sh requirements.txt
	@touch $@

$(DEV): requirements-dev.txt pyproject.toml deploy/install.sh
	sh deploy/install.sh requirements-dev.txt
	@touch $@

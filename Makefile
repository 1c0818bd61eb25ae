# Every target builds .venv by itself and is quick the second time.
PYTHON ?= python3
SERVE ?= 1
PYTEST_WORKERS ?= 2
BIN := .venv/bin

.DEFAULT_GOAL := help

.PHONY: help install demo test test-external bench-experiments bench-profiles check format lock clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1|/' | awk -F'|' '{printf "  make %-17s %s\n", $$1, $$2}'

install: .venv/installed  ## Build .venv from the lock file

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Huitou needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: install  ## The whole way on real data, then the API (SERVE=0: stop after the summary, as JSON)
	$(BIN)/huitou demo $(if $(filter 0,$(SERVE)),--no-serve --json,)

test: check  ## Style, types, architecture and every test that needs nothing beyond the lock file
	$(BIN)/python -m pytest -m "not external" --numprocesses $(PYTEST_WORKERS) --dist loadfile

test-external: install  ## Tests that need something installed with apt; says what it ran and what it lacked
	$(BIN)/python -m pytest -m external -rs

bench-experiments: install  ## Every number the experiments promise, found again (QUICK=1: a tenth of it)
	$(BIN)/python -m tests.benchmarks.experiments $(if $(QUICK),--quick,)

bench-profiles: install  ## Profiles and lifetime value at scale, as ratios taken in one run
	$(BIN)/python -m tests.benchmarks.profiles

check: install  ## Lint, format, strict types, imports going down only, sizes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest tests/rules

format: install  ## Let ruff format and sort
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

lock: install  ## Lock the newest allowed versions of every dependency
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-annotate --no-header --universal \
		--python-version 3.11 --all-extras pyproject.toml -o requirements.lock

clean:  ## Remove the demo's workspace and caches
	rm -rf var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

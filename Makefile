# Each target does its whole set-up, on a machine that has Python 3.11 or later, make and a network.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
export COMPAT_CACHE ?= $(CURDIR)/out/cache
export COMPAT_TEST_CACHE ?= $(COMPAT_CACHE)
PYTEST := $(BIN)/python -m pytest

.PHONY: help demo test test-fast kernels bench check format picture clean
help:
	@echo "make demo       judge a real upgrade: NO-GO, with its reasons and a report in out/demo"
	@echo "make test       every test that this machine can run; what it cannot run is listed with the reason"
	@echo "make test-fast  the tests that need neither the registry, nor an engine, nor a browser, nor Slurm"
	@echo "make kernels    every kernel against its oracle in every release of Triton that is supported"
	@echo "make bench      what a case costs, and the same in other ways; figures in out/bench/figures.json"
	@echo "make check      formatting, lint, types, and that the probe keeps to Python 3.9"
	@echo "make picture    the README's picture, from the demo's report"
	@echo "make clean      remove .venv and out"

# An environment is brought up to date when pyproject.toml changes.
.venv/.compat: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "compat needs Python 3.11 or later, $(PYTHON) is older: say make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/.test: .venv/.compat
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@

.venv/.bench: .venv/.test
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	@touch $@

.venv/.dev: .venv/.test
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

# NO-GO (exit code 1) is the right answer to this upgrade: anything else is a defect.
demo: .venv/.compat
	@$(BIN)/compat run matrices/demo.yaml --ring canary; code=$$?; \
	if [ $$code -eq 1 ]; then echo "This upgrade is NO-GO, as it should be: open out/demo/report.html"; \
	else echo "expected NO-GO (exit code 1), got exit code $$code"; exit 1; fi

test: .venv/.test
	$(PYTEST) -ra tests

test-fast: .venv/.test
	$(PYTEST) -ra -m "not network and not docker and not browser and not slurm" tests

kernels: .venv/.test
	COMPAT_TRITONS="3.2.0 3.3.1 3.4.0 3.5.1 3.6.0 3.7.1 3.8.0 3.9.0" $(PYTEST) -ra tests/kernels

# They print and record; none of them fails for being slow. -p no:xdist: nothing runs beside what is timed.
bench: .venv/.bench
	$(PYTEST) -ra -p no:xdist --benchmark-columns=min,mean,median,stddev,max,rounds tests/bench

check: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/vermin --no-tips --violations --target=3.9- compat/__init__.py compat/errors.py compat/files.py compat/model compat/probe kernels workloads

format: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

picture: .venv/.test
	$(BIN)/python -m tests.picture out/demo/report.html docs/report.png

clean:
	rm -rf .venv out

# Everything that a fresh machine with Python 3.11 or newer, make and a package index needs.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --no-input -q
WORKERS ?= 2
# One thread per process: two processes on two cores beat two processes with four threads.
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: demo test test-slow bench bench-methods bench-challenge lint format lock witness coverage-table exam clean help

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

demo: $(VENV)/run.stamp  ## evaluate the embedded sector and write a report
	$(BIN)/consortia demo

test: $(VENV)/dev.stamp  ## the tests, without the slow simulations
	$(BIN)/python -m pytest -n $(WORKERS)

test-slow: $(VENV)/dev.stamp  ## size, power and coverage on simulated sectors
	$(BIN)/python -m pytest -n $(WORKERS) -m slow

coverage-table: $(VENV)/dev.stamp  ## write docs/methods/coverage.md again
	$(BIN)/python scripts/simulation/coverage.py

exam: $(VENV)/dev.stamp  ## write docs/exam.md again: every method on every named difficulty
	$(BIN)/python scripts/simulation/exam.py

lint: $(VENV)/dev.stamp  ## format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

format: $(VENV)/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/dev.stamp  ## speed and memory beside named peers (own environment, .venv-bench)
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip --disable-pip-version-check -q install -r bench/requirements-peers.txt
	.venv-bench/bin/python -m pip --disable-pip-version-check -q install -e .
	.venv-bench/bin/python bench/run.py

bench-methods: $(VENV)/dev.stamp  ## the other methods beside named peers (in .venv-bench too)
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip --disable-pip-version-check -q install -r bench/requirements-challenge.txt
	.venv-bench/bin/python -m pip --disable-pip-version-check -q install -e .
	.venv-bench/bin/python bench/methods.py

bench-challenge: $(VENV)/dev.stamp  ## checks of the answer beside named peers (in .venv-bench too)
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip --disable-pip-version-check -q install -r bench/requirements-challenge.txt
	.venv-bench/bin/python -m pip --disable-pip-version-check -q install -e .
	.venv-bench/bin/python bench/challenge.py

witness: $(VENV)/dev.stamp  ## numbers from R, where R is installed
	$(BIN)/python scripts/witness/run.py
	$(BIN)/python scripts/witness/mixed.py

lock: $(VENV)/dev.stamp  ## resolve the locks again
	$(PIP) install uv
	$(BIN)/python scripts/lock.py

# The project itself is installed without dependencies and without a fresh build environment, so
# that nothing enters except by the lock.
$(VENV)/run.stamp: requirements/run.lock pyproject.toml | $(VENV)/made.stamp
	$(PIP) install --require-hashes -r requirements/run.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.lock pyproject.toml | $(VENV)/made.stamp
	$(PIP) install --require-hashes -r requirements/dev.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/run.stamp

$(VENV)/made.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "consortia needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

clean:
	rm -rf $(VENV) .venv-bench .pytest_cache .ruff_cache .hypothesis build dist

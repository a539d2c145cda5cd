# Every target does its own set-up: Python 3.11+ and make are all a machine needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.bench-installed

.PHONY: demo serve test check bench soak start format clean

demo: $(STAMP)          ## the whole way of a contact on this machine, twice
	$(BIN)/python -m local.demo

serve: $(STAMP)         ## the world on this machine, left running until Ctrl-C
	$(BIN)/python -m local.serve

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(STAMP)         ## what CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist worksteal

bench: $(BENCH_STAMP)   ## QUICK=1 for the short one
	$(BIN)/python -m bench $(if $(QUICK),--quick)

soak: $(STAMP)          ## 1,000 runs with faults by chance, in virtual time
	$(BIN)/python -m tests.soak

start: $(STAMP)         ## for those who have Azure Functions Core Tools
	func start

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(STAMP): requirements.txt requirements-dev.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

$(BENCH_STAMP): $(STAMP) requirements-bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	touch $@

clean:
	rm -rf $(VENV) .venv-* .azurite-package .kusto-package .mypy_cache .pytest_cache .ruff_cache

# Every target does its own set-up: Python 3.11+ and make are all a machine needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.bench-installed
# Where `make serve` answers, and the function key it asks for, if any; given on the command line.
PORT = 7071
KEY =
# Both are read by whatever Python is there, however old.
OLD = sys.version_info < (3, 11)
WHICH = "needs Python 3.11 or newer, this is %d.%d" % sys.version_info[:2]

.PHONY: demo serve test check bench soak start format clean

demo: $(STAMP)          ## the whole way of a contact on this machine, twice
	$(BIN)/python -m local.demo

serve: $(STAMP)         ## the world on this machine, left running until Ctrl-C; PORT=7072 and KEY=secret if you like
	$(BIN)/python -m local.serve --port '$(PORT)' --key '$(KEY)'

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
	@command -v func >/dev/null || { echo 'func is not on the PATH: install Azure Functions Core Tools 4' >&2; exit 1; }
	@test -f local.settings.json || { echo 'write local.settings.json first, from local.settings.sample.json' >&2; exit 1; }
	PATH="$(CURDIR)/$(BIN):$$PATH" func start

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(STAMP): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit($(OLD) and $(WHICH))'
	@$(BIN)/python -c 'import sys, pip; sys.exit($(OLD) or sys.prefix == sys.base_prefix)' 2>/dev/null \
		|| $(PYTHON) -m venv --clear $(VENV)  # also where making it was interrupted
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

$(BENCH_STAMP): $(STAMP) requirements-bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	touch $@

clean:
	rm -rf $(VENV) .venv-* .azurite-package .kusto-package .mypy_cache .pytest_cache .ruff_cache

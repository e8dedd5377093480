# `make demo`, `make test` and `make test-lab` work on a fresh machine that has Python 3.11 or newer and nothing else.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Each of the workers computes on one thread: pools of several spin while they wait for the same two cores.
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist worksteal --durations 30

.PHONY: demo desk test test-lab lint docs clean

$(BIN)/vasari: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable . --group test
	@touch $(BIN)/vasari

demo: $(BIN)/vasari
	$(BIN)/python -m vasari.demo

desk: $(BIN)/vasari
	$(BIN)/vasari desk

test: $(BIN)/vasari
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(PYTEST) $(addprefix tests/,media faces generate provenance detect vasari)

test-lab: $(BIN)/vasari
	$(PYTEST) tests/lab tests/benchmarks

lint: $(BIN)/vasari
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(BIN)/vasari
	$(BIN)/pip install --quiet --group docs
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) demo out site

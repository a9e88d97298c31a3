# Two targets do all the set-up themselves, in a local .venv: `make demo` the core alone, `make test` every extra.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORE := $(VENV)/.core
STAMP := $(VENV)/.installed
DATA ?=
BUDGET ?= 30
OUT ?= demo_output

.PHONY: demo test test-matrix lint types unit notebooks docs benchmarks clean
.DEFAULT_GOAL := test

$(CORE): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	# Bytecode of modules that are never imported is a quarter of what would be installed.
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt -e .
	$(BIN)/pynomaly status
	touch $(CORE)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[all,test]'
	touch $(CORE) $(STAMP)

demo: $(CORE)
	mkdir -p $(OUT)
	test -n "$(DATA)" || $(BIN)/python -m meta_datasets.demo $(OUT)/breast_cancer.csv
	$(BIN)/pynomaly auto detect --dataset "$(or $(DATA),$(OUT)/breast_cancer.csv)" --time-budget $(BUDGET) --random-state 0 --output $(OUT)/results
	test -n "$(DATA)" || $(BIN)/python -m meta_datasets.demo --check $(OUT)/results/anomalies.csv

test: lint types unit

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python -m tests.house

types: $(STAMP)
	$(BIN)/mypy

unit: $(STAMP)
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered --cov-fail-under=90

# A short suite on every interpreter found from 3.11 on: core dependencies, the lowest and the newest. ONLY=others leaves
# out the one that `make test` has just used with the newest.
test-matrix:
	$(PYTHON) -m tests.matrix $(if $(ONLY),--$(ONLY))

docs: $(STAMP)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	$(BIN)/zensical build --clean --strict

benchmarks: $(STAMP)
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.quality real
	$(BIN)/python -m benchmarks.quality report
	$(BIN)/python -m benchmarks.anytime
	$(BIN)/python -m benchmarks.anytime report
	$(BIN)/python -m benchmarks.mixed
	$(BIN)/python -m benchmarks.mixed report
	$(BIN)/python -m benchmarks.expecting

clean:
	rm -rf $(VENV) $(OUT) .mypy_cache .ruff_cache .pytest_cache .hypothesis

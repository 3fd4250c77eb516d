# Every target does the set-up it needs; a fresh machine needs Python 3.11+ and a package index, nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# a worker a core, each with one thread, and a file's tests in one worker, in the order of tests/conftest.py
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

.PHONY: help setup demo notebook figures bench gpu wheels docs test test-fast lint format lock clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## make .venv with the exact packages of requirements.lock

$(READY): requirements.lock requirements-uv.lock pyproject.toml
	@test -n "$(PYTHON)" || \
	  { echo "vst needs Python 3.11 to 3.14 and finds none; name one with: make PYTHON=/path/to/python3 setup"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	$(BIN)/uv pip sync --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: $(READY) ## paint a short stretch of a real clip with five models, and end in a page that sets them side by side
	$(BIN)/python -m vst --multirun experiment=demo model=naive,mse,enhanced,flow,robust

notebook: $(READY) ## run notebooks/paper.ipynb anew, some minutes, and keep its pictures in it
	$(BIN)/python notebooks/execute.py

# DWANKO=CLIP names the drawn clip of fig2_real, which comes with no package
figures: $(READY) ## paint and draw every picture, plot and table of README and docs anew, some hours
	$(BIN)/python -m vst --multirun experiment=demo model=naive,mse,enhanced,flow,robust hydra.sweep.dir=multirun/models
	$(BIN)/python experiments/sheet.py multirun/models -o docs/models.jpg
	$(BIN)/python experiments/figures.py --into README.md --into docs/results.md $(DWANKO:%=--dwanko %)
	$(BIN)/python experiments/defaults.py
	$(BIN)/python experiments/rivals.py
	$(BIN)/python experiments/trade_off.py

bench: $(READY) ## measure speed and memory, ten minutes, and write the tables of docs/benchmarks.md
	$(BIN)/python experiments/benchmarks/all.py --into docs/benchmarks.md

# WHEELS names a folder that `make wheels` filled, for a machine with no package index
gpu: ## on a machine with a GPU and its torch: paint there, compare with the CPU, time, within eight minutes
	@test -z "$(WHEELS)" || $(PYTHON) -m pip install --quiet --no-index --no-deps $(WHEELS)/*.whl
	$(PYTHON) experiments/gpu.py --into gpu.json

wheels: $(READY) ## put what `make gpu` needs besides torch, torchvision and pytorch-lightning into build/wheels
	$(BIN)/python experiments/wheels.py build/wheels

docs: $(READY) ## build the documentation's site in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

test: lint ## lint, check types, and run all tests
	$(PYTEST)

test-fast: $(READY) ## the tests that start no program and paint nothing, for the loop while working
	$(PYTEST) -m "not slow"

lint: $(READY) ## ruff, the type checker, and the order of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check vst experiments hydra_plugins
	$(BIN)/lint-imports --no-logo

format: $(READY) ## let ruff put the code in form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(READY) ## resolve the dependencies of pyproject.toml anew, for every supported Python and platform
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --group dev --all-extras pyproject.toml --output-file requirements.lock --upgrade
	grep -A1000 '^uv==' requirements.lock | awk 'NR>1 && /^[a-z]/{exit} {print}' | grep -v '#' > requirements-uv.lock

clean: ## remove .venv; what runs have left stays
	rm -rf $(VENV)

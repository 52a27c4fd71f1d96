# The two main commands are `make reproduce` and `make test`. Both first create .venv from the lock file, once.
PYTHON ?= python3
CORES ?= all
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SLURM_PACKAGES := $(shell cat tests/cluster/debian-packages.txt)
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Only the fetch rules use the hub. Telemetry in other rules would try to reach it and wait for its retries.
export HF_HUB_DISABLE_TELEMETRY := 1
export HF_HUB_DISABLE_PROGRESS_BARS := 1

.PHONY: help install reproduce first-look test test-cluster bench bench-full soak lint docs unit format schema map metadata clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(READY) ## Create .venv and install the lock file

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "error: Python 3.11 or later is needed; say which with make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable '.[study]'
	@touch $@

reproduce: $(READY) ## Run the study on the included miniature: every figure, every table, the claims and their verdicts
	snakemake --cores $(CORES)

first-look: $(READY) ## Run a small study on the included miniature: Figures 2 and 7 with three models, in about four minutes
	snakemake --cores $(CORES) --configfile workflow/presets/first-look.yaml

test: lint docs unit ## Lint, build the documentation and run all tests

lint: $(READY) ## ruff, mypy --strict, order of the packages, snakefmt, snakemake --lint
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache --no-logo
	snakefmt --check Snakefile workflow
	snakemake --lint

docs: $(READY) ## Build the documentation into docs/_build/html; warnings and wrong links are errors
	python -m sphinx --fail-on-warning --keep-going --nitpicky --quiet --builder html docs docs/_build/html
	python docs/generate/check_links.py docs/_build/html

unit: $(READY)
	pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -rs --durations 25

test-cluster: $(READY) ## Run the tiny Figure 2 on a real SLURM of one node (as root); also part of `make test`
	@command -v slurmctld >/dev/null || { echo "SLURM is missing; on Debian, as root: \
	apt-get install --no-install-recommends $(SLURM_PACKAGES)" >&2; exit 1; }
	@PYTHONPATH=tests/cluster python -c 'import one_node, sys; sys.exit(one_node.skip_reason())'
	pytest -rs tests/cluster

bench: first-look ## Measure training, prediction and audio side by side with other tools, and the page of the first look
	python benchmarks/bench.py
	@if command -v chromium >/dev/null; then python benchmarks/page.py results/first-look/index.html; \
	else echo "Chromium is not installed, so the page is not measured"; fi

bench-full: $(READY) ## Measure the same on 320 utterances, in both number formats: hours; the same command continues
	python benchmarks/bench.py --full

soak: $(READY) ## Kill random jobs of the tiny study until it is done; all numbers must equal those of an undisturbed run
	python tests/workflow/soak.py

format: $(READY) ## Format Python and Snakemake sources
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

schema: $(READY) ## Write the JSON schema of the configuration from its types
	valence-gap schema --output workflow/schemas/config.schema.json

map: ## Write the map of the packages in CONTRIBUTING.md
	$(PYTHON) docs/package_map.py

metadata: ## Write codemeta.json and .zenodo.json from pyproject.toml and CITATION.cff
	$(PYTHON) docs/codemeta.py

clean: ## Remove everything that runs have written (not .venv)
	rm -rf results scratch .snakemake resources/pretrained docs/_build docs/_generated

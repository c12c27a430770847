# From Slope to Curvature: read it, run it, test it. Needs Python 3.11 or later and make, nothing else.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000

BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help book html test lint canon report lock clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' Makefile

book: html ## Build the book and serve it on this machine
	@$(BIN)/python tools/serve.py --port $(PORT)

html: $(STAMP) ## Build the book into _build/html, strictly
	@$(BIN)/python tools/build.py </dev/null

test: html ## Build the book and run every test
	$(BIN)/python -m pytest $(PYTEST_FLAGS) </dev/null

lint: $(STAMP) ## Check style, types and the form of the notebooks
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python tools/canon.py --check --no-run

canon: $(STAMP) ## Run every notebook and write its canonical form
	$(BIN)/python tools/canon.py

report: $(STAMP) ## Show the size of every chapter against its budgets
	@$(BIN)/python tools/report.py

lock: $(STAMP) ## Pin every indirect dependency anew (FLAGS=--upgrade for the latest)
	grep -v '^[-#]' requirements.txt | $(BIN)/uv pip compile pyproject.toml - --all-extras --universal \
	  --python-version 3.11 --no-emit-index-url --no-annotate --no-header -q $(FLAGS) -o constraints.txt

clean: ## Remove what was built; keep the environment
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(STAMP): requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1)."; \
	  echo "Name another one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make environments: install its venv package (Debian: apt install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt -e '.[book,test,edit]'
	@touch $@

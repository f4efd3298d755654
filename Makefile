# Everything from a fresh clone: `make demo` to look, `make test` and `make check` to work on it.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DATA   := demo-data
BROWSER := .browser
AXE    := 4.11.1

.PHONY: demo lab test coverage docs bench soak check format clean help

help:  ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: $(VENV)/.demo  ## Run the demo service, find its stuck order, and save the tour as a page
	$(BIN)/flexiflow demo $(DATA)
	$(BIN)/python -m flexiflow.notebook.execute notebooks/00_tour.ipynb $(DATA)/00_tour.html
	@echo
	@echo "Look at it:    open $(DATA)/00_tour.html in a browser"
	@echo "Play with it:  make lab     (or: $(BIN)/jupyter lab notebooks/00_tour.ipynb)"

lab: $(VENV)/.demo  ## Open the tour in JupyterLab
	$(BIN)/jupyter lab notebooks/00_tour.ipynb

test: $(VENV)/.dev $(BROWSER)/.ready  ## Run all tests, in random order
	$(BIN)/python -m pytest -n auto

coverage: $(VENV)/.dev $(BROWSER)/.ready  ## Run all tests and say what they cover, branch by branch; takes half as long again
	$(BIN)/python -m pytest -n auto --cov --cov-report=term

docs: $(VENV)/.docs  ## Build the documentation, its notebooks run; warnings are errors
	$(BIN)/python -m sphinx -q -W --keep-going -d docs/_build/doctrees docs docs/_build/html
	@echo "Read it: open docs/_build/html/index.html in a browser"

bench: $(VENV)/.bench  ## Measure ours beside limits and peers, and write docs/benchmarks.md
	$(BIN)/python -m benchmarks

soak: $(VENV)/.dev $(BROWSER)/.ready  ## Run the tests that have a long form: hundreds of kills, all notebooks, 100,000 inputs; takes an hour
	$(BIN)/python -m pytest -n auto --soak --timeout=3600 tests/faults tests/recording/test_interleavings.py
	$(BIN)/python -m pytest --soak tests/notebooks/test_nbmake.py tests/browser/test_notebooks_in_jupyter.py
	$(BIN)/python tests/fuzz/soak.py

check: $(VENV)/.dev  ## Lint, format, types, layers, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell

format: $(VENV)/.dev  ## Let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## Remove everything that make has made
	rm -rf $(VENV) $(DATA) $(BROWSER) docs/_build docs/tutorial docs/project dist build .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "FlexiFlow needs Python 3.11 or newer; this is $$($(PYTHON) --version)."; \
	  echo "Fix: make PYTHON=python3.11 (or newer) $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "Python can't make virtual environments here."; \
	  echo "Fix on Debian or Ubuntu: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[lab]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[lab,large]' --group test --group check --group docs
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[lab]' --group docs
	@touch $@ $(VENV)/.demo

$(VENV)/.bench: pyproject.toml | $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --group bench
	@touch $@

# What the browser tests need: Chromium and a font from the system, and axe-core for their checks.
$(BROWSER)/.ready: Makefile
	@mkdir -p $(BROWSER)
	@missing=""; \
	command -v chromium >/dev/null || missing="chromium"; \
	command -v npm >/dev/null || missing="$$missing npm"; \
	fc-list 2>/dev/null | grep -qi liberation || missing="$$missing fontconfig fonts-liberation"; \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; \
	else \
	  echo "The browser tests need Chromium, the Liberation fonts and npm; missing here:" $$missing; \
	  echo "Fix on Debian or Ubuntu: sudo apt-get install" $$missing; \
	  exit 1; fi
	cd $(BROWSER) && npm pack --silent axe-core@$(AXE) >/dev/null && tar -xzf axe-core-$(AXE).tgz package/axe.min.js
	@touch $@

# The two commands: `make demo` and `make test`. Everything is installed into .venv, against constraints.txt.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
export OMP_NUM_THREADS ?= 2
# Tests start hundreds of processes: what they import is compiled once, whatever the environment says.
test soak: export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test soak bench lint docs web clean

demo: .venv/demo.installed
	$(BIN)/python -m examples.solar_cells demo-workspace

test: .venv/dev.installed
	$(BIN)/python -m pytest -n 3 --durations 12

soak: .venv/dev.installed
	$(BIN)/python -m pytest -m soak -n 2 --timeout 7200

# Needs the Debian package wrk; some 20 minutes on a quiet machine. The peers' environment is made in .venv-peers once.
bench: .venv/dev.installed
	$(BIN)/python -m benchmarks.serving --peers .venv-peers
	$(BIN)/python -m benchmarks.overload
	$(BIN)/python -m benchmarks.ingest
	$(BIN)/python -m benchmarks.idle_rss

lint: .venv/dev.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/dev.installed
	$(BIN)/python docs/generate.py

# The dashboard's built files are committed: only who changes web/ needs Node.js (20.19 or newer, with npm 11).
web: web/node_modules/.package-lock.json
	cd web && npm run --silent types && npm run --silent check && npm test --silent && npm run --silent build

web/node_modules/.package-lock.json: web/package-lock.json
	@npm --version | grep -qE '^(1[1-9]|[2-9][0-9])' || { echo "The dashboard needs npm 11 or newer: npm install --global npm@11"; exit 1; }
	cd web && npm install --no-save --no-audit --no-fund  # not npm ci: a mirror may lack the binaries of other platforms

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Sightloop needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up .venv (a few minutes, once)"
	$(PYTHON) -m venv .venv

.venv/demo.installed: pyproject.toml constraints.txt | .venv/bin/python
	$(INSTALL) --editable '.[demo]'
	@touch $@

.venv/dev.installed: pyproject.toml constraints.txt | .venv/bin/python
	$(INSTALL) --editable '.[demo,dev]'
	@touch $@ .venv/demo.installed

clean:
	rm -rf .venv demo-workspace .mypy_cache .ruff_cache .pytest_cache

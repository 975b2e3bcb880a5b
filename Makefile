# `make demo` runs the provider with two services; `make test` tests it. Needs Python 3.11 or later and make, nothing else.

# The first that runs and is new enough: a name on the PATH may be an old Python, or a shim that leads nowhere.
PYTHON = $(eval PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && command -v "$$p" && break; done))$(PYTHON)
BIN := .venv/bin
TRANSLATIONS := $(wildcard idp/translations/*/LC_MESSAGES/*.po)

# A .venv whose Python has gone (the system's was upgraded) is made anew.
$(if $(wildcard .venv),$(shell .venv/bin/python -c '' 2>/dev/null || rm -rf .venv))

.PHONY: help demo totp device test check soak bench docs lock clean python
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/run .venv/translations ## the provider and two services, on ports 8000 to 8002
	@exec $(BIN)/python -m demo.run

totp: .venv/run ## the six digits of each test citizen, now
	@$(BIN)/python -m demo.totp

device: .venv/run ## a device without a browser, which waits for a citizen's yes
	@$(BIN)/python -m demo.device

test: .venv/test .venv/translations ## every test but the long ones
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: .venv/test .venv/translations ## style, types, import contracts, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -n 0 tests/architecture

soak: .venv/test .venv/translations ## the long form of what `make test` samples; TESTS=path runs some of it
	$(BIN)/python -m pytest -s -m soak --timeout 3600 $(TESTS)

bench: .venv/test .venv/translations ## requests per second, latency, processor time and memory; REQUESTS=number asks fewer
	$(BIN)/python -m bench.signing
	$(BIN)/python -m bench.letters
	$(BIN)/python -m bench.run
	$(BIN)/python -m bench.passkey
	$(BIN)/python -m bench.workers
	$(BIN)/python -m bench.growth
	$(BIN)/python -m bench.memory $(if $(REQUESTS),--requests $(REQUESTS))

docs: .venv/test ## write the documents that are made from the code
	$(BIN)/python -m tests.architecture.generated

# With the oldest Python that is supported (PYTHON=…): what only an old one needs is left out by a newer one.
lock: python ## write the two lock files anew; UPGRADE=1 takes newer versions
	@test -x var/lock/bin/pip-compile || { "$(PYTHON)" -m venv var/lock && var/lock/bin/pip install --quiet pip-tools; }
	var/lock/bin/pip-compile $(LOCK_OPTIONS) --output-file=requirements.txt pyproject.toml
	var/lock/bin/pip-compile $(LOCK_OPTIONS) --extra=test --output-file=requirements-test.txt pyproject.toml

LOCK_OPTIONS = --quiet --allow-unsafe --generate-hashes --strip-extras $(if $(UPGRADE),--upgrade) \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

clean: ## remove what the other commands made, the demo's data too
	rm -rf .venv var build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What each sentence is for: a fresh machine where one thing is missing must say which, and what to do.
python:
	@test -n "$(PYTHON)" && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Adgang needs Python 3.11 or later, and $(or $(PYTHON),the PATH) has none. Install it (Debian: apt-get install python3"; \
	  echo "python3-venv), or name the one to use: make PYTHON=/path/to/python3.12 …"; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module. Install it (Debian: apt-get install python3-venv) and run the same command again."; exit 1; }

.venv/run: requirements.txt pyproject.toml | python
	@$(call install,requirements.txt)

.venv/test: requirements-test.txt pyproject.toml | python
	@$(call install,requirements-test.txt)
	@touch .venv/run

.venv/translations: $(TRANSLATIONS) | .venv/run
	@test -z "$(TRANSLATIONS)" || $(BIN)/pybabel --quiet compile --directory idp/translations
	@touch $@

define install
{ test -x $(BIN)/python || { echo "Making .venv"; "$(PYTHON)" -m venv --clear .venv; }; } && \
echo "Installing what $(1) lists" && \
{ $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --prefer-binary -r $(1) || { \
  if command -v cc >/dev/null; then \
    echo "The packages could not be installed; the lines above say why. Is the package index within reach?"; \
  else \
    echo "The packages could not be installed; the lines above say why. If one has to be built here, it needs a C compiler:"; \
    echo "install one (Debian: apt-get install build-essential python3-dev) and run the same command again."; \
  fi; exit 1; }; } && \
$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . && \
touch $@
endef

# make demo   sets everything up and runs one family's calls, end to end
# make test   sets everything up and runs every check
# The rest is for developers.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
NODE_SDK := twilio@5.13.1
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
# Most tests wait more than they compute: one more at a time than there are cores.
JOBS ?= $(shell expr $$(nproc) + 1)
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test test-chaos setup setup-dev chromium node check unit integration acceptance browser coverage bench train-text train-text-encoder train-speaker train-voice clean

demo: setup
	@$(BIN)/callguard demo $(ARGS)

setup: .venv/.setup

.venv/bin/python:
	@echo "== Making a virtual environment in .venv with $(PYTHON)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { \
	  echo "== Python's venv module is incomplete; installing the system's package for it"; rm -rf .venv; \
	  [ "$$(id -u)" = 0 ] || { echo "Not root. Run: sudo apt-get install python3-venv"; exit 1; }; \
	  apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv .venv; }

.venv/.setup: pyproject.toml | .venv/bin/python
	@echo "== Installing callguard with offline speech recognition (about a minute)"
	@$(BIN)/python -m pip install --quiet --editable '.[speech]'
	@touch $@

setup-dev: .venv/.setup-dev

.venv/.setup-dev: .venv/.setup
	@echo "== Installing what the checks need"
	@$(BIN)/python -m pip install --quiet --editable '.[speech,dev]'
	@touch $@

chromium:
ifeq ($(CHROMIUM),)
	@echo "== Installing Chromium for the browser tests"
	@[ "$$(id -u)" = 0 ] || { echo "Not root. Run: sudo apt-get install chromium"; exit 1; }
	@apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
endif

node: .venv/node/$(NODE_SDK)

.venv/node/$(NODE_SDK): | .venv/bin/python
	@echo "== Installing Twilio's SDK for Node.js, which drives the stand-in in a test"
	@command -v node >/dev/null && command -v npm >/dev/null || { \
	  [ "$$(id -u)" = 0 ] || { echo "Not root. Run: sudo apt-get install nodejs npm"; exit 1; }; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null; }
	@mkdir -p .venv/node
	@npm install --prefix .venv/node --no-save --no-package-lock --no-audit --no-fund --silent $(NODE_SDK)
	@touch $@

test: check coverage
	@echo "== All checks passed"

check: setup-dev
	@echo "== Format, lint, types, import directions"
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

coverage: setup-dev chromium node
	@echo "== Unit, integration, acceptance and browser tests, with branch coverage"
	@$(BIN)/coverage erase
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal --cov --cov-report=term-missing:skip-covered $(ARGS)

unit integration acceptance: setup-dev node
	@$(BIN)/python -m pytest tests/$@ $(ARGS)

browser: setup-dev chromium
	@$(BIN)/python -m pytest tests/browser $(ARGS)

# About a quarter of an hour: a server is killed at every step of one call, and at random. With ARGS="--state FILE --seed N" it can be
# broken off and go on.
test-chaos: setup-dev
	@$(BIN)/python -m tests.chaos $(ARGS)

bench: setup-dev
	@$(BIN)/python -m bench $(ARGS)

.venv/.setup-train: .venv/.setup
	@echo "== Installing what the training needs"
	@$(BIN)/python -m pip install --quiet --editable '.[speech,train]'
	@touch $@

# Fits the local scorer to training/text in about two minutes: the same texts, encoder and lexica give the same model.
train-text: .venv/.setup-train
	@$(BIN)/python -m training.train_text $(ARGS)

# The same packages and texts give the same files.
train-text-encoder: .venv/.setup-train
	@$(BIN)/python -m training.text_encoder

# Fits the deepfake model in half an hour on one core and prints the figures of its card; broken off, it goes on where it was. DATA is the
# folder of voices, PROMPTS that of unpacked telephone prompts: docs/models/deepfake.md. Needs espeak-ng and flite; torch reads a file.
train-voice: .venv-voice/.setup
	@test -n "$(DATA)" || { echo "Say where the voices are: make train-voice DATA=DIR PROMPTS=DIR"; exit 1; }
	@OMP_NUM_THREADS=1 PYTHONPATH=. .venv-voice/bin/python -m training.voice.train --data "$(DATA)" $(if $(PROMPTS),--prompts "$(PROMPTS)") $(ARGS)

.venv-voice/.setup: pyproject.toml
	@$(PYTHON) -m venv .venv-voice
	@.venv-voice/bin/python -m pip install --quiet --editable '.[train-voice]'
	@.venv-voice/bin/python -m pip install --quiet --no-deps distillmos==0.9.1
	@touch $@

# Adapts the speaker network (about ten minutes on one core), fits what stands beside it and prints the figures of its card. Needs
# ARGS="--data DIR --prompts DIR --work DIR"; an interrupted run goes on where it was.
train-speaker: .venv-speaker/.setup
	@PYTHONPATH=. .venv-speaker/bin/python -m training.speaker $(ARGS)

# An environment of its own: torch never comes near the one that callguard runs in.
.venv-speaker/.setup: pyproject.toml
	@$(PYTHON) -m venv .venv-speaker
	@.venv-speaker/bin/python -m pip install --quiet --editable '.[train-speaker]'
	@.venv-speaker/bin/python -m pip install --quiet --no-deps Resemblyzer==0.1.4
	@touch $@

clean:
	rm -rf .venv .venv-voice .venv-speaker .train-voice .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

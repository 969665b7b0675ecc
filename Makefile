# The two commands to know: `make demo` and `make test`.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
ENGINE := eval "$$(scripts/engine env)"

.PHONY: help setup setup-tests engine lint format test matrix demo demo-down bench docs requirements clean

help:  ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

setup:  ## make .venv with the pinned development requirements
	@scripts/setup

setup-tests:
	@scripts/setup --tests

engine:  ## have a Docker engine and the base images
	@scripts/engine up

lint: setup  ## ruff and mypy, strict
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

format: setup  ## let ruff put the code in order
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

test: setup-tests engine  ## all tests, those on the engine included
	$(ENGINE) && REQUIRE_ENGINE=1 $(PYTHON) -m pytest -m "not matrix"

matrix: setup-tests engine  ## the long tests that CI runs besides
	$(ENGINE) && REQUIRE_ENGINE=1 $(PYTHON) -m pytest -m matrix

demo: setup engine  ## build the image, start the service, try it; leaves it running
	@$(ENGINE) && $(PYTHON) -m scripts.demo up

demo-down: setup  ## end the demo and remove its data
	@$(ENGINE) && $(PYTHON) -m scripts.demo down

bench: setup engine  ## measure; writes docs/performance.md
	$(ENGINE) && $(PYTHON) -m bench

docs: setup  ## write docs/checks.md and docs/doctor.md anew from the code
	$(PYTHON) -m dockertools.checks.docs > docs/checks.md
	$(PYTHON) -m dockertools.doctor.docs > docs/doctor.md

requirements:  ## pin requirements*.in anew
	$(PYTHON) -m pip install --quiet uv
	for name in requirements requirements-dev; do \
	  $(PYTHON) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate $$name.in --output-file $$name.txt; done

clean:  ## remove what the tools left
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist staticfiles

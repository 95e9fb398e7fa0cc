# Everything a person runs. `make` alone prints this list.
PY := .venv/bin/python
RIDGELINE := .venv/bin/ridgeline
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo .venv/bin/docker-compose)

.DEFAULT_GOAL := help
.PHONY: help setup demo test check unit integration e2e contract architecture lint format types imports schema deploy \
	faults-short tests up down up-minimal run migrate seed images bench faults faults-mutate clean

help: ## print this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## data plane, virtual environment, secrets: everything a fresh clone needs
	@scripts/setup

demo: setup ## start the fleet, activate the sandbox city, show its leads and one sale
	@$(RIDGELINE) demo

test: ## set up, then exactly `make check`
	@scripts/setup --tests
	@$(MAKE) --no-print-directory check

check: lint types imports schema deploy faults-short tests ## what CI runs

lint: ## ruff: rules and format
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check --quiet . || { echo "unformatted files: run \`make format\`"; exit 1; }

format: ## ruff: mend what it can
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format .

types: ## mypy, strict
	@$(PY) -m mypy

imports: ## import rules
	@.venv/bin/lint-imports

schema: ## models and migrations agree (in a database of its own)
	@$(PY) scripts/check-schema

deploy: ## Dockerfile, Compose, Kubernetes, Prometheus and Grafana files
	@scripts/validate-deploy

faults-short: ## the short chaos form
	@$(PY) -m tests.faults short

tests: ## every test, on real PostGIS and Redis
	@$(PY) -m pytest -q -n 2 --dist loadfile

unit: ## tests without database
	@$(PY) -m pytest -q tests/unit

integration: ## tests on PostGIS and Redis
	@$(PY) -m pytest -q -n 2 --dist loadfile tests/integration

e2e: ## whole flows against the sandbox
	@$(PY) -m pytest -q tests/e2e

contract: ## adapters, events and endpoint lists against what they promise
	@$(PY) -m pytest -q tests/contract

architecture: ## shape of the tree, import rules, documents that must agree with the code
	@$(PY) -m pytest -q tests/architecture

up: setup ## the whole fleet with sandbox, Prometheus, Grafana and MinIO in Docker Compose
	@docker info >/dev/null 2>&1 || { echo "make up needs a Docker engine; \`make demo\` or \`$(RIDGELINE) up\` do without"; exit 1; }
	@scripts/compose-env --sandbox
	@$(COMPOSE) up --detach --build --wait

down: ## stop what `make up` started
	@$(COMPOSE) down

up-minimal: setup ## data plane and sandbox only
	@$(RIDGELINE) up sandbox

run: setup ## one service in the foreground: make run S=scraper
	@test -n "$(S)" || { echo "usage: make run S=scraper"; exit 2; }
	@$(RIDGELINE) run $(S)

migrate: setup ## bring the demo's database to the newest schema
	@$(RIDGELINE) migrate

seed: setup ## verticals, cities, schedules
	@$(RIDGELINE) seed

images: setup ## build every image and start the Compose fleet once, where an engine can be had
	@scripts/build-images

bench: setup ## measure; writes a JSON and a table
	@$(PY) -m tests.bench

faults: setup ## break the real fleet and count what was lost or doubled
	@$(PY) -m tests.faults all

faults-mutate: setup ## four planted bugs must each turn the chaos suite red
	@$(PY) -m tests.faults mutate

clean: ## remove data plane, virtual environment and caches
	@test ! -x $(RIDGELINE) || $(RIDGELINE) down || true
	@scripts/dataplane clean
	@rm -rf .venv *.egg-info artifacts .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

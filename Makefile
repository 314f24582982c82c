# `make` alone explains what there is.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help setup demo up test long check prove mutants simulate bench docs messages lock sbom audit

BIN := .venv/bin
# For example: make test ARGS="tests/unit -x"
ARGS ?=
# Most tests wait for servers: two at a time take half as long on two cores.
WORKERS ?= 2

help: ## this list
	@echo "Amtstermin. On a fresh Debian 12 with Python 3.11 each of these works by itself:"
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
		|| sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1   \2/p' $(MAKEFILE_LIST)

setup: ## virtual environment, locked packages, RabbitMQ and mongod; the others call it, and it is quick when done
	@deploy/local/bootstrap.sh

demo: setup ## one family's booking from the first click to the figure, on real servers, then everything stops
	@$(BIN)/python -m deploy.local demo

up: setup ## everything running until Ctrl-C, data under .local/, addresses in .local/addresses.json
	@$(BIN)/python -m deploy.local up

test: setup ## the whole test suite, two files at a time; ARGS="tests/unit -x" for a part of it, WORKERS=0 for one by one
	@$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

long: setup ## what takes too long for every change: a cluster that loses nodes, in containers; figures rebuilt, killed meanwhile
	@$(BIN)/pytest -m long $(ARGS)

check: setup ## what CI holds the code to: style, format, types, who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m services.notification.translating --check
	$(BIN)/python -m services.booking.web.translating --check

prove: setup ## breaks everything while people book, then the ledger; PROVE_MINUTES, PROVE_SEED, PROVE_FAULTS
	@$(BIN)/python -m tests.prove $(ARGS)

mutants: setup ## eight deliberate faults in the code, each of which the proof must catch; ARGS="1 4" for some
	@$(BIN)/python -m tests.mutants $(ARGS)

simulate: setup ## ten thousand seeds of relay, dispatcher and projections with crashes; ARGS="--seeds 500" for fewer
	@$(BIN)/python -m tests.simulation $(ARGS)

bench: setup ## the program's speed beside the machine's limits, into bench/results/latest.json
	@$(BIN)/python -m bench $(ARGS)

docs: setup ## the generated parts of docs/ anew from the code
	@$(BIN)/python -m shared.contracts.asyncapi docs/asyncapi.json
	@$(BIN)/python -m services.reporting.definitions docs/figures.md

messages: setup ## the catalogues of messages and pages anew; then says what is not translated yet
	@$(BIN)/python -m services.notification.translating
	@$(BIN)/python -m services.booking.web.translating

lock: ## requirements/*.txt anew from requirements/*.in; ARGS=--upgrade for the newest of all
	@requirements/lock.sh $(ARGS)

sbom: setup ## bills of materials (CycloneDX) of all images from the locks alone, into build/sbom
	@$(BIN)/python -m deploy.sbom build/sbom

audit: ## asks public advisories about every locked package; needs a network
	@requirements/audit.sh $(ARGS)

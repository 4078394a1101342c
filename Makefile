# The vocabulary of the house; people, hooks and CI speak no other. `make` lists it.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
# More than two cores have: many tests wait for processes and clocks.
WORKERS ?= 3
COVERAGE ?= build/coverage
ARGS ?=
TIDEMILL_HOME ?= .tidemill
export TIDEMILL_HOME
STAMP := $(shell date -u +%Y%m%dT%H%M%SZ)
PORTS := 9001 9012 9014

.DEFAULT_GOAL := help
.PHONY: help trade trade-cli trade-cli-backfill trade-cli-timestamp open-trading test-order test-logs smoke full-check run report backtest test test-sim test-api check format format-check lint types floors docs docs-check parity bounds bench \
	bench-peers lock clean setup-dev test-cov pre-commit-install pre-commit-run run-api run-dev run-prod run-docker \
	secrets health routes logs-api db-clean reset cleanup-ports

# Installs a lock file and this package into $(VENV): with uv when it is there and gets through, else with pip.
define install
	@echo "Installing $(1) into $(VENV) ..."
	@{ command -v uv >/dev/null 2>&1 \
		&& uv pip install -q --python $(PY) --require-hashes -r $(1) 2>/dev/null; } \
		|| $(PY) -m pip install -qq --disable-pip-version-check --require-hashes -r $(1)
	@$(PY) -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
endef

##@ First
help:  ## list these targets
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run-ready  ## backtest real daily prices, then trade them on paper with a kill half way (installs itself the first time)
	@$(BIN)/tidemill demo --real $(ARGS)

report: $(VENV)/.run-ready  ## the same on a simulated market, with build/report.html
	@mkdir -p build
	@$(BIN)/tidemill demo --report build/report.html $(ARGS)

# POSITION_SIZE is METHOD:VALUE as --sizing; STOP_LOSS and TAKE_PROFIT are percent; OUTPUT_DIR is for all tables.
backtest: $(VENV)/.run-ready  ## test STRATEGY on DATA_FILE=bars.csv: CAPITAL, POSITION_SIZE, STOP_LOSS, TAKE_PROFIT, OUTPUT_DIR, ARGS
	@$(BIN)/tidemill backtest "$(or $(STRATEGY),momentum)" $(if $(DATA_FILE),--data "$(DATA_FILE)") \
		$(if $(CAPITAL),--cash "$(CAPITAL)") $(if $(POSITION_SIZE),--sizing "$(POSITION_SIZE)") \
		$(if $(STOP_LOSS),--stop-loss "$(STOP_LOSS)") $(if $(TAKE_PROFIT),--take-profit "$(TAKE_PROFIT)") \
		$(if $(OUTPUT_DIR),--tables "$(OUTPUT_DIR)") $(ARGS)

##@ The service
run-api: $(VENV)/.run-ready  ## engines, API and watchdog on 127.0.0.1:9001, until Ctrl-C
	@$(BIN)/tidemill up $(ARGS)

run-dev: $(VENV)/.run-ready  ## the same with the profile dev: wide hours and limits
	@APP_ENV=dev $(BIN)/tidemill up $(ARGS)

run-prod: $(VENV)/.run-ready  ## the same with the profile prod: narrow hours and limits, port 8000
	@APP_ENV=prod $(BIN)/tidemill up $(ARGS)

run-docker: secrets  ## the service with PostgreSQL, Prometheus and Grafana in containers
	@docker compose -f deploy/compose.yaml up --build --detach $(ARGS)

secrets:  ## make the secrets of the containers in deploy/secrets, once
	@deploy/tools/secrets.sh

health: $(VENV)/.run-ready  ## ask the running service how it fares
	@$(PY) deploy/tools/ask.py /v1/health/ready

routes: $(VENV)/.run-ready  ## list what the running service can be asked for, and the role it takes
	@$(PY) deploy/tools/ask.py --routes

trade: $(VENV)/.run-ready  ## send trade_template.json (FILE=...) to the running service, and keep it in trades_submitted
	@$(BIN)/tidemill trade $(or $(FILE),trade_template.json) $(ARGS)

trade-cli: $(VENV)/.run-ready  ## ask for a quick trade and send it (ARGS="--backfill --entered-at TIME")
	@$(BIN)/tidemill trade $(ARGS)

trade-cli-backfill: $(VENV)/.run-ready  ## ask for a trade of the past and write it down, without trading
	@$(BIN)/tidemill trade --backfill $(ARGS)

trade-cli-timestamp: $(VENV)/.run-ready  ## ask for a quick trade that was entered AT=2025-09-12T13:45:00Z
	@$(BIN)/tidemill trade --entered-at $(or $(AT),$(error Say when it was entered: AT=2025-09-12T13:45:00Z)) $(ARGS)

open-trading: $(VENV)/.run-ready  ## let the owner's desk of the running service trade at all hours
	@$(BIN)/tidemill smoke $@

test-order: $(VENV)/.run-ready  ## place a paper bracket, fill it by a tick and close it
	@$(BIN)/tidemill smoke $@

test-logs: $(VENV)/.run-ready  ## read trade logs and their export
	@$(BIN)/tidemill smoke $@

smoke: $(VENV)/.run-ready  ## open all hours, place and fill a paper bracket, read the logs: on the running service
	@$(BIN)/tidemill smoke

full-check: health routes smoke  ## health, routes and smoke of the running service

logs-api:  ## follow the log of the API
	@tail -n 50 -F $(TIDEMILL_HOME)/logs/api.log

db-clean: $(VENV)/.run-ready  ## save the database and the tapes, then begin with an empty one (YES=1 does not ask)
	@[ "$(YES)" = 1 ] || { printf 'Save and empty the database in $(TIDEMILL_HOME)? [y/N] '; read a; [ "$$a" = y ]; }
	@if $(PY) deploy/tools/ask.py /v1/health >/dev/null 2>&1 || { [ -e $(TIDEMILL_HOME)/tidemill.db ] && ! $(PY) -c \
		'from tidemill.services.home import change_store, find_home; change_store(find_home()).close()' 2>/dev/null; }; \
		then echo "It is at work; end it first (make cleanup-ports, or Ctrl-C where it was started)."; exit 1; fi
	@if [ -e $(TIDEMILL_HOME)/tidemill.db ]; then mkdir -p $(TIDEMILL_HOME)-backups \
		&& $(BIN)/tidemill backup $(TIDEMILL_HOME)-backups/$(STAMP).db \
		&& rm -rf $(TIDEMILL_HOME)/tidemill.db* $(TIDEMILL_HOME)/runs; fi

reset: db-clean  ## db-clean, and logs and the key that signs tokens with it: everybody signs in anew
	@rm -rf $(TIDEMILL_HOME)/logs $(TIDEMILL_HOME)/jwt.key

cleanup-ports: | $(PY)  ## end our programs that still listen on 9001, 9012 and 9014; those of others are named
	@$(PY) deploy/tools/ports.py $(PORTS)

##@ Working on Tidemill
setup-dev: $(VENV)/.dev-ready pre-commit-install  ## everything a developer needs, hooks included

test: $(VENV)/.dev-ready  ## all tests that CI runs
	@$(PY) -m tidemill.kernel.warm
	@$(PY) -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-cov: $(VENV)/.dev-ready  ## all tests, and what of the code they reach in build/coverage (compiled code is not seen)
	@$(PY) -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder --cov=tidemill --cov-report=term:skip-covered \
		--cov-report=html:$(COVERAGE) $(ARGS)

test-sim: $(VENV)/.dev-ready  ## two thousand simulated days with faults of every kind (SIM_DAYS, SIM_FIRST choose others)
	@$(PY) -m tidemill.kernel.warm
	@$(PY) -m pytest -q -n $(WORKERS) -m campaign tests/simulation $(ARGS)

test-api: $(VENV)/.dev-ready  ## ten thousand odd requests for the whole API, an engine beside it (API_CASES, API_SEED choose others)
	@$(PY) -m tidemill.kernel.warm
	@$(PY) -m pytest -q -m campaign tests/web/test_fuzz.py $(ARGS)

check: format-check lint types floors docs-check  ## formatting, lint, types, floors and docs, changing nothing

format: $(VENV)/.dev-ready  ## rewrite the sources in the one format
	@$(BIN)/ruff check -q --select I,RUF022 --fix . || true
	@$(BIN)/ruff format -q .

format-check: $(VENV)/.dev-ready  ## say which files `make format` would change
	@$(BIN)/ruff format -q --check .

lint: $(VENV)/.dev-ready  ## ruff with every rule, each exception with its reason in pyproject.toml
	@$(BIN)/ruff check -q .

types: $(VENV)/.dev-ready  ## mypy --strict
	@$(BIN)/mypy --no-error-summary

floors: $(VENV)/.dev-ready  ## who may import whom
	@$(BIN)/lint-imports --no-logo

pre-commit-install: $(VENV)/.dev-ready  ## let git run the checks before every commit
	@$(BIN)/pre-commit install

pre-commit-run: $(VENV)/.dev-ready  ## run these checks now, on every file
	@$(BIN)/pre-commit run --all-files

docs: $(VENV)/.dev-ready  ## rewrite the pages that are made from the code
	@$(PY) tests/house/reference.py

docs-check: $(VENV)/.dev-ready  ## house rules: names, docstrings, links, examples, generated pages
	@$(PY) -m pytest -q tests/house

parity: $(VENV)/.dev-ready  ## loop, one by one and interpreted give the same bytes
	@$(PY) -m pytest -q tests/parity $(ARGS)

bounds: $(VENV)/.dev-ready  ## the tests against twins again, with every array index checked
	@NUMBA_BOUNDSCHECK=1 $(PY) -m pytest -q $(wildcard tests/parity) $$(grep -rlE '^from naive' tests --include='test_*.py') $(ARGS)

bench: $(VENV)/.dev-ready  ## measure our own budgets
	@$(PY) bench/run.py $(ARGS)

bench-peers: $(VENV)/.dev-ready  ## the same work side by side with other engines (in environments of their own under build/peers)
	@$(PY) bench/peers.py $(ARGS)

lock:  ## resolve the lock files anew (needs uv)
	@for name in dev run service; do \
		case $$name in dev) flags="--extra dev";; run) flags="-c requirements/dev.lock";; \
			service) flags="--extra postgres -c requirements/dev.lock";; esac; \
		uv pip compile -q pyproject.toml requirements/build.in $$flags --universal --python-version 3.11 \
			--generate-hashes --no-emit-index-url --strip-extras --custom-compile-command "make lock" \
			--upgrade -o requirements/$$name.lock || exit 1; \
	done

clean:  ## remove build products and tool caches; environments stay
	@[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name peers -exec rm -rf {} +
	@rm -rf dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@command -v $(PYTHON) >/dev/null 2>&1 \
		|| { echo "There is no $(PYTHON) here; install Python 3.11 or newer, or name it: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Tidemill needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1); name a newer one: make PYTHON=python3.12"; exit 1; }
	@echo "Creating $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run-ready: requirements/run.lock pyproject.toml | $(PY)
	$(call install,requirements/run.lock)
	@touch $@

$(VENV)/.dev-ready: requirements/dev.lock pyproject.toml | $(PY)
	$(call install,requirements/dev.lock)
	@touch $@ $(VENV)/.run-ready

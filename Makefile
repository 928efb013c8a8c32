# make demo   set up everything and run the main job on this machine alone
# make test   set up everything, then lint, types and all tests
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test check format chaos bench lock lock-deploy check-deploy clean

demo: $(READY)
	$(BIN)/octoworker demo

test: check
	$(BIN)/pytest

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# make chaos KILLS=1000   the long run: thousands of messages, mixed faults, a verdict for each message
KILLS ?= 100
chaos: $(READY)
	$(BIN)/python tests/journeys/chaos.py --kills $(KILLS)

# make bench   a million held messages: memory, release, lateness; writes benchmarks/results/
HELD ?= 1000000
bench: $(READY)
	$(BIN)/python benchmarks/held.py --held $(HELD)

# Write constraints.txt anew from pyproject.toml.
lock: $(READY)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --generate-hashes --universal --upgrade \
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

# Write the locks of the deployment's checks and of Flower's image anew.
lock-deploy: $(READY)
	$(BIN)/pip install --quiet uv
	for each in checks flower; do $(BIN)/uv pip compile deploy/$$each/requirements.in --generate-hashes --universal \
		--python-version 3.11 --upgrade --no-emit-index-url --no-header --no-annotate --quiet -o deploy/$$each/requirements.txt; done

$(READY): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("octoworker needs Python 3.11 or newer (make PYTHON=python3.12 ...)" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf .venv dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

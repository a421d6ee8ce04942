# Perennial. `make` alone prints what there is. Each target installs what it needs.
# What an operator does is the `perennial` command: `pip install .`, `perennial --help`.
#
# Lines that begin with `## ` are the help.

PYTHON ?= python3
PORT ?= 3000
DATA ?= .perennial
PYTHON_RUNTIME := 3.13

# Lambda sees the layer at /opt/python; here it is first on the path, the repository second.
# (pytest and mypy read the same from pyproject.toml.)
WITH_LAYER := PYTHONPATH='$(CURDIR)/layers/common:$(CURDIR)'

export PYTHONUTF8 := 1
export SAM_CLI_TELEMETRY := 0
export AWS_DEFAULT_REGION ?= us-east-1

# Bytecode is written although the caller's environment may say otherwise: without it each process
# compiles all that it imports, and a run of the tests rewrites each of its files.
unexport PYTHONDONTWRITEBYTECODE

# Four environments. `.venv` runs and tests, with the emulator, and with uv, which installs.
# `.venv-tools` has the SAM command line and checkov, whose pins exclude ours. `.venv-lambda` is the
# runtime's own Python with what Lambda has, and exists only where there is such a Python.
# `.venv-sdk` has the generator of the Python SDK, whose pins exclude our typer, and Node.
UV := .venv/bin/uv
DEV := .venv/.installed
TOOLS := .venv-tools/.installed
LAMBDA := .venv-lambda/.installed
SDK := .venv-sdk/.installed

.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make run        start Perennial on 127.0.0.1 (PORT=3000, DATA=.perennial, SELL_AT=sandbox, STRIPE_KEY=sk_test_..)
.PHONY: run
run: export STRIPE_KEY := $(STRIPE_KEY)
run: export SELL_AT := $(SELL_AT)
run: export PORT := $(PORT)
run: export DATA := $(DATA)
run: $(DEV)
	@exec env $(WITH_LAYER) .venv/bin/python -m dev.run

## make test       run the fast tests, in 5 to 7 minutes (ARGS='-k rebill' runs some of them)
.PHONY: test
test: $(DEV)
	$(if $(RECORD),PRIVILEGES=$(RECORD) $(WITH_LAYER)) .venv/bin/pytest -n 2 -m "not slow" \
	  $(if $(RECORD),-p tests.privileges.recorder) $(ARGS)

## make test-slow  run the slow tests: browser, package, kill and load, and the fast ones in depth
# pytest ends with 5 when it has nothing to run, which is no failure here.
.PHONY: test-slow
test-slow: export PERENNIAL_TEST_DEEP := 1
test-slow: $(DEV) $(TOOLS) $(LAMBDA) sdk
	.venv/bin/pytest -n 2 --dist loadfile -m "slow or hypothesis" $(ARGS) || test $$? -eq 5

## make test-all   run all tests
.PHONY: test-all
test-all: test-slow test

## make sim        simulate years of billing with faults (SEEDS=40, SEED_FROM=n; SEED=n replays one)
SEEDS ?= 40
.PHONY: sim
sim: $(DEV)
	@$(WITH_LAYER) .venv/bin/python -m sim $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) \
	  $(if $(SEED_FROM),--seed-from $(SEED_FROM)))

## make sim-mutants  remove each guard of the charge protocol, and check that the simulator notices
.PHONY: sim-mutants
sim-mutants: $(DEV)
	@$(WITH_LAYER) .venv/bin/python -m sim --mutants --seeds 80

## make edge-mutants  remove each guard of requests, sessions, links and limits, and check that a test notices
.PHONY: edge-mutants
edge-mutants: $(DEV)
	@$(WITH_LAYER) .venv/bin/python -m dev.edge_mutants

## make kill       run the long kill test: 300 subscriptions, 20 trials
.PHONY: kill
kill: export KILL_SUBSCRIPTIONS := 300
kill: export KILL_TRIALS := 20
kill: $(DEV)
	.venv/bin/pytest -m slow tests/local_stack/test_kill.py $(ARGS)

## make load       run fifty clients for a minute, then webhooks beside endpoints that fail
.PHONY: load
load: export LOAD_SECONDS ?= 60
load: $(DEV)
	.venv/bin/pytest -s -m slow tests/local_stack/test_load.py tests/local_stack/test_webhook_load.py $(ARGS)

## make stripe-check  run the gateway tests against Stripe's test mode (KEY=sk_test_..)
.PHONY: stripe-check
stripe-check: export STRIPE_CHECK_KEY := $(KEY)
stripe-check: $(DEV)
	@case "$$STRIPE_CHECK_KEY" in sk_test_?*) ;; *) \
	  echo "make stripe-check needs KEY=sk_test_..: a secret key of Stripe's test mode"; exit 1;; esac
	.venv/bin/pytest tests/gateways/test_gateways*.py $(ARGS)

## make bench      run all benchmarks, and compare them with goals and baseline
.PHONY: bench
bench: $(DEV) $(LAMBDA)
	@$(WITH_LAYER) .venv/bin/python -m bench

## make check      check format, lint, types, security, imports, docstrings, lengths and template
.PHONY: check
check: $(DEV) $(TOOLS)
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/bandit -q -c pyproject.toml -r layers functions dev bench perennial
	$(WITH_LAYER) .venv/bin/lint-imports --no-cache
	@$(WITH_LAYER) .venv/bin/python -m dev.docstrings
	@$(WITH_LAYER) .venv/bin/python -m dev.file_lengths
	.venv-tools/bin/sam validate --lint

## make stack-check  check the template with cfn-lint's serverless rules and checkov
.PHONY: stack-check
stack-check: $(DEV) $(TOOLS)
	.venv-tools/bin/cfn-lint -a cfn_lint_serverless.rules -- template.yaml
	@mkdir -p .aws-sam
	@$(WITH_LAYER) .venv/bin/python -m dev.expand > .aws-sam/expanded.json
	.venv-tools/bin/checkov --config-file .checkov.yaml -f .aws-sam/expanded.json

## make api-lint   check the OpenAPI document of /v1 with Redocly and Spectral (needs node)
REDOCLY := @redocly/cli@2.77.0
SPECTRAL := @stoplight/spectral-cli@6.16.3
.PHONY: api-lint
api-lint: $(DEV)
	@command -v npx > /dev/null || { echo "make api-lint needs node, for npx."; exit 1; }
	@mkdir -p .aws-sam
	@$(WITH_LAYER) .venv/bin/python -m dev.api_document > .aws-sam/openapi.json
	npx --yes $(REDOCLY) lint .aws-sam/openapi.json --config api/redocly.yaml
	npx --yes $(SPECTRAL) lint .aws-sam/openapi.json --ruleset api/spectral.yaml --fail-severity=warn

## make emulate    deploy the template to an emulated AWS, and run the README's transcript there
.PHONY: emulate
emulate: $(DEV) $(TOOLS) $(LAMBDA)
	.venv/bin/pytest -s -m slow tests/emulated $(ARGS)
	@$(WITH_LAYER) .venv/bin/python -m dev.emulate.limits

## make audit      list known vulnerabilities of pinned packages (needs pip-audit)
.PHONY: audit
audit: $(DEV)
	@$(WITH_LAYER) .venv/bin/python -m dev.audit

## make format     format the code, and fix what ruff can
.PHONY: format
format: $(DEV)
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

## make spec       list the rules of docs/SPEC.md with the tests that prove them
.PHONY: spec
spec: $(DEV)
	@$(WITH_LAYER) .venv/bin/python -m dev.spec

## make build      package for Lambda (needs python3.13)
# sam wants the runtime's own Python first on PATH, and a version manager's shim does not do: so
# each candidate is asked where it really is. Then what a cold start need not do is done here, and
# what no function reads is taken out.
define sam_build
@found=$$($(MAKE) -s --no-print-directory runtime-python) || { \
  echo "make $@ needs python$(PYTHON_RUNTIME), the version that Lambda runs. Install it first."; \
  exit 1; }; \
PATH="$$(dirname "$$found"):$$PATH" .venv-tools/bin/sam build $(2) && \
env -u PYTHONPATH .venv-lambda/bin/python dev/precompile.py $(1) && \
"$$found" dev/slim.py $(1)/CommonLayer/python
endef
.PHONY: build
build: $(TOOLS) $(LAMBDA)
	$(call sam_build,.aws-sam/build)

# The same for the processor of this machine, so that it can be run here.
HERE := .aws-sam/here
.PHONY: build-here
build-here: $(TOOLS) $(LAMBDA)
	@mkdir -p $(HERE)
	@sed 's/arm64/$(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64)/' template.yaml \
	  > $(HERE)/template.yaml
	$(call sam_build,$(HERE)/build,--template $(HERE)/template.yaml --base-dir . \
	  --build-dir $(HERE)/build --cache-dir $(HERE)/cache)

# Prints the path of a python3.13, or fails.
.PHONY: runtime-python
runtime-python: $(UV)
	@for candidate in python$(PYTHON_RUNTIME) \
	    "$$(pyenv root 2>/dev/null)"/versions/$(PYTHON_RUNTIME)*/bin/python$(PYTHON_RUNTIME) \
	    "$$($(UV) python dir 2>/dev/null)"/cpython-$(PYTHON_RUNTIME)*/bin/python$(PYTHON_RUNTIME); \
	do \
	  "$$candidate" -c 'import pip, sys; print(sys.executable)' 2>/dev/null && exit 0; \
	done; exit 1

## make sdk        generate the SDKs for Python and TypeScript, in sdk/, from the API document
.PHONY: sdk
sdk: $(DEV) $(SDK)
	@$(WITH_LAYER) .venv/bin/python -m dev.sdk .venv-sdk

## make deploy     deploy to your AWS account; asks for parameters (PARAMETERS=deploy/first.yaml: asks nothing)
PARAMETERS :=
STACK_NAME :=
GUIDED := $(if $(PARAMETERS),,--guided)
UNASKED := --no-confirm-changeset --no-fail-on-empty-changeset
# The region above is for tools that only look; one that was not given is the caller's profile's.
CALLERS_REGION := $(if $(filter file,$(origin AWS_DEFAULT_REGION)),env -u AWS_DEFAULT_REGION)
.PHONY: deploy
deploy: build $(DEV)
	@$(WITH_LAYER) .venv/bin/python -m dev.stamp .aws-sam/build/template.yaml
	$(CALLERS_REGION) .venv-tools/bin/sam deploy $(or $(GUIDED),$(UNASKED)) \
	  $(if $(STACK_NAME),--stack-name $(STACK_NAME)) \
	  $(if $(PARAMETERS),--parameter-overrides 'file://$(PARAMETERS)')

## make lock       pin requirements/*.in again (UPGRADE=--upgrade for newer versions)
UPGRADE :=
LOCK = ../$(UV) pip compile -q --universal --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-annotate --no-header $(UPGRADE)
.PHONY: lock
lock: $(UV)
	cd requirements && $(LOCK) --python-version 3.11 bootstrap.in -o bootstrap.txt
	cd requirements && $(LOCK) --python-version 3.11 layer.in -o ../layers/common/requirements.txt
	cd requirements && $(LOCK) --python-version 3.11 run.in -o run.txt
	cd requirements && $(LOCK) --python-version 3.11 dev.in -o dev.txt \
	  --overrides emulator-overrides.in
	cd requirements && $(LOCK) --python-version 3.11 tools.in -o tools.txt \
	  --overrides tools-overrides.in
	cd requirements && $(LOCK) --python-version 3.11 sdk.in -o sdk.txt
	cd requirements && $(LOCK) --python-version $(PYTHON_RUNTIME) lambda.in -o lambda.txt \
	  --overrides emulator-overrides.in

## make docs       build the documentation into .site/; broken links fail
.PHONY: docs
docs: $(DEV)
	.venv/bin/mkdocs build --strict --quiet

## make screenshots  take screenshots of every page into .screenshots/: desktop and phone, light and dark
##                 (ARGS=--docs: only those in the documentation, into docs/screenshots/)
.PHONY: screenshots
screenshots: $(DEV)
	@$(WITH_LAYER) .venv/bin/python -m tests.browser.screenshots $(ARGS)

## make clean      remove installed tools and build output; keeps the data of `make run`
.PHONY: clean
clean:
	rm -rf .venv .venv-tools .venv-lambda .venv-sdk .aws-sam .mypy_cache .pytest_cache .ruff_cache

# uv is also in the list of what it installs there, or it would remove itself.
$(UV): requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Perennial needs python3 >= 3.11."; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

# A stamp says that an environment holds what its list says: unchanged lists install nothing.
SYNC = $(UV) pip sync -q --require-hashes --compile-bytecode --python $(@D)/bin/python $<

$(DEV): requirements/dev.txt $(UV)
	$(SYNC)
	@touch $@

$(TOOLS): requirements/tools.txt $(UV)
	$(UV) venv -q --clear --python .venv/bin/python $(@D)
	$(SYNC)
	@touch $@

$(SDK): requirements/sdk.txt $(UV)
	$(UV) venv -q --clear --python .venv/bin/python $(@D)
	$(SYNC)
	@touch $@

# Without a Python of the runtime's version the tests that need one are left out, and say so.
$(LAMBDA): requirements/lambda.txt $(UV)
	@found=$$($(MAKE) -s --no-print-directory runtime-python) || { \
	  echo "No python$(PYTHON_RUNTIME): nothing runs as in Lambda."; exit 0; }; \
	$(UV) venv -q --clear --python "$$found" $(@D) && $(SYNC) && touch $@

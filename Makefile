# pod-probe: every target sets up what it needs (system packages when root, a venv in .venv).

.DEFAULT_GOAL := help
PROBE := .venv/bin/probe
BENCH := full
PURE := $(addprefix tests/,access classify cluster cluster_live evidence report transcript)
# What neither waits nor shares anything, and can run side by side; the rest asks the machine about time and mounts.

.PHONY: help demo test lint proofs bench schema clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo:  ## Re-enact the incident on this machine in eleven scenes, with the verdict on each
	@.ci/setup demo
	@$(PROBE) demo

test:  ## All ordinary tests (under ten minutes on two cores)
	@.ci/setup test
	.venv/bin/python -m pytest -q -m 'not slow' -n 2 --dist loadfile $(PURE)
	.venv/bin/python -m pytest -q -m 'not slow' $(PURE:%=--ignore=%)

lint:  ## ruff and strict mypy
	@.ci/setup test
	.venv/bin/ruff check probe tests
	.venv/bin/ruff format --check probe tests
	.venv/bin/mypy --strict probe

proofs:  ## Long proofs that `make test` leaves out
	@.ci/setup test
	.venv/bin/python -m pytest -q -m slow || [ $$? -eq 5 ]

bench:  ## Speeds against skopeo and the shell, as ratios of one run (BENCH=quick: small archives)
	@.ci/setup test
	.venv/bin/python -m tests.bench $(BENCH)

schema:  ## Write docs/schema/ anew from the models
	@.ci/setup demo
	@for name in verdict report bundle explanation watch moment timeline timelines seal gate transcript cluster board; do $(PROBE) schema $$name > docs/schema/$$name.json; done

clean:  ## Remove what the targets made
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

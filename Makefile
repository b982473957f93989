.DEFAULT_GOAL := help
.PHONY: help .venv demo test check bench chaos

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z.]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/ready ## Start everything with simulated phones and Slack; prints the page's address
	@.venv/bin/muster demo

test: .venv/ready ## Run every test, on SQLite and on PostgreSQL
	@.venv/bin/pytest -n auto --dist worksteal

check: .venv/ready ## Check style, types, the arrows between modules, the docs, and every word that staff read
	@.venv/bin/ruff check
	@.venv/bin/mypy
	@.venv/bin/pytest -q tests/test_imports.py tests/test_docs.py tests/test_messages.py tests/test_templates.py

bench: .venv/ready ## Measure how fast messages leave and how much memory it takes
	@.venv/bin/python -m bench

chaos: .venv/ready ## Kill Muster with -9 over and over, and count what is lost or comes twice (20 minutes)
	@.venv/bin/python -m tests.chaos

.venv: .venv/ready ## Only set up: what is locked, and Muster itself as .venv/bin/muster

# A file inside stands for the whole: made last, so that a set-up that was interrupted is made again.
# All that the installer says goes to stderr, because the first address on stdout must be the demo's.
.venv/ready: requirements-dev.txt pyproject.toml
	@echo "Setting up .venv (the first time takes a minute or two)" >&2
	@for python in python3 python3.14 python3.13 python3.12 python3.11 python none; do \
		$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	if [ $$python = none ]; then echo "Muster needs Python 3.11 or newer, and none was found." >&2; exit 1; fi; \
	$$python -m venv .venv >&2
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt >&2
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable . >&2
	@touch $@

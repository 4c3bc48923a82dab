# Everything a developer types. The work is in scripts/, so that it reads as shell and not as Make.
.DEFAULT_GOAL := help
.PHONY: help setup demo test prove lint bench fuzz docs

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 16

setup: ## bring what the tests need, or say what to install
	@scripts/setup.sh all

demo: ## calls allowed, priced, refused and proved: no key, no network, under a minute after the build
	@scripts/setup.sh demo
	@scripts/demo.sh

test: ## build everything, run every test, check the book
	@scripts/setup.sh all
	@scripts/test.sh

prove: ## the long proofs: crashes at random moments, many agents on one budget
	@scripts/setup.sh all
	@scripts/prove.sh

lint: ## formatting, clippy, house rules, dependencies, deploy files
	@scripts/setup.sh lint
	@scripts/lint.sh

bench: ## the table in docs/performance.md
	@scripts/setup.sh bench
	@scripts/bench.sh

fuzz: ## every fuzz target for a minute (FUZZ_SECONDS=...)
	@scripts/setup.sh build
	@scripts/fuzz.sh

docs: ## the book and the crate documentation, in target/book and target/doc
	@scripts/setup.sh build
	@scripts/docs.sh

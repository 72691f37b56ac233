# `make` or `make help` lists what there is to do. Needs Rust, Python 3, make and a C compiler.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The folder of this file, wherever make was called from.
root := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))

# Tests, benchmarks and the service find ONNX Runtime here, unless the caller has another.
export ORT_DYLIB_PATH ?= $(root)/vendor/onnxruntime/libonnxruntime.so

# The demo model carries the time of its data instead of the time of its making: the same bytes whenever it is made.
demo_epoch := 1732406400
demo_seed := 42

duckdb_version := 2.0.1

.PHONY: help onnxruntime build serve demo test test-sql bench clean

help: ## Lists the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

onnxruntime: ## Fetches ONNX Runtime into vendor/, pinned and hash-checked.
	@cd $(root) && scripts/onnxruntime.sh

build: ## Builds the service and the companion, optimised.
	cd $(root) && cargo build --release --workspace --bins

serve: onnxruntime ## Serves models/demo on 127.0.0.1:8080 and prints a request to try (HOST=, PORT=, MODEL=).
	cd $(root) && cargo build --release --bin slirec-server
	@cd $(root) && scripts/serve.sh

demo: onnxruntime ## Makes models/demo anew: generate, prepare, train, evaluate, export.
	cd $(root) && cargo build --release --package slirec-cli
	cd $(root) && SOURCE_DATE_EPOCH=$(demo_epoch) SEED=$(demo_seed) scripts/demo.sh

test: onnxruntime ## Checks format, lints, tests and documentation, as the continuous integration does.
	cd $(root) && cargo fmt --all --check
	cd $(root) && cargo clippy --workspace --all-targets -- -D warnings
	cd $(root) && cargo test --workspace
	cd $(root) && RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace

test-sql: ## Compares the SQL of docs/sql in DuckDB (from PyPI) with our own import.
	cd $(root) && cargo build --package slirec-cli
	cd $(root) && test -x work/duckdb/bin/python || python3 -m venv work/duckdb
	cd $(root) && work/duckdb/bin/pip install --quiet --disable-pip-version-check duckdb==$(duckdb_version)
	cd $(root) && work/duckdb/bin/python scripts/test_sql.py target/debug/slirec

bench: onnxruntime ## Measures the latency of the engine.
	cd $(root) && cargo bench --package slirec-engine

clean: ## Removes everything that was built, fetched or made on the way.
	cd $(root) && cargo clean
	rm -rf $(root)/vendor $(root)/work

# `make` or `make help` lists what there is to do. Needs Rust, Python 3, make and a C compiler.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The folder of this file, wherever make was called from.
root := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))

# CUDA=1 is for NVIDIA's cards: of fetching, installing and serving.
export CUDA ?=

# Tests, benchmarks and the service find ONNX Runtime here, unless the caller has another.
export ORT_DYLIB_PATH ?= $(root)/vendor/onnxruntime$(if $(CUDA),-cuda)/libonnxruntime.so

# The demo model carries the time of its data instead of the time of its making: the same bytes whenever it is made.
demo_epoch := 1793404800
demo_seed := 42

# Python packages that some tests drive, pinned, in a virtual environment of their own.
python_tests := $(root)/work/python-tests
export SLIREC_PYTHON := $(python_tests)/bin/python

browser_tests := $(root)/work/browser-tests

onnx_tests := $(root)/work/onnx-tests
onnx_version := 1.23.2
onnxruntime_python_version := 1.32.0

signing_tests := $(root)/work/signing-tests

# Where the tests' programs are built.
binaries := $(or $(CARGO_TARGET_DIR),$(root)/target)

duckdb_version := 2.0.1

# The Python package is tested here; it finds ONNX Runtime in its own dependency.
wheel_tests := $(root)/work/wheel-tests
spark_tests := $(root)/work/spark-tests

docs_tools := $(root)/work/docs-tools

# The newest MLflow, and the oldest that is supported; the latter does not know newer SQLAlchemy and setuptools.
mlflow_tests := $(root)/work
mlflow_versions := 3.17.2 2.18.0

.PHONY: help onnxruntime build install serve demo test test-tensorboard test-api test-clients test-cuda test-attack test-browser test-deploy test-image test-stops test-neon test-unsafe simulate test-loom fuzz test-chaos soak reproducible test-signing sbom test-sql test-onnx test-mlflow wheel test-python test-spark bench-python bench-recommend docs bench bench-rules bench-serve bench-train clean

help: ## Lists the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

onnxruntime: ## Fetches ONNX Runtime into vendor/, pinned and hash-checked (CUDA=1: the one for NVIDIA's cards, 2 GB).
	@cd $(root) && scripts/onnxruntime.sh

build: ## Builds the service and the companion, optimised.
	cd $(root) && cargo build --release --workspace --bins

install: onnxruntime ## Installs programs, ONNX Runtime, completions, manual pages and a systemd unit below PREFIX (/usr/local; DESTDIR=, CUDA=).
	cd $(root) && cargo build --release --locked --workspace --bins
	@cd $(root) && PREFIX="$(or $(PREFIX),/usr/local)" DESTDIR="$(DESTDIR)" scripts/install.sh

serve: onnxruntime ## Serves models/demo on 127.0.0.1:8080 and prints a request to try (HOST=, PORT=, MODEL=).
	@test -x $(root)/target/release/slirec-server || echo "the first build takes about ten minutes on two cores" >&2
	cd $(root) && cargo build --release --bin slirec-server
	@cd $(root) && scripts/serve.sh

demo: onnxruntime ## Makes models/demo anew: generate, prepare, train, evaluate, export.
	cd $(root) && cargo build --release --package slirec-cli
	cd $(root) && SOURCE_DATE_EPOCH=$(demo_epoch) SEED=$(demo_seed) scripts/demo.sh

test: onnxruntime $(python_tests)/installed ## Checks format, lints, tests and documentation, as the continuous integration does.
	cd $(root) && cargo fmt --all --check
	cd $(root) && cargo clippy --workspace --all-features --all-targets -- -D warnings
	cd $(root) && cargo test --workspace --all-features
	@$(MAKE) --no-print-directory --directory $(root) test-tensorboard
	cd $(root) && RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace --all-features
	cd $(root) && cargo clippy --package slirec-server --bins -- -D warnings

test-tensorboard: $(python_tests)/installed ## Reads event files with the real TensorBoard.
	cd $(root) && cargo test --workspace --all-features --test tensorboard -- --ignored

test-browser: onnxruntime $(browser_tests)/installed ## Uses the pages in a real browser (chromium, installed from Debian's packages when it is not there).
	@command -v chromium chromedriver >/dev/null || (apt-get update && apt-get install --yes --no-install-recommends chromium chromium-driver)
	cd $(root) && cargo test --workspace --all-features --no-run --test service --test report --test verbs
	cd $(root) && cargo test --workspace --all-features --test report -- --ignored
	cd $(root)/tests/browser && SLIREC_SERVER=$(binaries)/debug/slirec-server \
	  SLIREC_AXE=$(browser_tests)/axe.min.js $(browser_tests)/bin/python test_pages.py
	@echo "pictures to look at: work/screenshots"

$(python_tests)/installed: $(root)/scripts/test.requirements.txt
	rm -rf $(python_tests)
	python3 -m venv $(python_tests)
	$(python_tests)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

# A browser's driver from PyPI, and the rules of accessibility from npm.
$(browser_tests)/installed: $(root)/scripts/browser.sh
	cd $(root) && scripts/browser.sh $(browser_tests)
	touch $@

test-api: onnxruntime ## Runs schemathesis against the service and its OpenAPI document (EXAMPLES=).
	cd $(root) && cargo build --package slirec-server
	@cd $(root) && scripts/test-api.sh

test-clients: onnxruntime ## Asks the service with KServe's, Triton's, Node's and generated TypeScript clients (needs Node and npm).
	@command -v npm curl >/dev/null || { echo "npm or curl is missing" >&2; exit 1; }
	cd $(root) && cargo build --package slirec-server
	@cd $(root) && scripts/test-clients.sh

test-deploy: onnxruntime ## Checks deploy/ and `make install`: rules with promtool, dashboard, compose, Kubernetes, systemd.
	cd $(root) && cargo build --workspace --all-features
	@cd $(root) && scripts/test-deploy.sh

test-image: ## Builds the image of the Dockerfile with Docker or Podman and checks it as it runs (BUILDER=, RUST_IMAGE=, DEBIAN_IMAGE=, IMAGE=).
	@cd $(root) && scripts/test-image.sh

test-cuda: ## Measures the service on an NVIDIA card beside the processor, and tries it without the card (SIZES=, SECONDS_EACH=).
	@$(MAKE) --no-print-directory --directory $(root) CUDA=1 onnxruntime work/tools/bin/oha
	cd $(root) && cargo build --release --package slirec-server
	@cd $(root) && scripts/test-cuda.sh

test-attack: onnxruntime ## Sends bodies that are made to take much memory, one and sixteen at once, and measures what is held (ATTACKS=).
	cd $(root) && cargo build --release --package slirec-server
	cd $(root) && SLIREC_SERVER=target/release/slirec-server python3 scripts/attack_memory.py $(ATTACKS)

test-stops: onnxruntime ## Stops the service under load, 50 times (REPEAT=), and fills it with 6,000 connections (CONNECTIONS=).
	cd $(root) && REPEAT=$(or $(REPEAT),50) CONNECTIONS=$(or $(CONNECTIONS),6000) cargo test --workspace --all-features --test service -- --nocapture --test-threads=1 when_the_service_stops_under_load fill_both_ports

test-chaos: onnxruntime ## Kills both programs in the midst of what they write, with full disks and bad registries, 500 times and more (SEED=, SCALE=, ONLY=).
	cd $(root) && cargo build --workspace --all-features --bins
	cd $(root) && COMPANION=$(binaries)/debug/slirec SLIREC_SERVER=$(binaries)/debug/slirec-server python3 scripts/chaos

soak: onnxruntime work/tools/bin/oha ## Keeps the service under mixed traffic and judges the slopes of memory, descriptors and latency (HOURS=2, SHARE=, WINDOW=, MODEL=).
	cd $(root) && cargo build --release --package slirec-server
	@cd $(root) && python3 scripts/soak.py

# Two builds from nothing, in folders of their own, of the same sources under the same paths.
reproducible: ## Builds both programs twice from nothing and compares the bytes (an hour on two cores).
	@cd $(root) && scripts/reproducible.sh

# The kernels for another architecture, emulated: what they compute, not how fast.
neon := aarch64-unknown-linux-gnu
test-neon: export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER := aarch64-linux-gnu-gcc
test-neon: export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER := qemu-aarch64 -L /usr/aarch64-linux-gnu
test-neon: ## Tests the kernels of AArch64 (NEON) in qemu, installed from Debian's packages when it is not there.
	@command -v qemu-aarch64 aarch64-linux-gnu-gcc >/dev/null || (apt-get update && apt-get install --yes --no-install-recommends qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
	cd $(root) && rustup target add $(neon)
	cd $(root) && cargo clippy --target $(neon) --package slirec-kernels --all-targets -- -D warnings
	cd $(root) && cargo test --target $(neon) --package slirec-kernels

# A sanitizer needs a nightly compiler, pinned; nothing that is built with it is kept beside the rest.
nightly := nightly-2026-05-20
test-unsafe: ## Tests the kernels' unsafe code under AddressSanitizer, with all instructions that this processor has.
	cd $(root) && rustup toolchain install $(nightly) --profile minimal
	cd $(root) && RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR=target/unsafe cargo +$(nightly) test --target x86_64-unknown-linux-gnu --package slirec-kernels --lib --tests

simulate: ## Runs the queue, deadlines, reloads and the stop under simulated time, from 10,000 seeds (SEEDS=; SEED= repeats one).
	cd $(root) && SEEDS=$(or $(SEEDS),10000) cargo test --package slirec-engine --lib simulation:: -- --nocapture

test-loom: ## Tries every order of what threads do where they share something by hand (loom).
	cd $(root)/loom && CARGO_TARGET_DIR=$(binaries)/loom cargo run --release --locked

# A target has the name of a folder in fuzz/kept. Temporary files lie in memory, where there is room for such.
fuzz: onnxruntime work/tools/bin/cargo-fuzz ## Has libFuzzer make up inputs for a target (TARGET=, SECONDS=60, SANITIZER=none); what fails lies in fuzz/artifacts.
	@test -d $(root)/fuzz/kept/$(or $(TARGET),none) || { echo "expected TARGET= and one of" $(notdir $(wildcard $(root)/fuzz/kept/*)) >&2; exit 1; }
	mkdir -p $(root)/fuzz/corpus/$(TARGET)
	export TMPDIR="$$(mktemp -d -p $(firstword $(wildcard /dev/shm) /tmp))" && trap 'rm -rf "$$TMPDIR"' EXIT && cd $(root) && $(if $(SANITIZER),RUSTUP_TOOLCHAIN=$(nightly)) work/tools/bin/cargo-fuzz fuzz run --sanitizer $(or $(SANITIZER),none) $(TARGET) fuzz/corpus/$(TARGET) fuzz/kept/$(TARGET) -- -max_total_time=$(or $(SECONDS),60) -timeout=20 -rss_limit_mb=4096

work/tools/bin/cargo-fuzz:
	cd $(root) && CARGO_TARGET_DIR=work/tools/target cargo install cargo-fuzz --version 0.13.2 --locked --root work/tools

sbom: work/tools/bin/cargo-cyclonedx ## Writes what both programs are built from into work/sbom, as CycloneDX.
	@cd $(root) && scripts/sbom.sh

work/tools/bin/cargo-cyclonedx:
	cd $(root) && CARGO_TARGET_DIR=work/tools/target cargo install cargo-cyclonedx --version 0.5.9 --locked --root work/tools

test-sql: ## Compares the SQL of docs/sql in DuckDB (from PyPI) with our own import.
	cd $(root) && cargo build --package slirec-cli
	cd $(root) && test -x work/duckdb/bin/python || python3 -m venv work/duckdb
	cd $(root) && work/duckdb/bin/pip install --quiet --disable-pip-version-check duckdb==$(duckdb_version)
	cd $(root) && work/duckdb/bin/python scripts/test_sql.py target/debug/slirec

test-onnx: onnxruntime $(onnx_tests)/installed ## Scores the golden requests by model.onnx in Python's onnxruntime, and checks the file with onnx.checker.
	cd $(root) && cargo build --package slirec-cli
	cd $(root) && scripts/test-onnx.sh $(onnx_tests)

test-signing: onnxruntime $(signing_tests)/installed ## Has the reference tool model-signing verify our signatures, and us verify its own.
	cd $(root) && cargo build --workspace --all-features --bins
	cd $(root) && COMPANION=$(binaries)/debug/slirec SLIREC_SERVER=$(binaries)/debug/slirec-server $(signing_tests)/bin/python scripts/test_signing.py

$(signing_tests)/installed: $(root)/scripts/test-signing.requirements.txt
	rm -rf $(signing_tests)
	python3 -m venv $(signing_tests)
	$(signing_tests)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

# Stock runtime and checker, pinned.
$(onnx_tests)/installed: $(root)/Makefile
	rm -rf $(onnx_tests)
	python3 -m venv $(onnx_tests)
	$(onnx_tests)/bin/pip install --quiet --disable-pip-version-check onnx==$(onnx_version) onnxruntime==$(onnxruntime_python_version)
	touch $@

test-mlflow: onnxruntime $(mlflow_versions:%=$(mlflow_tests)/mlflow-%/installed) ## Pushes to real MLflow servers, serves from them, swaps under load; times MLflow's own server beside ours.
	cd $(root) && cargo build --package slirec-cli
	cd $(root) && cargo build --release --package slirec-server
	cd $(root) && scripts/test-mlflow.sh $(mlflow_tests) $(mlflow_versions)

$(mlflow_tests)/mlflow-%/installed: $(root)/Makefile
	rm -rf $(@D)
	python3 -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check mlflow==$* onnxruntime==$(onnxruntime_python_version) 'setuptools<81' 'sqlalchemy<2.1'
	touch $@

wheel: export PROFILE ?= release
wheel: ## Builds the Python wheel into work/wheel, with both programs (PROFILE=dev: sooner built, slower).
	@cd $(root) && scripts/wheel.sh

test-python: wheel $(wheel_tests)/installed ## Installs the wheel where there is no Rust and tests it; checks its types and style (PROFILE=; Python 3.11 or newer).
	@cd $(root) && scripts/test-python.sh $(wheel_tests:$(root)/%=%)

$(wheel_tests)/installed: $(root)/scripts/test-python.requirements.txt
	@python3 -c 'import sys; sys.exit("the tools of these tests need Python 3.11" if sys.version_info < (3, 11) else 0)'
	rm -rf $(wheel_tests)
	python3 -m venv $(wheel_tests)
	$(wheel_tests)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

test-spark: wheel $(spark_tests)/installed ## Compares Spark on two executors with one machine, row by row, and MLflow's spark_udf (PROFILE=, SESSIONS=; installs Debian's Java when there is none).
	@command -v java >/dev/null || (apt-get update && apt-get install --yes --no-install-recommends default-jre-headless)
	@cd $(root) && scripts/test-spark.sh $(spark_tests:$(root)/%=%)

$(spark_tests)/installed: $(root)/scripts/test-spark.requirements.txt
	rm -rf $(spark_tests)
	python3 -m venv $(spark_tests)
	$(spark_tests)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

# The tools by hash, from PyPI; the site itself takes nothing from elsewhere.
docs: $(docs_tools)/installed ## Builds docs/ with search and the Python reference into work/site; a dead link fails it.
	@cd $(root) && NO_MKDOCS_2_WARNING=1 $(docs_tools)/bin/mkdocs build --quiet
	@echo "open work/site/index.html; for the search: python3 -m http.server --directory work/site"

$(docs_tools)/installed: $(root)/scripts/docs.requirements.txt
	rm -rf $(docs_tools)
	python3 -m venv $(docs_tools)
	$(docs_tools)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@

bench-python: test-python ## Measures the Python package: sessions of a frame a second, and interactions prepared beside the command (SESSIONS=, INTERACTIONS=).
	cd $(root) && env -u ORT_DYLIB_PATH $(wheel_tests)/bin/python scripts/bench_python.py

bench-recommend: test-python ## Measures `slirec recommend` over Parquet with the wheel, kills it on the way and compares what goes on (SESSIONS=, FILES=, KILLS=, SEED=).
	cd $(root) && env -u ORT_DYLIB_PATH $(wheel_tests)/bin/python scripts/bench_recommend.py

bench: onnxruntime ## Measures the latency of the engine, over catalogues of up to ten million products too, and of model.onnx beside it.
	cd $(root) && cargo bench --package slirec-engine --bench engine --bench ranking --bench self_contained

bench-rules: onnxruntime ## Measures what filters and rules cost at 100,000 products.
	cd $(root) && cargo bench --package slirec-engine --bench rules

bench-train: ## Measures the speed and memory of training on the golden data.
	cd $(root) && cargo bench --package slirec-train --bench training

bench-serve: onnxruntime work/tools/bin/oha ## Measures the service under load (MODEL=, SECONDS_EACH=, SOAK=, REPEAT=, CATALOGUES=).
	cd $(root) && cargo build --release --package slirec-server
	@cd $(root) && python3 scripts/bench_serve.py

# The load generator; a tool of the benchmark, not of the build.
work/tools/bin/oha:
	cd $(root) && CARGO_TARGET_DIR=work/tools/target cargo install oha --version 1.16.0 --locked --root work/tools

clean: ## Removes everything that was built, fetched or made on the way.
	cd $(root) && cargo clean
	rm -rf $(root)/vendor $(root)/work

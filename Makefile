# Every target that needs libtorch finds or installs it first; after that, plain cargo works too.
# One profile, release, for everything: libtorch's bindings take minutes to compile once.
CARGO ?= cargo

.PHONY: help build test bench fuzz lint libtorch
.DEFAULT_GOAL := help

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: libtorch ## Build target/release/plimsoll with every backend
	$(CARGO) build --release --locked

test: libtorch ## Run all tests, with libtorch and without
	$(CARGO) test --release --locked
	$(CARGO) test --release --locked --no-default-features

bench: libtorch ## Run every bench; the grid's report is reports/latest/report.html
	$(CARGO) bench --locked

fuzz: ## Feed every parser made-up bytes, a minute each (SECONDS=60)
	scripts/fuzz.sh $(or $(SECONDS),60)

lint: libtorch ## Check formatting, clippy and rustdoc (warnings are errors) and the layers
	$(CARGO) fmt --check
	$(CARGO) clippy --release --locked --all-targets -- -D warnings
	$(CARGO) clippy --release --locked --all-targets --no-default-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --locked --no-deps --document-private-items
	$(CARGO) test --release --locked --test main layers

libtorch: ## Find or install libtorch and link .libtorch to it
	@scripts/libtorch.sh >/dev/null

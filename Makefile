# Everything a contributor runs. Needs Go, git, make and bash; the test in an editor also npm.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help check test race editor bench bench-match bench-gates bench-windows crash fuzz build fmt

MODULES := . sdk
# What matching is compared with: a hundred modules to build, so make check does without.
PEERS := remediator/match/peers

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

# Four packages at a time, since many wait more than they work.
check: ## Look at format, vet, layout and run the short tests: two minutes, less when little changed.
	@diff=$$(gofmt -d .); if [ -n "$$diff" ]; then echo "$$diff"; echo "run make fmt"; exit 1; fi
	@for module in $(MODULES); do (cd $$module && go vet ./...); done
	@go run ./tools/testrun -show '^TestPullToClosed' -flags '-short -p=4' $(MODULES)

test: ## Run the full suite: 60 s of crashes, 200 oracle seeds, every README snippet.
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory editor || true; fi
	@go run ./tools/testrun -show '^Test(Crash|PullToClosed)' -flags '-timeout=30m' $(MODULES) $(PEERS)

# Without npm the test that needs it fails and says so: it is not left out unseen.
editor: tools/editor/node_modules/.package-lock.json ## Install the language server for the test in an editor, with npm.

tools/editor/node_modules/.package-lock.json: tools/editor/package.json tools/editor/package-lock.json
	@cd tools/editor && npm ci --ignore-scripts --no-progress

race: ## Run the short tests under the race detector; needs a C compiler.
	@go run ./tools/testrun -flags '-race -short -timeout=30m' $(MODULES)

bench: ## Measure; BENCH=NAME selects.
	@./tools/bench.sh

bench-match: ## Measure matching against other engines, on the same work.
	@cd $(PEERS) && go run . -out ../../../build/bench-match

bench-gates: ## Measure from a pull to 10,000 gates; needs 25,000 descriptors.
	@go test ./remediator -run '^TestPullToClosed$$' -count=1 -v -gates.subscribers=10000

bench-windows: ## Measure the windows of ten million keys; needs 6 GiB of memory.
	@go test ./remediator/window -run '^$$' -bench '^Benchmark(Windows|Pause|Distinct)$$' -benchtime 1s -timeout 60m -window.keys=10000000

crash: ## Kill the service everywhere, several rounds; MUTANT=NAME must fail, SEED=N.
	@go test ./remediator/crash -run '^TestCrash' -count=1 -v -timeout 60m -crash.full \
		$(if $(MUTANT),-crash.mutant=$(MUTANT)) $(if $(SEED),-crash.seed=$(SEED))

fuzz: ## Fuzz each target for FUZZTIME (10s).
	@./tools/fuzz.sh

build: ## Build bin/makegood.
	go build -o bin/makegood ./cmd/makegood

fmt: ## Format every Go file.
	gofmt -w .

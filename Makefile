# Everything a contributor runs. Needs Go, git, make and bash; some tests also npm, one of them Chromium.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help faults mutants model check test race editor javascript openid client chromium browser images bench bench-sdk bench-match bench-gates bench-store bench-pages bench-takeover bench-windows closures crash faults-sdk faults-log fuzz build fmt

# The SDK's neighbours are modules of their own, so that the SDK links none of their libraries.
MODULES := . sdk sdk/makegoodgrpc sdk/makegoodopenfeature sdk/makegoodotel
# What matching and the SDK are compared with: a hundred modules to build, so make
# check does without.
PEERS := remediator/match/peers sdk/peers

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

# More packages at a time than a small machine has cores, since many wait more than they work.
check: ## Look at format, vet, layout and run the short tests: two minutes, less when little changed.
	@diff=$$(gofmt -d .); if [ -n "$$diff" ]; then echo "$$diff"; echo "run make fmt"; exit 1; fi
	@for module in $(MODULES); do (cd $$module && go vet ./...); done
	@go run ./tools/testrun -show '^TestPullToClosed' -flags '-short -p=4' $(MODULES)

test: ## Run the full suite: 60 s of crashes, 200 oracle seeds, every README snippet.
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory --keep-going editor javascript openid client chromium || true; fi
	@go run ./tools/testrun -show '^Test(Crash|Faults|PullToClosed|SpoolKills)' -flags '-p=3 -timeout=30m' $(MODULES) $(PEERS)

# Without npm the tests that need it fail and say so: they are not left out unseen.
editor: tools/editor/node_modules/.package-lock.json ## Install the language server for the test in an editor, with npm.

tools/editor/node_modules/.package-lock.json: tools/editor/package.json tools/editor/package-lock.json
	@cd tools/editor && npm ci --ignore-scripts --no-progress

javascript: tools/cloudevents-js/node_modules/.package-lock.json ## Install the CloudEvents client for the test of docs/without-sdk.md, with npm.

tools/cloudevents-js/node_modules/.package-lock.json: tools/cloudevents-js/package.json tools/cloudevents-js/package-lock.json
	@cd tools/cloudevents-js && npm ci --ignore-scripts --no-progress

openid: tools/oidc-provider/node_modules/.package-lock.json ## Install the provider of OpenID Connect for the tests of signing in, with npm.

tools/oidc-provider/node_modules/.package-lock.json: tools/oidc-provider/package.json tools/oidc-provider/package-lock.json
	@cd tools/oidc-provider && npm ci --ignore-scripts --no-progress

client: tools/openapi-client/node_modules/.package-lock.json ## Install what makes a client from the description of the API, for its test, with npm.

tools/openapi-client/node_modules/.package-lock.json: tools/openapi-client/package.json tools/openapi-client/package-lock.json
	@cd tools/openapi-client && npm ci --ignore-scripts --no-progress

browser: chromium ## Walk through the console in Chromium; its pages as pictures are in build/screenshots afterwards.
	@go run ./tools/testrun -flags '-timeout=10m -count=1' remediator/web/browser

images: browser ## Make the pictures of the README anew.
	@mkdir -p docs/images && for page in today andon remedy; do cp build/screenshots/$$page-top.png docs/images/$$page.png; done

# As root, Debian's Chromium comes with it; else it is said how. CHROMIUM=PATH names another browser.
chromium: tools/browser/node_modules/.package-lock.json ## Install Chromium and what drives it, for the tests of the console.
	@if ! command -v "$${CHROMIUM:-chromium}" >/dev/null; then \
		if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
			echo "Chromium is not there: sudo apt-get install chromium fonts-dejavu-core, or name one with CHROMIUM=PATH" >&2; exit 1; fi; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	fi

tools/browser/node_modules/.package-lock.json: tools/browser/package.json tools/browser/package-lock.json
	@cd tools/browser && npm ci --ignore-scripts --no-progress

race: ## Run the short tests under the race detector; needs a C compiler.
	@go run ./tools/testrun -flags '-race -short -timeout=30m' $(MODULES)

bench: ## Measure; BENCH=NAME selects.
	@./tools/bench.sh

bench-match: ## Measure matching against other engines, on the same work.
	@cd remediator/match/peers && go run . -out ../../../build/bench-match

bench-sdk: ## Measure emitting and gates beside other libraries: one table, with targets.
	@cd sdk/peers && go run .

bench-gates: ## Measure from a pull to 10,000 gates; needs 25,000 descriptors.
	@go test ./remediator -run '^TestPullToClosed$$' -count=1 -v -gates.subscribers=10000

bench-windows: ## Measure the windows of ten million keys, and a million events that wait; needs 6 GiB of memory.
	@go test ./remediator/window -run '^$$' -bench '^Benchmark(Windows|Pause|Distinct)$$' -benchtime 1s -timeout 60m -window.keys=10000000
	@go test ./remediator/decide -run '^$$' -bench '^BenchmarkWaiting$$' -benchtime 1x -decide.waiting=1000000

bench-store: ## Measure the stores beside plain inserts of the same bytes, on SQLite and PostgreSQL: one table, with targets.
	@go test ./remediator/store/speed -run '^TestStore$$' -count=1 -timeout 30m -store.table -store.facts=1000000 -store.turns=9 -store.commits=8

bench-pages: ## Measure each page of the console with a million remedies, cold and warm, on SQLite and PostgreSQL.
	@go test ./remediator/store/speed -run '^TestPages$$' -count=1 -v -timeout 120m -store.table -pages.remedies=1000000 -pages.requests=500 -pages.keep=$(CURDIR)/build/pages

bench-takeover: ## Measure how long nobody decides when a leader is killed or ends; TRIALS=100 takes half an hour.
	@go test ./remediator/crash -run '^TestTakeover$$' -count=1 -v -timeout 90m -crash.takeovers=$(or $(TRIALS),10)

faults: ## Kill and freeze nodes on PostgreSQL a hundred times; MUTANT=NAME must fail, SEED=N.
	@go test ./remediator/crash -run '^TestFaults$$' -count=1 -v -timeout 60m -crash.faults \
		$(if $(MUTANT),-crash.mutant=$(MUTANT)) $(if $(SEED),-crash.seed=$(SEED))

crash: ## Kill the service everywhere, nine rounds on each engine: half an hour; MUTANT=NAME must fail, SEED=N.
	@go test ./remediator/crash -run '^TestCrash' -count=1 -v -timeout 60m -crash.full \
		$(if $(MUTANT),-crash.mutant=$(MUTANT)) $(if $(SEED),-crash.seed=$(SEED))

faults-log: ## Kill, freeze and cut off servers of a NATS cluster that keeps a log, each FAULTS (5) times, also while refunds run; SEED=N.
	@go test ./remediator/store/lognats -run '^TestFaultsOfCluster$$' -count=1 -v -timeout 60m -lognats.faults=$(or $(FAULTS),5) \
		$(if $(SEED),-lognats.seed=$(SEED))
	@go test ./remediator -run '^TestRefundsWhileTheLogFails$$' -count=1 -v -timeout 60m -remediator.faults=$(or $(FAULTS),5) \
		$(if $(SEED),-remediator.seed=$(SEED))

faults-sdk: ## Try the SDK's clients in 50 bad weathers, and kill one 500 times; SEED=N tries one weather.
	@cd sdk && go test . -run '$(if $(SEED),^TestFaults$$,^Test(Faults|SpoolKills)$$)' -count=1 -v -timeout 120m \
		-spool.kills=500 $(if $(SEED),-faults.seed=$(SEED),-faults.seeds=50) | { grep -v '^=== ' || true; }

model: ## Hold limits and keys against their model for DRAWS (5000) drawn rules and logs; SEED=N draws one.
	@go test ./remediator/decide -run '^TestLimitsEqualNaiveModel$$' -count=1 -v -timeout 60m -decide.draws=$(or $(DRAWS),5000) \
		$(if $(SEED),-decide.seed=$(SEED))

closures: ## Hold closures against cel-go, 10,000 times for each operator and function of expressions: a minute.
	@go test ./remediator/rule/expression -run '^TestClosuresAgreeWithCEL$$' -count=1 -v -timeout 60m -expression.cases=$(or $(CASES),10000) | { grep -v '^=== ' || true; }

mutants: ## Take what matters away from the code, one thing at a time: tests must notice each. Ten minutes.
	@go test . ./remediator/event ./remediator/match ./remediator/decide ./remediator/crash -run '^Test(SDK)?Mutants$$' -count=1 -p=1 -v -timeout 60m -mutants | { grep -v '^=== ' || true; }

fuzz: ## Fuzz each target for FUZZTIME (10s).
	@./tools/fuzz.sh

build: ## Build bin/makegood.
	go build -o bin/makegood ./cmd/makegood

fmt: ## Format every Go file.
	gofmt -w .

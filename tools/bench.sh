#!/usr/bin/env bash
# Runs the benchmarks of every module, the nested ones that compare with other
# libraries included. Finding none fails. BENCH selects by name.
set -euo pipefail
cd "$(dirname "$0")/.."

results=$(mktemp)
trap 'rm -f "$results"' EXIT
for mod in $(find . -name go.mod -not -path '*/.*/*' | sort); do
	dir=$(dirname "$mod")
	[ -n "$(cd "$dir" && go list ./... 2>/dev/null)" ] || continue # tools alone
	(cd "$dir" && go test -run '^$' -bench "${BENCH:-.}" -benchmem -timeout 60m ./...) |
		{ grep -Ev 'no test files|^PASS$|^ok ' || true; } | tee -a "$results" # a module may have none
done
if ! grep -q '^Benchmark' "$results"; then
	echo "no benchmark found: nothing was measured" >&2
	exit 1
fi

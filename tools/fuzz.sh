#!/usr/bin/env bash
# Runs every fuzz target of every module for FUZZTIME (10s unless told), one
# after the other. Targets are found, not listed, and finding none fails. Go would
# minimise each input that reaches new code for up to a minute, which leaves a
# slow target no time to try others.
set -euo pipefail
cd "$(dirname "$0")/.."

targets=$(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . || true)
if [ -z "$targets" ]; then
	echo "no fuzz target found: nothing was checked" >&2
	exit 1
fi
while IFS=: read -r file func; do
	dir=$(dirname "$file")
	name=${func#func }
	echo "== $dir $name"
	(cd "$dir" && go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-10s}" -fuzzminimizetime 20x .)
done <<<"$targets"
echo "$(wc -l <<<"$targets") fuzz targets, none found anything new"

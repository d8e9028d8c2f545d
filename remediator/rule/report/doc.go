// Package report writes what is wrong with rules for the programs that show it
// to people: SARIF for code scanning, and workflow commands for GitHub Actions.
// It is pure; `makegood rules check --format` prints what it writes.
package report

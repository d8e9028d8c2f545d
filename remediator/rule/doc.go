// Package rule reads and compiles rules: when to remediate, how, and within
// what limits.
//
// Load turns rule files into a Set, or into every problem that they have, each
// with file, line and column. A Rule holds what the fold needs to know (scope,
// limits, window, mode) as plain values; its expressions are evaluated for one
// event by an Evaluation, which package match drives. The package is pure: who
// calls it reads the files and says what the time is.
package rule

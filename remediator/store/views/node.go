package views

import "time"

// Node is a node on a database, as it describes itself.
type Node struct {
	Name    string    `json:"name"`
	Version string    `json:"version"` // of the program
	Decide  int       `json:"decide"`  // version of the deciding that it knows
	Rules   string    `json:"rules"`   // digest of its own rule files; empty: it has none
	Ordinal uint64    `json:"ordinal"` // inputs that it has folded
	Seen    time.Time `json:"seen"`    // when it said so, by the database's clock
	Silent  bool      `json:"silent"`  // it was to say so again, and did not
	Leader  bool      `json:"leader"`  // it decides
	Holds   int       `json:"holds"`   // actions that it has claimed and not reported
}

package ledger_test

import (
	"crypto/sha256"
	"maps"
	"math/rand/v2"
	"testing"
)

// TestEveryMovedRowIsFound deletes, swaps, copies and inserts rows.
func TestEveryMovedRowIsFound(t *testing.T) {
	t.Parallel()
	original, size := sqliteLedger(t, 2)
	kinds := movedEntries(size)
	maps.Copy(kinds, movedOthers())
	for name, run := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := sha256.Sum256([]byte(name))
			rng := rand.New(rand.NewChaCha8(seed))
			for range 4 {
				c, report := onSQLite.tamperCopy(t, original, rng, size, run)
				c.what = name
				judgeChange(t, c, report)
			}
		})
	}
}

// movedEntries are the ways to move rows of the ledger's table.
func movedEntries(size int64) map[string]func(x *tamperer) change {
	const copyRow = `INSERT OR REPLACE INTO ledger SELECT ?, kind, at, ordinal, version, remedy, action, rule, body, leaf FROM ledger WHERE seq = ?`
	two := func(x *tamperer) (a, b int64) {
		a = x.rng.Int64N(size)
		return a, (a + 1 + x.rng.Int64N(size-1)) % size
	}
	return map[string]func(x *tamperer) change{
		"deleted": func(x *tamperer) change {
			a, _ := two(x)
			x.exec(`DELETE FROM ledger WHERE seq = ?`, a)
			return change{entries: []int64{a}}
		},
		"deleted and closed up": func(x *tamperer) change {
			a, _ := two(x)
			x.exec(`DELETE FROM ledger WHERE seq = ?`, a)
			x.exec(`UPDATE ledger SET seq = -seq - 1 WHERE seq > ?`, a)
			x.exec(`UPDATE ledger SET seq = -seq - 2 WHERE seq < 0`)
			return change{entries: []int64{a}, first: true}
		},
		"swapped": func(x *tamperer) change {
			a, b := two(x)
			x.exec(`UPDATE ledger SET seq = -7 WHERE seq = ?`, a)
			x.exec(`UPDATE ledger SET seq = ? WHERE seq = ?`, a, b)
			x.exec(`UPDATE ledger SET seq = ? WHERE seq = -7`, b)
			return change{entries: []int64{a, b}}
		},
		"copied over": func(x *tamperer) change {
			a, b := two(x)
			x.exec(copyRow, b, a)
			return change{entries: []int64{b}}
		},
		"copied to the end": func(x *tamperer) change {
			a, _ := two(x)
			x.exec(copyRow, size, a)
			return change{entries: []int64{size}}
		},
		"copied before the beginning": func(x *tamperer) change {
			a, _ := two(x)
			x.exec(copyRow, -1-a, a)
			return change{entries: []int64{-1 - a}}
		},
		"inserted": func(x *tamperer) change {
			a, b := two(x)
			x.exec(`UPDATE ledger SET seq = -seq - 1 WHERE seq >= ?`, a)
			x.exec(`UPDATE ledger SET seq = -seq WHERE seq < 0`)
			from := b
			if b >= a {
				from++
			}
			x.exec(copyRow, a, from)
			return change{entries: []int64{a}, first: true}
		},
		"the end cut off": func(x *tamperer) change {
			a, _ := two(x)
			x.exec(`DELETE FROM ledger WHERE seq >= ?`, a)
			return change{entries: []int64{a}, first: true}
		},
	}
}

// movedOthers are the ways to move rows of the other tables.
func movedOthers() map[string]func(x *tamperer) change {
	kinds := map[string]func(x *tamperer) change{
		"a tile deleted": func(x *tamperer) change {
			x.exec(`DELETE FROM tile WHERE rowid = ?`, x.row("tile"))
			return change{place: "tile"}
		},
		"tiles swapped": func(x *tamperer) change {
			x.exec(`UPDATE tile SET hashes = CASE idx WHEN 1 THEN (SELECT hashes FROM tile WHERE level = 0 AND idx = 2)
				ELSE (SELECT hashes FROM tile WHERE level = 0 AND idx = 1) END WHERE level = 0 AND idx IN (1, 2)`)
			return change{place: "tile"}
		},
		"a tile copied": func(x *tamperer) change {
			x.exec(`INSERT INTO tile SELECT level, idx + 1000, width, hashes FROM tile WHERE rowid = ?`, x.row("tile"))
			return change{place: "tile"}
		},
	}
	for _, table := range []string{"checkpoint", "applied"} {
		kinds[table+" deleted"] = func(x *tamperer) change { x.exec(`DELETE FROM ` + table); return change{place: table} }
		kinds[table+" renumbered"] = func(x *tamperer) change {
			x.exec(`PRAGMA ignore_check_constraints = ON`)
			x.exec(`UPDATE ` + table + ` SET id = 2`)
			return change{place: table}
		}
		kinds[table+" copied"] = func(x *tamperer) change {
			x.exec(`PRAGMA ignore_check_constraints = ON`)
			x.exec(`CREATE TEMP TABLE moved AS SELECT * FROM ` + table)
			x.exec(`UPDATE moved SET id = 2`)
			x.exec(`INSERT INTO ` + table + ` SELECT * FROM moved`)
			return change{place: table}
		}
	}
	return kinds
}

package crash

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

// refold folds the stored log anew and compares facts and cords with those of the
// ledger, and the money of that with what the provider paid.
func (r *round) refold(f *findings, want expected, got []paid) error {
	fold, facts, err := foldAnew(r.home)
	if err != nil {
		return err
	}
	sealed, err := sealedFacts(r.home)
	if err != nil {
		return err
	}
	db, err := r.home.readLedger(context.Background())
	if err != nil {
		return err
	}
	defer db.Close()
	totals, err := db.Totals(context.Background())
	if err != nil {
		return err
	}
	compareFacts(f, sealed, facts)
	compareCords(f, sealed, fold, want)
	f.balance(want, got, sealed, totals.Refunded["USD"])
	return nil
}

// foldAnew folds the log of a home from its first input, with nothing
// remembered.
func foldAnew(from home) (fold *decide.Fold, facts []decide.Fact, err error) {
	memory := decide.NewMemory()
	fold, err = foldInto(from, memory, func(_ decide.Position, out *decide.Output) error {
		memory.Commit(out)
		for _, item := range out.Items {
			if item.Fact != nil {
				facts = append(facts, *item.Fact)
			}
		}
		return nil
	})
	return fold, facts, err
}

// foldInto folds the log of a home from its first input, and commits what each record
// comes to.
func foldInto(from home, memory decide.Memory, commit func(to decide.Position, out *decide.Output) error) (*decide.Fold, error) {
	ctx := context.Background()
	log, err := from.openLog(ctx)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	fold := decide.New(decide.Config{Memory: memory})
	for after := uint64(0); ; {
		records, err := log.Read(ctx, after, 64)
		if err != nil {
			return nil, err
		}
		if len(records) == 0 {
			return fold, nil
		}
		for _, record := range records {
			inputs, err := input.DecodeRecord(record.Blob, record.At)
			if err != nil {
				return nil, err
			}
			out, err := fold.Apply(inputs)
			if err != nil {
				return nil, err
			}
			to := fold.Position()
			to.Record, after = record.Seq, record.Seq
			if err := commit(to, out); err != nil {
				return nil, err
			}
		}
	}
}

// sealAnew makes the ledger of a folder that has none from its log. A service would do
// so too, and stop money: its log says what came of actions that nobody claimed.
func sealAnew(dir string) error {
	ctx := context.Background()
	db, err := openLedger(ctx, dir, dir)
	if err != nil {
		return err
	}
	var at decide.Position
	_, err = foldInto(home{dir: dir}, db, func(to decide.Position, out *decide.Output) error {
		from := at
		at = to
		return db.Commit(ctx, from, to, out)
	})
	return errors.Join(err, db.Close())
}

// sealedFacts reads the facts of a home's ledger, evidence apart, which is made
// after the fold.
func sealedFacts(from home) (facts []decide.Fact, err error) {
	db, err := from.openSQL()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.Query("SELECT kind, at, ordinal, version, remedy, action, rule, body FROM ledger WHERE kind <> '" + decide.KindEvidence + "' ORDER BY seq")
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		fact, err := scanFact(rows)
		if err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		facts = append(facts, fact)
	}
	return facts, rows.Err()
}

func scanFact(rows *sql.Rows) (decide.Fact, error) {
	var fact decide.Fact
	var remedy, action string
	var body []byte
	err := rows.Scan(&fact.Kind, &fact.At, &fact.Ordinal, &fact.Version, &remedy, &action, &fact.Rule, &body)
	if err != nil {
		return fact, err
	}
	fact.Body = body
	if remedy != "" {
		if fact.Remedy, err = uuid.Parse(remedy); err != nil {
			return fact, err
		}
	}
	if action != "" {
		fact.Action, err = uuid.Parse(action)
	}
	return fact, err
}

// compareFacts wants the same facts in the same order, byte for byte, and one
// remedy for each id.
func compareFacts(f *findings, sealed, folded []decide.Fact) {
	if len(sealed) != len(folded) {
		f.add("the ledger holds %d facts, folding the log anew gives %d", len(sealed), len(folded))
	}
	remedies := map[uuid.UUID]uint64{}
	for i, fact := range sealed {
		if i < len(folded) && !same(fact, folded[i]) {
			f.add("fact %d is %s of input %d: %s; folding the log anew gives %s of input %d: %s",
				i, fact.Kind, fact.Ordinal, fact.Body, folded[i].Kind, folded[i].Ordinal, folded[i].Body)
			return // what follows differs too
		}
		if fact.Kind != decide.KindRemedy {
			continue
		}
		if first, again := remedies[fact.Remedy]; again {
			f.doubled++
			f.add("remedy %s was decided at input %d and again at %d", fact.Remedy, first, fact.Ordinal)
		}
		remedies[fact.Remedy] = fact.Ordinal
	}
}

func same(a, b decide.Fact) bool {
	return bytes.Equal(a.Body, b.Body) && a.Kind == b.Kind && a.At == b.At && a.Ordinal == b.Ordinal &&
		a.Version == b.Version && a.Remedy == b.Remedy && a.Action == b.Action && a.Rule == b.Rule
}

// compareCords compares each cord as the ledger's last pull of it says with what
// folding the log anew gives, and with what the workload must come to.
func compareCords(f *findings, sealed []decide.Fact, fold *decide.Fold, want expected) {
	last := map[string]decide.PullFact{}
	for _, fact := range sealed {
		if fact.Kind != decide.KindPull && fact.Kind != decide.KindRelease {
			continue
		}
		var pull decide.PullFact // a release names its cord and pull alike
		if err := json.Unmarshal(fact.Body, &pull); err != nil {
			f.add("read %s of input %d: %v", fact.Kind, fact.Ordinal, err)
		}
		if fact.Kind == decide.KindRelease {
			pull.Level, pull.Evidence = cord.Open, last[pull.Cord].Evidence
		}
		last[pull.Cord] = pull
	}
	for path, evidence := range want.remedies {
		state, _ := fold.Cord(path)
		pull := last[path]
		if pull.Evidence != evidence || state.Evidence != evidence || pull.Level != state.Level || pull.Pull != state.Pull {
			f.add("cord %s: the ledger says %d remedies at %q, folding the log anew %d at %q, want %d",
				path, pull.Evidence, pull.Level, state.Evidence, state.Level, evidence)
		}
	}
	if len(last) != len(want.remedies) {
		f.add("the ledger holds %d cords, want %d", len(last), len(want.remedies))
	}
	f.cords += len(want.remedies)
}

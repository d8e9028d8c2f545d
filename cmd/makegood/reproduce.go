package main

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/history"
)

type reproduceCommand struct {
	DataDir string `env:"MAKEGOOD_DATA_DIR" type:"path" help:"Folder of the log and the ledger; its service may run."`
	database
	Remedy string `arg:"" optional:"" help:"Id of the remedy."`
	All    bool   `help:"The whole ledger, as far back as the log goes."`
	Output string `enum:"table,json" default:"table" help:"table or json."`
}

// Run reproduces. It exits with 1 when something differs, or nothing was compared.
func (c *reproduceCommand) Run(p *program) error {
	var remedy uuid.UUID
	switch id, err := uuid.Parse(c.Remedy); {
	case c.All == (c.Remedy != ""):
		return usageError("name one: the id of a remedy, or --all")
	case c.Remedy != "" && (err != nil || id == uuid.Nil):
		return usageError(fmt.Sprintf("%q is no id of a remedy", c.Remedy))
	case c.Remedy != "":
		remedy = id
	}
	at := storage{c.DataDir, c.database}
	if err := at.check(); err != nil {
		return err
	}
	past, err := openHistory(p.ctx, at)
	if err != nil {
		return err
	}
	bar := newProgress(p.stderr, "reproducing", 0)
	r, err := history.Reproduce(p.ctx, past.log, past.ledger, remedy, func(done, all uint64) {
		bar.total = int(all)
		bar.set(int(done))
	})
	bar.done()
	if err := errors.Join(err, past.Close()); err != nil {
		return err
	}
	if c.Output == "json" {
		err = printJSON(p.stdout, r)
	} else {
		err = printReproduction(p, r)
	}
	if err == nil && !r.Reproduced {
		return errChecked
	}
	return err
}

// printReproduction says what was compared, and what was not.
func printReproduction(p *program, r *history.Reproduction) error {
	began := "the beginning of the log"
	if !r.Genesis {
		began = fmt.Sprintf("the stored state that entry %d seals; keys and payments before it are what the ledger's tables say", *r.Began)
	}
	rows := [][]string{
		{"began with", began},
		{"inputs folded", fmt.Sprintf("%d to %d", r.Since, r.Through)},
		{"facts compared", fmt.Sprint(r.Facts)},
		{"evidence compared", fmt.Sprint(r.Evidence)},
	}
	for _, left := range []struct {
		what string
		n    uint64
		why  string
	}{
		{"erased", r.Erased, "entries of evidence: their key was destroyed, only their size was compared"},
		{"key missing", r.Lost, "entries of evidence, although no erasure is sealed: only their size was compared"},
		{"not compared", r.Older, olderWhy(r)},
	} {
		if left.n > 0 {
			rows = append(rows, []string{left.what, fmt.Sprintf("%d %s", left.n, left.why)})
		}
	}
	if err := printTable(p.stdout, nil, rows); err != nil {
		return err
	}
	fmt.Fprintln(p.stdout)
	switch {
	case r.Difference != nil:
		fmt.Fprintf(p.stdout, "FOUND  entry %d: %s is %s in the ledger, the log gives %s\nNOT REPRODUCED\n",
			r.Entry, r.Difference.Field, plain(cut(r.Difference.Sealed, maxShown)), plain(cut(r.Difference.Other, maxShown)))
	case r.Missed > 0:
		fmt.Fprintf(p.stdout, "NOT REPRODUCED: %d of %d entries about the remedy are older than retention\n", r.Missed, r.Missed+r.Entries)
	case r.Facts == 0:
		fmt.Fprintln(p.stdout, "NOT REPRODUCED: nothing was compared")
	case r.Remedy != uuid.Nil:
		fmt.Fprintf(p.stdout, "reproduced: all %d entries about remedy %s, byte for byte\n", r.Entries, r.Remedy)
	default:
		fmt.Fprintln(p.stdout, "reproduced, byte for byte")
	}
	return nil
}

func olderWhy(r *history.Reproduction) string {
	if r.Remedy != uuid.Nil {
		return "entries before that"
	}
	return "entries before that: older than retention"
}

// maxShown bounds what is shown of a value that differs; JSON has all of it.
const maxShown = 200

package main

import (
	"slices"

	"github.com/makegood/makegood/remediator/rule"
)

// polled are files that are read again and again, so that a change is taken once.
type polled struct {
	read func() ([]rule.File, error)

	taken []rule.File // what look returned last as changed
	seen  []rule.File // what was read last
}

// look reads the files and reports whether they are to be taken: they are others
// than those taken last, and stayed the same between two looks, for somebody may
// still be writing them. When asked they are taken as they are.
func (f *polled) look(asked bool) (files []rule.File, changed bool, err error) {
	if files, err = f.read(); err != nil {
		return nil, false, err
	}
	quiet := slices.Equal(files, f.seen)
	f.seen = files
	if !asked && (!quiet || slices.Equal(files, f.taken)) {
		return files, false, nil
	}
	f.taken = files
	return files, true, nil
}

package ledger

import (
	"bytes"
	"fmt"
	"strings"
)

// signatureLine begins each line with a signature of a note.
const signatureLine = "— "

// SplitNotes returns the signed notes of a text, one after another with empty lines
// between them or none, as a file to which checkpoints are appended holds them.
// What is left over and no note is an error that names its line.
func SplitNotes(text []byte) (notes [][]byte, err error) {
	var note strings.Builder
	signed, begun := false, 1
	end := func() {
		if signed {
			notes = append(notes, []byte(note.String()))
			note.Reset()
		}
		signed = false
	}
	line := 0
	for len(text) > 0 {
		var row []byte
		row, text, _ = bytes.Cut(text, []byte("\n"))
		line++
		row = bytes.TrimSuffix(row, []byte("\r")) // editors and shells
		isSignature := bytes.HasPrefix(row, []byte(signatureLine))
		if !isSignature {
			end()
		}
		if note.Len() == 0 {
			if len(row) == 0 {
				continue
			}
			begun = line
		}
		signed = isSignature
		fmt.Fprintf(&note, "%s\n", row)
	}
	end()
	if note.Len() > 0 {
		return notes, fmt.Errorf("what begins at line %d is no signed note: it has no signature", begun)
	}
	return notes, nil
}

// Continues reports why a tree is not a continuation of an older one, from its
// tiles; nil when it is.
func Continues(own, older Checkpoint, tiles StoredTiles) error {
	switch {
	case own.Origin != older.Origin:
		return fmt.Errorf("it is of %q, the ledger is %q", older.Origin, own.Origin)
	case own.Size < older.Size:
		return fmt.Errorf("it was made of %d entries, the ledger has %d: the last %d were lost", older.Size, own.Size, older.Size-own.Size)
	}
	root, err := RootAt(older.Size, tiles)
	if err != nil {
		return err
	}
	if root != older.Root {
		return fmt.Errorf("the ledger's first %d entries are not those it was made of: one of the two was changed, or they went apart", older.Size)
	}
	return nil
}

package rehearse

import (
	"errors"
	"io"
)

// Lines returns the lines of a file that are not empty, and why they end.
func Lines(r io.Reader) (all []string, err error) {
	in, err := newLineReader(r)
	for block := make([]byte, blockBytes); err == nil; {
		err = in.fill(block, func(raw []byte, _ int) { all = append(all, string(raw)) })
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return all, err
}

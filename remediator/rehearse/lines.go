package rehearse

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/makegood/makegood/remediator/event"
)

const (
	gzipMagic     = "\x1f\x8b"     // begins every gzip file
	byteOrderMark = "\xef\xbb\xbf" // begins texts of some editors, and is no part of them
)

// Lines yields the events of JSON Lines, plain or gzipped, one at a time, empty
// lines left out. A line that is longer than an event may be is cut where it is
// too long already, so that no file can take more memory than that. The bytes
// are good until the next are asked for. After an error nothing follows. number,
// which may be nil, is set to the number of the line that is yielded, from 1.
func Lines(r io.Reader, number *int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if number == nil {
			number = new(int)
		}
		*number = 0
		plain, err := Unzip(bufio.NewReaderSize(r, maxLine))
		if err != nil {
			yield(nil, fmt.Errorf("read events: %w", err))
			return
		}
		in := bufio.NewReaderSize(plain, maxLine)
		if head, _ := in.Peek(len(byteOrderMark)); string(head) == byteOrderMark {
			_, _ = in.Discard(len(byteOrderMark))
		}
		for {
			line, err := readLine(in)
			*number++
			if line = bytes.TrimSpace(line); len(line) > 0 && !yield(line, nil) {
				return
			}
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(nil, fmt.Errorf("read events at line %d: %w", *number, err))
				return
			}
		}
	}
}

// Unzip returns what a text holds: gzip, which its first bytes tell, is unzipped.
func Unzip(in *bufio.Reader) (io.Reader, error) {
	if head, err := in.Peek(len(gzipMagic)); err != nil || string(head) != gzipMagic {
		return in, nil
	}
	unzipped, err := gzip.NewReader(in)
	if err != nil {
		return nil, ofGzip(err)
	}
	return zipped{unzipped}, nil
}

// zipped says of a gzip file that was cut off that it was.
type zipped struct{ *gzip.Reader }

func (z zipped) Read(b []byte) (int, error) {
	n, err := z.Reader.Read(b)
	return n, ofGzip(err)
}

// errCut is what becomes of half a download.
var errCut = errors.New("the gzip file is cut off, its end is missing: copy or make it again")

func ofGzip(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return err
}

// maxLine is what is kept of a line: what an event and the end of its line may
// take. What is cut has too much of an event left to be one.
const maxLine = event.MaxBytes + len("\r\n")

// readLine reads a line of any length, good until the next one is read.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	line = bytes.Clone(line[:maxLine])
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = in.ReadSlice('\n')
	}
	return line, err
}

package rehearse

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/makegood/makegood/remediator/event"
)

const (
	gzipMagic     = "\x1f\x8b"     // begins every gzip file
	byteOrderMark = "\xef\xbb\xbf" // begins texts of some editors, and is no part of them
)

// lineReader reads JSON Lines, plain or gzipped, a block at a time: what lies in the
// block is not moved any more. A line that is longer than an event may be is cut where
// it is too long already, so that no file can take more memory than that.
type lineReader struct {
	in     io.Reader
	rest   []byte // the beginning of a line in whose midst a block ended
	number int    // of the line that was read last, from 1
	over   bool   // what follows is the end of a line that was cut
}

// blockBytes is what a block holds: room for the longest line beside the beginning of
// another, some hundreds of usual events, and little enough for a core to have near it.
const blockBytes = 96 << 10

func newLineReader(r io.Reader) (*lineReader, error) {
	plain, err := Unzip(bufio.NewReaderSize(r, blockBytes/3)) // less than what is asked for at once, which then goes past it
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	in := bufio.NewReader(plain)
	if head, _ := in.Peek(len(byteOrderMark)); string(head) == byteOrderMark {
		_, _ = in.Discard(len(byteOrderMark))
	}
	if err := CheckLines(in); err != nil {
		return nil, err
	}
	return &lineReader{in: in}, nil
}

// aheadBytes are looked at to tell what a file is: past blank lines and some indentation.
const aheadBytes = 512

// CheckLines refuses a text that is JSON and not JSON Lines, by how it begins: an array of
// events, or one event over several lines. Line by line nothing in it makes sense.
func CheckLines(in *bufio.Reader) error {
	head, _ := in.Peek(aheadBytes) // shorter where the text is; what broke off is said by who reads it
	head = bytes.TrimLeft(head, " \t\r\n")
	first, _, several := bytes.Cut(head, []byte("\n"))
	inside, isArray := bytes.CutPrefix(head, []byte("["))
	inside = bytes.TrimLeft(inside, " \t\r\n")
	switch {
	case isArray && (len(inside) == 0 || inside[0] == '{' || inside[0] == ']'):
		return errors.New("the file is one JSON array, and events are read one a line: make lines of it with jq -c '.[]'")
	case several && string(bytes.TrimSpace(first)) == "{":
		return errors.New("an event stands on several lines, and events are read one a line: make lines of them with jq -c .")
	}
	return nil
}

// fill reads as many lines as fit into a block, and gives each that is not empty, with
// its number. After the last one it returns io.EOF.
func (l *lineReader) fill(block []byte, line func(raw []byte, number int)) error {
	n := copy(block, l.rest)
	l.rest = l.rest[:0]
	var err error
	for n < len(block) && err == nil { // io.ReadFull says of a reader that broke off what it says of the last block
		var m int
		m, err = l.in.Read(block[n:])
		n += m
	}
	text := block[:n]
	if err != nil && !errors.Is(err, io.EOF) {
		number := l.number + bytes.Count(text, []byte("\n")) + 1
		if l.over {
			number-- // the end of the line that was cut has been counted
		}
		return fmt.Errorf("read events at line %d: %w", number, err)
	}
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n')
		switch {
		case end < 0 && err == nil && len(text) <= maxLine && !l.over:
			l.rest = append(l.rest, text...)
			return nil
		case !l.over:
			l.number++
			raw := text
			if end >= 0 {
				raw = text[:end]
			}
			if raw = kept(raw); len(raw) > 0 {
				line(raw[:len(raw):len(raw)], l.number)
			}
		}
		if l.over = end < 0; l.over {
			break
		}
		text = text[end+1:]
	}
	return err
}

// kept is what is kept of a line. Of one that is too long, that is never nothing: who
// is given it sees that it was.
func kept(line []byte) []byte {
	cut := line[:min(len(line), maxLine)]
	if text := bytes.TrimSpace(cut); len(text) > 0 || len(cut) == len(line) {
		return text
	}
	return cut
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

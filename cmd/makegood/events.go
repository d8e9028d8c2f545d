package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/makegood/makegood/remediator/rehearse"
)

// openEvents opens a file of events; gzip is recognised by its first bytes.
func openEvents(p *program, name string) (io.ReadCloser, error) {
	var file io.ReadCloser = io.NopCloser(p.stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("open events: %w", err)
		}
		file = f
	}
	plain, err := rehearse.Unzip(bufio.NewReader(&interruptible{ctx: p.ctx, in: file}))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("unzip %s: %w", name, err), file.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{withoutMark(bufio.NewReader(plain)), file}, nil
}

// withoutMark skips the byte order mark with which some editors begin a text.
func withoutMark(r *bufio.Reader) io.Reader {
	const mark = "\xef\xbb\xbf"
	if begin, _ := r.Peek(len(mark)); string(begin) == mark {
		_, _ = r.Discard(len(mark))
	}
	return r
}

// interruptible reads until the context ends, even while it waits: a terminal or
// a pipe on which nothing comes must not outlast an interrupt.
type interruptible struct {
	ctx context.Context
	in  io.Reader
	buf []byte // what is read, apart from the caller's: a read that is given up may still write to it
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err // the read that was given up may go on
	}
	if len(r.buf) < len(p) {
		r.buf = make([]byte, len(p))
	}
	type answer struct {
		n   int
		err error
	}
	answers, buf := make(chan answer, 1), r.buf[:len(p)]
	go func() {
		n, err := r.in.Read(buf)
		answers <- answer{n, err}
	}()
	select {
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	case a := <-answers:
		return copy(p, buf[:a.n]), a.err
	}
}

package rehearse

import (
	"errors"
	"iter"
	"testing"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
)

// numbered yields n events, their times counting from 1, and then an error unless it
// is nil. running tells whether it is still being read.
func numbered(n int, err error, running *bool) iter.Seq2[input.Input, error] {
	return func(yield func(input.Input, error) bool) {
		*running = true
		defer func() { *running = false }()
		for i := range n {
			if !yield(input.Input{Kind: input.Event, At: int64(i + 1), Body: []byte("{}")}, nil) {
				return
			}
		}
		if err != nil {
			yield(input.Input{}, err)
		}
	}
}

func TestChunks(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	for i, n := range []int{0, 1, chunkEvents - 1, chunkEvents, chunkEvents + 1, 40*chunkEvents + 7} {
		for _, want := range []error{nil, broken} {
			workers := 1 + i%3
			running, last, ended := false, int64(0), false
			r := &reading{past: Past{Inputs: numbered(n, want, &running)}, matchers: []match.Matcher{match.New(&rule.Set{})}}
			for c, err := range r.chunks(workers) {
				if err != nil {
					if err != want {
						t.Errorf("%d inputs end with %v", n, err)
					}
					ended = true
					continue
				}
				for i, in := range c.events {
					if last++; in.At != last {
						t.Fatalf("of %d inputs, number %d comes when %d is due", n, in.At, last)
					}
					if c.judged[0][i].Err == nil {
						t.Fatalf("input %d was not matched", last)
					}
				}
			}
			switch {
			case running:
				t.Errorf("%d inputs are still being read", n)
			case ended != (want != nil):
				t.Errorf("%d inputs and then %v: an error was told %v", n, want, ended)
			case want == nil && last != int64(n), want != nil && last != int64(n/chunkEvents*chunkEvents):
				t.Errorf("of %d inputs and then %v, %d came", n, want, last)
			}
		}
	}
}

// TestChunksEnd: who has seen enough leaves no reader behind.
func TestChunksEnd(t *testing.T) {
	t.Parallel()
	for workers := 1; workers <= 3; workers++ {
		running, seen := false, 0
		r := &reading{past: Past{Inputs: numbered(90*chunkEvents, nil, &running)}, matchers: []match.Matcher{match.New(&rule.Set{})}}
		for range r.chunks(workers) {
			if seen++; seen == 2 {
				break
			}
		}
		if seen != 2 || running {
			t.Errorf("after %d chunks, still reading: %v", seen, running)
		}
	}
}

package rehearse

import (
	"errors"
	"iter"
	"testing"

	"github.com/makegood/makegood/remediator/input"
)

// numbered yields n inputs, their times counting from 1, and then an error unless it
// is nil. running tells whether it is still being read.
func numbered(n int, err error, running *bool) iter.Seq2[input.Input, error] {
	return func(yield func(input.Input, error) bool) {
		*running = true
		defer func() { *running = false }()
		for i := range n {
			if !yield(input.Input{At: int64(i + 1)}, nil) {
				return
			}
		}
		if err != nil {
			yield(input.Input{}, err)
		}
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	for _, n := range []int{0, 1, batch - 1, batch, batch + 1, 5*batch + 7} {
		for _, want := range []error{nil, broken} {
			running, last, ended := false, int64(0), false
			for inputs, err := range batches(numbered(n, want, &running)) {
				if err != nil {
					if err != want {
						t.Errorf("%d inputs end with %v", n, err)
					}
					ended = true
					continue
				}
				for _, in := range inputs {
					if last++; in.At != last {
						t.Fatalf("of %d inputs, number %d comes when %d is due", n, in.At, last)
					}
				}
			}
			switch {
			case running:
				t.Errorf("%d inputs are still being read", n)
			case ended != (want != nil):
				t.Errorf("%d inputs and then %v: an error was told %v", n, want, ended)
			case want == nil && last != int64(n), want != nil && last != int64(n/batch*batch):
				t.Errorf("of %d inputs and then %v, %d came", n, want, last)
			}
		}
	}
}

// TestBatchesEnd: who has seen enough leaves no reader behind.
func TestBatchesEnd(t *testing.T) {
	t.Parallel()
	running, seen := false, 0
	for range batches(numbered(20*batch, nil, &running)) {
		if seen++; seen == 2 {
			break
		}
	}
	if seen != 2 || running {
		t.Errorf("after %d batches, still reading: %v", seen, running)
	}
}

package rehearse

import (
	"iter"
	"sync"

	"github.com/makegood/makegood/remediator/input"
)

// batch is how many events are folded at once.
const batch = 512

// batches yields inputs by the batch, the last of them shorter or empty. The next is
// read while the caller works on one, on a core of its own; nothing is read any more
// when the caller is through. After an error nothing follows.
func batches(inputs iter.Seq2[input.Input, error]) iter.Seq2[[]input.Input, error] {
	type read struct {
		inputs []input.Input
		err    error
	}
	return func(yield func([]input.Input, error) bool) {
		ready, stop := make(chan read, 1), make(chan struct{})
		send := func(r read) bool {
			select {
			case ready <- r:
				return true
			case <-stop:
				return false
			}
		}
		var reading sync.WaitGroup
		reading.Go(func() {
			defer close(ready)
			next := make([]input.Input, 0, batch)
			for in, err := range inputs {
				if err != nil {
					send(read{err: err})
					return
				}
				if next = append(next, in); len(next) < batch {
					continue
				}
				if !send(read{inputs: next}) {
					return
				}
				next = make([]input.Input, 0, batch)
			}
			send(read{inputs: next})
		})
		defer reading.Wait()
		defer close(stop)
		for r := range ready {
			if !yield(r.inputs, r.err) {
				return
			}
		}
	}
}

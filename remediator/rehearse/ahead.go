package rehearse

import (
	"iter"
	"sync"
)

// ahead yields chunks in the order in which read makes them, each worked on. While
// the caller folds one, the next are read and several worked on, on cores of their
// own. A chunk is the caller's until it asks for the next one; its memory is then
// used again. Nothing is read any more when the caller is through.
func ahead(workers int, read func(fresh func() *chunk, yield func(*chunk) bool), work func(*chunk)) iter.Seq[*chunk] {
	type job struct {
		chunk *chunk
		done  chan struct{}
	}
	return func(yield func(*chunk) bool) {
		depth := 8 * workers // chunks that lie ready, or are worked on: with few, cores often wait for each other
		order, queue := make(chan job, depth), make(chan job, depth)
		used, stop := make(chan *chunk, depth), make(chan struct{})
		fresh := func() *chunk {
			select {
			case c := <-used:
				return c
			default:
				return new(chunk)
			}
		}
		var running sync.WaitGroup
		running.Go(func() {
			defer close(order)
			defer close(queue)
			read(fresh, func(c *chunk) bool {
				j := job{c, make(chan struct{})}
				select {
				case order <- j:
					queue <- j // workers empty it to the end, whoever reads order
					return true
				case <-stop:
					return false
				}
			})
		})
		for range workers {
			running.Go(func() {
				for j := range queue {
					work(j.chunk)
					close(j.done)
				}
			})
		}
		defer running.Wait()
		defer close(stop)
		for j := range order {
			<-j.done
			if !yield(j.chunk) {
				return
			}
			select {
			case used <- j.chunk:
			default:
			}
		}
	}
}

package rehearse

import (
	"iter"
	"sync"
)

// job is a chunk to be worked on.
type job struct {
	chunk *chunk
	done  chan struct{} // closed when it was
}

// finish works on the chunk.
func (j job) finish(work func(*chunk)) {
	work(j.chunk)
	close(j.done)
}

// await returns when the chunk was worked on. Until then it works on others of the
// queue, so that the caller neither waits for a core that others have nor leaves one
// idle.
func (j job) await(queue <-chan job, work func(*chunk)) {
	for {
		select {
		case <-j.done:
			return
		default:
		}
		select {
		case <-j.done:
			return
		case next, open := <-queue:
			if !open {
				<-j.done
				return
			}
			next.finish(work)
		}
	}
}

// ahead yields chunks in the order in which read makes them, each worked on. While
// the caller folds one, the next are read and worked on, by it too when none is
// ready. A chunk is the caller's until it asks for the next one; its memory is then
// used again. Nothing is read any more when the caller is through.
func ahead(workers int, read func(fresh func() *chunk, yield func(*chunk) bool), work func(*chunk)) iter.Seq[*chunk] {
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
					queue <- j // has room: what is in it is in order too
					return true
				case <-stop:
					return false
				}
			})
		})
		for range workers - 1 { // the caller is one
			running.Go(func() {
				for j := range queue {
					j.finish(work)
				}
			})
		}
		defer running.Wait()
		defer close(stop)
		for j := range order {
			j.await(queue, work)
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

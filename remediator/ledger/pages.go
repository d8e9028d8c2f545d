package ledger

// hashedRow is a row with the entry that its columns hold, or why they hold none.
type hashedRow struct {
	Row
	decoded Entry
	problem string
	leaf    [32]byte // of the entry
}

// hashRows computes what the columns of rows come to.
func hashRows(rows []Row) []hashedRow {
	hashed := make([]hashedRow, len(rows))
	var room []byte
	for i := range rows {
		h := &hashed[i]
		h.Row = rows[i]
		if h.decoded, h.problem = h.Row.entry(); h.problem == "" {
			h.leaf, room = h.decoded.leaf(room)
		}
	}
	return hashed
}

// pager reads pages and hands out their rows one by one.
type pager[T any] struct {
	read func(last *T) ([]T, error)
	rows []T
	last *T
	done bool

	ahead chan pageOf[T] // of capacity 1; nil when pages are read as they are needed
	asked bool           // a page is being read
}

// pageOf is a page that was read ahead.
type pageOf[T any] struct {
	rows []T
	err  error
}

// newAhead returns a pager that reads the next page while the last one is worked on,
// on another processor where there is one. It must be closed.
func newAhead[T any](read func(last *T) ([]T, error)) *pager[T] {
	return &pager[T]{read: read, ahead: make(chan pageOf[T], 1)}
}

// close waits until nothing is read any more.
func (p *pager[T]) close() {
	if p.asked {
		<-p.ahead
	}
}

// page returns the page behind a row.
func (p *pager[T]) page(last *T) (rows []T, err error) {
	if p.ahead == nil {
		return p.read(last)
	}
	if p.asked {
		read := <-p.ahead
		rows, err, p.asked = read.rows, read.err, false
	} else {
		rows, err = p.read(last)
	}
	if err == nil && len(rows) == page {
		p.asked = true
		go func(last *T) {
			rows, err := p.read(last)
			p.ahead <- pageOf[T]{rows, err}
		}(&rows[len(rows)-1])
	}
	return rows, err
}

// peek returns the next row, nil when there is none, and leaves it in place.
func (p *pager[T]) peek() (*T, error) {
	if len(p.rows) == 0 && !p.done {
		rows, err := p.page(p.last)
		if err != nil {
			return nil, err
		}
		p.rows, p.done = rows, len(rows) < page
	}
	if len(p.rows) == 0 {
		return nil, nil
	}
	return &p.rows[0], nil
}

func (p *pager[T]) take() {
	p.last, p.rows = &p.rows[0], p.rows[1:]
}

func (p *pager[T]) next() (*T, error) {
	row, err := p.peek()
	if row != nil {
		p.take()
	}
	return row, err
}

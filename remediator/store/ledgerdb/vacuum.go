package ledgerdb

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/makegood/makegood/remediator/store/internal/postgres"
)

// vacuumAgainAfter is how long it is waited before a vacuum that failed is tried again:
// somebody may have the table locked for a while.
const vacuumAgainAfter = 10 * time.Second

// errVacuuming says that a vacuum is under way that may have begun too early.
var errVacuuming = errors.New("the table is being vacuumed")

// vacuum has pages of the table of keys use the room of deleted ones again, beside what
// commits: a large table takes longer than a decision may. The server's own log and
// backups keep their copies.
type vacuum struct {
	server *postgres.Server

	mu      sync.Mutex
	running bool
	ended   bool
	stop    chan struct{} // closed when it is to end
	under   sync.WaitGroup
}

// begin begins a vacuum, unless one is under way.
func (v *vacuum) begin() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.running || v.ended {
		return errVacuuming
	}
	v.running = true
	v.under.Go(v.run)
	return nil
}

// run vacuums until that worked, or until it is to end. Whoever leads next begins with
// a vacuum.
func (v *vacuum) run() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	v.under.Go(func() {
		select {
		case <-v.stop:
			cancel()
		case <-ctx.Done():
		}
	})
	for v.once(ctx) != nil {
		select {
		case <-v.stop:
			return
		case <-time.After(vacuumAgainAfter):
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.running = false
}

func (v *vacuum) once(ctx context.Context) error {
	db := v.server.Pool(1, postgres.Limits{Lock: postgres.Writing.Lock})
	_, err := db.ExecContext(ctx, `VACUUM customer_key`)
	return errors.Join(err, db.Close())
}

// end ends a vacuum that is under way.
func (v *vacuum) end() {
	v.mu.Lock()
	if !v.ended {
		v.ended = true
		close(v.stop)
	}
	v.mu.Unlock()
	v.under.Wait()
}

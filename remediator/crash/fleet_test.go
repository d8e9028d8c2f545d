package crash

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// members is how many nodes there are.
const members = 3

// member is one node, in a process of its own.
type member struct {
	config  serviceConfig
	process *process
}

// fleet is several nodes on one database, with a balancer before them, an application
// and a provider.
type fleet struct {
	t        testing.TB
	binary   string
	server   *postgrestest.Cluster
	db       *sql.DB
	nodes    [members]*member
	balancer *balancer
	url      string // of the balancer
	provider *process
	round    *round // whose accounting is ours too
	unheard  int    // events that no rule hears of
}

// startFleet starts everything but the application and puts rules in force.
func startFleet(t *testing.T, seed uint64, rules string) (*fleet, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f := &fleet{t: t, binary: serviceBinary(t), server: postgrestest.Own(t)}
	f.round = &round{t: t, binary: self, seed: seed, sum: &tally{}, home: home{dir: t.TempDir(), database: f.server.DSN("harness")}}
	if f.db, err = sql.Open("postgres", f.round.home.database); err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = f.db.Close() })
	provider := freeAddress(t)
	f.round.service = serviceConfig{Provider: "http://" + provider}
	f.provider = start(t, self, "sandbox", sandboxConfig{Listen: provider, Seed: seed, Bad: *allFaults})
	if _, err := f.provider.read("ready"); err != nil {
		return nil, err
	}
	var addresses []string
	for i := range f.nodes {
		name := fmt.Sprintf("node-%d", i+1)
		f.nodes[i] = &member{config: serviceConfig{
			DataDir: filepath.Join(t.TempDir(), name), Database: f.server.DSN(name), Key: filepath.Join(f.round.home.dir, keyFile), Node: name,
			Listen: freeAddress(t), Provider: f.round.service.Provider,
		}}
		addresses = append(addresses, f.nodes[i].config.Listen)
		if err := f.start(f.nodes[i]); err != nil {
			return nil, err
		}
	}
	if _, err := f.db.Exec(watchBack); err != nil {
		return nil, fmt.Errorf("watch the ledger: %w", err)
	}
	if err := (&face{url: "http://" + addresses[0]}).activate(rules); err != nil {
		return nil, fmt.Errorf("%w: %s", err, f.nodes[0].process.said())
	}
	f.balancer = newBalancer(addresses)
	front := httptest.NewServer(f.balancer)
	t.Cleanup(front.Close)
	f.url = front.URL
	return f, nil
}

// emit starts the application, so many events a second, and waits until its first
// event is taken.
func (f *fleet) emit(rate int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	f.round.emitter = start(f.t, self, "emitter", emitterConfig{URL: f.url, Seed: f.round.seed, Rate: rate})
	_, err = f.round.emitter.read("acked")
	return err
}

// start starts a node and waits until it listens.
func (f *fleet) start(m *member) error {
	m.process = start(f.t, f.binary, "service", m.config)
	_, err := m.process.read("ready")
	return err
}

// named returns the node of a name.
func (f *fleet) named(name string) *member {
	for _, m := range f.nodes {
		if m.config.Node == name {
			return m
		}
	}
	return nil
}

// leader waits until a node holds the lease and returns it, with its epoch.
func (f *fleet) leader() (m *member, epoch int64, err error) {
	err = f.until("a node leads", func() (bool, error) {
		var holder string
		if err := f.db.QueryRow(`SELECT holder, epoch FROM lease WHERE expires > EXTRACT(EPOCH FROM clock_timestamp()) * 1000000000`).Scan(&holder, &epoch); err != nil {
			return false, ignoreNone(err)
		}
		name, _, _ := strings.Cut(holder, "/")
		m = f.named(name)
		return m != nil, nil
	})
	return m, epoch, err
}

func ignoreNone(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// until waits until something holds.
func (f *fleet) until(what string, holds func() (bool, error)) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		if done, err := holds(); done || err != nil {
			return err
		}
		select {
		case <-look.C:
		case <-late.C:
			said := []string{}
			for _, m := range f.nodes {
				said = append(said, m.config.Node+": "+m.process.said())
			}
			return fmt.Errorf("it did not come to it that %s within %s:\n%s", what, patience, strings.Join(said, "\n"))
		}
	}
}

// taken waits until another lease than that of an epoch holds, and returns its node.
func (f *fleet) taken(epoch int64) (heir *member, err error) {
	err = f.until("another node leads", func() (bool, error) {
		m, now, err := f.leader()
		heir = m
		return now > epoch, err
	})
	return heir, err
}

// goesOn waits until more is decided, and taken in, than was.
func (f *fleet) goesOn() error {
	acks := f.balancer.answered(http.StatusAccepted)
	var ordinal, now int64
	if err := f.db.QueryRow(`SELECT ordinal FROM applied`).Scan(&ordinal); err != nil {
		return err
	}
	return f.until("the fleet goes on", func() (bool, error) {
		err := f.db.QueryRow(`SELECT ordinal FROM applied`).Scan(&now)
		return now > ordinal && f.balancer.answered(http.StatusAccepted) > acks, err
	})
}

// blocked holds a table so that nobody else writes to it, until release is called.
func (f *fleet) blocked(table string) (release func() error, err error) {
	tx, err := f.db.BeginTx(context.Background(), nil)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(`LOCK TABLE ` + table + ` IN SHARE MODE`); err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx.Rollback, nil
}

// waiting waits until a node is in the middle of writing to a blocked table.
func (f *fleet) waiting(table string) (m *member, err error) {
	err = f.until("a node writes to "+table, func() (bool, error) {
		var name string
		err := f.db.QueryRow(`SELECT application_name FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = 'relation'
			AND query LIKE '%INSERT INTO ' || $1 || '%' AND application_name LIKE 'node-%' LIMIT 1`, table).Scan(&name)
		m = f.named(name)
		return m != nil, ignoreNone(err)
	})
	return m, err
}

// finish ends the application, waits until all is decided and carried out, ends the
// nodes as planned and compares what there is with what there must be.
func (f *fleet) finish() (events int, err error) {
	if err := f.round.emitter.stdin.Close(); err != nil {
		return 0, err
	}
	if events, err = f.round.emitted(); err != nil {
		return 0, err
	}
	if err := wellBehaved(f.round.service.Provider); err != nil {
		return 0, err
	}
	if err := f.round.quiet(); err != nil {
		return 0, err
	}
	for _, m := range f.nodes {
		if err := m.process.stop(); err != nil {
			return 0, err
		}
	}
	return events, f.round.compare(events)
}

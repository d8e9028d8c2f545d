package remediator

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logdb"
	"github.com/makegood/makegood/remediator/store/logpg"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// inputsOf reads a golden log of package decide: records with their lengths.
func inputsOf(t testing.TB, name string) []input.Input {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("decide", "testdata", "golden", "v1", name))
	if err != nil {
		t.Fatal(err)
	}
	var inputs []input.Input
	for r := bufio.NewReader(bytes.NewReader(text)); ; {
		var size [4]byte
		if _, err := io.ReadFull(r, size[:]); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		record := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(r, record); err != nil {
			t.Fatal(err)
		}
		more, err := input.DecodeRecord(record, 0)
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, more...)
	}
	if len(inputs) < 100 {
		t.Fatalf("the golden log has %d inputs: nothing would be tested", len(inputs))
	}
	return inputs
}

// genesisWith names another ledger key in a genesis input.
func genesisWith(t *testing.T, body []byte, key string) []byte {
	var g decide.GenesisBody
	if err := json.Unmarshal(body, &g); err != nil {
		t.Fatal(err)
	}
	g.LedgerKey = key
	body, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// cutLog reads as many records at a time as the test says.
type cutLog struct {
	log.Log
	limit func() int
}

func (c cutLog) Read(ctx context.Context, after uint64, limit int) ([]log.Record, error) {
	return c.Log.Read(ctx, after, min(limit, c.limit()))
}

var errCrash = errors.New("crashed")

// crashingStore dies before or after a commit when the test says so.
type crashingStore struct {
	*ledgerdb.DB
	before, after func() bool
}

// LostClaims finds none: the outcomes of this log come without a worker.
func (c crashingStore) LostClaims(context.Context, map[uuid.UUID]int) ([]uuid.UUID, error) {
	return nil, nil
}

func (c crashingStore) Write(ctx context.Context, change *ledgerdb.Change) error {
	if c.before() {
		return errCrash
	}
	if err := c.DB.Write(ctx, change); err != nil {
		return err
	}
	if c.after() {
		return errCrash // the commit's answer is lost
	}
	return nil
}

type plan struct {
	group, records func() int // inputs in a record, records in a transaction
	before, after  func() bool
	matchers       int
	aheadOf        int    // inputs that are folded while a commit is under way
	key            string // of the ledger
}

// home is where a log and a ledger are opened, the ledger for whoever commits.
type home struct {
	log    func(ctx context.Context) (storedLog, error)
	ledger func(ctx context.Context, o ledgerdb.Options) (*ledgerdb.DB, error)
}

// files is a home in a folder.
func files(dir string) home {
	return home{
		func(ctx context.Context) (storedLog, error) {
			return logdb.Open(ctx, filepath.Join(dir, logFile), logdb.Options{})
		},
		func(ctx context.Context, o ledgerdb.Options) (*ledgerdb.DB, error) {
			return ledgerdb.Open(ctx, filepath.Join(dir, ledgerFile), o)
		},
	}
}

// runsInDatabase is how many of the drawn plans run in PostgreSQL: the first.
func runsInDatabase() int {
	if testing.Short() {
		return 1
	}
	return 6
}

// inDatabase is a home in PostgreSQL.
func inDatabase(dsn string) home {
	return home{
		func(ctx context.Context) (storedLog, error) { return logpg.Open(ctx, dsn, logpg.Options{}) },
		func(ctx context.Context, o ledgerdb.Options) (*ledgerdb.DB, error) {
			return ledgerdb.Connect(ctx, dsn, o)
		},
	}
}

// root folds the inputs with real stores, as the plan says, and returns the
// tree's root and size, and what stands beside it, as a text.
func (p plan) root(t *testing.T, at home, inputs []input.Input) string {
	ctx := t.Context()
	l, err := at.log(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for len(inputs) > 0 {
		n := min(p.group(), len(inputs))
		blob, err := input.EncodeRecord(inputs[:n])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(ctx, blob); err != nil {
			t.Fatal(err)
		}
		inputs = inputs[n:]
	}
	for {
		db, err := at.ledger(ctx, ledgerdb.Options{
			Key: p.key, NewKey: func(customer string) [32]byte { return sha256.Sum256([]byte(customer)) },
		})
		if err != nil {
			t.Fatal(err)
		}
		done := p.fold(t, cutLog{l, p.records}, db)
		if done {
			source, release, err := db.Source(ctx)
			if err != nil {
				t.Fatal(err)
			}
			report, err := ledger.Verify(ctx, source, ledger.Options{})
			release()
			if err != nil || !report.Verified {
				t.Fatalf("the ledger does not verify: %v %+v", err, report.Findings)
			}
			rest := tables(t, db)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(report.Root, " of ", report.Size, " and ", rest)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// tables is what stands beside the tree, as a text: brakes, tokens, cords, sums.
func tables(t *testing.T, db *ledgerdb.DB) string {
	t.Helper()
	ctx := t.Context()
	brakes, err1 := db.Brakes(ctx)
	tokens, err2 := db.Tokens(ctx)
	cords, err3 := db.Cords(ctx)
	totals, err4 := db.Totals(ctx)
	unsettled, err5 := db.Unsettled(ctx)
	text, err6 := json.Marshal([]any{brakes, tokens, cords, totals, unsettled})
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		t.Fatal(err)
	}
	if len(brakes) == 0 || len(cords) == 0 || len(totals.Refunded) == 0 {
		t.Errorf("nothing stands beside the tree: %s", text)
	}
	return string(text)
}

// fold folds until the log ends or the store dies; it reports whether it came to the end.
func (p plan) fold(t *testing.T, l log.Log, db *ledgerdb.DB) bool {
	memory := decide.NewAhead(db)
	d := &decider{version: decide.Version, memory: memory, aheadOf: p.aheadOf,
		log: l, store: crashingStore{db, p.before, p.after}, logger: slog.New(slog.DiscardHandler),
		config: decide.Config{Memory: memory, NewMatcher: match.New, Matchers: p.matchers},
		onStep: func(string) {}, wake: func() {}, tell: func(*decide.Output) {}, note: func(error) {},
	}
	if err := d.restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.lead(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer d.release(t.Context())
	for {
		worked, err := d.step(t.Context())
		if errors.Is(err, errCrash) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		if !worked {
			return true
		}
	}
}

// TestTreeIsTheSame holds the property of package decide with real stores: every
// grouping into records and transactions, crashes before and after commits,
// folding while a commit is under way or not, snapshots, any number of matchers and both engines give the same tree.
func TestTreeIsTheSame(t *testing.T) {
	t.Parallel()
	key, public, err := ledger.NewKey(rand.Reader, ledger.Origin("log-1"))
	if err != nil {
		t.Fatal(err)
	}
	never := func() bool { return false }
	roots := map[string]string{}
	names := []string{"seed-4.log", "seed-5.log", "seed-6.log"}
	if testing.Short() {
		names = names[:1]
	}
	logs := map[string][]input.Input{}
	for _, name := range names {
		inputs := inputsOf(t, name)
		inputs = inputs[:len(inputs)/2] // each is durable on its own in some plans, which is what takes the time
		inputs[0].Body = genesisWith(t, inputs[0].Body, public)
		one := plan{group: func() int { return 25 }, records: func() int { return 1 }, before: never, after: never, matchers: 1, aheadOf: math.MaxInt, key: key}
		logs[name], roots[name] = inputs, one.root(t, files(t.TempDir()), inputs)
	}
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(most int, name string) func() int {
			return func() int { return rapid.IntRange(1, most).Draw(rt, name) }
		}
		dies := func(name string) func() bool {
			return func() bool { return rapid.IntRange(0, 4).Draw(rt, name) == 0 }
		}
		p := plan{group: draw(90, "group"), records: draw(4, "records"), before: dies("dies before"), after: dies("dies after"),
			matchers: rapid.SampledFrom([]int{1, 4}).Draw(rt, "matchers"), aheadOf: rapid.SampledFrom([]int{0, 30, math.MaxInt}).Draw(rt, "ahead"), key: key}
		name := rapid.SampledFrom(names).Draw(rt, "log")
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		at := files(dir)
		if runs++; runs <= runsInDatabase() {
			at = inDatabase(postgrestest.New(t))
		}
		if got := p.root(t, at, logs[name]); got != roots[name] {
			rt.Fatalf("the tree is %s, want %s", got, roots[name])
		}
	})
}

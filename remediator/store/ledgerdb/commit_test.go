package ledgerdb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

func TestCommitSealsAndReopens(t *testing.T) { engines(t, testCommitSealsAndReopens) }

func testCommitSealsAndReopens(t *testing.T) {
	path := newPath(t)
	d := openAt(t, path)
	if at, err := d.Position(t.Context()); err != nil || at != (decide.Position{}) {
		t.Errorf("Position of a new ledger = %+v, %v; want zero", at, err)
	}
	if signed, err := d.Checkpoint(t.Context()); err != nil || signed != nil {
		t.Errorf("Checkpoint of a new ledger = %q, %v; want none", signed, err)
	}
	if report := verify(t, d, ledger.Options{}); !report.Verified || report.Size != 0 {
		t.Errorf("a new ledger of size %d: %v", report.Size, report.Findings)
	}
	w := &world{t: t, db: d}
	w.commit(w.genesis())
	for n := range 5 {
		w.commit(w.refund(fmt.Sprint(n)))
	}
	before, err := w.db.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.commit(&decide.Output{}) // moves the position and seals nothing
	signed, err := w.db.Checkpoint(t.Context())
	if err != nil || string(signed) != string(before) {
		t.Errorf("a commit without entries changed the checkpoint (%v)", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	w.db = openAt(t, path)
	if at, err := w.db.Position(t.Context()); err != nil || at != w.at {
		t.Errorf("Position = %+v, %v; want %+v", at, err, w.at)
	}
	w.commit(w.refund("after"))
	report := mustVerify(t, w.db)
	if report.Size != 13 || report.Entries[decide.KindRemedy] != 6 || report.Ordinal != w.at.Ordinal {
		t.Errorf("size %d, entries %v, ordinal %d", report.Size, report.Entries, report.Ordinal)
	}
	_, public := keys(t)
	old := verify(t, w.db, ledger.Options{Key: public, Checkpoints: [][]byte{before}})
	if !old.Verified || !old.Pinned {
		t.Errorf("not a continuation of its own checkpoint: %v", old.Findings)
	}
}

// TestZombieCommitsNothing has a handle that was taken over commit what the new
// one commits too, before and after it.
func TestZombieCommitsNothing(t *testing.T) { engines(t, testZombieCommitsNothing) }

func testZombieCommitsNothing(t *testing.T) {
	zombie := newWorld(t)
	heir := &world{t: t, db: openAt(t, zombie.path()), at: zombie.at}
	try := func() {
		t.Helper()
		before := dump(t, heir.db)
		err := zombie.db.Commit(t.Context(), zombie.at, zombie.next(), zombie.refund("zombie"))
		if !errors.Is(err, ErrFenced) {
			t.Errorf("the zombie's commit = %v, want ErrFenced", err)
		}
		if after := dump(t, heir.db); after != before {
			t.Errorf("the zombie changed the ledger:\n%s", after)
		}
	}
	try()
	heir.commit(heir.refund("heir"))
	try()
	try() // its position was read again meanwhile
	heir.commit(heir.refund("heir 2"))
	mustVerify(t, heir.db)
}

// TestZombieBeforeTheFirstCommit holds that also the first commit is fenced.
func TestZombieBeforeTheFirstCommit(t *testing.T) { engines(t, testZombieBeforeTheFirstCommit) }

func testZombieBeforeTheFirstCommit(t *testing.T) {
	path := newPath(t)
	zombie := &world{t: t, db: openAt(t, path)}
	heir := &world{t: t, db: openAt(t, path)}
	if err := zombie.db.Commit(t.Context(), zombie.at, zombie.next(), zombie.genesis()); !errors.Is(err, ErrFenced) {
		t.Errorf("the zombie's genesis = %v, want ErrFenced", err)
	}
	heir.commit(heir.genesis())
	mustVerify(t, heir.db)
}

// TestLostReply repeats a commit whose reply was lost: the position tells that it
// is there, and committing it again changes nothing.
func TestLostReply(t *testing.T) { engines(t, testLostReply) }

func testLostReply(t *testing.T) {
	w := newWorld(t)
	from, to, out := w.at, w.next(), w.refund("once")
	w.commit(out)
	before := dump(t, w.db)
	at, err := w.db.Position(t.Context())
	if err != nil || at != to {
		t.Fatalf("Position = %+v, %v; want %+v", at, err, to)
	}
	if err := w.db.Commit(t.Context(), from, to, out); !errors.Is(err, ErrFenced) {
		t.Errorf("the same commit again = %v, want ErrFenced", err)
	}
	if after := dump(t, w.db); after != before {
		t.Error("the same commit again changed the ledger")
	}
	w.commit(w.refund("next"))
	mustVerify(t, w.db)
}

// TestFenceIsInTheTransaction writes two changes that were both made at the same
// position, as when two committers had checked it before either wrote.
func TestFenceIsInTheTransaction(t *testing.T) { engines(t, testFenceIsInTheTransaction) }

func testFenceIsInTheTransaction(t *testing.T) {
	w := newWorld(t)
	var changes []*Change
	for _, name := range []string{"one", "two"} {
		c, err := w.db.prepare(t.Context(), w.db.tip, nil, w.next(), w.refund(name))
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, c)
	}
	if err := w.db.write(t.Context(), changes[0]); err != nil {
		t.Fatal(err)
	}
	before := dump(t, w.db)
	if err := w.db.write(t.Context(), changes[1]); !errors.Is(err, ErrFenced) {
		t.Errorf("the second change = %v, want ErrFenced", err)
	}
	if dump(t, w.db) != before {
		t.Error("the second change was written")
	}
	// The first one's reply was lost, so that the end is read again.
	w.db.tip, w.at = nil, w.next()
	w.commit(w.refund("three"))
	mustVerify(t, w.db)
}

// TestCommitNeverGoesBack refuses what a fold made that is behind the ledger.
func TestCommitNeverGoesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(w.refund("one"))
	earlier, older := w.next(), w.next()
	earlier.Ordinal = w.at.Ordinal - 1
	older.Version = w.at.Version - 1
	for _, to := range []decide.Position{earlier, older} {
		if err := w.db.Commit(t.Context(), w.at, to, &decide.Output{}); err == nil || !strings.Contains(err.Error(), "would go back") {
			t.Errorf("a commit to input %d of version %d: %v", to.Ordinal, to.Version, err)
		}
	}
	w.commit(w.refund("two"))
	mustVerify(t, w.db)
}

// TestFailedCommitLeavesNothing lets a commit fail at its end.
func TestFailedCommitLeavesNothing(t *testing.T) { engines(t, testFailedCommitLeavesNothing) }

func testFailedCommitLeavesNothing(t *testing.T) {
	w := newWorld(t)
	before := dump(t, w.db)
	bad := w.refund("bad")
	bad.Snapshot = &decide.Snapshot{Position: w.next(), State: []byte("state"), Digest: "not sealed"}
	if err := w.db.Commit(t.Context(), w.at, w.next(), bad); err == nil || !strings.Contains(err.Error(), "no fact seals the snapshot") {
		t.Errorf("commit of a snapshot that no fact seals = %v", err)
	}
	bad = w.refund("bad")
	bad.Items[0].Fact.Body = []byte(`{"not": "canonical"}`)
	if err := w.db.Commit(t.Context(), w.at, w.next(), bad); err == nil {
		t.Error("a body that cannot be sealed was committed")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.db.Commit(over, w.at, w.next(), w.refund("late")); !errors.Is(err, context.Canceled) {
		t.Errorf("commit with a context that is over = %v", err)
	}
	if after := dump(t, w.db); after != before {
		t.Errorf("a failed commit changed the ledger:\n%s", after)
	}
	w.commit(w.refund("good"))
	mustVerify(t, w.db)
}

// TestKillInTheMiddle copies the files while a transaction is under way, and
// tears the write-ahead log behind a commit at many places: what opens is the
// ledger before or after, whole.
func TestKillInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(w.refund("before"))
	before := w.at
	c, err := w.db.prepare(t.Context(), w.db.tip, nil, w.next(), w.refund("under way"))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := w.db.statements.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if moved, err := w.db.move(tx, c); err != nil || !moved {
		t.Fatalf("moved %v, %v", moved, err)
	}
	if err := errors.Join(writeEntries(tx, c), writeTree(tx, c), w.db.writeOutbox(tx, c)); err != nil {
		t.Fatal(err)
	}
	killed := copyFiles(t, w.path())
	tx.Rollback()
	check := func(path string, want ...decide.Position) {
		t.Helper()
		d := openAt(t, path)
		defer d.Close()
		mustVerify(t, d)
		at, err := d.Position(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range want {
			if at == p {
				return
			}
		}
		t.Errorf("opened at input %d", at.Ordinal)
	}
	check(killed, before)

	start := fileSize(t, w.path()+"-wal")
	w.commit(w.refund("after"))
	end := fileSize(t, w.path()+"-wal")
	if end <= start {
		t.Fatal("the commit was not written behind the one before: nothing is torn")
	}
	for cut := start; cut < end; cut += (end-start)/12 + 1 {
		torn := copyFiles(t, w.path())
		if err := os.Truncate(torn+"-wal", cut); err != nil {
			t.Fatal(err)
		}
		check(torn, before)
	}
	check(copyFiles(t, w.path()), w.at)
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestGroupingDoesNotMatter commits the same outputs in other groups: the
// ledger, its root and everything remembered are the same.
func TestGroupingDoesNotMatter(t *testing.T) { engines(t, testGroupingDoesNotMatter) }

func testGroupingDoesNotMatter(t *testing.T) {
	const inputs = 300 // more than a tile
	type step struct {
		to  decide.Position
		out *decide.Output
	}
	w := &world{t: t, db: openAt(t, newPath(t))}
	var steps []step
	add := func(out *decide.Output) {
		to := w.next()
		steps = append(steps, step{to, out})
		w.commit(out)
		w.at = to
	}
	add(w.genesis())
	for n := range inputs {
		switch name := fmt.Sprint(n - 1); {
		case n%3 == 0 || n == 1:
			add(w.refund(fmt.Sprint(n)))
		case n%3 == 1:
			add(w.outcome(name, decide.Succeeded, true))
		default:
			add(&decide.Output{})
		}
	}
	want, wantDump := mustVerify(t, w.db), dump(t, w.db)
	for seed, largest := range []int{7, 60, len(steps)} {
		random := rand.New(rand.NewPCG(uint64(seed), 0))
		d := openAt(t, newPath(t))
		var at decide.Position
		for rest := steps; len(rest) > 0; {
			n := min(1+random.IntN(largest), len(rest))
			var out decide.Output
			for _, s := range rest[:n] {
				out.Items = append(out.Items, s.out.Items...)
				out.Keys = append(out.Keys, s.out.Keys...)
				out.Payments = append(out.Payments, s.out.Payments...)
				out.Outbox = append(out.Outbox, s.out.Outbox...)
				out.Settled = append(out.Settled, s.out.Settled...)
			}
			to := rest[n-1].to
			if err := d.Commit(t.Context(), at, to, &out); err != nil {
				t.Fatal(err)
			}
			at, rest = to, rest[n:]
		}
		if got := mustVerify(t, d); got.Root != want.Root {
			t.Errorf("groups of up to %d: root %s, want %s", largest, got.Root, want.Root)
		}
		if got := dump(t, d); got != wantDump {
			t.Errorf("groups of up to %d: the tables differ:\n%s", largest, firstDifference(got, wantDump))
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("got  %s\nwant %s", g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// TestChangedEndIsNotSigned changes what the next commit would go on from.
func TestChangedEndIsNotSigned(t *testing.T) { engines(t, testChangedEndIsNotSigned) }

func testChangedEndIsNotSigned(t *testing.T) {
	private, _ := keys(t)
	for _, change := range []string{
		`UPDATE applied SET ordinal = ordinal - 1`,
		`UPDATE applied SET record = record + 1`,
		`UPDATE applied SET size = size - 1`,
		`UPDATE applied SET note = CAST('note' AS BLOB)`,
		`UPDATE tile SET hashes = zeroblob(width * 32) WHERE level = 0`,
		`UPDATE tile SET hashes = zeroblob(5)`,
		`DELETE FROM tile`,
		`UPDATE checkpoint SET note = CAST('note' AS BLOB)`,
		`DELETE FROM checkpoint`,
	} {
		w := newWorld(t)
		w.commit(w.refund("one"))
		w.change(change)
		open := Open
		if onServer(t) {
			open = Connect
		}
		if _, err := open(t.Context(), w.path(), Options{Key: private}); err == nil || !strings.Contains(err.Error(), "makegood audit verify") {
			t.Errorf("%s: opened with %v, want an error that says what to do", change, err)
		}
	}
}

func TestEvidenceIsOpenedUntilItsKeyIsDestroyed(t *testing.T) {
	engines(t, testEvidenceIsOpenedUntilItsKeyIsDestroyed)
}

func testEvidenceIsOpenedUntilItsKeyIsDestroyed(t *testing.T) {
	w := newWorld(t)
	out := w.refund("one")
	large := make([]byte, 100_000)
	to := w.next()
	out.Items = append(out.Items,
		decide.Item{Evidence: &decide.Evidence{Customer: "c-one", Remedy: id("one"), Kind: "event", At: to.At, Ordinal: to.Ordinal, Plain: large}},
		decide.Item{Evidence: &decide.Evidence{Remedy: id("one"), Kind: "reason", At: to.At, Ordinal: to.Ordinal, Plain: []byte("3 customers")}})
	w.commit(out)
	contents, erased, err := w.db.Evidence(t.Context(), id("one"))
	if err != nil || erased != 0 || len(contents) != 3 {
		t.Fatalf("Evidence = %d contents, %d erased, %v; want 3", len(contents), erased, err)
	}
	if got := string(contents[0].Plain); got != `{"id":"one"}` || len(contents[1].Plain) != len(large) || string(contents[2].Plain) != "3 customers" {
		t.Errorf("opened %q, %d bytes, %q", got, len(contents[1].Plain), contents[2].Plain)
	}
	var stored int
	if err := w.db.db.Read.QueryRow(translate(t, `SELECT COUNT(*) FROM ledger WHERE instr(body, '"id"') > 0 OR instr(body, 'customers') > 0`)).Scan(&stored); err != nil || stored != 0 {
		t.Errorf("%d entries hold evidence in the clear (%v)", stored, err)
	}
	w.change(`DELETE FROM customer_key WHERE customer = 'c-one'`)
	contents, erased, err = w.db.Evidence(t.Context(), id("one"))
	if err != nil || erased != 2 || len(contents) != 1 {
		t.Errorf("after the key was destroyed: %d contents, %d erased, %v; want 1 and 2", len(contents), erased, err)
	}
	mustVerify(t, w.db)
	if contents, erased, err := w.db.Evidence(t.Context(), uuid.New()); err != nil || len(contents)+erased != 0 {
		t.Errorf("of a remedy that is not there: %d, %d, %v", len(contents), erased, err)
	}
}

func BenchmarkCommit(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			for _, facts := range []int{10, 100, 1000} {
				b.Run(fmt.Sprintf("%d facts", facts), func(b *testing.B) { benchmarkCommit(b, facts) })
			}
		})
	}
}

func benchmarkCommit(b *testing.B, facts int) {
	w := newWorld(b)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		var all decide.Output
		for range facts / 2 { // a remedy and its evidence
			out := w.refund(fmt.Sprint(n))
			n++
			all.Items = append(all.Items, out.Items...)
			all.Keys = append(all.Keys, out.Keys...)
			all.Payments = append(all.Payments, out.Payments...)
			all.Outbox = append(all.Outbox, out.Outbox...)
		}
		b.StartTimer()
		w.commit(&all)
	}
	b.ReportMetric(float64(b.N*facts)/b.Elapsed().Seconds(), "facts/s")
}

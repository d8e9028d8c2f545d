package backup_test

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/backup"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/logpg"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// A backup of a database goes on under a new origin as that of a folder does. Nodes
// have the new key from its file, and a key of something else begins nothing.
func TestRestoreToDatabaseUnderNewOrigin(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	first, again := postgrestest.New(t), postgrestest.New(t)
	node := func(name, dsn string) *running {
		return startOf(t, remediator.Config{DataDir: at(name), Database: dsn, LedgerKeyFile: at("nodes.key")})
	}
	r := node("node", first)
	r.activate(first)
	r.late(1)
	r.until("decided", func() bool { return r.remedies("acting") == 1 })
	early := r.ask(http.MethodGet, "/checkpoint", "").Body.Bytes()
	if _, err := backup.MakeOfDatabase(t.Context(), first, at("backup"), noon); err != nil {
		t.Fatal(err)
	}
	r.late(2)
	r.until("decided", func() bool { return r.remedies("acting") == 2 })
	lost := r.ask(http.MethodGet, "/checkpoint", "").Body.Bytes()
	r.stop()
	oldKey := fileOf(t, at("nodes.key"))

	options := ledger.Options{Checkpoints: [][]byte{early, lost}}
	refuseOtherKeys(t, at("backup"), again, options)
	keepUnsureKey(t, at("backup"), oldKey, options)
	c, fact, err := backup.RestoreToDatabaseUnderNewOrigin(t.Context(), at("backup"), again, at("nodes.key"), options)
	if err != nil {
		t.Fatal(err)
	}
	head, err := ledger.ReadCheckpoint(lost)
	if err != nil || fact.Kept != c.Entries || fact.Old.Size != head.Size || fact.Old.Origin != head.Origin || head.Size <= c.Entries {
		t.Fatalf("the new origin begins with %+v after %d entries, want the checkpoint\n%s", fact, c.Entries, lost)
	}
	if fileOf(t, at("nodes.key.old")) != oldKey || fileOf(t, at("nodes.key")) == oldKey || strings.TrimSpace(fileOf(t, at("nodes.pub"))) != fact.LedgerKey {
		t.Error("the files of the keys are not the old one, the new one and its public half")
	}
	for _, name := range []string{"again", "another"} { // and it opens again, on another node
		r = node(name, again)
		r.until("decided", func() bool { return r.remedies("acting") == 1 })
		r.stop()
	}
	r = node("again", again)
	if w := r.ask(http.MethodPost, "/v1/resume", `{"target":"money"}`); w.Code != http.StatusOK {
		t.Fatalf("resume is answered %d %s", w.Code, w.Body)
	}
	r.late(3)
	r.until("decided", func() bool { return r.remedies("acting") == 2 })
	newer := r.ask(http.MethodGet, "/checkpoint", "").Body.Bytes()
	for name, options := range map[string]ledger.Options{
		"nothing kept": {}, "the old key": {Key: c.Ledger.Key}, "the new key": {Key: fact.LedgerKey}, "checkpoints": {Checkpoints: [][]byte{early, newer}},
	} {
		report, err := r.service.Verify(t.Context(), options)
		if err != nil || !report.Verified || len(report.Past) != 1 || report.Past[0].Size != head.Size || report.Entries[decide.KindOrigin] != 1 {
			t.Errorf("with %s: %+v, %v", name, report, err)
		}
	}
	report, err := r.service.Verify(t.Context(), ledger.Options{Checkpoints: [][]byte{lost}})
	if err != nil || len(report.Findings) != 1 || !strings.Contains(report.Findings[0].Problem, "those after them were lost, as entry") {
		t.Errorf("the lost checkpoint: %+v, %v", report.Findings, err)
	}
}

// refuseOtherKeys holds that nothing is restored under a new origin that the key of the
// old one did not endorse, and that no key is touched then.
func refuseOtherKeys(t *testing.T, dir, dsn string, options ledger.Options) {
	t.Helper()
	key := filepath.Join(t.TempDir(), "other.key")
	if _, _, err := backup.RestoreToDatabaseUnderNewOrigin(t.Context(), dir, dsn, key, options); err == nil {
		t.Error("restored without a key")
	}
	private, _, err := ledger.NewKey(strings.NewReader(strings.Repeat("random", 20)), "makegood/other")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, []byte(private+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := backup.RestoreToDatabaseUnderNewOrigin(t.Context(), dir, dsn, key, options); err == nil || !strings.Contains(err.Error(), "holds the key of makegood/other") {
		t.Errorf("restored with the key of another ledger: %v", err)
	}
	if names, err := filepath.Glob(filepath.Join(filepath.Dir(key), "*")); err != nil || len(names) != 1 || fileOf(t, key) != private+"\n" {
		t.Errorf("the refusal left %v, %v", names, err)
	}
}

// keepUnsureKey holds that the new key goes when the database is known to have nothing
// that it signed, and else stays, also before another try.
func keepUnsureKey(t *testing.T, dir, oldKey string, options ledger.Options) {
	t.Helper()
	key, dsn := filepath.Join(t.TempDir(), "nodes.key"), postgrestest.New(t)
	if err := os.WriteFile(key, []byte(oldKey), 0o600); err != nil {
		t.Fatal(err)
	}
	fill := func() error {
		_, _, err := backup.RestoreToDatabaseUnderNewOrigin(t.Context(), dir, dsn, key, options)
		return err
	}
	lg, err := logpg.Open(t.Context(), dsn, logpg.Options{}) // a log where there is to be none
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lg.Append(t.Context(), []byte("a record")); err != nil {
		t.Fatal(err)
	}
	if err := lg.Close(); err != nil {
		t.Fatal(err)
	}
	if err := fill(); !errors.Is(err, logpg.ErrNotEmpty) || !strings.Contains(err.Error(), "signed with the new key in "+key+".next") {
		t.Errorf("a restore that ended between ledger and log: %v", err)
	}
	next := fileOf(t, key+".next")
	if err := fill(); err == nil || !strings.Contains(err.Error(), "of a restore that did not end") || fileOf(t, key+".next") != next {
		t.Errorf("another try: %v", err)
	}
	if err := os.Remove(key + ".next"); err != nil {
		t.Fatal(err)
	}
	if err := fill(); !errors.Is(err, ledgerdb.ErrNotEmpty) {
		t.Errorf("a database with a ledger: %v", err)
	}
	if _, err := os.Stat(key + ".next"); !errors.Is(err, fs.ErrNotExist) || fileOf(t, key) != oldKey {
		t.Errorf("after a failure that is certain the new key is there: %v", err)
	}
}

func fileOf(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

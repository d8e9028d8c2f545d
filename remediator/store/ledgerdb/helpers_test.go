package ledgerdb

import (
	"crypto/sha256"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
)

const logID = "test-log"

// keys returns the same signing key for every test.
func keys(t testing.TB) (private, public string) {
	t.Helper()
	private, public, err := ledger.NewKey(rand.NewChaCha8([32]byte{1}), ledger.Origin(logID))
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

// world makes outputs as the fold would, and commits them.
type world struct {
	t  testing.TB
	db *DB
	at decide.Position
}

// newWorld opens a new ledger and commits its genesis.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, db: openAt(t, newPath(t))}
	w.commit(w.genesis())
	return w
}

// next is the position one input later.
func (w *world) next() decide.Position {
	to := w.at
	to.LogID, to.Version = logID, 1
	to.Ordinal++
	to.Record++
	to.At += 1e9
	to.Digest = sha256.Sum256(append(w.at.Digest[:], byte(to.Ordinal)))
	return to
}

func (w *world) commit(out *decide.Output) {
	w.t.Helper()
	to := w.next()
	if err := w.db.Commit(w.t.Context(), w.at, to, out); err != nil {
		w.t.Fatalf("commit input %d: %v", to.Ordinal, err)
	}
	w.at = to
}

// fact makes a fact of the coming input.
func (w *world) fact(kind string, refs decide.Fact, body any) decide.Item {
	w.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	to := w.next()
	refs.Kind, refs.At, refs.Ordinal, refs.Version, refs.Body = kind, to.At, to.Ordinal, to.Version, encoded
	return decide.Item{Fact: &refs}
}

func (w *world) genesis() *decide.Output {
	_, public := keys(w.t)
	return &decide.Output{Items: []decide.Item{w.fact(decide.KindGenesis, decide.Fact{}, decide.GenesisFact{LogID: logID, LedgerKey: public})}}
}

// id makes an id from a name.
func id(name string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)) }

func usd(minor int64) money.Money { return money.Money{Minor: minor, Currency: "USD"} }

// refund is the output of deciding to refund, with evidence: one remedy of the
// given name, whose action has the name with "/refund".
func (w *world) refund(name string) *decide.Output {
	to := w.next()
	amount := usd(299)
	remedy, action := id(name), id(name+"/refund")
	fact := decide.RemedyFact{
		Remedy: remedy, Rule: "late", Scope: "late", Key: name, Mode: live, Decision: decide.Act, Customer: "c-" + name, Source: "/test", Event: name,
		Steps: []decide.Step{{Action: action, Name: "refund", Kind: "refund", Connector: "stripe", Payment: "pay-" + name, Amount: &amount}},
	}
	return &decide.Output{
		Items: []decide.Item{
			w.fact(decide.KindRemedy, decide.Fact{Remedy: remedy, Rule: "late"}, fact),
			{Evidence: &decide.Evidence{Customer: "c-" + name, Remedy: remedy, Rule: "late", Kind: "event", At: to.At, Ordinal: to.Ordinal, Plain: []byte(`{"id":"` + name + `"}`)}},
		},
		Keys:     []decide.KeyTaken{{Remedy: remedy, Scope: "late", Ordinal: to.Ordinal}},
		Payments: []decide.PaymentEntry{{Payment: "stripe:pay-" + name, Action: action, Amount: amount, Ordinal: to.Ordinal}},
		Outbox:   []decide.Job{{Action: action, Remedy: remedy, Connector: "stripe", Kind: "refund", Name: "refund", Ordinal: to.Ordinal, At: to.At}},
	}
}

// outcome is the output of an attempt's end.
func (w *world) outcome(name, status string, settled bool) *decide.Output {
	action := id(name + "/refund")
	out := &decide.Output{Items: []decide.Item{
		w.fact(decide.KindAction, decide.Fact{Remedy: id(name), Action: action, Rule: "late"}, decide.ActionFact{Name: "refund", Attempt: 1, Status: status, Ref: "re_1"}),
	}}
	if settled {
		out.Settled = []uuid.UUID{action}
	}
	return out
}

// verify returns the report of the whole ledger.
func verify(t testing.TB, d *DB, o ledger.Options) ledger.Report {
	t.Helper()
	src, release, err := d.Source(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	report, err := ledger.Verify(t.Context(), src, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// mustVerify fails unless nothing is found in the ledger.
func mustVerify(t testing.TB, d *DB) ledger.Report {
	t.Helper()
	_, public := keys(t)
	report := verify(t, d, ledger.Options{Key: public})
	if !report.Verified {
		t.Fatalf("the ledger does not verify: %v", report.Findings)
	}
	return report
}

func encode(t testing.TB, body any) []byte {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

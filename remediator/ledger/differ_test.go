package ledger_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

func TestDiffer(t *testing.T) {
	t.Parallel()
	const body = `{"a":{"b":[1,{"c":"x"}]},"d":2}`
	sealed := ledger.Entry{Seq: 7, Fact: decide.Fact{Kind: "remedy", At: 1e18, Ordinal: 5, Version: 1, Rule: "late", Body: []byte(body)}}
	if d := ledger.Differ(sealed, sealed); d != nil {
		t.Errorf("it differs from itself: %+v", d)
	}
	for _, c := range []struct {
		change func(*ledger.Entry)
		want   ledger.Difference
	}{
		{func(e *ledger.Entry) { e.Seq++ }, ledger.Difference{"seq", "7", "8"}},
		{func(e *ledger.Entry) { e.Kind, e.Rule = "late", "" }, ledger.Difference{"kind", "remedy", "late"}},
		{func(e *ledger.Entry) { e.At++ }, ledger.Difference{"at", "2001-09-09T01:46:40Z", "2001-09-09T01:46:40.000000001Z"}},
		{func(e *ledger.Entry) { e.Ordinal-- }, ledger.Difference{"ordinal", "5", "4"}},
		{func(e *ledger.Entry) { e.Version++ }, ledger.Difference{"version", "1", "2"}},
		{func(e *ledger.Entry) { e.Remedy = uuid.Max }, ledger.Difference{"remedy", uuid.Nil.String(), uuid.Max.String()}},
		{func(e *ledger.Entry) { e.Action = uuid.Max }, ledger.Difference{"action", uuid.Nil.String(), uuid.Max.String()}},
		{func(e *ledger.Entry) { e.Rule = "early" }, ledger.Difference{"rule", "late", "early"}},
		{func(e *ledger.Entry) { e.Body = []byte(`{"a":{"b":[1,{"c":"y"}]},"d":3}`) }, ledger.Difference{"body.a.b[1].c", `"x"`, `"y"`}},
		{func(e *ledger.Entry) { e.Body = []byte(`{"a":{"b":[1]},"d":2}`) }, ledger.Difference{"body.a.b[1]", `{"c":"x"}`, "nothing"}},
		{func(e *ledger.Entry) { e.Body = []byte(`{"a":{"b":[1,{"c":"x"}]},"d":2,"e":null}`) }, ledger.Difference{"body.e", "nothing", "null"}},
		{func(e *ledger.Entry) { e.Body = []byte(`{"d":2,"a":{"b":[1,{"c":"x"}]}}`) }, ledger.Difference{"body.a", `{"b":[1,{"c":"x"}]}`, "nothing"}},
		{func(e *ledger.Entry) { e.Body = []byte(`{"a":7,"d":2}`) }, ledger.Difference{"body.a", `{"b":[1,{"c":"x"}]}`, "7"}},
		{func(e *ledger.Entry) { e.Body = []byte(`{"a":{"b":[1,{"c":"\u0078"}]},"d":2}`) }, ledger.Difference{"body.a.b[1].c", `"x"`, `"\u0078"`}},
		{func(e *ledger.Entry) { e.Body = []byte(`{"\u0061":{"b":[1,{"c":"x"}]},"d":2}`) }, ledger.Difference{"body", body, `{"\u0061":{"b":[1,{"c":"x"}]},"d":2}`}},
	} {
		other := sealed
		c.change(&other)
		if got := ledger.Differ(sealed, other); got == nil || *got != c.want {
			t.Errorf("got %+v, want %+v", got, c.want)
		}
	}
}

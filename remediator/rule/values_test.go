package rule_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// evaluate evaluates the only rule of a text for an event with the data given.
func evaluate(t testing.TB, lines, data string) *rule.Evaluation {
	t.Helper()
	e, _ := evaluateFiltered(t, lines, data)
	return e
}

// evaluateFiltered returns the rule's filter as well.
func evaluateFiltered(t testing.TB, lines, data string) (*rule.Evaluation, *rule.Filter) {
	t.Helper()
	r := load(t, withLines(lines)).Rules[0]
	ev := &event.Event{ID: "1", Source: "/s", Type: "com.example.x", Data: []byte(data),
		Attributes: map[string]any{"recordedtime": "2001-01-01T00:00:00Z"}} // an emitter's word counts for nothing there
	return r.Evaluate(rule.NewValues(ev, time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC).UnixNano())), &r.Filters[0]
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ once, data, key, noKey string }{
		// 77, 77.0 and "77" are one key; what only looks alike is another.
		{"data.k", `{"k": 77}`, "2:77", ""},
		{"data.k", `{"k": 77.0}`, "2:77", ""},
		{"data.k", `{"k": 7.7e1}`, "2:77", ""},
		{"data.k", `{"k": "77"}`, "2:77", ""},
		{"data.k", `{"k": "77.0"}`, "4:77.0", ""},
		{"data.k", `{"k": "077"}`, "3:077", ""},
		{"data.k", `{"k": -0.0}`, "1:0", ""},
		{"data.k", `{"k": 0.5}`, "3:0.5", ""},
		{"data.k", `{"k": 9007199254740992}`, "16:9007199254740992", ""},
		{"data.k", `{"k": "ä€"}`, "5:ä€", ""},
		{"data.k", `{"k": " "}`, "1: ", ""},
		{"money(data.k)", `{"k": "2.99 USD"}`, "8:2.99 USD", ""},
		{"event.recordedtime", `{}`, "20:2026-03-01T08:00:00Z", ""},
		{"timestamp(data.k)", `{"k": "2026-03-01T09:00:00+01:00"}`, "20:2026-03-01T08:00:00Z", ""},
		{"data.?k.orValue('none')", `{}`, "4:none", ""},
		// Parts never run together.
		{"[data.a, data.b]", `{"a": "x", "b": "yz"}`, "1:x2:yz", ""},
		{"[data.a, data.b]", `{"a": "xy", "b": "z"}`, "2:xy1:z", ""},
		{"[data.a, data.b]", `{"a": "1:x", "b": 2}`, "3:1:x1:2", ""},
		{"{key: [data.a, data.b], scope: s}", `{"a": 1, "b": 2}`, "1:11:2", ""},
		// No key.
		{"data.k", `{}`, "", rule.KeyAbsent},
		{"data.k.l", `{"k": {}}`, "", rule.KeyAbsent},
		{"data.?k", `{}`, "", rule.KeyAbsent},
		{"data.k", `{"k": null}`, "", rule.KeyNull},
		{"data.k", `{"k": ""}`, "", rule.KeyEmpty},
		{"event.customer", `{}`, "", rule.KeyEmpty},
		{"data.k", `{"k": [1]}`, "", rule.KeyType},
		{"data.k", `{"k": {"a": 1}}`, "", rule.KeyType},
		{"data.k", `{"k": true}`, "", rule.KeyType},
		{"data.k / 0", `{"k": 1}`, "", rule.KeyNumber},
		{"data.k", `{"k": 9007199254740993}`, "", rule.KeyError},
		{"data.k", `{"k": 1e20}`, "", rule.KeyNumber},
		{"data.k + 1", `{"k": "x"}`, "", rule.KeyError},
		{"[data.a, data.b]", `{"a": 1}`, "", rule.KeyAbsent},
		{"data.k", `not json`, "", rule.KeyError},
		{"data.k", ``, "", rule.KeyAbsent},
	} {
		t.Run(c.once+" "+c.data, func(t *testing.T) {
			t.Parallel()
			key, noKey := evaluate(t, "once_per: "+c.once, c.data).Key()
			if key != c.key || noKey != c.noKey {
				t.Errorf("got %q, %q; want %q, %q", key, noKey, c.key, c.noKey)
			}
			if strings.HasPrefix(c.once, "{") || strings.HasPrefix(c.once, "[") {
				return
			}
			by, noBy := evaluate(t, "window: {by: \""+c.once+"\", within: 1d}\nhaving: count() > 1", c.data).By()
			if by != c.key || noBy != c.noKey {
				t.Errorf("by: got %q, %q; want %q, %q", by, noBy, c.key, c.noKey)
			}
		})
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	usd := func(minor int64) money.Money { return money.Money{Minor: minor, Currency: "USD"} }
	for _, c := range []struct {
		do, data string
		want     rule.Action
		fails    string
	}{
		{`refund: {payment: "${{ data.p }}", amount: "${{ data.a }}"}`, `{"p": 77, "a": "2.99 USD"}`,
			rule.Action{Name: "refund", Kind: "refund", Connector: "stripe", Payment: "77", Amount: usd(299)}, ""},
		{`refund: {payment: "pi_${{ data.p }}", amount: "${{ data.a }} USD"}`, `{"p": 77.0, "a": 3}`,
			rule.Action{Name: "refund", Kind: "refund", Connector: "stripe", Payment: "pi_77", Amount: usd(300)}, ""},
		{`credit: {customer: "${{ event.customer }}", amount: 5.00 USD, expires: 7d}`, `{}`,
			rule.Action{Name: "credit", Kind: "credit", Connector: "credit", Amount: usd(500), Expires: 7 * 24 * time.Hour}, ""},
		{`credit: {customer: c, amount: "${{ pct(data.a, 12.5) }}"}`, `{"a": {"amount": "1.00", "currency": "USD"}}`,
			rule.Action{Name: "credit", Kind: "credit", Connector: "credit", Customer: "c", Amount: usd(13)}, ""},
		{`andon: {pull: "product/${{ data.s }}/x", level: red, reason: "${{ data.s }}: ${{ data.n }} of ${{ data.ok }}"}`, `{"s": "T-7.a_b", "n": 2, "ok": true}`,
			rule.Action{Name: "andon", Kind: "andon", Cord: "product/T-7.a_b/x", Level: "red", Reason: "T-7.a_b: 2 of true"}, ""},

		{`notify: {template: late}`, `{"k": 1}`,
			rule.Action{Name: "notify", Kind: "notify", Connector: "notify", Template: "late", Via: "mail", Values: `{"let":{}}`}, ""},
		{`notify: {template: late, via: chat}`, `{"k": 1}`,
			rule.Action{Name: "notify", Kind: "notify", Connector: "notify", Template: "late", Via: "chat", Values: `{"let":{}}`}, ""},
		{`notify: {template: late, to: "${{ data.to }}"}`, `{"to": "a@b.example"}`,
			rule.Action{Name: "notify", Kind: "notify", Connector: "notify", Template: "late", Via: "mail", To: "a@b.example",
				Values: `{"let":{},"to":"a@b.example"}`}, ""},
		{`webhook: {to: crm}`, `{}`,
			rule.Action{Name: "webhook", Kind: "webhook", Connector: "webhook", Endpoint: "crm", Values: `{"data":{}}`}, ""},
		{`webhook: {to: crm, data: {z: "${{ data.n }}", a: "<${{ data.s }}>", paid: "${{ money(data.m) }}", two: 2, yes: true, list: "${{ data.l }}"}}`,
			`{"n": 1.5, "s": "x", "m": "2.99 USD", "l": [1, {"b": null, "a": "t"}]}`,
			rule.Action{Name: "webhook", Kind: "webhook", Connector: "webhook", Endpoint: "crm",
				Values: `{"data":{"a":"<x>","list":[1,{"a":"t","b":null}],"paid":"2.99 USD","two":2,"yes":true,"z":1.5}}`}, ""},
		{`notify: {template: late, to: "${{ data.to }}"}`, `{}`, rule.Action{}, "step notify: to: no such key: to"},
		{`notify: {template: late, to: "${{ data.to }}"}`, `{"to": ""}`, rule.Action{}, "step notify: to: the value is empty"},
		{`webhook: {to: crm, data: {n: "${{ data.n }}"}}`, `{}`, rule.Action{}, "step webhook: data: n: no such key: n"},

		{`refund: {payment: "${{ data.p }}", amount: 1.00 USD}`, `{}`, rule.Action{}, "step refund: payment: no such key: p"},
		{`refund: {payment: "${{ data.p }}", amount: 1.00 USD}`, `{"p": ""}`, rule.Action{}, "step refund: payment: the value is empty"},
		{`refund: {payment: "${{ data.p }}", amount: 1.00 USD}`, `{"p": [1]}`, rule.Action{}, "step refund: payment: the value names nothing (type)"},
		{`refund: {payment: p, amount: "${{ data.a }}"}`, `{"a": 3}`, rule.Action{}, "step refund: amount"},
		{`refund: {payment: p, amount: "${{ data.a }}"}`, `{"a": "0.00 USD"}`, rule.Action{}, "nothing to pay"},
		{`refund: {payment: p, amount: "${{ data.a }}"}`, `{"a": "-1.00 USD"}`, rule.Action{}, "step refund: amount"},
		{`refund: {payment: p, amount: "${{ data.a }}"}`, `{"a": "1.001 USD"}`, rule.Action{}, "step refund: amount"},
		{`refund: {payment: p, amount: "${{ money(data.a) - money('2.00 USD') }}"}`, `{"a": "1.00 USD"}`, rule.Action{}, "nothing to pay"},
		{`andon: {pull: "product/${{ data.s }}", level: red, reason: r}`, `{"s": "a/b"}`, rule.Action{}, "step andon: pull"},
		{`andon: {pull: "product/${{ data.s }}", level: red, reason: r}`, `{"s": ""}`, rule.Action{}, "step andon: pull"},
		{`andon: {pull: "product/${{ data.s }}", level: red, reason: r}`, `{"s": ".."}`, rule.Action{}, "step andon: pull"},
		{`andon: {pull: "product/${{ data.s }}", level: red, reason: r}`, `{"s": "ä"}`, rule.Action{}, "step andon: pull"},
		{`andon: {pull: "product/x${{ data.s }}", level: red, reason: r}`, `{"s": "` + strings.Repeat("a", 64) + `"}`, rule.Action{}, "step andon: pull"},
	} {
		t.Run(c.do+" "+c.data, func(t *testing.T) {
			t.Parallel()
			got, err := evaluate(t, "once_per: data.k\ndo:\n  - "+c.do, c.data).Actions(nil)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("got %+v, %v; want an error with %q", got, err, c.fails)
				}
				return
			}
			if err != nil || len(got) != 1 || got[0] != c.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

// A template is told the lets that have a value, a receiver what the rule names;
// only what a step names itself can fail it.
func TestStepsAreToldTheLets(t *testing.T) {
	t.Parallel()
	const lines = "let: {late: \"timestamp(data.at) - timestamp(data.due)\", paid: money(data.paid), gone: data.gone, at: timestamp(data.at)}\ndo:\n"
	const data = `{"at": "2026-01-05T11:30:00Z", "due": "2026-01-05T10:00:00Z", "paid": "5.00 USD"}`
	got, err := evaluate(t, lines+"  - notify: {template: late}", data).Actions(nil)
	const want = `{"let":{"at":"2026-01-05T11:30:00Z","late":"1h30m0s","paid":"5.00 USD"}}`
	if err != nil || got[0].Values != want {
		t.Errorf("got %s, %v\nwant %s", got[0].Values, err, want)
	}
	if _, err = evaluate(t, lines+"  - webhook: {to: crm, data: {gone: \"${{ gone }}\"}}", data).Actions(nil); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("a let that is an error and used: %v", err)
	}
}

func TestLetsInAnyOrder(t *testing.T) {
	t.Parallel()
	e, f := evaluateFiltered(t, "let: {tier: \"late >= duration('60m') ? 100 : 50\", late: timestamp(data.at) - event.time, n: size(data.at), half: n / 4, bad: data.x.y}\n"+
		"if: late > duration('1h') && half == 5 && (bad == 1 || true)\nonce_per: data.k\n"+
		"do: [{credit: {customer: c, amount: \"${{ pct(data.a, tier) }}\"}}]", `{"at": "2026-03-01T09:01:00Z", "a": "3.00 USD"}`)
	if holds, err := e.Meets(f); err != nil || !holds {
		t.Errorf("if: %v, %v", holds, err)
	}
	actions, err := e.Actions(nil)
	if err != nil || actions[0].Amount.Minor != 300 {
		t.Errorf("got %+v, %v", actions, err)
	}
}

func TestConditionsSeen(t *testing.T) {
	t.Parallel()
	e, f := evaluateFiltered(t, "let: {long: data.watch > 300}\nif: data.n >= 3 && (data.?x.orValue(0) == 1 || event.customer == \"c\") && long && data.y.z > 1",
		`{"n": 2, "watch": 400, "y": {}}`)
	got := e.Conditions(f)
	want := []struct {
		text  string
		value bool
		fails bool
		seen  map[string]any
	}{
		{"data.n >= 3", false, false, map[string]any{"data.n": 2.0}},
		{`data.?x.orValue(0) == 1 || event.customer == "c"`, false, false, map[string]any{"event.customer": ""}},
		{"long", true, false, map[string]any{"long": true}},
		{"data.y.z > 1", false, true, map[string]any{}},
	}
	if len(got) != len(want) {
		t.Fatalf("got %d conditions: %+v", len(got), got)
	}
	for i, w := range want {
		g := got[i]
		if g.Text != w.text || g.Value != w.value || (g.Err != nil) != w.fails || !maps(g.Seen, w.seen) {
			t.Errorf("got %+v, want %+v", g, w)
		}
	}
}

// A condition that has a value though a field is not there says which: it decided.
func TestConditionsSeeWhatIsAbsent(t *testing.T) {
	t.Parallel()
	e, f := evaluateFiltered(t, "if: has(data.code) && data.?a.b.orValue(1) > event.?tier.orValue(0) && data.gone == 1 && !has(data.n)", `{"n": 2}`)
	for i, want := range [][]string{{"data.code"}, {"data.a.b", "event.tier"}, nil, nil} {
		if c := e.Conditions(f)[i]; !slices.Equal(c.Absent, want) {
			t.Errorf("%s: absent are %q, want %q", c.Text, c.Absent, want)
		}
	}
}

func maps(a, b map[string]any) bool {
	for name, value := range a {
		if b[name] != value {
			return false
		}
	}
	return len(a) == len(b)
}

func TestErrorsInIfAreFalse(t *testing.T) {
	t.Parallel()
	for data, fails := range map[string]bool{`{}`: true, `{"a": "x"}`: true, `{"a": 9007199254740993}`: true, `{"a": 1}`: false, `[]`: true, `broken`: true} {
		e, f := evaluateFiltered(t, "if: data.a > 1", data)
		holds, err := e.Meets(f)
		if holds || (err != nil) != fails {
			t.Errorf("%s: got %v, %v", data, holds, err)
		}
	}
	e, f := evaluateFiltered(t, "if: data.a", `{"a": 3}`)
	if holds, err := e.Meets(f); holds || err == nil {
		t.Errorf("a number is not true or false, got %v, %v", holds, err)
	}
}

func TestKeyParts(t *testing.T) {
	t.Parallel()
	for key, want := range map[string][]string{
		"": nil, "1:7": {"7"}, "2:g64:k137": {"g6", "k137"}, "3:a:b0:": {"a:b", ""},
		"no key": {"no key"}, "9:short": {"9:short"}, "-1:x": {"-1:x"}, "1:71": {"1:71"},
	} {
		if got := rule.KeyParts(key); !slices.Equal(got, want) {
			t.Errorf("%q has the parts %q, want %q", key, got, want)
		}
	}
}

package rehearse_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// shopEvent writes an event for the shop's rules.
func shopEvent(attributes, data string) []byte {
	return []byte(`{"specversion":"1.0","id":"e-1","source":"/test",` + attributes + `,"data":{` + data + `}}`)
}

func shop(t *testing.T) *rule.Set {
	t.Helper()
	text, err := os.ReadFile("testdata/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	set, err := rule.Load([]rule.File{{Path: "shop.yaml", Text: string(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestExplainNamesTheFirstThingThatFailed(t *testing.T) {
	t.Parallel()
	set := shop(t)
	const closed, thanked = `"type":"com.example.contact.closed","customer":"c-1"`, `"type":"com.example.contact.thanked"`
	const data = `"order":7,"sku":"T-7","reason":"broken","units":2,"payment":"pi_1","paid":"9.99 USD"`
	for _, c := range []struct{ name, rule, attributes, data, why string }{
		{"it acts", "refund-broken", closed, data, ""},
		{"another type", "thank", closed, data, "the rule is about com.example.contact.thanked, not about com.example.contact.closed"},
		{"a condition", "refund-broken", closed, `"reason":"broken","units":1`, "data.units >= 2 is false; data.units = 1"},
		{"an absent field", "refund-broken", closed, `"reason":"broken"`, "data.units >= 2 has no value: no such key: units"},
		{"no key", "refund-broken", closed, `"reason":"broken","units":2,"order":null`, "the event has no once_per key: data.order is null"},
		{"having", "stop-product", closed, data, "distinct(event.customer) >= 2 is false; distinct(event.customer) = 1"},
		{"no window", "stop-product", closed, `"reason":"broken","sku":true`, "the event belongs to no window: data.sku is a boolean"},
		{"no money", "refund-broken", closed, `"order":7,"reason":"broken","units":2,"payment":"pi_1"`, "expand step refund: amount: no such key: paid"},
		{"a limit", "refund-broken", closed, strings.Replace(data, "9.99", "50.01", 1), "held: per_remedy of 50.00 USD, 0.00 USD used before"},
		{"nobody", "thank", thanked, ``, "held: no customer"},
	} {
		e, err := rehearse.Explain(set, shopEvent(c.attributes, c.data), 0, decide.Lateness)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range e.Rules {
			if r.Rule == c.rule && !strings.HasPrefix(r.Why, c.why) || r.Rule == c.rule && c.why == "" && r.Why != "" {
				t.Errorf("%s: got %q, want %q", c.name, r.Why, c.why)
			}
		}
		if len(e.Rules) != 3 {
			t.Errorf("%s: %d rules", c.name, len(e.Rules))
		}
	}
}

// TestExplainSaysWhichTypesDoNotGoTogether holds that the engine's own words, which name
// neither the place nor the types, are not shown.
func TestExplainSaysWhichTypesDoNotGoTogether(t *testing.T) {
	t.Parallel()
	const rules = `
rules:
  - rule: a
    owner: o
    why: w
    event: com.example.a
    if: %s
    let: {late: data.late - 5, twice: late + late}
    window: {within: 1d}
    having: count() + data.n > 0
    do: [{andon: {pull: a/b, level: red, reason: "${{ data.n + data.of }}"}}]
`
	for condition, want := range map[string]string{
		"data.late > 5":                "data.late > 5 has no value: > does not take (text, number); texts",
		"twice > 5":                    "twice > 5 has no value: the let late: - does not take (text, number); texts",
		"data.list.exists(x, x > 5)":   "data.list.exists(x, x > 5) has no value: an operation in it does not take the types of its values",
		"data.n == 1":                  "expand step andon: reason: + does not take (number, map)",
		"data.n == 1 || data.late < 5": "expand step andon: reason: + does not take (number, map)",
	} {
		set, err := rule.Load([]rule.File{{Path: "a.yaml", Text: fmt.Sprintf(rules, condition)}})
		if err != nil {
			t.Fatal(err)
		}
		e, err := rehearse.Explain(set, shopEvent(`"type":"com.example.a"`, `"late":"9","n":1,"list":["a",2],"of":{}`), 0, decide.Lateness)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Rules[0].Why; !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", condition, got, want)
		}
		for _, c := range e.Rules[0].Conditions {
			if strings.Contains(c.Error, "overload") {
				t.Errorf("%s: got %q", condition, c.Error)
			}
		}
	}
	set, err := rule.Load([]rule.File{{Path: "a.yaml", Text: strings.Replace(fmt.Sprintf(rules, "data.n == 1"), "data.n > 0", "data.late > 0", 1)}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := rehearse.Explain(set, shopEvent(`"type":"com.example.a"`, `"late":"9","n":1`), 0, decide.Lateness)
	if err != nil || !strings.HasPrefix(e.Rules[0].Why, "count() + data.late > 0 has no value: count() + data.late: + does not take (number, text)") {
		t.Errorf("having: got %q, %v", e.Rules[0].Why, err)
	}
	waits := strings.NewReplacer("window: {within: 1d}", "unless: {event: com.example.b, within: 1d}", "    having: count() + data.n > 0\n", "").Replace(rules)
	if set, err = rule.Load([]rule.File{{Path: "a.yaml", Text: fmt.Sprintf(waits, "data.n == 1")}}); err != nil {
		t.Fatal(err)
	}
	e, err = rehearse.Explain(set, shopEvent(`"type":"com.example.a"`, `"n":1,"of":{}`), 0, decide.Lateness)
	if err != nil || !strings.HasPrefix(e.Rules[0].Why, "expand step andon: reason: + does not take (number, map)") {
		t.Errorf("unless: got %q, %v", e.Rules[0].Why, err)
	}
}

func TestExplainForPeopleAndPrograms(t *testing.T) {
	t.Parallel()
	raw := shopEvent(`"type":"com.example.contact.closed","customer":"c-1","time":"2026-03-01T08:00:00Z"`,
		`"order":7,"sku":"T-7","reason":"broken","payment":"pi_1","paid":"9.99 USD","units":3`)
	e, err := rehearse.Explain(shop(t), raw, time.Now().UnixNano(), decide.Lateness)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := e.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "explain.golden", text.String()+"\n"+string(encoded)+"\n")
}

// What is held says so once, and apart from that what it would do.
func TestExplainWhatIsHeld(t *testing.T) {
	t.Parallel()
	raw := shopEvent(`"type":"com.example.contact.closed","customer":"c-1"`, `"order":7,"sku":"T-7","reason":"broken","payment":"pi_1","paid":"50.01 USD","units":3`)
	e, err := rehearse.Explain(shop(t), raw, 0, decide.Lateness)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := e.WriteText(&text); err != nil || !strings.Contains(text.String(), "\n  hold: per_remedy of 50.00 USD, 0.00 USD used before\n  it would: refund 50.01 USD of pi_1\n") {
		t.Errorf("%v, it says\n%s", err, text.String())
	}
}

// The reason that the ledger has comes first, whichever other check would have held it.
func TestExplainNamesTheReasonThatIsSealed(t *testing.T) {
	t.Parallel()
	const rules = `
rules:
  - rule: a
    owner: o
    why: w
    event: com.example.a
    once_per: event.id
    do: [{credit: {customer: "${{ event.customer }}", amount: "${{ data.paid }}"}}]
    account: shop
    mode: live
    limits: {per_remedy: [3.00 USD, 5.00 EUR], approve_above: 2.00 USD, budget: {amount: [900.00 USD, 900.00 EUR], within: 1d}}
`
	set, err := rule.Load([]rule.File{{Path: "a.yaml", Text: rules}})
	if err != nil {
		t.Fatal(err)
	}
	const somebody = `,"customer":"c-1"`
	for _, c := range []struct{ customer, paid, reason, why, would string }{
		{"", "4.00 USD", "no customer", "no customer; also per_remedy of 3.00 USD, 0.00 USD used before; also approve_above of 2.00 USD, 0.00 USD used before", "credit 4.00 USD to nobody"},
		{somebody, "4.00 USD", "per_remedy", "per_remedy of 3.00 USD, 0.00 USD used before; also approve_above of 2.00 USD, 0.00 USD used before", "credit 4.00 USD to c-1"},
		{somebody, "2.50 USD", "approve_above", "approve_above of 2.00 USD, 0.00 USD used before", "credit 2.50 USD to c-1"},
		{somebody, "4.00 EUR", "currency", "currency (approve_above names no amount in EUR)", "credit 4.00 EUR to c-1"},
		{somebody, "6.00 EUR", "per_remedy", "per_remedy of 5.00 EUR, 0.00 EUR used before; also currency (approve_above names no amount in EUR)", "credit 6.00 EUR to c-1"},
	} {
		e, err := rehearse.Explain(set, shopEvent(`"type":"com.example.a"`+c.customer, fmt.Sprintf(`"paid":%q`, c.paid)), 0, decide.Lateness)
		if err != nil {
			t.Fatal(err)
		}
		if r := e.Rules[0]; r.Reason != c.reason || r.Why != "held: "+c.why || r.Actions[0] != c.would {
			t.Errorf("%s%s: %s, got %q and %q, want %q", c.paid, c.customer, r.Reason, r.Why, r.Actions[0], c.why)
		}
	}
}

func TestExplainRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "{}", "[]", `{"specversion":"1.0"}`, strings.Repeat("x", 1<<17)} {
		if _, err := rehearse.Explain(shop(t), []byte(raw), 0, decide.Lateness); err == nil {
			t.Errorf("%.30q was explained", raw)
		}
	}
}

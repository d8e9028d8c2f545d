package decide_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

// limitTimes are times of limits, some of which the granules do not divide evenly.
var limitTimes = []time.Duration{10 * time.Minute, 100 * time.Minute, 1001 * time.Second, 7 * time.Hour, 24 * time.Hour, 10 * 24 * time.Hour}

// drawRules draws one to three rules. The first two may share a scope of keys.
func (d *limitDraw) drawRules() (rules []limitRule) {
	shared := d.random.IntN(3) == 0
	for _, name := range []string{"a", "b", "c"}[:1+d.random.IntN(3)] {
		r := limitRule{name: name, scope: name, live: d.random.IntN(4) > 0}
		if shared && name != "c" {
			r.scope = "shared"
		}
		r.steps = [][]string{{"refund"}, {"refund"}, {"credit"}, {"refund", "credit"}, {"credit", "refund"}}[d.random.IntN(5)]
		d.drawLimits(&r)
		rules = append(rules, r)
	}
	return rules
}

// drawLimits draws what may be edited.
func (d *limitDraw) drawLimits(r *limitRule) {
	r.suppress = d.random.IntN(3) == 0
	r.perRemedy, r.approveAbove, r.perCustomer, r.storm = nil, nil, nil, nil
	if d.random.IntN(3) == 0 {
		r.perRemedy = d.amounts(400, 1200)
	}
	if d.random.IntN(3) == 0 {
		r.approveAbove = d.amounts(60, 800)
	}
	if d.random.IntN(2) == 0 {
		r.perCustomer = d.sliding(1000)
	}
	r.budget = d.sliding(3000)
	if r.budget.amount == nil {
		r.budget.amount = d.amounts(1000, 4000) // live money has one
	}
	if r.budget.remedies = 0; d.random.IntN(6) == 0 {
		r.storm = &slidingLimit{remedies: 2 + d.random.IntN(4), within: limitTimes[d.random.IntN(4)]}
	}
}

// amounts draws amounts, most often in both currencies.
func (d *limitDraw) amounts(least, most int64) map[string]int64 {
	all := map[string]int64{"USD": least + d.random.Int64N(most-least), "EUR": least + d.random.Int64N(most-least)}
	if d.random.IntN(8) == 0 {
		delete(all, "EUR")
	}
	return all
}

func (d *limitDraw) sliding(most int64) *slidingLimit {
	l := &slidingLimit{within: limitTimes[d.random.IntN(len(limitTimes))]}
	if l.remedies = d.random.IntN(4); l.remedies == 0 || d.random.IntN(2) == 0 {
		l.amount = d.amounts(most/4, most)
	}
	return l
}

// edited draws the same rules with other limits, or in another mode. A limit's time
// only becomes shorter: what was longer ago than it ever asked for is forgotten.
func (d *limitDraw) edited() []limitRule {
	rules := slices.Clone(d.model.rules)
	for i := range rules {
		r, old := &rules[i], rules[i]
		if d.random.IntN(3) == 0 {
			continue
		}
		d.drawLimits(r)
		r.budget.within = min(r.budget.within, old.budget.within)
		if r.perCustomer != nil && old.perCustomer != nil {
			r.perCustomer.within = min(r.perCustomer.within, old.perCustomer.within)
		} else {
			r.perCustomer = old.perCustomer // one that comes back would remember some of the time before
		}
		r.storm = old.storm
		r.live = d.random.IntN(4) > 0
	}
	return rules
}

// yaml writes a rule as an author does.
func (r limitRule) yaml() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("  - rule: %s\n    owner: shop\n    why: because\n    event: com.example.thing\n    if: data.%s", r.name, r.name)
	line("    once_per: {key: data.key, scope: %s}\n    do:", r.scope)
	for _, s := range r.steps {
		line("      - %s", map[string]string{"refund": `refund: {payment: "${{ data.payment }}", amount: "${{ data.paid }}"}`,
			"credit": `credit: {customer: "${{ event.customer }}", amount: "${{ pct(data.paid, 10) }}"}`}[s])
	}
	line("    limits:")
	if r.perRemedy != nil {
		line("      per_remedy: %s", amountsText(r.perRemedy))
	}
	if r.approveAbove != nil {
		line("      approve_above: %s", amountsText(r.approveAbove))
	}
	for name, l := range map[string]*slidingLimit{"per_customer": r.perCustomer, "budget": r.budget} {
		if l != nil {
			line("      %s: %s", name, l)
		}
	}
	if r.suppress {
		line("      over: suppress")
	}
	if r.storm != nil {
		line("    storm: %s", r.storm)
	}
	line("    account: \"1\"\n    mode: %s", modeOf(r.live))
	return b.String()
}

func (l *slidingLimit) String() string {
	var parts []string
	if l.remedies > 0 {
		parts = append(parts, fmt.Sprintf("remedies: %d", l.remedies))
	}
	if l.amount != nil {
		parts = append(parts, "amount: "+amountsText(l.amount))
	}
	return fmt.Sprintf("{%s, within: %ds}", strings.Join(parts, ", "), l.within/time.Second)
}

func amountsText(amounts map[string]int64) string {
	var parts []string
	for _, currency := range slices.Sorted(maps.Keys(amounts)) {
		parts = append(parts, fmt.Sprintf("%d.%02d %s", amounts[currency]/100, amounts[currency]%100, currency))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// retry has somebody try again what failed, most often the newest, which may be a retry.
func (d *limitDraw) retry(id string, at int64) {
	labels := slices.SortedFunc(maps.Keys(d.model.failed), func(a, b string) int { return cmp.Compare(d.inputOf(a), d.inputOf(b)) })
	label := labels[len(labels)-1]
	if d.random.IntN(3) == 0 {
		label = labels[d.random.IntN(len(labels))]
	}
	var left []string
	for _, s := range d.model.failed[label].steps {
		if s.status != "done" {
			left = append(left, s.kind)
		}
	}
	c := retries(by([]string{"ann", "bob", "cem", "dee"}[d.random.IntN(4)], decide.RoleOperator), d.facts[label], left...)
	if !d.model.begins(id, at) {
		d.model.retry(label, c.By)
	}
	d.compare(input.Input{ID: id, Kind: input.Command, At: at, Body: encode(d.t, c)})
	made := fmt.Sprintf("%s#%d", decide.RuleRetry, d.model.n)
	if _, known := d.facts[made]; known && strings.HasPrefix(label, decide.RuleRetry) {
		d.seen[againAndAgain+d.facts[made].Decision]++
	}
}

// inputOf is the input that a remedy came of.
func (d *limitDraw) inputOf(label string) (n int) {
	if _, err := fmt.Sscanf(label[strings.IndexByte(label, '#')+1:], "%d", &n); err != nil {
		d.t.Fatalf("read the input of remedy %s: %v", label, err)
	}
	return n
}

// event draws an event and has both take it.
func (d *limitDraw) event(id string, at int64) {
	e := limitEvent{id: id, customer: fmt.Sprintf("c-%d", d.random.IntN(3)), payment: fmt.Sprintf("pi_%d", d.random.IntN(40)),
		currency: []string{"USD", "USD", "EUR"}[d.random.IntN(3)], paid: 1 + d.random.Int64N(900), at: at}
	key := d.random.IntN(40)
	e.key = fmt.Sprint(key)
	e.keyJSON = []string{fmt.Sprint(key), fmt.Sprintf("%d.0", key), fmt.Sprintf("%q", e.key)}[d.random.IntN(3)] // are one
	switch d.random.IntN(40) {
	case 0:
		e.key, e.keyJSON = "", []string{`""`, "null", "true"}[d.random.IntN(3)]
	case 1, 2:
		e.customer = ""
	case 3:
		e.broken = true
	case 4:
		e.at -= int64(31 * 24 * time.Hour)
	case 5:
		e.paid = 4 // a tenth of it is nothing
	case 6, 7:
		e.paid *= 9
	}
	for _, r := range d.model.rules {
		if d.random.IntN(5) > 0 {
			e.rules += r.name
		}
	}
	d.take(id, at, e)
}

// body writes the event down.
func (e limitEvent) body() []byte {
	customer, paid := "", fmt.Sprintf("%d.%02d %s", e.paid/100, e.paid%100, e.currency)
	if e.customer != "" {
		customer = fmt.Sprintf(`"customer":%q,`, e.customer)
	}
	if e.broken {
		paid = "5.001 USD"
	}
	meets := ""
	for _, name := range []string{"a", "b", "c"} {
		meets += fmt.Sprintf(`,"%s":%t`, name, strings.Contains(e.rules, name))
	}
	return fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"/s","type":"com.example.thing",%s"time":%q,"data":{"key":%s,"payment":%q,"paid":%q%s}}`,
		e.id, customer, time.Unix(0, e.at).UTC().Format(time.RFC3339Nano), e.keyJSON, e.payment, paid, meets)
}

package lint_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/lint"
)

// keyed is a rule that pays, with these events, once_per and let, in YAML.
func keyed(t *testing.T, name, events, oncePer, let, mode string) *rule.Set {
	t.Helper()
	set, err := rule.Load([]rule.File{{Path: "r.yaml", Text: fmt.Sprintf(`rules:
  - rule: %s
    owner: o
    event: %s
    once_per: %s
    let: {%s}
    do: [{credit: {customer: c, amount: 1.00 USD}}]
    limits: {budget: {amount: 10.00 USD, within: 1d}}
    account: "1"
    mode: %s
`, name, events, oncePer, let, mode)}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestKeysAreComparedHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	keys, err := lint.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	one := keyed(t, "a", "[x.y, x.z]", "data.order", "", "live")
	for name, c := range map[string]struct {
		other       *rule.Set
		same, share bool
	}{
		"another name":                  {keyed(t, "b", "[x.y, x.z]", "data.order", "", "live"), true, false},
		"its scope":                     {keyed(t, "b", "[x.z, x.y]", "{key: data.order, scope: a}", "", "live"), true, true},
		"an index":                      {keyed(t, "a", "[x.y, x.z]", `'data["order"] // of the shop'`, "", "live"), true, true},
		"a let":                         {keyed(t, "a", "[x.y, x.z]", "[id]", "id: data.order", "live"), true, true},
		"fewer events":                  {keyed(t, "a", "x.y", "data.order", "", "live"), true, true},
		"a prefix":                      {keyed(t, "a", "x.*", "data.order", "", "live"), true, true},
		"the text of it":                {keyed(t, "a", "x.y", "string(data.order)", "", "live"), true, false}, // of 1234567 it is 1.234567e+06
		"if it is there":                {keyed(t, "a", "x.y", "data.?order", "", "live"), true, true},
		"else nothing":                  {keyed(t, "a", "x.y", `'data[?"order"].orValue("")'`, "", "live"), true, true},
		"else null":                     {keyed(t, "a", "x.y", "data.?order.orValue(null)", "", "live"), true, true},
		"the text of what may be there": {keyed(t, "a", "x.y", `'string(data.?order.orValue(""))'`, "", "live"), true, false},
		"asked with has":                {keyed(t, "a", "x.y", `'has(data.order) ? data.order : ""'`, "", "live"), true, true},
		"asked of another":              {keyed(t, "a", "x.y", `'has(data.item) ? data.order : ""'`, "", "live"), false, false},
		"the text of what has asks":     {keyed(t, "a", "x.y", `'has(data.order) ? string(data.order) : ""'`, "", "live"), true, false},
		"a whole number":                {keyed(t, "a", "x.y", "string(int(data.order))", "", "live"), true, false},
		"without spaces":                {keyed(t, "a", "x.y", "data.order.trim()", "", "live"), true, false},
		"else another key":              {keyed(t, "a", "x.y", `'data.?order.orValue("none")'`, "", "live"), false, false},
		"a longer text":                 {keyed(t, "a", "x.y", "string(data.order) + string(data.item)", "", "live"), false, false},
		"other events":                  {keyed(t, "a", "x.w", "data.order", "", "live"), false, false},
		"another key":                   {keyed(t, "a", "[x.y, x.z]", "data.item", "", "live"), false, false},
		"one part more":                 {keyed(t, "a", "[x.y, x.z]", "[data.order, event.type]", "", "live"), false, false},
		"parts turned":                  {keyed(t, "a", "[x.y, x.z]", "[event.type, data.order]", "", "live"), false, false},
		"parts of a list":               {keyed(t, "a", "x.y", "[data.order]", "", "live"), true, true},
		"a let of another":              {keyed(t, "a", "[x.y, x.z]", "id", "id: data.item", "live"), false, false},
	} {
		a, b := one.Rules[0], c.other.Rules[0]
		if got := keys.Same(a, b); got != c.same || keys.Same(b, a) != got {
			t.Errorf("%s: the same keys of the same events: %v, want %v", name, got, c.same)
		}
		if got := keys.Share(a, b); got != c.share || keys.Share(b, a) != got {
			t.Errorf("%s: keys are shared: %v, want %v", name, got, c.share)
		}
	}
	two := keyed(t, "a", "x.y", "[data.order, event.customer]", "", "live").Rules[0]
	turned := keyed(t, "a", "x.y", "[event.customer, data.order]", "", "live").Rules[0]
	if !keys.Same(two, turned) || keys.Share(two, turned) {
		t.Errorf("with its parts turned a key is the same %v and shared %v", keys.Same(two, turned), keys.Share(two, turned))
	}
}

// TestRekeyed holds which rules are told as ones that take other keys than before.
func TestRekeyed(t *testing.T) {
	t.Parallel()
	keys, err := lint.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	one := keyed(t, "a", "[x.y, x.z]", "data.order", "", "live")
	both, err := rule.Load(append([]rule.File{{Path: "q.yaml", Text: strings.NewReplacer("rule: a", "rule: z", "data.order", "{key: data.item, scope: a}").Replace(one.Files[0].Text)}}, one.Files...))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		before, set *rule.Set
		want        int
	}{
		"as a text":             {one, keyed(t, "a", "x.y", "string(data.order)", "", "live"), 1},
		"if it is there":        {one, keyed(t, "a", "x.y", `'data.?order.orValue("")'`, "", "live"), 0},
		"parts turned":          {keyed(t, "a", "x.y", "[data.order, event.type]", "", "live"), keyed(t, "a", "x.y", "[event.type, data.order]", "", "live"), 1},
		"as it was":             {one, keyed(t, "a", "x.*", `data["order"]`, "", "live"), 0},
		"other keys":            {one, keyed(t, "a", "x.y", "[data.order, event.type]", "", "canary 5%"), 1},
		"it was a shadow":       {keyed(t, "a", "x.y", "data.order", "", "shadow"), keyed(t, "a", "x.y", "data.item", "", "live"), 0},
		"it is a shadow":        {one, keyed(t, "a", "x.y", "data.item", "", "shadow"), 0},
		"renamed with it":       {one, keyed(t, "b", "x.y", "{key: string(data.order), scope: a}", "", "live"), 1},
		"renamed as it was":     {one, keyed(t, "b", "x.y", "{key: data.order, scope: a}", "", "live"), 0},
		"it is new":             {one, keyed(t, "b", "x.y", "data.item", "", "live"), 0},
		"beside one that stays": {one, both, 0},
	} {
		if got := keys.Rekeyed(c.before, c.set); len(got) != c.want {
			t.Errorf("%s: %d rules have other keys, want %d", name, len(got), c.want)
		}
	}
}

// TestTextsOfKeys holds that string() is left out only where that leads to a warning: what it
// makes of a great number is another key, also in one scope.
func TestTextsOfKeys(t *testing.T) {
	t.Parallel()
	const one = "  - rule: %s\n    owner: o\n    why: w\n    event: x\n    if: data.n > %d\n    once_per: {key: %s, scope: %s}\n    do: [{credit: {customer: c, amount: %d.00 USD}}]\n    limits: {budget: {amount: 9.00 USD, within: 1d}}\n"
	const pay, once = "the rules a and b may pay for one data.k for the same event: ", ", or give them one scope: once_per: {key: [data.k], scope: a}"
	const own, others = "each has keys of its own, so both pay", "data.k and string(data.k) are not one key of every event, so both may pay"
	for _, c := range []struct {
		key, scope string
		amount     int // that the second rule pays; the first pays 1.00 USD
		want, hint string
	}{
		{"data.k", "a", 2, "", ""},
		{"string(data.k)", "b", 2, pay + own, once},
		{"string(data.k)", "a", 2, pay + others, once},
		{"string(data.k)", "a", 1, pay + others, once},
		{"string(data.l)", "a", 2, "", ""},
	} {
		problems := check(t, "rules:\n"+fmt.Sprintf(one, "a", 3, "data.k", "a", 1)+fmt.Sprintf(one, "b", 5, c.key, c.scope, c.amount))
		got, hint := "", ""
		for _, p := range problems {
			got, hint = got+p.Message, hint+strings.TrimPrefix(p.Hint, "make their conditions exclude each other")
		}
		if got != c.want || hint != c.hint {
			t.Errorf("%s in %s: got %q, %q; want %q, %q", c.key, c.scope, got, hint, c.want, c.hint)
		}
	}
}

// conditioned is a rule of two events with conditions, window and counterpart, in YAML.
func conditioned(t *testing.T, conditions string) *rule.Rule {
	t.Helper()
	if !strings.Contains(conditions, "mode:") {
		conditions += "\nmode: live"
	}
	set, err := rule.Load([]rule.File{{Path: "r.yaml", Text: fmt.Sprintf(`rules:
  - rule: a
    owner: o
    why: w
    %s
    once_per: data.order
    do: [{credit: {customer: c, amount: 1.00 USD}}]
    limits: {budget: {amount: 10.00 USD, within: 1d}}
    account: "1"
`, strings.ReplaceAll(conditions, "\n", "\n    "))}})
	if err != nil {
		t.Fatal(err)
	}
	return set.Rules[0]
}

// TestCovered holds which rules do what another one does already, for all of its events.
func TestCovered(t *testing.T) {
	t.Parallel()
	keys, err := lint.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	const window, wait = "\nwindow: {by: event.customer, within: 1h}\nhaving: count() >= ", "\nunless: {event: x.z, by: data.order, within: "
	for name, c := range map[string]struct {
		by, rule string
		want     bool
	}{
		"the same":                    {"event: x.y\nif: data.n > 5 && data.vip", "event: x.y\nif: data.n > 5 && data.vip", true},
		"narrowed":                    {"event: x.y\nif: data.n > 5", "event: x.y\nif: data.n > 6 && data.vip", true},
		"widened":                     {"event: x.y\nif: data.n > 6", "event: x.y\nif: data.n > 5", false},
		"its condition goes":          {"event: x.y\nif: data.vip == true", "event: x.y", false},
		"an event more":               {"event: x.y", "event: [x.y, x.z]", false},
		"an event less":               {"event: x.*\nif: data.n > 5", "event: x.y\nif: data.n > 5", true},
		"a condition of one event":    {"event: [{type: x.y, if: data.n > 5}, x.z]", "event: [x.y, x.z]", false},
		"the same of one event":       {"event: [{type: x.y, if: data.n > 5}, x.z]", "event: [x.z, {type: x.y, if: data.n > 5}]", true},
		"the same window":             {"event: x.y" + window + "3", "event: x.y" + window + "3", true},
		"fewer in the window":         {"event: x.y" + window + "3", "event: x.y" + window + "2", false},
		"fewer by a let":              {"event: x.y\nlet: {few: '3.0'}\nwindow: {within: 1h}\nhaving: count() >= few", "event: x.y\nlet: {few: '2.0'}\nwindow: {within: 1h}\nhaving: count() >= few", false},
		"as many by a let":            {"event: x.y\nlet: {few: '3.0'}\nwindow: {within: 1h}\nhaving: count() >= few", "event: x.y\nwindow: {within: 1h}\nhaving: count() >= (3.0)", true},
		"its window goes":             {"event: x.y" + window + "3", "event: x.y", false},
		"a window more":               {"event: x.y", "event: x.y" + window + "3", true},
		"the same counterpart":        {"event: x.y" + wait + "1h}", "event: x.y" + wait + "1h}", true},
		"it waits for a shorter time": {"event: x.y" + wait + "2h}", "event: x.y" + wait + "1h}", false},
		"its counterpart goes":        {"event: x.y" + wait + "2h}", "event: x.y", false},
		"a counterpart more":          {"event: x.y", "event: x.y" + wait + "2h}", true},
		"for some customers":          {"event: x.y\nmode: canary 5%", "event: x.y", false},
		"for as many customers":       {"event: x.y\nmode: canary 5%", "event: x.y\nmode: canary 5%", true},
		"for more customers":          {"event: x.y\nmode: canary 5%", "event: x.y\nmode: canary 6%", false},
		"for fewer customers":         {"event: x.y", "event: x.y\nmode: canary 5%", true},
	} {
		by, r := conditioned(t, c.by), conditioned(t, c.rule)
		if got := keys.Covered([]*rule.Rule{by}, r); got != c.want {
			t.Errorf("%s: covered is %v", name, got)
		}
	}
}

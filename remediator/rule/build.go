package rule

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// builder reads one rule.
type builder struct {
	*document.Source
	engine *expression.Engine
	scope  *expression.Scope
	calls  expression.Calls
	r      *Rule
	m      *document.Mapping
	nameAt document.Place

	defaults *defaults         // of the file; nil: none
	limited  *document.Mapping // the limits among them; nil: none

	letsUnread bool // so that nobody knows which names there are

	quiet []quietRule
}

var ruleKeys = []string{"rule", "owner", "why", "event", "if", "once_per", "let", "window", "having", "do", "limits", "storm", "account", "mode", "unless"}

func (b *builder) build(node *yaml.Node) {
	if b.m = b.Mapping(node, "a rule", ruleKeys...); b.m == nil {
		return
	}
	b.inherit()
	b.name()
	b.texts()
	b.lets()
	b.events()
	b.oncePer()
	b.window()
	b.unless()
	b.do()
	b.aggregates()
	b.limits()
	b.storm()
	b.mode()
	b.waits()
	b.requests()
	b.demands()
}

var nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)

const nameHint = "small letters, digits and hyphens, at most 64, like refund-late-order"

func (b *builder) nameOf(n *yaml.Node, what string) string {
	text, ok := b.Scalar(n, what, nameHint)
	if !ok {
		return ""
	}
	if !nameForm.MatchString(text) && (text != RequestName || what == "name") {
		hint := nameHint
		if near := strings.Trim(notInName.ReplaceAllString(strings.ToLower(text), "-"), "-"); nameForm.MatchString(near) {
			hint = "did you mean " + near + "? (" + nameHint + ")"
		}
		b.Errorf(document.At(n), "name", hint, "%s %q is not a name", what, text)
		return ""
	}
	return text
}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

func (b *builder) name() {
	if n := b.m.Need("rule", "name the rule: "+nameHint); n != nil {
		b.r.Name, b.nameAt = b.nameOf(n, "rule"), document.At(n)
		b.r.Scope = b.r.Name
	}
}

func (b *builder) texts() {
	for _, field := range []struct {
		key, hint string
		to        *string
	}{
		{"owner", "name the place in the organisation, like video/playback", &b.r.Owner},
		{"why", "say in a sentence why this is owed to the customer", &b.r.Why},
		{"account", `name the cost centre, like "4711 goodwill"`, &b.r.Account},
	} {
		n := b.m.Get(field.key)
		if n == nil {
			if field.key != "account" && !b.m.Has(field.key) && !b.Broken {
				b.Warnf(document.At(b.m.Node), "missing", field.hint, "the rule has no %s", field.key)
			}
			continue
		}
		if text, ok := b.Scalar(n, field.key, field.hint); ok {
			*field.to = strings.TrimSpace(text)
		}
	}
}

// duration reads a duration that must be longer than nothing.
func (b *builder) duration(n *yaml.Node, what string) time.Duration {
	const hint = "write a number and a unit: 30s, 10m, 6h, 7d"
	text, ok := b.Scalar(n, what, hint)
	if !ok {
		return 0
	}
	d, err := expression.ParseDuration(text)
	if err != nil {
		b.Errorf(document.At(n), "duration", durationHint(text, hint), "%s: %v", what, err)
		return 0
	}
	if d <= 0 {
		b.Errorf(document.At(n), "duration", hint, "%s: %s is no time at all", what, text)
	}
	return d
}

var spelled = regexp.MustCompile(`^\s*(\d+)\s*(s|m|h|d|w)[a-z]*\s*$`)

// durationHint writes the duration as it was probably meant.
func durationHint(text, hint string) string {
	if _, err := strconv.Atoi(text); err == nil {
		return "name its unit: " + text + "s, " + text + "m, " + text + "h or " + text + "d"
	}
	found := spelled.FindStringSubmatch(strings.ToLower(text))
	if found == nil {
		return hint
	}
	number, unit := found[1], found[2]
	if number+unit == text {
		return hint // it is wrong for another reason
	}
	if weeks, err := strconv.Atoi(number); unit == "w" && err == nil && weeks < 10000 {
		number, unit = strconv.Itoa(7*weeks), "d"
	}
	return "write " + number + unit
}

func (b *builder) within(m *document.Mapping) time.Duration {
	if n := m.Need("within", "say for how long: within: 30d"); n != nil {
		return b.duration(n, "within")
	}
	return 0
}

// whole reads a whole number from 1.
func (b *builder) whole(n *yaml.Node, what string) int {
	const hint = "write a whole number from 1"
	text, ok := b.Scalar(n, what, hint)
	if !ok {
		return 0
	}
	count, err := strconv.Atoi(text)
	if err != nil || count < 1 || count > 1_000_000_000 {
		b.Errorf(document.At(n), "number", hint, "%s: %q is not a number of things", what, text)
		return 0
	}
	return count
}

// amounts reads an amount, or a list with one amount a currency.
func (b *builder) amounts(n *yaml.Node, what string) []money.Money {
	const hint = "write an amount with its currency, like 10.00 USD, or a list: [10.00 USD, 9.00 EUR]"
	var list []money.Money
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		// Nothing allowed must not come to mean that anything is.
		b.Errorf(document.At(n), "money", hint, "%s: the list has no amounts", what)
	}
	for _, item := range document.Items(n) {
		text, ok := b.Scalar(item, what, hint)
		if !ok {
			continue
		}
		amount, err := money.Parse(text)
		same := func(m money.Money) bool { return m.Currency == amount.Currency }
		switch {
		case err != nil:
			b.Errorf(document.At(item), "money", moneyHint(text, hint), "%s: %v", what, err)
		case amount.Minor <= 0:
			b.Errorf(document.At(item), "money", "to stop the rule, set mode: shadow", "%s: %s lets nothing through", what, text)
		case slices.ContainsFunc(list, same):
			b.Errorf(document.At(item), "money", "keep one of them", "%s: two amounts in %s", what, amount.Currency)
		default:
			list = append(list, amount)
		}
	}
	return list
}

// moneyHint writes the amount as it was probably meant.
func moneyHint(text, hint string) string {
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		if _, err := money.Parse(text + " USD"); err == nil {
			return "name the currency: " + text + " USD"
		}
	}
	if fields := strings.Fields(strings.ToUpper(text)); len(fields) == 2 {
		for _, meant := range []string{fields[0] + " " + fields[1], fields[1] + " " + fields[0]} {
			if _, err := money.Parse(meant); err == nil {
				return "write " + meant
			}
		}
	}
	return hint
}

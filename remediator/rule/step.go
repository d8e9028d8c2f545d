package rule

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/money"
)

// Step is one step of `do`, its texts not yet expanded.
type Step struct {
	Name  string
	Kind  string // refund, credit, notify, webhook, andon, coe
	After string // name of the step it waits for; "" when it waits for none

	Template string // notify: the template's name
	Via      string // notify: mail, chat
	Endpoint string // webhook: the receiver's name

	payment, customer, amount, cord, reason, to template
	data                                        []field
	level                                       string
	terms                                       cord.Terms
	expires                                     time.Duration
}

// The kinds of step, and who carries each out. An andon and a coe take effect in the fold.
const (
	Refund  = "refund"
	Credit  = "credit"
	Notify  = "notify"
	Webhook = "webhook"
	Andon   = "andon"
	COE     = "coe"
)

var connectors = map[string]string{Refund: "stripe", Credit: "credit", Notify: "notify", Webhook: "webhook", Andon: "", COE: ""}

// Connectors lists who carries out steps, sorted.
func Connectors() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Values(connectors)), func(name string) bool { return name == "" })
}

// MovesMoney reports whether the rule has a step that pays.
func (r *Rule) MovesMoney() bool {
	for _, step := range r.Steps {
		if step.Kind == Refund || step.Kind == Credit {
			return true
		}
	}
	return false
}

// Pays reports whether the rule moves real money, for some customers at least.
func (r *Rule) Pays() bool { return r.MovesMoney() && r.Mode != Shadow }

// WrittenAmounts returns what each remedy of the rule pays at least: the sum, a currency, of
// the amounts that are written out, in order of the currencies.
func (r *Rule) WrittenAmounts() []money.Money {
	var sums []money.Money
	for _, step := range r.Steps {
		text, ok := step.amount.constant()
		amount, err := money.Parse(text)
		if !ok || err != nil {
			continue
		}
		i, found := slices.BinarySearchFunc(sums, amount, func(a, b money.Money) int { return strings.Compare(a.Currency, b.Currency) })
		if !found {
			sums = slices.Insert(sums, i, amount)
		} else if sum, err := sums[i].Add(amount); err == nil {
			sums[i] = sum
		}
	}
	return sums
}

// Actions expands the texts of the rule's steps. aggregates are as in Having.
func (e *Evaluation) Actions(aggregates []any) ([]Action, error) {
	e.slots = aggregates
	actions := make([]Action, 0, len(e.rule.Steps))
	for i := range e.rule.Steps {
		step := &e.rule.Steps[i]
		action, err := e.action(step)
		if err != nil {
			return nil, fmt.Errorf("expand step %s: %w", step.Name, err)
		}
		actions = append(actions, action)
	}
	nameCords(actions)
	return actions, nil
}

// nameCords has each coe name the cord that the same remedy pulls first.
func nameCords(actions []Action) {
	pull := slices.IndexFunc(actions, func(a Action) bool { return a.Kind == Andon })
	for i := range actions {
		if actions[i].Kind == COE && pull >= 0 {
			actions[i].Cord = actions[pull].Cord
		}
	}
}

func (e *Evaluation) action(step *Step) (Action, error) {
	a := Action{Name: step.Name, Kind: step.Kind, After: step.After, Connector: connectors[step.Kind],
		Level: step.level, Terms: step.terms, Expires: step.expires}
	var err error
	switch step.Kind {
	case Refund:
		if a.Payment, err = e.id(step.payment); err != nil {
			return a, fmt.Errorf("payment: %w", err)
		}
	case Credit:
		// An absent customer is not an error: the remedy is held for its own reason.
		if a.Customer, err = e.id(step.customer); err != nil && !errors.Is(err, errEmpty) {
			return a, fmt.Errorf("customer: %w", err)
		}
	case Notify, Webhook:
		return a, e.tell(step, &a)
	case Andon:
		if a.Cord, err = e.path(step.cord); err != nil {
			return a, fmt.Errorf("pull: %w", err)
		}
		if a.Reason, err = e.text(step.reason, func(text string) (string, error) { return text, nil }); err != nil {
			return a, fmt.Errorf("reason: %w", err)
		}
		return a, nil
	case COE:
		if a.Reason, err = e.text(step.reason, func(text string) (string, error) { return text, nil }); err != nil {
			return a, fmt.Errorf("title: %w", err)
		}
		return a, nil
	}
	if a.Amount, err = e.money(step.amount); err != nil {
		return a, fmt.Errorf("amount: %w", err)
	}
	return a, nil
}

var errEmpty = errors.New("the value is empty")

// id evaluates a text that names something.
func (e *Evaluation) id(t template) (string, error) {
	if x := t.only(); x != nil {
		if text, ok := e.plain(x); ok {
			return string(text), nil
		}
	}
	value, err := e.value(t)
	if err != nil {
		return "", err
	}
	text, why := Canonical(value)
	switch why {
	case "":
		return text, nil
	case KeyEmpty, KeyNull:
		return "", errEmpty
	}
	return "", fmt.Errorf("the value names nothing (%s)", why)
}

func (e *Evaluation) money(t template) (money.Money, error) {
	value, err := e.value(t)
	if err != nil {
		return money.Money{}, err
	}
	amount, ok := value.(money.Money)
	if !ok {
		if amount, err = money.FromJSON(value); err != nil {
			return money.Money{}, err
		}
	}
	if amount.Minor <= 0 {
		return money.Money{}, fmt.Errorf("%s is nothing to pay", amount)
	}
	return amount, nil
}

// path evaluates the path of a cord. An expanded part is one segment or part of
// one: data cannot choose how far up the tree a pull reaches.
func (e *Evaluation) path(t template) (string, error) {
	path, err := e.text(t, func(text string) (string, error) {
		if !cord.IsSegment(text) {
			return "", fmt.Errorf("%.80q is not one segment of a path (A-Z a-z 0-9 . _ -, at most 64)", text)
		}
		return text, nil
	})
	if err != nil {
		return "", err
	}
	return path, cord.CheckPath(path)
}

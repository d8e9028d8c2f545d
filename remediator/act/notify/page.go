package notify

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// Page is what a template sees.
type Page struct {
	Customer Customer        `json:"customer"`
	Let      map[string]any  `json:"let"`      // the rule's lets at the decision
	Steps    map[string]Step `json:"steps"`    // what the steps before came to, by their names
	Refunded string          `json:"refunded"` // what the refunds before it paid, like "2.99 USD"; "" for nothing
	Credited string          `json:"credited"` // the same of credits
	Rule     string          `json:"rule"`
	Remedy   string          `json:"remedy"`  // its id, for questions
	Subject  string          `json:"subject"` // the thing that the event is about, like order/77
}

// Customer is whom a message is for. In a chat only the id is known.
type Customer struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Locale string `json:"locale"`
}

// Step is what another step of the remedy came to.
type Step struct {
	Status string `json:"status"` // succeeded, pending, failed or skipped
	Amount string `json:"amount"` // like "2.99 USD"; "" when it moves no money
	Ref    string `json:"ref"`    // the provider's id
}

// pageOf makes the page of a request. Without a customer's name and locale.
func pageOf(r act.Request) (Page, error) {
	var values struct {
		Let map[string]any `json:"let"`
	}
	if err := json.Unmarshal(r.Values, &values); err != nil {
		return Page{}, fmt.Errorf("read what is told: %w", err)
	}
	p := Page{Customer: Customer{ID: r.Customer}, Let: values.Let, Steps: map[string]Step{},
		Rule: r.Rule, Remedy: r.Remedy.String(), Subject: r.Subject}
	if p.Let == nil {
		p.Let = map[string]any{}
	}
	for _, s := range r.Results {
		step := Step{Status: s.Status, Ref: s.Ref}
		if s.Amount != nil {
			step.Amount = s.Amount.String()
		}
		p.Steps[s.Name] = step
	}
	var err error
	if p.Refunded, err = paid(r.Results, rule.Refund); err != nil {
		return p, err
	}
	p.Credited, err = paid(r.Results, rule.Credit)
	return p, err
}

// shown is the page with each text on it as fit makes it: texts come from events, and
// must not write what the template did not.
func (p Page) shown(fit func(string) string) Page {
	p.Customer.ID, p.Customer.Name, p.Subject = fit(p.Customer.ID), fit(p.Customer.Name), fit(p.Subject)
	p.Let = fitted(p.Let, fit).(map[string]any)
	steps := make(map[string]Step, len(p.Steps))
	for name, s := range p.Steps {
		s.Ref = fit(s.Ref)
		steps[name] = s
	}
	p.Steps = steps
	return p
}

// fitted is a value of JSON with each text in it as fit makes it.
func fitted(value any, fit func(string) string) any {
	switch value := value.(type) {
	case string:
		return fit(value)
	case []any:
		list := make([]any, len(value))
		for i, one := range value {
			list[i] = fitted(one, fit)
		}
		return list
	case map[string]any:
		fields := make(map[string]any, len(value))
		for name, one := range value {
			fields[fit(name)] = fitted(one, fit)
		}
		return fields
	}
	return value
}

// paid sums up what steps of one kind paid, currency by currency.
func paid(results []act.StepResult, kind string) (string, error) {
	sums := map[string]money.Money{}
	for _, s := range results {
		if s.Kind != kind || s.Amount == nil || s.Status != decide.Succeeded && s.Status != decide.Pending {
			continue
		}
		sum, ok := sums[s.Amount.Currency]
		if !ok {
			sum.Currency = s.Amount.Currency
		}
		sum, err := sum.Add(*s.Amount)
		if err != nil {
			return "", fmt.Errorf("sum up what was paid: %w", err)
		}
		sums[sum.Currency] = sum
	}
	var texts []string
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		texts = append(texts, sums[currency].String())
	}
	return strings.Join(texts, ", "), nil
}

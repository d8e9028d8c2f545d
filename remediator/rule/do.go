package rule

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/rule/expression"
)

const (
	maxSteps = 8 // a decision with more would not fit a ledger entry
	doHint   = `write a list of steps, like - refund: {payment: "${{ data.payment }}", amount: "${{ data.paid }}"}`
)

func (b *builder) do() {
	n := b.m.Need("do", doHint)
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 || len(n.Content) > maxSteps {
		b.Errorf(document.At(n), "type", doHint, "do is not a list of 1 to %d steps", maxSteps)
		return
	}
	afters := make([]*yaml.Node, 0, len(n.Content))
	for _, item := range n.Content {
		if after, ok := b.step(item); ok {
			afters = append(afters, after)
		}
	}
	b.order(afters)
}

// otherwise are names that steps have elsewhere, and what they are called here.
var otherwise = map[string]string{
	"email": Notify, "mail": Notify, "message": Notify, "sms": Notify, "tell": Notify, "slack": Notify + ": {via: chat, …}", "chat": Notify + ": {via: chat, …}",
	"http": Webhook, "post": Webhook, "call": Webhook, "url": Webhook, "stop": Andon, "cord": Andon, "pull": Andon, "alert": Andon, "halt": Andon,
	"pay": Refund, "payback": Refund, "reimburse": Refund, "voucher": Credit, "coupon": Credit, "goodwill": Credit, "gift": Credit,
	"postmortem": COE, "incident": COE, "review": COE,
}

// step reads one step. after is the node that says what it waits for, nil for
// the step before.
func (b *builder) step(item *yaml.Node) (after *yaml.Node, ok bool) {
	if item.Kind == yaml.MappingNode && len(item.Content) > 0 {
		if called := otherwise[item.Content[0].Value]; called != "" {
			b.Errorf(document.At(item.Content[0]), "unknown-key", "it is called "+called, "a step has no key %q", item.Content[0].Value)
			return nil, false
		}
	}
	m := b.Mapping(item, "a step", Refund, Credit, Notify, Webhook, Andon, COE, "name", "after")
	if m == nil {
		return nil, false
	}
	var kinds []string
	for _, key := range m.Names() {
		if key != "name" && key != "after" {
			kinds = append(kinds, key)
		}
	}
	switch {
	case len(kinds) == 0:
		if len(m.Names())*2 == len(item.Content) {
			b.Errorf(document.At(item), "step", doHint, "a step says nothing to do")
		}
		return nil, false
	case len(kinds) > 1:
		b.Errorf(m.Key(kinds[1]), "step", "begin each step with a - of its own", "a step is both %s and %s", kinds[0], kinds[1])
		return nil, false
	}
	step := Step{Name: kinds[0], Kind: kinds[0]}
	inner := b.stepBody(m.Get(kinds[0]), &step)
	for _, from := range []*document.Mapping{m, inner} {
		if from == nil {
			continue
		}
		if n := from.Get("name"); n != nil {
			step.Name = b.nameOf(n, "name")
		}
		if n := from.Get("after"); n != nil {
			after = n
		}
	}
	if b.r.hasStep(step.Name) {
		b.Errorf(m.Key(kinds[0]), "step", "give it a name of its own: name: second-"+step.Kind, "two steps are called %s", step.Name)
		return nil, false
	}
	b.r.Steps = append(b.r.Steps, step)
	return after, true
}

func (b *builder) stepBody(n *yaml.Node, step *Step) *document.Mapping {
	if n == nil {
		return nil
	}
	keys := map[string][]string{
		Refund:  {"payment", "amount", "name", "after"},
		Credit:  {"customer", "amount", "expires", "name", "after"},
		Notify:  {"template", "via", "to", "name", "after"},
		Webhook: {"to", "data", "name", "after"},
		Andon:   {"pull", "level", "reason", "answer_within", "box", "watch", "release_when", "name", "after"},
		COE:     {"title", "name", "after"},
	}[step.Kind]
	m := b.Mapping(n, step.Kind, keys...)
	if m == nil {
		return nil
	}
	switch step.Kind {
	case Refund:
		step.payment = b.needText(m, "payment", `"${{ data.payment }}"`)
		step.amount = b.amount(m)
	case Credit:
		step.customer = b.needText(m, "customer", `"${{ event.customer }}"`)
		step.amount = b.amount(m)
		step.expires = b.optional(m, "expires")
	case Notify:
		b.notify(m, step)
	case Webhook:
		b.webhook(m, step)
	case Andon:
		b.andon(m, step)
	case COE:
		step.reason = b.needText(m, "title", `"Damage in transit ${{ data.sku }}"`)
	}
	return m
}

func (b *builder) needText(m *document.Mapping, key, example string) template {
	n := m.Need(key, "write "+key+": "+example)
	if n == nil {
		return nil
	}
	t := b.template(n, key)
	if text, ok := t.constant(); ok && t != nil && text == "" {
		b.Errorf(document.At(n), "missing", "write "+key+": "+example, "%s is empty", key)
	}
	return t
}

func (b *builder) amount(m *document.Mapping) template {
	n := m.Need("amount", `write amount: 5.00 USD, or amount: "${{ data.paid }}"`)
	if n == nil {
		return nil
	}
	before := b.Errors()
	t := b.template(n, "amount")
	if t == nil || b.Errors() > before {
		return t
	}
	const hint = `write an amount with its currency, like 5.00 USD, or an expression, like "${{ pct(data.fare, 25) }}"`
	if text, ok := t.constant(); ok {
		if amount, err := money.Parse(text); err != nil {
			b.Errorf(document.At(n), "money", moneyHint(text, hint), "amount: %v", err)
		} else if amount.Minor <= 0 {
			b.Errorf(document.At(n), "money", hint, "amount: %s is nothing to pay", text)
		}
	}
	if x := t.only(); x != nil {
		switch kind := x.program.Type; kind {
		case expression.Any, expression.Money, expression.Text, expression.Map, expression.Optional:
		default:
			b.Errorf(document.At(n), "type", hint, "amount is a %s, not money", kind)
		}
	}
	return t
}

func (b *builder) andon(m *document.Mapping, step *Step) {
	if n := m.Need("pull", `write the path of the cord: pull: "product/${{ data.sku }}"`); n != nil {
		step.cord = b.template(n, "pull")
		b.checkCord(n, step.cord)
	}
	if n := m.Need("level", "write level: yellow to call somebody, level: red to stop"); n != nil {
		step.level = b.choice(n, "level", "yellow", "red")
	}
	if n := m.Need("reason", "say to people why the cord was pulled"); n != nil {
		step.reason = b.template(n, "reason")
	}
	step.terms = b.terms(m, step.level)
}

// checkCord checks what of a cord's path the rule itself writes.
func (b *builder) checkCord(n *yaml.Node, t template) {
	if t == nil {
		return
	}
	const hint = "begin with a fixed segment: product/${{ data.sku }}; segments are A-Z a-z 0-9 . _ -"
	if text, ok := t.constant(); ok {
		if err := cord.CheckPath(text); err != nil {
			b.Errorf(document.At(n), "path", hint, "pull: %v", err)
		}
		return
	}
	if !strings.Contains(t[0].literal, "/") {
		b.Errorf(document.At(n), "path", hint, "the first segment of pull comes from the event")
		return
	}
	shape := ""
	for _, p := range t {
		if shape += p.literal; p.expr != nil {
			shape += "x"
		}
	}
	if err := cord.CheckPath(shape); err != nil {
		b.Errorf(document.At(n), "path", hint, "pull: %v", err)
	}
}

func (r *Rule) hasStep(name string) bool {
	return slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Name == name })
}

// order settles what each step waits for: the step before it unless after says
// otherwise.
func (b *builder) order(afters []*yaml.Node) {
	for i, after := range afters {
		step := &b.r.Steps[i]
		if after == nil {
			if i > 0 {
				step.After = b.r.Steps[i-1].Name
			}
			continue
		}
		name, ok := b.Scalar(after, "after", "write after: none or after: and the name of a step")
		switch {
		case !ok || name == "none":
		case name == step.Name || !b.r.hasStep(name):
			b.Errorf(document.At(after), "step", document.DidYouMean(name, b.stepNames(step.Name)), "after: no other step is called %q", name)
		default:
			step.After = name
		}
	}
	b.waiting(afters)
}

// waiting refuses steps that wait for each other.
func (b *builder) waiting(afters []*yaml.Node) {
	next := make(map[string]string)
	for _, step := range b.r.Steps {
		next[step.Name] = step.After
	}
	for i, step := range b.r.Steps {
		name := step.After
		for range b.r.Steps {
			name = next[name]
		}
		if name != "" && afters[i] != nil {
			b.Errorf(document.At(afters[i]), "step", "let one of them begin: after: none", "the step %s waits for itself", step.Name)
			return
		}
	}
}

func (b *builder) stepNames(except string) []string {
	names := []string{"none"}
	for _, step := range b.r.Steps {
		if step.Name != except {
			names = append(names, step.Name)
		}
	}
	return names
}

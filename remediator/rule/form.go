package rule

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule/document"
)

const maxParts = 8 // of a key

func (b *builder) oncePer() {
	n := b.m.Get("once_per")
	if n == nil {
		return
	}
	if n.Kind == yaml.MappingNode {
		m := b.Mapping(n, "once_per", "key", "scope")
		if scope := m.Get("scope"); scope != nil {
			if name := b.nameOf(scope, "scope"); name != "" {
				b.r.Scope, b.r.Scoped = name, true
			}
		}
		if n = m.Need("key", "write key: data.order, or key: [data.order, data.item]"); n == nil {
			return
		}
	}
	items := document.Items(n)
	if len(items) == 0 || len(items) > maxParts {
		b.Errorf(document.At(n), "once_per", "write one expression, or a list of a few", "once_per has %d parts; 1 to %d are allowed", len(items), maxParts)
		return
	}
	for _, item := range items {
		if x := b.keyExpr(item, "once_per"); x != nil {
			b.r.OncePer = append(b.r.OncePer, x)
		}
	}
}

func (b *builder) window() {
	if n := b.m.Get("window"); n != nil {
		if m := b.Mapping(n, "window", "by", "within", "after"); m != nil {
			w := &Window{Within: b.within(m), Anew: !b.m.Has("once_per")}
			if by := m.Get("by"); by != nil {
				w.By = b.keyExpr(by, "by")
			}
			if after := m.Get("after"); after != nil {
				w.Anew = b.choice(after, "after", "anew", "keep") == "anew"
			}
			b.r.Window = w
		}
	}
	having := b.m.Get("having")
	switch {
	case b.m.Has("window") && !b.m.Has("having"):
		b.Errorf(b.m.Key("window"), "window", "say when the rule fires: having: count() >= 3", "the rule has a window and no having")
	case b.m.Has("having") && !b.m.Has("window"):
		b.Errorf(b.m.Key("having"), "window", "say what is counted together and for how long: window: {by: data.sku, within: 7d}",
			"the rule has having and no window")
	}
	if having != nil {
		b.r.Having = b.condition(having, "having", &b.calls)
		b.r.HavingCalls = len(b.calls.List)
		if b.r.Having != nil {
			b.r.HavingBetween, b.r.HavingDivisors = b.r.Having.program.Between, b.r.Having.program.Divisors
		}
		b.havingConditions(having)
	}
}

// choice reads one of a few words.
func (b *builder) choice(n *yaml.Node, what string, words ...string) string {
	text, ok := b.Scalar(n, what, "write one of: "+strings.Join(words, ", "))
	if ok && !slices.Contains(words, text) {
		b.Errorf(document.At(n), "value", document.DidYouMean(text, words), "%s: %q is none of the possible values", what, text)
		return ""
	}
	return text
}

// aggregates hands the collected calls to the rule and digests the window.
func (b *builder) aggregates() {
	for _, call := range b.calls.List {
		a := Aggregate{Func: call.Func}
		if call.Arg != nil {
			a.Arg = &Expr{Text: call.ArgText, program: call.Arg}
		}
		if call.If != nil {
			a.If = &Expr{Text: call.IfText, program: call.If}
		}
		b.r.Aggregates = append(b.r.Aggregates, a)
	}
	for i := range b.r.Steps {
		step := &b.r.Steps[i]
		for _, p := range slices.Concat(step.amount, step.payment, step.customer) {
			if p.expr != nil {
				b.r.MoneyCalls = append(b.r.MoneyCalls, p.expr.program.Slots...)
			}
		}
	}
	if b.r.Window != nil {
		b.r.Window.Digest = b.r.windowDigest()
	}
}

// windowDigest digests what decides the contents of the rule's windows. When it
// changes the windows start empty; editing anything else keeps them.
func (r *Rule) windowDigest() string {
	parts := []string{r.Window.By.canonical(), strconv.FormatInt(int64(r.Window.Within), 10), strconv.FormatBool(r.Window.Anew)}
	parts = append(parts, digestedFilters(r.Filters)...)
	used := append(filtering(r.Filters), r.Window.By)
	for _, a := range r.Aggregates {
		parts = append(parts, a.Func, a.Arg.canonical(), a.If.canonical())
		used = append(used, a.Arg, a.If)
	}
	return digestTexts(append(parts, r.digestedLets(used)...))
}

// digestedLets is what a digest says about the lets that expressions need.
func (r *Rule) digestedLets(used []*Expr) []string {
	var parts []string
	for _, let := range r.letsOf(used) {
		parts = append(parts, let.Name, let.Expr.canonical())
	}
	return parts
}

// digestTexts digests texts, each after its length.
func digestTexts(texts []string) string {
	h := sha256.New()
	for _, text := range texts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(text)))
		h.Write(n[:])
		h.Write([]byte(text))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// letsOf returns the lets that the expressions need, directly or by way of
// other lets, in the order in which they are evaluated. Lets come after those
// that they name, so one pass from the end finds all.
func (r *Rule) letsOf(used []*Expr) []Let {
	needed := make(map[string]bool)
	need := func(x *Expr) {
		if x != nil {
			for _, name := range x.program.Lets {
				needed[name] = true
			}
		}
	}
	for _, x := range used {
		need(x)
	}
	var lets []Let
	for _, let := range slices.Backward(r.Lets) {
		if needed[let.Name] {
			need(let.Expr)
			lets = append(lets, let)
		}
	}
	slices.SortFunc(lets, func(a, b Let) int { return strings.Compare(a.Name, b.Name) })
	return lets
}

func (b *builder) mode() {
	n := b.m.Get("mode")
	if n == nil {
		return
	}
	const hint = "write shadow, canary 5% or live"
	text, ok := b.Scalar(n, "mode", hint)
	if !ok {
		return
	}
	switch percent, canary := strings.CutPrefix(text, "canary"); {
	case text == string(Shadow), text == string(Live):
		b.r.Mode = Mode(text)
	case canary:
		b.canary(n, strings.TrimSpace(percent))
	default:
		b.Errorf(document.At(n), "mode", document.DidYouMean(text, []string{"shadow", "canary 5%", "live"}), "mode: %q is no mode", text)
	}
}

// canary reads for how many percent of the customers the rule acts.
func (b *builder) canary(n *yaml.Node, text string) {
	meant := strings.TrimLeft(text, ": =")
	number, sign := strings.CutSuffix(meant, "%")
	share, err := strconv.ParseFloat(number, 64)
	const bounds = "mode: %q is no share of the customers, which is more than 0%% and at most 100%%"
	switch {
	case err != nil || math.IsNaN(share):
		b.Errorf(document.At(n), "mode", "write canary 5%", "mode: %q does not say how many percent of the customers", n.Value)
	case share <= 0:
		b.Errorf(document.At(n), "mode", "write canary 5%; to act for none of them, write shadow", bounds, n.Value)
	case share > 100:
		b.Errorf(document.At(n), "mode", "write canary 5%; to act for all of them, write live", bounds, n.Value)
	case !sign || meant != text:
		b.Errorf(document.At(n), "mode", "write canary "+number+"%", "mode: %q is not written as percent of the customers", n.Value)
	default:
		b.r.Mode, b.r.Percent = Canary, share
	}
}

// MaxHavingCalls is how many aggregates the having of a rule that moves money may call:
// of a window of many events each has two bounds, and having is judged for each mix.
const MaxHavingCalls = 8

// demands checks what a rule that moves money must have.
func (b *builder) demands() {
	if !b.r.MovesMoney() || b.Broken {
		return
	}
	at := b.nameAt
	if at.Line == 0 {
		at = document.At(b.m.Node)
	}
	live := ""
	if b.r.Mode != Shadow {
		live = string(b.r.Mode) + " "
	}
	if !b.m.Has("once_per") {
		b.Errorf(at, "money", "say what is paid for at most once, ever: once_per: data.order", "a %srule that moves money has no once_per", live)
	}
	if b.r.HavingCalls > MaxHavingCalls {
		b.Errorf(b.m.Key("having"), "money", "ask for fewer, or join some: count(data.a || data.b)",
			"having calls %d aggregates; at most %d are allowed where money moves", b.r.HavingCalls, MaxHavingCalls)
	}
	if b.r.Mode == Shadow || b.r.Name == RequestName && !b.limitGiven("approve_above") {
		return // without such a limit each request is held for another person
	}
	if b.r.Limits.Budget == nil && !b.limitGiven("budget") {
		b.Errorf(at, "money", "say what it may cost: limits: {budget: {amount: 500.00 USD, within: 1d}}", "a %srule that moves money has no budget", live)
	}
	if b.r.Account == "" && !b.m.Has("account") {
		b.Errorf(at, "money", `name the cost centre: account: "4711 goodwill"`, "a %srule that moves money has no account", live)
	}
}

// limitGiven reports whether a limit is written down, be it wrong.
func (b *builder) limitGiven(name string) bool {
	if b.limited != nil && b.limited.Has(name) || b.defaults != nil && b.defaults.m == nil {
		return true
	}
	n := b.m.Get("limits")
	if n == nil || n.Kind != yaml.MappingNode {
		return b.m.Has("limits") // what is wrong with it has been reported
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i].Value; key == name || document.Nearest(key, []string{name}) == name {
			return true
		}
	}
	return false
}

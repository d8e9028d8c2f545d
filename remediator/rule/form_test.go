package rule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

func TestMistakesOfForm(t *testing.T) {
	t.Parallel()
	check(t, []mistake{
		{"once_pre: data.order", "6:5", "unknown-key", "once_pre", "once_per"},
		{"colour: red", "6:5", "unknown-key", "colour", "allowed: rule, owner"},
		{"if: data.a\nif: data.b", "7:5", "duplicate-key", "twice; the first is on line 6", "keep one"},
		{"if:", "6:5", "type", "if has no value", "remove the key"},
		{"if: [data.a, data.b]", "6:9", "type", "if is a list", "one expression"},
		{"once_per: [data.a > 2]", "6:16", "type", "boolean", "names one thing"},
		{"once_per: {key: data.a, scope: Old Name}", "6:36", "name", "Old Name", "old-name"},
		{"once_per: {scope: x}", "6:15", "missing", "no key", "key: data.order"},
		{"once_per: []", "6:15", "once_per", "0 parts", ""},
		{"once_per: \"[1, 2]\"", "6:15", "type", "list", ""},
		{"window: {within: 7d}", "6:5", "window", "no having", "count() >= 3"},
		{"having: count() > 2", "6:5", "window", "no window", "window:"},
		{"window: {by: data.sku}\nhaving: count() > 2", "6:13", "missing", "no within", "within"},
		{"window: {within: 7 days}\nhaving: count() > 2", "6:22", "duration", "7 days", "write 7d"},
		{"window: {within: 1}\nhaving: count() > 2", "6:22", "duration", "\"1\": no unit", "1h or 1d"},
		{"window: {within: 1d12}\nhaving: count() > 2", "6:22", "duration", "\"1d12\": no unit", "a number and a unit"},
		{"window: {within: 1.5d}\nhaving: count() > 2", "6:22", "duration", "whole numbers", ""},
		{"window: {within: 0s}\nhaving: count() > 2", "6:22", "duration", "no time", ""},
		{"window: {within: 7d, after: again}\nhaving: count() > 2", "6:33", "value", "again", "anew"},
		{"window: {by: \"[data.a]\", within: 7d}\nhaving: count() > 2", "6:18", "type", "list", ""},
		{"window: {within: 7d}\nhaving: share() > 0.2", "7:13", "expression", "0 arguments", "share(PREDICATE)"},
		{"window: {within: 7d}\nhaving: sum(data.a, 3) > 2", "7:13", "expression", "predicate", "PREDICATE"},
		{"window: {within: 7d}\nhaving: sum(count()) > 2", "7:17", "expression", "cannot be used here", ""},
		{"window: {within: 7d}\nhaving: cuont() > 2", "7:13", "expression", "cuont", "count"},
		{"mode: lice", "6:11", "mode", "lice", "live"},
		{"mode: canary", "6:11", "mode", "percent", "canary 5%"},
		{"mode: canary 20", "6:11", "mode", "percent", "write canary 20%"},
		{"mode: canary:20%", "6:11", "mode", "percent", "write canary 20%"},
		{"mode: canary five%", "6:11", "mode", "percent", "write canary 5%"},
		{"mode: canary 101%", "6:11", "mode", "more than 0% and at most 100%", "to act for all of them, write live"},
		{"mode: canary 0%", "6:11", "mode", "more than 0% and at most 100%", "to act for none of them, write shadow"},
		{"mode: canary NaN%", "6:11", "mode", "percent", "write canary 5%"},
		{"storm: {remedies: many, within: 10m}", "6:23", "number", "many", "whole number"},
		{"storm: {remedies: 0, within: 10m}", "6:23", "number", "0", ""},
		{"limits: {per_remedy: 10}", "6:26", "money", "10", "10 USD"},
		{"limits: {per_remedy: usd 10}", "6:26", "money", "", "write 10 USD"},
		{"limits: {per_remedy: [10.00 USD, 5.00 USD]}", "6:38", "money", "two amounts in USD", ""},
		{"limits: {per_remedy: []}", "6:26", "money", "no amounts", "10.00 USD"},
		{"limits: {budget: {amount: [], within: 1d}}", "6:31", "money", "no amounts", "10.00 USD"},
		{"limits: {per_remedy: 0.00 USD}", "6:26", "money", "nothing through", "shadow"},
		{"limits: {per_customer: {within: 3d}}", "6:28", "missing", "limits nothing", "remedies: 3"},
		{"limits: {budget: {amount: 5.00 USD}}", "6:22", "missing", "no within", ""},
		{"limits: {over: drop}", "6:20", "value", "drop", "allowed: hold, suppress"},
		{"unless: {event: x}", "6:13", "missing", "neither within nor until", "within: 48h"},
		{"unless: {within: 2d}", "6:13", "missing", "no event", "com.example.order.delivered"},
		{"unless: {event: x, within: 2d, until: event.time}", "6:36", "unless", "within and until", "one of them"},
		{"unless: {event: x, within: 9999d}", "6:32", "duration", "9999d", "366d"},
		{"unless: {event: x, until: data.a + \"x\"}", "6:31", "type", "until is a text", "timestamp("},
		{"unless: {event: x, until: data.at}", "6:31", "type", "in data.at, and not yet a time", "write until: timestamp(data.at)"},
		{"unless: {event: x, until: data.?at}", "6:31", "type", "not yet a time", "timestamp(data.?at)"},
		{"let: {order: data.order, due: order.due}\nunless: {event: x, until: due}", "7:31", "type", "in due, and not yet", "timestamp(due)"},
		{"unless: {event: x, until: 3}", "6:31", "type", "until is a", "timestamp("},
		{"unless: {event: x, by: \"[data.a]\", within: 2d}", "6:28", "type", "list", ""},
		{"unless: {event: x, by: dta.a, within: 2d}", "6:28", "expression", "dta", "data"},
		{"unless: {event: x, if: 3, within: 2d}", "6:28", "type", "if is a", ""},
		{"unless: {event: x, iff: data.a, within: 2d}", "6:24", "unknown-key", "iff", "if"},
		{"unless: {event: [x, x], within: 2d}", "6:25", "event", "twice", ""},
		{"unless: {event: makegood.refund.requested, within: 2d}", "6:5", "reserved", "the service's own", ""},
		{"unless: {event: x, within: 2d}\nwindow: {within: 2d}\nhaving: count() > 2", "7:5", "form", "not both", "two rules"},
		{"unless: {event: x, within: 2d}\ndo: [{andon: {pull: a/b, level: red, reason: \"${{ count() }}\"}}]", "7:55", "expression", "count", "aggregates"},
		{"event: com.example.y", "6:5", "duplicate-key", "event", ""},
	})
}

func TestMistakesOfSteps(t *testing.T) {
	t.Parallel()
	once := "once_per: data.order\n"
	check(t, []mistake{
		{"do: []", "6:9", "type", "1 to 8 steps", "- refund"},
		{"do:" + strings.Repeat("\n  - andon: {pull: a/b, level: red, reason: r}", 9), "7:7", "type", "1 to 8 steps", "- refund"},
		{"do: refund", "6:9", "type", "1 to 8 steps", "- refund"},
		{"do:\n  - refund", "7:9", "type", "the text \"refund\"", ""},
		{"do:\n  - {}", "7:9", "step", "nothing to do", ""},
		{once + "do:\n  - refnd: {payment: a, amount: 1.00 USD}", "8:9", "unknown-key", "refnd", "refund"},
		{"do:\n  - coe: {titel: x}", "7:15", "unknown-key", "titel", "did you mean title?"},
		{"do:\n  - coe: {}", "7:14", "missing", "no title", "Damage in transit"},
		{"do:\n  - postmortem: {title: x}", "7:9", "unknown-key", "postmortem", "called coe"},
		{"do:\n  - notfy: {template: x}", "7:9", "unknown-key", "notfy", "did you mean notify?"},
		{"do:\n  - notify: {tempate: x}", "7:18", "unknown-key", "tempate", "did you mean template?"},
		{"do:\n  - notify: {via: mail}", "7:17", "missing", "no template", "template: late-delivery"},
		{"do:\n  - notify: {template: Late Order}", "7:28", "name", "Late Order", "did you mean late-order?"},
		{"do:\n  - notify: {template: x, via: mial}", "7:36", "value", "mial", "did you mean mail?"},
		{"do:\n  - notify: {template: x, via: chat, to: a@b.example}", "7:42", "step", "channel", "via: mail"},
		{"do:\n  - notify: {template: x, to: data.email}", "7:35", "template", "itself", "${{ data.email }}"},
		{"do:\n  - notify: {template: x, to: \"${{ dta.email }}\"}", "7:40", "expression", "dta", "did you mean data?"},
		{"do:\n  - webhook: {data: {a: b}}", "7:18", "missing", "no to", "to: crm"},
		{"do:\n  - webhook: {to: \"https://crm.example\"}", "7:23", "name", "https://crm.example", ""},
		{"do:\n  - webhook: {to: crm, dta: {a: b}}", "7:28", "unknown-key", "dta", "did you mean data?"},
		{"do:\n  - webhook:\n      to: crm\n      data:\n        a b: c", "10:13", "name", "a b", "did you mean a_b?"},
		{"do:\n  - webhook: {to: crm, data: {a: [b]}}", "7:38", "type", "a list", ""},
		{"do:\n  - webhook: {to: crm, data: b}", "7:34", "type", "not a mapping", ""},
		{once + "do:\n  - refund: {amount: 1.00 USD}", "8:17", "missing", "no payment", "data.payment"},
		{once + "do:\n  - refund: {payment: data.payment, amount: 1.00 USD}", "8:27", "template", "itself", "${{ data.payment }}"},
		{once + "do:\n  - refund: {payment: \"{{ data.payment }}\", amount: 1.00 USD}", "8:27", "template", "itself", "${{ data.payment }}"},
		{once + "do:\n  - refund: {payment: \"${{ data.p }}\", amount: 1.00}", "8:52", "money", "1.00", "1.00 USD"},
		{once + "do:\n  - refund: {payment: \"${{ data.p }}\", amount: \"${{ 3 * 4 }}\"}", "8:52", "type", "number", "like 5.00 USD"},
		{once + "do:\n  - refund: {payment: \"${{ data.p }}\", amount: \"${{ money(data.m) * 2 }}\"}", "8:71", "expression", "* does not take", "pct("},
		{once + "do:\n  - credit: {customer: c, amount: 1.00 USD, expires: soon}", "8:58", "duration", "soon", "30s"},
		{once + "do:\n  - credit: {customer: c, amount: 1.00 USD}\n    refund: {payment: p, amount: 1.00 USD}", "9:9", "step", "both credit and refund", ""},
		{once + "do:\n  - credit: {customer: c, amount: 1.00 USD}\n  - credit: {customer: c, amount: 1.00 USD}", "9:9", "step", "called credit", "name:"},
		{once + "do:\n  - credit: {customer: c, amount: 1.00 USD}\n    after: refund", "9:16", "step", "refund", "allowed: none"},
		{"do: [{andon: {pull: \"${{ data.a }}/b\", level: red, reason: r}}]", "6:25", "path", "first segment", "product/"},
		{"do: [{andon: {pull: \"a b\", level: red, reason: r}}]", "6:25", "path", "a b", ""},
		{"do: [{andon: {pull: \"a//b\", level: red, reason: r}}]", "6:25", "path", "a//b", ""},
		{"do: [{andon: {pull: a/b, level: orange, reason: r}}]", "6:37", "value", "orange", "allowed: yellow, red"},
		{"do: [{andon: {pull: a/b, level: red}}]", "6:18", "missing", "no reason", ""},
		{"do: [{andon: {pull: a/b, level: red, reason: r, release_when: x}}]", "6:67", "type", "release_when", "rule, quiet"},
		{"do: [{andon: {pull: a/b, level: red, reason: r, release_when: {rule: a}}}]", "6:67", "missing", "no quiet", "quiet: 1h"},
		{"do: [{andon: {pull: a/b, level: red, reason: r, release_when: {rule: b, quiet: 1h}}}]", "6:74", "unknown", "no rule is called b", ""},
		{"do: [{andon: {pull: a/b, level: red, reason: r, answer_within: 15m}}]", "6:53", "andon", "waits for no answer", "level: yellow"},
		{"do: [{andon: {pull: a/b, level: red, reason: \"${{ count() }}\"}}]", "6:55", "expression", "cannot be used here", "window"},
	})
}

func TestStepsThatWaitForEachOther(t *testing.T) {
	t.Parallel()
	found := problems(t, withLines("do:\n  - andon: {pull: a/b, level: red, reason: r}\n    after: second\n"+
		"  - andon: {pull: a/c, level: red, reason: r}\n    name: second\n    after: andon"))
	if len(found) != 1 || found[0].Code != "step" || !strings.Contains(found[0].Message, "waits for itself") {
		t.Errorf("got %s", found.Format())
	}
}

func TestMoneyDemands(t *testing.T) {
	t.Parallel()
	const money = "do: [{credit: {customer: c, amount: 1.00 USD}}]\n"
	const budget = "limits: {budget: {amount: 5.00 USD, within: 1d}}\n"
	for _, c := range []struct {
		lines string
		want  []string
	}{
		{money, []string{"a rule that moves money has no once_per"}},
		{money + "once_per: data.a", nil},
		{money + "once_per: data.a\nmode: live", []string{"a live rule that moves money has no budget", "a live rule that moves money has no account"}},
		{money + "once_per: data.a\nmode: canary 5%\n" + budget, []string{"a canary rule that moves money has no account"}},
		{money + "once_per: data.a\nmode: live\naccount: a\n" + budget, nil},
		{money + "mode: live\naccount: a\n" + budget, []string{"a live rule that moves money has no once_per"}},
		{"mode: live", nil},
	} {
		var got []string
		for _, p := range problems(t, withLines(c.lines)) {
			got = append(got, p.Message)
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s\ngot %q\nwant %q", c.lines, got, c.want)
		}
	}
}

func TestFieldsOfARule(t *testing.T) {
	t.Parallel()
	set := load(t, `
rules:
  - rule: refund-poor-playback
    owner: video/playback
    why: Playback stalled.
    event: [com.example.video.playback.finished, com.example.video.live.*]
    if: data.watch_s > 300 && data.stall_s / data.watch_s > 0.10 && (data.stalls > data.user_pauses || data.x)
    once_per: {key: [data.rental, data.part], scope: playback}
    let: {title: data.title}
    do:
      - refund: {payment: "${{ data.payment }}", amount: "${{ data.paid }}"}
      - credit: {customer: "${{ event.customer }}", amount: 1.00 EUR, expires: 365d}
        name: gift
      - andon: {pull: video/stalls, level: yellow, reason: "${{ title }} stalled"}
        after: none
    limits:
      per_remedy: [10.00 USD, 9.00 EUR]
      per_customer: {remedies: 3, amount: 20.00 USD, within: 30d}
      budget: {amount: 500.00 USD, within: 1d}
      approve_above: 5.00 USD
      over: suppress
    storm: {remedies: 200, within: 10m}
    account: 4711
    mode: canary 2.5%
`)
	r := set.Rule("refund-poor-playback")
	if r == nil || len(set.Rules) != 1 {
		t.Fatal("the rule is not there")
	}
	usd := func(minor int64) money.Money { return money.Money{Minor: minor, Currency: "USD"} }
	if r.Owner != "video/playback" || r.Why != "Playback stalled." || r.Account != "4711" || r.Scope != "playback" ||
		r.Mode != rule.Canary || r.Percent != 2.5 || r.File != "rules.yaml" || r.Line != 3 || len(r.OncePer) != 2 || len(r.Lets) != 1 {
		t.Errorf("got %+v", r)
	}
	if got := texts(r.Filters[0].Conditions); len(got) != 3 || got[2] != "data.stalls > data.user_pauses || data.x" {
		t.Errorf("got conditions %v", got)
	}
	l := r.Limits
	if len(l.PerRemedy) != 2 || l.PerRemedy[0] != usd(1000) || l.PerCustomer.Remedies != 3 || l.PerCustomer.Amount[0] != usd(2000) ||
		l.PerCustomer.Within != 30*24*time.Hour || l.Budget.Amount[0] != usd(50000) || l.ApproveAbove[0] != usd(500) || !l.Suppress {
		t.Errorf("got limits %+v", l)
	}
	if r.Storm.Remedies != 200 || r.Storm.Within != 10*time.Minute {
		t.Errorf("got storm %+v", r.Storm)
	}
	var after []string
	for _, step := range r.Steps {
		after = append(after, step.Name+"<"+step.After)
	}
	if got := strings.Join(after, " "); got != "refund< gift<refund andon<" {
		t.Errorf("got steps %s", got)
	}
}

func texts(exprs []*rule.Expr) []string {
	var all []string
	for _, x := range exprs {
		all = append(all, x.Text)
	}
	return all
}

func TestWarningsRefuseNothing(t *testing.T) {
	t.Parallel()
	text := strings.Replace(withLines("if: event.custmer == \"x\"\ndo: [{andon: {pull: a/b, level: red, reason: r, box: 4h}}]"), "    owner: o\n", "", 1)
	set, all := rule.Check([]rule.File{{Path: "rules.yaml", Text: text}})
	if set == nil || len(all) != 2 {
		t.Fatalf("got %v and %s", set, all.Format())
	}
	for i, says := range []string{"owner", "custmer"} {
		if all[i].Severity != "warning" || !strings.Contains(all[i].Message, says) {
			t.Errorf("got %s", all[i])
		}
	}
}

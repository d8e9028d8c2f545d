package rule_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestMisspeltKeysAreReadAsMeant holds that a key that is misspelt, or named as elsewhere, is
// the one thing wrong: what it says is read, so that nothing else is missed on account of it, and is judged too.
func TestMisspeltKeysAreReadAsMeant(t *testing.T) {
	t.Parallel()
	const (
		live   = "rules:\n  - rule: a\n    why: w\n    event: x.y\n    once_per: data.o\n    do: [{credit: {customer: c, amount: 1.00 USD}}]\n"
		pulled = "    do: [{andon: {pull: a/b, level: red, reason: \"${{ count() }} of ${{ n }}\"}}]\n"
		begun  = "rules:\n  - rule: a\n    owner: o\n    why: w\n    event: x.y\n"
	)
	for text, want := range map[string]string{
		"default: {owner: o, account: b, limits: {budget: {amount: 5.00 USD, within: 1d}}, mode: live}\n" + live:                                             "1:1 default",
		"defaults: {ownr: o, acount: b, limts: {budget: {amount: 5.00 USD, within: 1d}}, mode: live}\n" + live:                                               "1:12 ownr, 1:21 acount, 1:32 limts",
		"defaults: {owner: o, account: b, limits: {budgt: {amount: 5.00 USD, within: 1d}}, mode: live}\n" + live:                                             "1:43 budgt",
		"defaults: [owner, account, limits]\n" + live + "    mode: live\n":                                                                                   "1:11 not a mapping",
		begun + "    lets: {n: data.n}\n    if: n > 3\n    window: {within: 1d}\n    having: count() > 3\n" + pulled:                                         "6:5 lets",
		begun + "    let: {n: data.n}\n    windw: {within: 1d}\n    having: count() > 3\n" + pulled:                                                          "7:5 windw",
		begun + "    let: {n: data.n}\n    window: {withn: 1d}\n    havng: count() > 3\n" + pulled:                                                           "7:14 withn, 8:5 havng",
		begun + "    let: {n: data.n}\n    window: 1d\n    having: count() > 3\n" + pulled:                                                                   "7:13 not a mapping",
		begun + "    let: [n]\n    window: {within: 1d}\n    having: count() > n\n" + pulled:                                                                 "6:10 not a mapping",
		begun + "    lets: {n: dta.n}\n    window: {within: 1d}\n    having: count() > 3\n" + pulled:                                                         "6:5 lets, 6:15 dta",
		begun + "    lets: {m: data.n}\n    let: {n: data.n}\n    window: {within: 1d}\n    having: count() > 3\n" + pulled:                                  "6:5 lets",
		begun + "    let: {n: data.n}\n    lets: {m: data.n}\n    window: {within: 1d}\n    having: count() > 3\n" + pulled:                                  "7:5 lets",
		"rules:\n  - name: a\n    owner: o\n    description: w\n    on: x.y\n    When: dta.n > 1\n    then: [{andon: {pull: a/b, level: red, reason: r}}]\n": `2:5 "name", 4:5 "description", 5:5 "on", 6:5 "When", 6:11 dta, 7:5 "then"`,
		begun + "    if: data.n > 1\n    condition: dta.n > 1\n    actions: [{andon: {pull: a/b, level: rad, reason: r}}]\n":                                 `7:5 "condition", 8:5 "actions", 8:42 rad`,
		begun + "    id: n\n    do: [{andon: {pull: a/b, level: red, reason: r}}]\n":                                                                         `6:5 "id"`,
		begun + "    unless: {type: y, when: data.ok, within: 1d}\n    do: [{andon: {pull: a/b, level: red, reason: r}}]\n":                                  `6:14 "type", 6:23 "when"`,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			found := problems(t, text)
			wanted := strings.Split(want, ", ")
			if len(found) != len(wanted) {
				t.Fatalf("got %d problems, want %s:\n%s", len(found), want, found.Format())
			}
			for i, p := range found {
				at, says, _ := strings.Cut(wanted[i], " ")
				if fmt.Sprintf("%d:%d", p.Line, p.Col) != at || !strings.Contains(p.Message, says) {
					t.Errorf("got %s\nwant %s", p, wanted[i])
				}
			}
		})
	}
}

package ledgerdb

import (
	"fmt"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
)

func TestRuleFiles(t *testing.T) { engines(t, testRuleFiles) }

// testRuleFiles seals two rule sets that share a file, one file of which has several
// parts, and puts the first in force twice.
func testRuleFiles(t *testing.T) {
	w := newWorld(t)
	text := func(sha string, part, parts int, text string) decide.Item {
		return w.fact(decide.KindRuleText, decide.Fact{}, decide.RuleTextFact{Path: sha + ".yaml", SHA256: sha, Part: part, Parts: parts, Text: text})
	}
	set := func(digest string, part, parts int, files ...string) decide.Item {
		fact := decide.RulesFact{Digest: digest, Part: part, Parts: parts}
		for _, sha := range files {
			fact.Files = append(fact.Files, decide.FileDigest{Path: sha + ".yaml", SHA256: sha})
		}
		return w.fact(decide.KindRules, decide.Fact{}, fact)
	}
	w.commit(&decide.Output{Items: []decide.Item{
		text("a", 1, 2, "rules:\n"), text("a", 2, 2, "- one\n"), text("b", 1, 1, "two"), set("first", 1, 2, "a"), set("first", 2, 2, "b"),
	}})
	w.commit(w.refund("x"))
	w.commit(&decide.Output{Items: []decide.Item{text("c", 1, 1, "three"), set("second", 1, 1, "b", "c")}})
	w.commit(&decide.Output{Items: []decide.Item{set("first", 1, 2, "a"), set("first", 2, 2, "b")}})
	for digest, want := range map[string]string{
		"first": "[{a.yaml rules:\n- one\n} {b.yaml two}]", "second": "[{b.yaml two} {c.yaml three}]", "third": "[]",
	} {
		files, err := w.db.RuleFiles(t.Context(), digest)
		if got := fmt.Sprint(files); err != nil || got != want {
			t.Errorf("%s: got %s (%v), want %s", digest, got, err, want)
		}
	}
	known, err := w.db.KnownRuleFiles(t.Context(), []string{"a", "c", "first"})
	if got := fmt.Sprint(known); err != nil || got != "map[a:true c:true]" {
		t.Errorf("known are %s (%v)", got, err)
	}
}

func TestRuleSetBefore(t *testing.T) { engines(t, testRuleSetBefore) }

// testRuleSetBefore asks for the rules in force at several times.
func testRuleSetBefore(t *testing.T) {
	w := newWorld(t)
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i, digest := range []string{"first", "second"} {
		item := w.fact(decide.KindRules, decide.Fact{}, decide.RulesFact{Digest: digest, Part: 1, Parts: 1})
		item.Fact.At = at.Add(time.Duration(i) * time.Hour).UnixNano()
		w.commit(&decide.Output{Items: []decide.Item{item}})
	}
	for after, want := range map[time.Duration]string{0: "", time.Nanosecond: "first", time.Hour: "first", 2 * time.Hour: "second"} {
		if got, err := w.db.RuleSetBefore(t.Context(), at.Add(after)); err != nil || got != want {
			t.Errorf("after %s: %q (%v), want %q", after, got, err, want)
		}
	}
}

func TestPastRules(t *testing.T) { engines(t, testPastRules) }

// testPastRules seals three rule sets, one of them in two parts and twice.
func testPastRules(t *testing.T) {
	w := newWorld(t)
	set := func(digest string, part, parts int, rules ...decide.RuleDigest) {
		w.commit(&decide.Output{Items: []decide.Item{w.fact(decide.KindRules, decide.Fact{}, decide.RulesFact{Digest: digest, Part: part, Parts: parts, Rules: rules})}})
	}
	a, b := decide.RuleDigest{Rule: "a", Digest: "1", Mode: "live"}, decide.RuleDigest{Rule: "b", Digest: "1", Mode: "canary"}
	set("first", 1, 2, a)
	set("first", 2, 2, b)
	set("second", 1, 1, a, decide.RuleDigest{Rule: "b", Digest: "2", Mode: "shadow"}, decide.RuleDigest{Rule: "c", Digest: "3", Mode: "live"})
	set("third", 1, 1)
	set("fourth", 1, 1, decide.RuleDigest{Rule: "c", Digest: "4", Mode: "live"})
	past, err := w.db.PastRules(t.Context())
	if got, want := fmt.Sprint(past), "[{{c 4 live} fourth} {{a 1 live} second} {{b 1 canary} first} {{c 3 live} second}]"; err != nil || got != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}

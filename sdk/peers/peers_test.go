package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestTable measures everything briefly: every subject works, and stands in the
// table with its target, reached or not.
func TestTable(t *testing.T) {
	var out strings.Builder
	if err := run(&out, 2); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	t.Log("\n" + text)
	for _, want := range []string{
		`Emit .*time\.Now +≤ 8, 0 allocs +(yes|NO)`, `typed Emit .* Emit +≤ 2 +(yes|NO)`, `OTel log Emit .* Emit +≥ 4 +(yes|NO)`,
		`CloudEvents \+ JSON .* ≥ 10 +(yes|NO)`, `CloudEvents Send .* ≥ 80 +(yes|NO)`, `Emit when full .* ≤ 0\.5, 0 allocs +(yes|NO)`,
		`1,000 gates +\d.* ≤ 2 +(yes|NO)`, `1,000 gates by name .* ≤ 2 +(yes|NO)`,
		`zerolog `, `zap `, `slog `, `segment Enqueue `, `posthog Enqueue `, `sentry CaptureEvent `, `OpenFeature flags `, `LaunchDarkly flags `,
		`Emit, down, p50 `, `Emit, down, p99\.9 `, `Emit, down, max `, `Emit, down and full, p99\.9 `,
	} {
		if n := len(regexp.MustCompile(`(?m)^(\S+ )?`+want).FindAllString(text, -1)); n != 1 {
			t.Errorf("the table has %d lines like %s", n, want)
		}
	}
	if !regexp.MustCompile(`\n[0-8] of 8 targets reached\n`).MatchString(text) {
		t.Error("the table does not count its targets")
	}
}

// TestTargets holds that a miss is told as one.
func TestTargets(t *testing.T) {
	for _, c := range []struct {
		w    wanted
		want wanted
	}{
		{atMost(2, 2), wanted{"≤ 2", true}},
		{atMost(2.01, 2), wanted{"≤ 2", false}},
		{atLeast(4, 4), wanted{"≥ 4", true}},
		{atLeast(3.99, 4), wanted{"≥ 4", false}},
		{atMost(1, 2).and("0 allocs", false), wanted{"≤ 2, 0 allocs", false}},
		{atMost(3, 2).and("0 allocs", true), wanted{"≤ 2, 0 allocs", false}},
	} {
		if c.w != c.want {
			t.Errorf("got %v, want %v", c.w, c.want)
		}
	}
	var out strings.Builder
	missed := table{{name: "slow", ns: 5, than: "fast", ratio: 5, wanted: atMost(5, 2)}}
	if err := missed.print(&out); err != nil || !strings.Contains(out.String(), "≤ 2     NO") || !strings.Contains(out.String(), "0 of 1 targets reached") {
		t.Errorf("a miss is printed as %s (%v)", out.String(), err)
	}
}

package coe_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/coe"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

// TestCounted holds that the facts of a bundle are those that a text names and that its
// queries counted, and no others of the same time.
func TestCounted(t *testing.T) {
	t.Parallel()
	f := story(t)
	const hour = "&since=2026-11-01T00:00:00Z&until=2026-11-01T01:00:00Z&size=18"
	const day = "&since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z&size=18"
	for text, want := range map[string][]uint64{
		"nothing": nil,
		"[1](query:remedies?rule=late" + hour + ")":                          {1, 3, 6},
		"[1](query:customers?rule=late" + hour + ")":                         {1, 3, 6},
		"[1](query:money?rule=late&currency=USD" + hour + ")":                {1, 2, 3, 4, 5, 6, 7, 14, 15},
		"[1](query:money?rule=late&currency=EUR" + hour + ")":                nil,
		"[1](query:share?rule=other" + hour + ")":                            {8, 10},
		"![1](graph:events?step=1h" + hour + ")":                             {10},
		"[1](query:pulls?cord=product/T" + day + ")":                         {11, 17},
		"[1](query:stopped?cord=product/T" + hour + ")":                      {11, 13},
		"[1](query:stopped?cord=product/OTHER" + hour + ")":                  nil,
		"[1](query:time?cord=product/T&of=began" + day + ")":                 {1, 11},
		"[1](query:time?cord=product/T&of=released" + day + ")":              {13},
		"[1](query:time?rule=late&of=engaged" + day + ")":                    nil,
		"## What happened\n\n- 2026-11-01T00:20:00Z: x [fact 10](ledger:10)": {10},
	} {
		d := coe.Read(text)
		b, err := coe.ReadBook(t.Context(), f, d.Scope())
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(slices.Values(b.Counted(d))); !slices.Equal(got, want) {
			t.Errorf("%s counted %d, want %d", text, got, want)
		}
	}
}

// TestBundleIsCut holds that a bundle of more facts than it may have says how many are
// missing, and that what the ledger says of others takes no place in it.
func TestBundleIsCut(t *testing.T) {
	t.Parallel()
	const many = coe.MaxFacts + 70
	f := &facts{t: t}
	for i := range 2 * many {
		n := uuid.UUID{14: byte(i >> 8), 15: byte(i), 1: 1}
		r := decide.RemedyFact{Remedy: n, Rule: map[bool]string{true: "late", false: "other"}[i%2 == 1], Mode: "live", Decision: decide.Act}
		f.add(1, decide.KindRemedy, decide.Fact{Remedy: n, Rule: r.Rule}, r)
	}
	f.cord(2, decide.KindPull, "red", "") // by the rule late
	life := []ledger.Entry{{Fact: decide.Fact{Kind: decide.KindCOE}, Seq: 2*many + 1}}
	f.add(3, decide.KindCOE, decide.Fact{}, decide.COEFact{})
	period := fmt.Sprintf("&since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z&size=%d", len(f.rows))
	text := "[1](query:pulls?cord=product/T" + period + ") [2](query:remedies?rule=late" + period + ")"
	d := coe.Read(text)
	b, err := coe.ReadBook(t.Context(), f, d.Scope())
	if err != nil {
		t.Fatal(err)
	}
	found, missing, err := coe.Facts(t.Context(), f, b.Counted(d), life)
	if err != nil || len(found) != coe.MaxFacts+1 || missing != 71 {
		t.Fatalf("%d facts, %d are missing, %v", len(found), missing, err)
	}
	for i, e := range found {
		if e.Rule == "other" || i > 0 && e.Seq <= found[i-1].Seq {
			t.Fatalf("fact %d, of %s, is among them after %d", e.Seq, e.Rule, found[max(0, i-1)].Seq)
		}
	}
	if last := found[len(found)-2:]; last[0].Kind != decide.KindPull || last[1].Kind != decide.KindCOE {
		t.Errorf("the last are %s and %s", last[0].Kind, last[1].Kind)
	}
	readme := func(missing int) string {
		var out bytes.Buffer
		if err := coe.WriteBundle(&out, coe.Bundle{Name: "7", Status: "draft", Text: text, Document: d, Book: b, Missing: missing}); err != nil {
			t.Fatal(err)
		}
		files, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		part, err := files.Open("README.md")
		if err != nil {
			t.Fatal(err)
		}
		inside, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		return string(inside)
	}
	if cut, whole := readme(missing), readme(0); !strings.Contains(cut, "71 are missing") || strings.Contains(whole, "missing") {
		t.Errorf("cut it says %s, and whole %s", cut, whole)
	}
}

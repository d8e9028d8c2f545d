package views_test

import (
	"slices"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/views"
)

func TestCOEs(t *testing.T) { engines(t, testCOEs) }

func testCOEs(t *testing.T) {
	s := newStory(t)
	say := func(name, change, status string, f decide.COEFact) {
		t.Helper()
		f.COE, f.Change, f.Status = id(name), change, status
		s.tell(decide.KindCOE, decide.Fact{}, f)
	}
	say("a", decide.COEOpened, decide.COEDraft, decide.COEFact{Cord: "airport/a", Cause: decide.CauseRed})
	say("b", decide.COEOpened, decide.COEDraft, decide.COEFact{Rule: "late", Cause: decide.CausePerson, By: "ann", Since: "2026-01-01T00:00:00Z", Until: "2026-01-02T00:00:00Z"})
	say("a", decide.COEAdded, decide.COEDraft, decide.COEFact{Cord: "airport/a", Cause: decide.CauseRed})
	say("b", decide.COERevised, decide.COEDraft, decide.COEFact{Rule: "late", Revision: 1, Digest: "d1", By: "ann"})
	say("b", decide.COERevised, decide.COEDraft, decide.COEFact{Rule: "late", Revision: 2, Digest: "d2", By: "bob"})
	say("b", decide.COERevised, decide.COEDraft, decide.COEFact{Rule: "late", Revision: 3, Digest: "d3", By: "ann"})
	say("b", decide.COEPublished, decide.COEPublished, decide.COEFact{Rule: "late", Revision: 3, Digest: "d3", By: "cem", TreeSize: 7, HoldUntil: "2026-02-01T00:00:00Z"})
	// What people do about one that opened by itself makes nobody its opener.
	say("a", decide.COERevised, decide.COEDraft, decide.COEFact{Cord: "airport/a", Revision: 1, Digest: "d1", By: "ann"})
	say("a", decide.COEAdded, decide.COEDraft, decide.COEFact{Cord: "airport/a", Cause: decide.CausePerson, By: "bob", Since: "2026-01-01T00:00:00Z"})
	ctx := t.Context()
	a, err := s.db.COE(ctx, id("a")) // it happened three times
	if err != nil || a == nil || a.OpenedBy != "" || !a.Since.IsZero() || a.Cause != decide.CauseRed || a.Times != 3 || !slices.Equal(a.Authors, []string{"ann"}) {
		t.Errorf("viewed as %+v, %v", a, err)
	}
	b, err := s.db.COE(ctx, id("b"))
	if err != nil || b == nil {
		t.Fatalf("%+v, %v", b, err)
	}
	if b.Status != decide.COEPublished || b.Revision != 3 || b.Digest != "d3" || !slices.Equal(b.Authors, []string{"ann", "bob"}) || b.PublishedBy != "cem" ||
		b.TreeSize != 7 || !b.HoldUntil.Equal(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)) || b.OpenedBy != "ann" || b.Since.Year() != 2026 || b.Times != 1 {
		t.Errorf("viewed as %+v", b)
	}
	for _, c := range []struct {
		filter views.COEFilter
		want   []string
	}{
		{views.COEFilter{Limit: 9}, []string{"late", "airport/a"}},
		{views.COEFilter{Limit: 1}, []string{"late"}},
		{views.COEFilter{Status: decide.COEDraft, Limit: 9}, []string{"airport/a"}},
		{views.COEFilter{Status: decide.COEClosed, Limit: 9}, nil},
		{views.COEFilter{Before: b.Sequence, Limit: 9}, []string{"airport/a"}},
		{views.COEFilter{About: "late", Limit: 9}, []string{"late"}},
	} {
		found, err := s.db.COEs(ctx, c.filter)
		var got []string
		for _, coe := range found {
			got = append(got, coe.Cord+coe.Rule)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%+v lists %q, want %q, %v", c.filter, got, c.want, err)
		}
	}
	if none, err := s.db.COE(ctx, id("none")); none != nil || err != nil {
		t.Errorf("what is not there is %+v, %v", none, err)
	}
	texts, err := s.db.COETexts(ctx, id("b"), 0)
	if err != nil || len(texts) != 0 {
		t.Errorf("no text was given, there are %+v, %v", texts, err)
	}
	s.tellTexts(decide.COEText{COE: id("b"), Revision: 1, Digest: "d1", By: "ann", At: 5, Text: "# one"}, decide.COEText{COE: id("b"), Revision: 2, Digest: "d2", By: "bob", At: 6, Text: "# two"})
	if texts, err = s.db.COETexts(ctx, id("b"), 0); err != nil || len(texts) != 2 || texts[1].Text != "" || texts[1].By != "bob" {
		t.Errorf("the revisions are %+v, %v", texts, err)
	}
	if texts, err = s.db.COETexts(ctx, id("b"), 2); err != nil || len(texts) != 1 || texts[0].Text != "# two" || texts[0].Digest != "d2" {
		t.Errorf("the second is %+v, %v", texts, err)
	}
}

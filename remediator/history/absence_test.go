package history_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/views"
)

// A remedy that was made because something did not come says what, and until when: no
// condition of the rule does.
func TestExplainWhatDidNotCome(t *testing.T) {
	t.Parallel()
	const rules = `rules:
  - rule: unanswered
    owner: shop
    why: Nobody answered.
    event: shop.asked
    unless: {event: [shop.answered, shop.closed], by: data.question, within: 2d}
    do: [{andon: {pull: shop/answers, level: yellow, reason: Nobody answered}}]
    mode: live
`
	dir := t.TempDir()
	config := remediator.Config{DataDir: dir, Rules: []rule.File{{Path: "shop.yaml", Text: rules}}, EventClock: true, Logger: slog.New(slog.DiscardHandler)}
	serve(t, config, func(service *remediator.Service) {
		for n, at := range []time.Time{morning, morning.Add(72 * time.Hour)} {
			sendBody(t, service, fmt.Sprintf(`{"specversion":"1.0","id":"e-%d","source":"/shop","type":"shop.asked","time":%q,"data":{"question":%d}}`, n, at.Format(time.RFC3339), n))
		}
	})
	h, db := open(t, dir)
	remedies, err := db.Remedies(t.Context(), views.Filter{Limit: 10})
	if err != nil || len(remedies) != 1 {
		t.Fatalf("%+v, %v", remedies, err)
	}
	e, err := h.Explain(t.Context(), remedies[0].Remedy)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	want := "waited for shop.answered or shop.closed with the same data.question until 2026-11-03T08:00:00Z, and it did not come"
	if err := e.WriteText(&text); err != nil || e.Rules[0].Unless != want || !strings.Contains(text.String(), "  unless: "+want+"\n  act: pull shop/answers yellow\n") {
		t.Errorf("%v, it says\n%s", err, text.String())
	}
}

package web

import (
	"cmp"
	"maps"
	"net/http"
	"slices"

	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/store/views"
)

const (
	nearSince = "7d" // the period when none is named
	nearShown = 50   // near misses on a page
)

// nearPage is the page of the events that a rule did not fire for by one condition alone.
type nearPage struct {
	*rehearse.NearMisses
	Since   string
	Periods []string // to choose from
	Missed  []missed // by condition, the most first
}

// missed is a condition, and how many events missed by it alone.
type missed struct {
	Condition string
	Events    int
}

// loadNear folds the log of a period, which takes a while: it is a page of its own, that
// is fetched when somebody asks.
func loadNear(c *Console, r *http.Request) (any, error) {
	in, name := c.cfg.InForce(), r.PathValue("rule")
	if in.Set == nil || in.Set.Rule(name) == nil {
		return nil, Missing("No rule in force is called " + name + ".")
	}
	page := nearPage{Since: cmp.Or(r.URL.Query().Get("since"), nearSince), Periods: []string{"1d", nearSince, "30d"}}
	if _, err := history.Moment("since", page.Since, c.cfg.Now()); err != nil {
		return nil, unclear(views.AskError(err.Error()))
	}
	var err error
	if page.NearMisses, err = c.cfg.Near(r.Context(), in.Set, name, history.Period{Since: page.Since}, nearShown); err != nil {
		return nil, unanswered(err)
	}
	for _, condition := range slices.Sorted(maps.Keys(page.NearMisses.Missed)) {
		page.Missed = append(page.Missed, missed{condition, page.NearMisses.Missed[condition]})
	}
	slices.SortStableFunc(page.Missed, func(a, b missed) int { return cmp.Compare(b.Events, a.Events) })
	return page, nil
}

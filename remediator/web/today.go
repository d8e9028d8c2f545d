package web

import (
	"html/template"
	"net/http"
	"time"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/store/views"
	"github.com/makegood/makegood/remediator/web/chart"
)

// today is the first page: what needs somebody now, and what the last day was like.
type today struct {
	views.Today
	Held     int         // remedies that wait for a person
	Failed   int         // remedies that ended badly
	Currency []moneyOver // money out, by currency
}

// moneyOver is money out over a period in one currency.
type moneyOver struct {
	Total   money.Money
	Actions int
	Chart   template.HTML
}

func loadToday(c *Console, r *http.Request) (any, error) {
	t, err := c.cfg.Today(r.Context())
	if err != nil {
		return nil, err
	}
	page := today{Today: t}
	for _, h := range t.Holds {
		page.Held += h.Remedies
	}
	for _, f := range t.Failures {
		page.Failed += f.Remedies
	}
	page.Currency, err = moneyOut(t)
	return page, err
}

// moneyOut draws the money of each currency by the hour. The hours come by
// currency.
func moneyOut(t views.Today) ([]moneyOver, error) {
	var all []moneyOver
	for hours := t.Money; len(hours) > 0; {
		over := moneyOver{Total: money.Money{Currency: hours[0].Money.Currency}}
		bars := chart.Bars{
			Title: "Money out by the hour, " + over.Total.Currency, Unit: over.Total.Currency,
			Format: func(minor int64) string { return money.Money{Minor: minor, Currency: over.Total.Currency}.Amount() },
		}
		at := map[time.Time]int64{}
		for len(hours) > 0 && hours[0].Money.Currency == over.Total.Currency {
			var err error
			if over.Total, err = over.Total.Add(hours[0].Money); err != nil {
				return nil, err
			}
			over.Actions += hours[0].Actions
			at[hours[0].Hour] = hours[0].Money.Minor
			hours = hours[1:]
		}
		for hour := t.Since; hour.Before(t.Until); hour = hour.Add(time.Hour) {
			bars.Points = append(bars.Points, chart.Point{Label: hour.Format("15:04"), Name: hour.Format("2006-01-02 15:04 UTC"), Value: at[hour]})
		}
		var err error
		if over.Chart, err = bars.SVG(); err != nil {
			return nil, err
		}
		all = append(all, over)
	}
	return all, nil
}

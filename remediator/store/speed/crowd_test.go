package speed

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/internal/postgres"
)

const (
	crowdFor      = 90 * 24 * time.Hour // how long ago the first of a crowd had its event
	oneHeldIn     = 500                 // waits for a person
	oneFailedIn   = 1000                // of those that do not wait
	pairsOfRecord = 500                 // events with their outcomes
	rulesOfCrowd  = 20
	customers     = 100_003
)

// rulesOfTown are the rules by which a crowd is decided. What costs more than others
// waits for a person.
func rulesOfTown() string {
	var text strings.Builder
	text.WriteString("rules:\n")
	for n := range rulesOfCrowd {
		fmt.Fprintf(&text, `  - rule: rule-%d
    owner: shop
    why: It came late.
    event: parcel.late.%[1]d
    if: data.hours > 2
    once_per: data.order
    do:
      - refund: {payment: "${{ data.payment }}", amount: "${{ data.amount }}"}
    limits: {approve_above: 10.00 USD, budget: {amount: 100000.00 USD, within: 1d}}
    account: "40%d"
    mode: live
`, n, n%7)
	}
	return text.String()
}

// member is what happened to one of a crowd, and what came of it at the provider:
// nothing, when it waits.
func member(t *testing.T, i int, at time.Time) []input.Input {
	t.Helper()
	by, amount := i%rulesOfCrowd, money.Money{Minor: int64(100 + i%900), Currency: "USD"}
	if i%oneHeldIn == 0 {
		amount.Minor += 1000
	}
	order := fmt.Sprintf("o-%d", i)
	event := fmt.Sprintf(`{"specversion":"1.0","id":"event-%d","source":"/shop","type":"parcel.late.%d","time":%q,"customer":"customer-%d",
		"data":{"order":%q,"payment":"pi_c%[1]d","amount":%[6]q,"hours":%d,"parcel":{"from":"Oslo","to":"Bergen","weight_g":%d}}}`,
		i, by, at.Format(time.RFC3339Nano), i*7919%customers, order, amount, 3+i%40, 100+i%5000)
	inputs := []input.Input{{ID: fmt.Sprintf("event/%d", i), Kind: input.Event, At: at.UnixNano(), Body: []byte(event)}}
	if i%oneHeldIn == 0 {
		return inputs
	}
	remedy := decide.RemedyID(fmt.Sprintf("rule-%d", by), fmt.Sprintf("%d:%s", len(order), order))
	body := decide.OutcomeBody{Remedy: remedy, Action: decide.ActionID(remedy, "refund"),
		ActionFact: decide.ActionFact{Name: "refund", Attempt: 1, Status: decide.Succeeded, Ref: fmt.Sprintf("re_%d", i), Amount: &amount, SeenAt: at.Format(time.RFC3339)}}
	if i%oneFailedIn == 1 {
		body.Status, body.Code, body.Amount = decide.Failed, "charge_disputed", nil
	}
	return append(inputs, input.Input{ID: "outcome/" + body.Action.String() + "/1", Kind: input.Outcome, At: input.StampPrevious, Body: encode(t, body)})
}

// gather has a crowd join a town: what happened to it comes into the log, evenly over
// the days before now, for the service to decide and seal when it starts.
func (w *town) gather(t *testing.T, e engine, count int) {
	t.Helper()
	running(t, w.config, func(*remediator.Running) {}) // begins the log
	place := w.config.DataDir
	if w.DSN != "" {
		place = w.DSN
	}
	lg, err := e.openLog(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	record := []input.Input{{ID: "rules", Kind: input.Activate, At: input.StampPrevious,
		Body: encode(t, decide.ActivateBody{Files: []rule.File{{Path: "town.yaml", Text: rulesOfTown()}}, Author: "ann"})}}
	for i := range count {
		record = append(record, member(t, i, w.Filled.Add(-crowdFor/time.Duration(count)*time.Duration(count-i)))...)
		if len(record) < 2*pairsOfRecord && i < count-1 {
			continue
		}
		blob, err := input.EncodeRecord(record)
		if err == nil {
			_, err = lg.Append(t.Context(), blob)
		}
		if err != nil {
			t.Fatal(err)
		}
		record = record[:0]
	}
	if err := lg.Close(); err != nil {
		t.Fatal(err)
	}
}

// know has PostgreSQL look at the tables, as it does by itself in time.
func (w *town) know(t *testing.T) {
	t.Helper()
	if w.DSN == "" {
		return
	}
	server, err := postgres.Parse(w.DSN)
	if err != nil {
		t.Fatal(err)
	}
	db := server.Pool(1, postgres.Writing)
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, statement := range []string{`SET statement_timeout = 0`, `ANALYZE`} { // the pool lets nothing take so long
		if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), statement); err != nil {
			t.Fatal(err)
		}
	}
}

package views

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Delivery is a webhook to one receiver as it stands. Each attempt of it is a
// fact about its remedy.
type Delivery struct {
	Action   uuid.UUID `json:"action"` // also the webhook-id
	Endpoint string    `json:"endpoint"`
	Status   string    `json:"status"`
	Attempts int       `json:"attempts"`
	Code     string    `json:"code,omitempty"` // why it was not accepted
	SeenAt   string    `json:"seen_at,omitempty"`
	Remedy   uuid.UUID `json:"remedy"`
	Rule     string    `json:"rule"`
	At       time.Time `json:"at"`       // of the decision
	Sequence uint64    `json:"sequence"` // of the decision in the ledger
	Place    int       `json:"place"`    // of the step in the decision
}

// DeliveryFilter chooses deliveries; what is empty chooses all.
type DeliveryFilter struct {
	Endpoint, Status string
	After            DeliveryCursor
	Limit            int // defaults to 100
}

// DeliveryCursor is a delivery below which a list goes on; the zero one begins with the
// newest.
type DeliveryCursor struct {
	Sequence uint64
	Place    int
}

// Deliveries lists deliveries, those of the newest remedies first.
func Deliveries(ctx context.Context, db *sql.DB, f DeliveryFilter) ([]Delivery, error) {
	if f.Limit == 0 {
		f.Limit = 100
	}
	n := narrowing{where: "a.endpoint <> '' AND r.mode = ?", args: []any{live}}
	n.text("a.endpoint", f.Endpoint)
	n.text("a.status", f.Status)
	if c := f.After; c != (DeliveryCursor{}) {
		n.by("r.seq <= ?", int64(c.Sequence))
		n.by("(r.seq < ?", int64(c.Sequence))
		n.where, n.args = n.where+" OR a.place > ?)", append(n.args, c.Place)
	}
	result, err := db.QueryContext(ctx, `SELECT a.action, a.endpoint, a.status, a.attempts, a.code, a.seen_at, r.remedy, r.rule, r.at, r.seq, a.place
		FROM action AS a JOIN remedy AS r ON r.remedy = a.remedy WHERE `+n.where+` ORDER BY r.seq DESC, a.place LIMIT ?`, append(n.args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	defer result.Close()
	deliveries := []Delivery{}
	for result.Next() {
		var d Delivery
		var at int64
		if err := result.Scan(&d.Action, &d.Endpoint, &d.Status, &d.Attempts, &d.Code, &d.SeenAt, &d.Remedy, &d.Rule, &at, &d.Sequence, &d.Place); err != nil {
			return nil, fmt.Errorf("read delivery: %w", err)
		}
		d.At = time.Unix(0, at).UTC()
		deliveries = append(deliveries, d)
	}
	return deliveries, result.Err()
}

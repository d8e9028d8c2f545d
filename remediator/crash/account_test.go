package crash

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
)

// maxProblems bounds how many findings are listed one by one. The counts count all.
const maxProblems = 20

// findings are what comparisons found.
type findings struct {
	refunds  int // at the provider, compared
	cords    int // compared
	lost     int // expected and not there
	doubled  int // there more than once, or never expected
	books    books
	problems []string
}

func (f *findings) add(format string, args ...any) {
	if len(f.problems) < maxProblems {
		f.problems = append(f.problems, fmt.Sprintf(format, args...))
	}
}

// paid is a refund at the provider.
type paid struct {
	ID       string            `json:"id"`
	Amount   int64             `json:"amount"`
	Currency string            `json:"currency"`
	Status   string            `json:"status"`
	Metadata map[string]string `json:"metadata"`
}

// isPaid reports whether the refund moved money.
func (p paid) isPaid() bool { return p.Status != "failed" && p.Status != "canceled" }

// account compares what the provider paid with what the workload must come to,
// by action and amount.
func (f *findings) account(want expected, got []paid) {
	seen := map[uuid.UUID]string{}
	for _, refund := range got {
		if !refund.isPaid() {
			continue
		}
		f.refunds++
		action, err := uuid.Parse(refund.Metadata["makegood_action"])
		amount, expected := want.refunds[action]
		switch first, again := seen[action]; {
		case err != nil || !expected:
			f.doubled++
			f.add("refund %s of %d for action %q, which nothing led to", refund.ID, refund.Amount, refund.Metadata["makegood_action"])
		case again:
			f.doubled++
			f.add("action %s was refunded by %s and again by %s", action, first, refund.ID)
		case refund.Amount != amount || refund.Currency != "usd":
			f.add("action %s was refunded %d %s, want %d usd", action, refund.Amount, refund.Currency, amount)
		}
		seen[action] = refund.ID
	}
	for action, amount := range want.refunds {
		if _, ok := seen[action]; !ok {
			f.lost++
			f.add("action %s of %d was never refunded", action, amount)
		}
	}
}

// patientGets is how often a read of the provider is tried: it misbehaves.
const patientGets = 50

// refunds lists every refund that the provider made, page by page.
func refunds(provider string) ([]paid, error) {
	var all []paid
	for after := ""; ; {
		query := url.Values{"limit": {"100"}}
		if after != "" {
			query.Set("starting_after", after)
		}
		var page struct {
			HasMore bool   `json:"has_more"`
			Data    []paid `json:"data"`
		}
		if err := get(provider+"/v1/refunds?"+query.Encode(), &page); err != nil {
			return nil, err
		}
		all = append(all, page.Data...)
		if !page.HasMore {
			return all, nil
		}
		if len(page.Data) == 0 {
			return nil, errors.New("list refunds: an empty page that is not the last")
		}
		after = page.Data[len(page.Data)-1].ID
	}
}

// get reads JSON from the provider.
func get(address string, into any) error {
	var last error
	for range patientGets {
		req, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		req.SetBasicAuth("sk_test_crash", "")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			last = err
			continue
		}
		if last = fmt.Errorf("get %s: %s", address, resp.Status); resp.StatusCode == http.StatusOK {
			last = json.NewDecoder(resp.Body).Decode(into)
		}
		resp.Body.Close()
		if last == nil {
			return nil
		}
	}
	return last
}

// wellBehaved ends the provider's faults.
func wellBehaved(provider string) error {
	resp, err := http.Post(provider+"/sandbox/faults", "application/json", strings.NewReader("{}"))
	if err != nil {
		return fmt.Errorf("end faults: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("end faults: %s", resp.Status)
	}
	return nil
}

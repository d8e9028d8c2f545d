package sandbox

import (
	"net/http"
	"slices"
	"strconv"
)

// Bounds of a page of refunds, as Stripe's.
const (
	pageDefault = 10
	pageMost    = 100
)

// list answers GET /v1/refunds, newest first.
func (s *Sandbox) list(r *http.Request) answer {
	query := r.URL.Query()
	limit := pageDefault
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > pageMost {
			return answer{http.StatusBadRequest, invalid("parameter_invalid_integer", "limit", "Give a limit of 1 to %d.", pageMost)}
		}
		limit = n
	}
	ids := s.state.order
	if payment := query.Get("payment_intent") + query.Get("charge"); payment != "" {
		number, ok := paymentNumber(payment)
		if !ok {
			return missing("payment", payment)
		}
		ids = s.state.byPayment[number]
	}
	ids = slices.Clone(ids)
	slices.Reverse(ids)
	if after := query.Get("starting_after"); after != "" {
		at := slices.Index(ids, after)
		if at < 0 {
			return missing("refund", after)
		}
		ids = ids[at+1:]
	}
	if before := query.Get("ending_before"); before != "" {
		at := slices.Index(ids, before)
		if at < 0 {
			return missing("refund", before)
		}
		ids = ids[max(at-limit, 0):at]
	}
	page := refundList{Object: "list", URL: "/v1/refunds", HasMore: len(ids) > limit, Data: []refundObject{}}
	for _, id := range ids[:min(limit, len(ids))] {
		page.Data = append(page.Data, s.state.refunds[id].object())
	}
	return answer{http.StatusOK, page}
}

func (s *Sandbox) retrieve(r *http.Request) answer {
	found := s.state.refunds[r.PathValue("id")]
	if found == nil {
		return missing("refund", r.PathValue("id"))
	}
	return answer{http.StatusOK, found.object()}
}

func (s *Sandbox) retrievePayment(r *http.Request) answer {
	number, ok := paymentNumber(r.PathValue("id"))
	if !ok {
		return missing("payment_intent", r.PathValue("id"))
	}
	p := s.payment(number, "")
	return answer{http.StatusOK, paymentObject{
		ID: "pi_" + number, Object: "payment_intent", Amount: p.Amount, AmountReceived: p.Amount, Created: p.Created,
		Currency: p.Currency, LatestCharge: "ch_" + number, Metadata: map[string]string{}, Status: statusSucceeded,
	}}
}

func (s *Sandbox) retrieveCharge(r *http.Request) answer {
	number, ok := paymentNumber(r.PathValue("id"))
	if !ok {
		return missing("charge", r.PathValue("id"))
	}
	p := s.payment(number, "")
	left := s.state.left(p, number)
	return answer{http.StatusOK, chargeObject{
		ID: "ch_" + number, Object: "charge", Amount: p.Amount, AmountCaptured: p.Amount, AmountRefunded: p.Amount - left,
		Captured: true, Created: p.Created, Currency: p.Currency, Metadata: map[string]string{},
		PaymentIntent: "pi_" + number, Refunded: left == 0, Status: statusSucceeded,
	}}
}

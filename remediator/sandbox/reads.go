package sandbox

import (
	"math"
	"net/http"
	"net/url"
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
	within, bad := createdWithin(query)
	if bad != "" {
		return answer{http.StatusBadRequest, invalid("parameter_invalid_integer", bad, "Give %s as seconds since 1970.", bad)}
	}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !within(s.state.refunds[id].Created) })
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

// createdWithin reads created, or created[gt|gte|lt|lte]; bad names the one that
// is no time.
func createdWithin(query url.Values) (within func(int64) bool, bad string) {
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	for _, bound := range []struct {
		name     string
		from, to bool
		by       int64
	}{{"created", true, true, 0}, {"created[gt]", true, false, 1}, {"created[gte]", true, false, 0}, {"created[lt]", false, true, -1}, {"created[lte]", false, true, 0}} {
		if !query.Has(bound.name) {
			continue
		}
		at, err := strconv.ParseInt(query.Get(bound.name), 10, 64)
		if err != nil || at < 0 {
			return nil, bound.name
		}
		if bound.from {
			from = max(from, at+bound.by)
		}
		if bound.to {
			to = min(to, at+bound.by)
		}
	}
	return func(created int64) bool { return from <= created && created <= to }, ""
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

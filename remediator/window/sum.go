package window

import (
	"errors"
	"math/big"

	"github.com/makegood/makegood/remediator/money"
)

// Sum is what some entries come to for one aggregate.
type Sum struct {
	N        int // entries counted
	Total    int // for share: entries of the whole
	Num      float64
	Min      float64
	Max      float64
	Minor    int64
	MinMinor int64
	MaxMinor int64
	Currency string
	Mixed    bool // currencies, or amounts and numbers
	Overflow bool // Minor is not their sum
	Distinct int
}

// Errors of aggregates; an aggregate that is an error makes `having` one.
var (
	ErrMixed = errors.New("amounts of several currencies, or amounts and numbers, or a sum too large")
	ErrEmpty = errors.New("no input to take it of")
)

func (s *Sum) add(v Value) {
	if v.Total {
		s.Total++
	}
	if !v.Counted {
		return
	}
	s.merge(Sum{N: 1, Num: v.Num, Min: v.Num, Max: v.Num, Minor: v.Minor, MinMinor: v.Minor, MaxMinor: v.Minor, Currency: v.Currency})
}

func (s *Sum) merge(o Sum) {
	s.Total += o.Total
	if o.N == 0 {
		return
	}
	if s.N == 0 {
		total := s.Total
		*s = o
		s.Total = total
		return
	}
	s.Mixed = s.Mixed || o.Mixed || s.Currency != o.Currency
	minor := s.Minor + o.Minor
	s.Overflow = s.Overflow || o.Overflow || (minor > s.Minor) != (o.Minor > 0) && o.Minor != 0
	s.N += o.N
	s.Num += o.Num
	s.Min, s.Max = min(s.Min, o.Min), max(s.Max, o.Max)
	s.Minor = minor
	s.MinMinor, s.MaxMinor = min(s.MinMinor, o.MinMinor), max(s.MaxMinor, o.MaxMinor)
}

// Of returns the aggregate's value: a float64, a money.Money, or an error.
// Functions are count, distinct, share, sum, avg, min and max. The average of
// amounts is rounded half away from zero to the minor unit.
func (s Sum) Of(function string) any {
	switch function {
	case "count":
		return float64(s.N)
	case "distinct":
		return float64(s.Distinct)
	case "share":
		if s.Total == 0 {
			return ErrEmpty
		}
		return float64(s.N) / float64(s.Total)
	}
	if s.Mixed || s.Overflow && (function == "sum" || function == "avg") {
		return ErrMixed
	}
	if s.N == 0 && function != "sum" {
		return ErrEmpty
	}
	if s.Currency != "" {
		return s.money(function)
	}
	switch function {
	case "sum":
		return s.Num
	case "avg":
		return s.Num / float64(s.N)
	case "min":
		return s.Min
	default:
		return s.Max
	}
}

func (s Sum) money(function string) any {
	m := money.Money{Currency: s.Currency}
	switch function {
	case "sum":
		m.Minor = s.Minor
	case "avg":
		m.Minor = divideHalfAway(s.Minor, int64(s.N))
	case "min":
		m.Minor = s.MinMinor
	default:
		m.Minor = s.MaxMinor
	}
	return m
}

func divideHalfAway(a, n int64) int64 {
	q, r := new(big.Int).QuoRem(big.NewInt(a), big.NewInt(n), new(big.Int))
	twice := r.Abs(r).Lsh(r, 1)
	if twice.Cmp(big.NewInt(n)) >= 0 {
		if a < 0 {
			return q.Int64() - 1
		}
		return q.Int64() + 1
	}
	return q.Int64()
}

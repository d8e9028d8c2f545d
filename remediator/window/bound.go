package window

import "math/big"

// bound moves a sum over what is inside a window to what it is at the least, or at
// the most, when any of the entries at the edges are inside too. What is exact lies
// between the two.
func (s *Sum) bound(edge *Sum, function string, side Side) {
	switch function {
	case "count", "min", "max":
		if side == Most {
			s.merge(*edge)
		}
	case "share":
		// The least has all of the edge that does not count, the most all that does.
		if side == Most {
			s.N, s.Total = s.N+edge.N, s.Total+edge.N
		} else {
			s.Total += edge.Total - edge.N
		}
	case "sum", "avg":
		s.boundAmount(edge, function, side)
	}
}

// boundAmount is bound for what adds values up.
func (s *Sum) boundAmount(edge *Sum, function string, side Side) {
	if edge.N == 0 || function == "avg" && s.N == 0 {
		return // the average of nothing is an error: nothing fires
	}
	far := *edge
	if function == "avg" || !edge.oneSided() {
		far = edge.farthest(side)
	}
	with := *s
	with.merge(far)
	farther := with.below(s, function)
	if side == Most {
		farther = s.below(&with, function)
	}
	if farther || with.Mixed || with.Overflow {
		*s = with
	}
}

// oneSided reports whether no two values have different signs, so that all of them
// together are the farthest from nothing.
func (s *Sum) oneSided() bool {
	if s.Currency != "" {
		return s.MinMinor >= 0 || s.MaxMinor <= 0
	}
	return s.Min >= 0 || s.Max <= 0
}

// farthest is as many values, each of them the lowest, or the highest, of all.
func (s *Sum) farthest(side Side) Sum {
	value, minor := s.Min, s.MinMinor
	if side == Most {
		value, minor = s.Max, s.MaxMinor
	}
	far, sum := *s, new(big.Int).Mul(big.NewInt(int64(s.N)), big.NewInt(minor))
	far.Num, far.Minor, far.Overflow = float64(s.N)*value, sum.Int64(), s.Overflow || !sum.IsInt64()
	return far
}

// below reports whether a sum, or an average, is below another one.
func (s *Sum) below(o *Sum, function string) bool {
	average := function == "avg"
	switch {
	case s.Currency == "" && o.Currency == "" && average:
		return s.Num/float64(s.N) < o.Num/float64(o.N)
	case s.Currency == "" && o.Currency == "":
		return s.Num < o.Num
	case average:
		return divideHalfAway(s.Minor, int64(s.N)) < divideHalfAway(o.Minor, int64(o.N))
	}
	return s.Minor < o.Minor
}

package match

import (
	"math"
	"slices"

	"github.com/makegood/makegood/remediator/match/index"
)

// second is another value that all rules of a group ask for a text: their sieve looks
// at it together with the first one. Where rules ask for one of eight regions and
// for a range that a fifth of all events lie in, it keeps back most of that fifth.
type second struct {
	slot  int16      // noSecond: there is none
	texts [][]uint64 // by member: the hashes of the texts
}

const noSecond = -1

// fewTexts is how many texts a rule may ask a second value for.
const fewTexts = 8

// alsoAsked returns the second value of a group that has the most texts, unless the
// first ones let few events through: where most rules ask for a constant of their
// own.
func alsoAsked(members []placed, predicates [][]predicate, seen census) second {
	best := second{slot: noSecond}
	through := 0.0
	for i := range members {
		through += seen[members[i].place].share(&members[i].predicate)
	}
	if through <= leastSingle || !slices.Contains([]class{equal, prefix, suffix, within}, members[0].class) {
		return best
	}
	most := 1
	for i := range predicates[members[0].rule] {
		also := secondAt(predicates[members[0].rule][i].place, members, predicates)
		if n := also.distinct(); n > most {
			best, most = also, n
		}
	}
	return best
}

// secondAt returns what the members ask of a place, if they all ask it for few texts.
func secondAt(at place, members []placed, predicates [][]predicate) second {
	none := second{slot: noSecond}
	if at.class != equal || at.slot > math.MaxInt16 {
		return none
	}
	also := second{slot: int16(at.slot)}
	for _, m := range members {
		of := predicates[m.rule]
		i := slices.IndexFunc(of, func(p predicate) bool { return p.place == at && len(p.texts) > 0 && len(p.texts) <= fewTexts })
		if i < 0 {
			return none
		}
		var texts []uint64
		for _, text := range of[i].texts {
			texts = append(texts, index.And([]byte(text)))
		}
		also.texts = append(also.texts, texts)
	}
	return also
}

// distinct returns how many texts there are.
func (s second) distinct() int {
	all := slices.Concat(s.texts...)
	slices.Sort(all)
	return len(slices.Compact(all))
}

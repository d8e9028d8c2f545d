package reconcile_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/reconcile"
)

var (
	from   = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	period = reconcile.Period{From: from, To: from.Add(24 * time.Hour)}
	noon   = from.Add(12 * time.Hour)
)

func action(n int) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, []byte(fmt.Sprint(n))) }

func usd(minor int64) money.Money { return money.Money{Minor: minor, Currency: "USD"} }

// both is one refund as both sides have it.
func both(n int) (reconcile.Ours, decide.SeenBody) {
	o := reconcile.Ours{Action: action(n), Remedy: action(-n), Rule: "late", Owner: "shop", Payment: fmt.Sprint("pi_", n), Ref: fmt.Sprint("re_", n),
		Status: decide.Succeeded, Amount: usd(int64(n) + 1), At: noon, Taken: true}
	return o, decide.SeenBody{Ref: o.Ref, Payments: []string{o.Payment, fmt.Sprint("ch_", n)}, Action: o.Action, Remedy: o.Remedy, Status: o.Status,
		Amount: o.Amount, Created: noon.Format(time.RFC3339)}
}

func stampOf(at time.Time) string { return at.Format(time.RFC3339) }

// classes are what a comparison found, by its class.
func classes(r decide.Reconciliation) map[string]int {
	found := map[string]int{}
	for _, c := range r.Counts {
		if c.Count > 0 {
			found[c.Class] = c.Count
		}
	}
	return found
}

// pairs are a refund of both sides, changed, and the class that it is then of.
var pairs = map[string]struct {
	change func(o *reconcile.Ours, t *decide.SeenBody) (onlyOurs, onlyTheirs bool)
	want   string // class; empty: nothing is counted
}{
	"the same":                {func(*reconcile.Ours, *decide.SeenBody) (bool, bool) { return false, false }, decide.ClassMatched},
	"by our mark alone":       {func(o *reconcile.Ours, _ *decide.SeenBody) (bool, bool) { o.Ref = ""; return false, false }, decide.ClassMatched},
	"by their id alone":       {func(_ *reconcile.Ours, t *decide.SeenBody) (bool, bool) { t.Action = uuid.Nil; return false, false }, decide.ClassMatched},
	"none at the provider":    {func(*reconcile.Ours, *decide.SeenBody) (bool, bool) { return true, false }, decide.ClassMissing},
	"none, and none was made": {func(o *reconcile.Ours, _ *decide.SeenBody) (bool, bool) { o.Status = decide.Failed; return true, false }, ""},
	"none, and nobody knows": {func(o *reconcile.Ours, _ *decide.SeenBody) (bool, bool) {
		o.Status = decide.Unknown
		return true, false
	}, ""},
	"none in the ledger":         {func(*reconcile.Ours, *decide.SeenBody) (bool, bool) { return false, true }, decide.ClassUnknown},
	"none in the ledger, failed": {func(_ *reconcile.Ours, t *decide.SeenBody) (bool, bool) { t.Status = decide.Failed; return false, true }, ""},
	"another amount":             {func(_ *reconcile.Ours, t *decide.SeenBody) (bool, bool) { t.Amount.Minor++; return false, false }, decide.ClassAmount},
	"another currency and amount": {func(_ *reconcile.Ours, t *decide.SeenBody) (bool, bool) {
		t.Amount = money.Money{Minor: 9, Currency: "EUR"}
		return false, false
	}, decide.ClassCurrency},
	"failed there": {func(_ *reconcile.Ours, t *decide.SeenBody) (bool, bool) {
		t.Status = decide.Failed
		return false, false
	}, decide.ClassStatus},
	"pending there": {func(_ *reconcile.Ours, t *decide.SeenBody) (bool, bool) {
		t.Status = decide.Pending
		return false, false
	}, decide.ClassStatus},
	"made there, failed here": {func(o *reconcile.Ours, _ *decide.SeenBody) (bool, bool) {
		o.Status = decide.Failed
		return false, false
	}, decide.ClassStatus},
	"a day and an hour before": {func(_ *reconcile.Ours, t *decide.SeenBody) (bool, bool) {
		t.Created = stampOf(noon.Add(-25 * time.Hour))
		return false, false
	}, decide.ClassLate},
	"a day later": {func(_ *reconcile.Ours, t *decide.SeenBody) (bool, bool) {
		t.Created = stampOf(noon.Add(24 * time.Hour))
		return false, false
	}, decide.ClassMatched},
	"over midnight": {func(o *reconcile.Ours, t *decide.SeenBody) (bool, bool) {
		o.At = period.To.Add(-time.Second)
		t.Created = stampOf(period.To.Add(time.Minute))
		return false, false
	}, decide.ClassMatched},
	"both on another day": {func(o *reconcile.Ours, t *decide.SeenBody) (bool, bool) {
		o.At = period.To
		t.Created = stampOf(period.To)
		return false, false
	}, ""},
	"at the provider, yesterday": {func(_ *reconcile.Ours, t *decide.SeenBody) (bool, bool) {
		t.Created = stampOf(from.Add(-time.Second))
		return false, true
	}, ""},
	"time cannot be read": {func(_ *reconcile.Ours, t *decide.SeenBody) (bool, bool) { t.Created = "noon"; return false, true }, decide.ClassUnknown},
}

func TestCompareOne(t *testing.T) {
	t.Parallel()
	for name, c := range pairs {
		o, s := both(1)
		onlyOurs, onlyTheirs := c.change(&o, &s)
		ours, theirs := []reconcile.Ours{o}, []decide.SeenBody{s}
		if onlyOurs {
			theirs = nil
		}
		if onlyTheirs {
			ours = nil
		}
		got, want := classes(reconcile.Compare("stripe", period, ours, theirs)), map[string]int{}
		if c.want != "" {
			want[c.want] = 1
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: found %v, want %v", name, got, want)
		}
	}
}

// plant puts one difference of a class between two sides that agree.
func plant(class string, o *reconcile.Ours, t *decide.SeenBody, random *rand.Rand) (ours []reconcile.Ours, theirs []decide.SeenBody, about string) {
	switch class {
	case decide.ClassMissing:
		return []reconcile.Ours{*o}, nil, o.Action.String()
	case decide.ClassUnknown:
		if t.Action = uuid.Nil; random.IntN(2) == 0 {
			t.Action, t.Remedy = uuid.New(), uuid.New() // of another installation
		}
		return nil, []decide.SeenBody{*t}, t.Ref
	case decide.ClassAmount:
		t.Amount.Minor += 1 + random.Int64N(500)
	case decide.ClassCurrency:
		t.Amount.Currency = "EUR"
	case decide.ClassStatus:
		t.Status = []string{decide.Failed, decide.Pending}[random.IntN(2)]
	case decide.ClassLate:
		t.Created = noon.Add([]time.Duration{-30 * time.Hour, 40 * time.Hour}[random.IntN(2)]).Format(time.RFC3339)
	case decide.ClassDuplicate:
		again := *t
		again.Ref += "_again"
		return []reconcile.Ours{*o}, []decide.SeenBody{again, *t}, again.Ref
	}
	return []reconcile.Ours{*o}, []decide.SeenBody{*t}, t.Ref
}

// TestPlantedDifferencesAreFound holds that of any number of refunds that agree and of
// differences of every class exactly the planted ones are found, in whatever order
// the two sides are listed.
func TestPlantedDifferencesAreFound(t *testing.T) {
	t.Parallel()
	planted := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var ours []reconcile.Ours
		var theirs []decide.SeenBody
		want, counts := []string{}, map[string]int{}
		for n := range rapid.IntRange(0, 60).Draw(t, "refunds") {
			class := decide.Classes()[random.IntN(len(decide.Classes()))]
			o, s := both(n)
			if random.IntN(3) == 0 && class != decide.ClassUnknown && class != decide.ClassDuplicate {
				s.Action = uuid.Nil // the mark was taken off; the id remains
			}
			more, most, about := plant(class, &o, &s, random)
			ours, theirs = append(ours, more...), append(theirs, most...)
			counts[class]++
			planted[class]++
			if class == decide.ClassDuplicate {
				counts[decide.ClassMatched]++ // the first one is in order
			}
			if class != decide.ClassMatched {
				want = append(want, decide.DifferenceID("stripe", class, about).String())
			}
		}
		digest := reconcile.Digest(theirs)
		random.Shuffle(len(ours), func(i, j int) { ours[i], ours[j] = ours[j], ours[i] })
		random.Shuffle(len(theirs), func(i, j int) { theirs[i], theirs[j] = theirs[j], theirs[i] })
		got := reconcile.Compare("stripe", period, ours, theirs)
		found := []string{}
		for _, d := range got.Differences {
			found = append(found, d.ID.String())
		}
		slices.Sort(found)
		slices.Sort(want)
		if !slices.Equal(found, want) || !maps.Equal(classes(got), counts) {
			t.Fatalf("found %v: %v\nplanted %v: %v", classes(got), found, counts, want)
		}
		if got.Listing != digest || got.Refunds != len(theirs) {
			t.Fatalf("the listing of %d is %s, in another order it was %s", got.Refunds, got.Listing, digest)
		}
	})
	for _, class := range decide.Classes() {
		if planted[class] == 0 {
			t.Errorf("no %s was ever planted", class)
		}
	}
}

// TestSumsAndBounds holds what is summed up, and that a provider that lists nonsense
// cannot make the sums run over or the record too long.
func TestSumsAndBounds(t *testing.T) {
	t.Parallel()
	var theirs []decide.SeenBody
	for n := range decide.MaxDifferences + 7 {
		_, s := both(n)
		s.Action, s.Amount.Minor = uuid.Nil, 1<<62
		theirs = append(theirs, s)
	}
	got := reconcile.Compare("stripe", period, nil, theirs)
	if len(got.Differences) != decide.MaxDifferences || got.LeftOut != 7 || got.Sums[0].Theirs != 1<<63-1 {
		t.Errorf("%d differences, %d left out, sums %+v", len(got.Differences), got.LeftOut, got.Sums)
	}
	o, s := both(1)
	failed, alsoFailed := both(2)
	failed.Status, alsoFailed.Status = decide.Failed, decide.Failed
	eur := s
	eur.Ref, eur.Action, eur.Amount = "re_eur", uuid.Nil, money.Money{Minor: 5, Currency: "EUR"}
	got = reconcile.Compare("stripe", period, []reconcile.Ours{o, failed}, []decide.SeenBody{s, alsoFailed, eur})
	if want := []decide.BookSum{{Currency: "EUR", Theirs: 5}, {Currency: "USD", Ours: 2, Theirs: 2}}; !slices.Equal(got.Sums, want) {
		t.Errorf("sums are %+v, want %+v", got.Sums, want)
	}
}

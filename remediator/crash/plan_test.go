package crash

import (
	"fmt"
	"math/rand/v2"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
)

// Names that plan and rules share.
const (
	refundRule = "refund-late-parcel"
	cordRule   = "stop-late-hub"
	parcelType = "com.example.parcel.delivered"
	hubs       = 12
	toPull     = 3 // parcels of one hub that are very late
	lateMin    = 60
	veryLate   = 180
)

// parcel is one event of the workload.
type parcel struct {
	ID       string
	Customer string
	Order    string
	Payment  string
	Paid     int64 // cents
	Hub      string
	Late     int // minutes
}

// parcelAt makes the i-th event of a seed's workload. Besides parcels of their
// own it makes what must not pay: the same event again, and another event, about
// another payment, of an order that was made good already.
func parcelAt(seed uint64, i int) parcel {
	random := rand.New(rand.NewPCG(seed, uint64(i)))
	earlier := max(0, i-1-random.IntN(40))
	switch draw := random.IntN(100); {
	case draw < 10:
		return fresh(seed, earlier)
	case draw < 25:
		p := fresh(seed, earlier)
		p.ID += fmt.Sprintf("-again-%d", i)
		p.Payment += fmt.Sprintf("again%d", i)
		return p
	}
	return fresh(seed, i)
}

// fresh is a parcel of an order of its own.
func fresh(seed uint64, i int) parcel {
	random := rand.New(rand.NewPCG(seed+1, uint64(i)))
	p := parcel{
		ID:       fmt.Sprintf("parcel-%d", i),
		Customer: fmt.Sprintf("c-%d", random.IntN(500)),
		Order:    fmt.Sprintf("o-%d-%d", seed, i),
		Payment:  fmt.Sprintf("pi_%dx%d", seed, i),
		Paid:     2000 + random.Int64N(20000),
		Hub:      fmt.Sprintf("h-%d", random.IntN(hubs)),
	}
	switch draw := random.IntN(100); {
	case draw < 15:
		p.Late = random.IntN(lateMin)
	case draw < 95:
		p.Late = lateMin + random.IntN(veryLate-lateMin)
	default:
		p.Late = veryLate + random.IntN(200)
	}
	return p
}

// expected is what the first n events of a workload must come to, computed
// without any code of the product but that which derives ids.
type expected struct {
	events   int                 // without repeats
	refunds  map[uuid.UUID]int64 // cents, by action id
	remedies map[string]int      // pulls and evidence, by cord
}

func expect(seed uint64, n int) expected {
	e := expected{refunds: map[uuid.UUID]int64{}, remedies: map[string]int{}}
	seen, very := map[string]bool{}, map[string]int{}
	for i := range n {
		p := parcelAt(seed, i)
		if seen[p.ID] {
			continue
		}
		seen[p.ID] = true
		if p.Late >= lateMin {
			key := fmt.Sprintf("%d:%s", len(p.Order), p.Order) // a netstring for each part of the key
			action := decide.ActionID(decide.RemedyID(refundRule, key), "refund")
			e.refunds[action] = (p.Paid*25 + 50) / 100
		}
		if p.Late >= veryLate {
			if very[p.Hub]++; very[p.Hub]%toPull == 0 {
				e.remedies["hub/"+p.Hub]++
			}
		}
	}
	e.events = len(seen)
	return e
}

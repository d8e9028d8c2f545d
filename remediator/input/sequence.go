package input

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

const (
	// MaxNumber is the highest number of an event: at a million events a second a
	// client comes to it in 35 years. Sums over all clients that are remembered
	// stay below 2^63.
	MaxNumber = 1 << 50
	// MaxRanges is how many ranges one input of kind Skipped names: with all their
	// digits they take a third of a record.
	MaxRanges = 4096
)

// eventPrefix begins the ids of events. A text that an emitter chose comes after
// it, so that no emitter chooses the id of an input of another kind.
const eventPrefix = "event/"

// Sequence names an event by the client of the SDK that accepted it and by its
// place among the events of that client, counted from 1. The same event has the
// same name in whatever request it comes.
type Sequence struct {
	Client uuid.UUID
	Number uint64
}

// ParseSequence reads CLIENT.NUMBER, as the SDK names a request by its first
// event: a UUID in lower case, a point, and a number from 1 to MaxNumber without
// leading zeros. Any other text is the name of something else.
func ParseSequence(name string) (s Sequence, ok bool) {
	const dashed = 36
	if len(name) < dashed+2 || name[dashed] != '.' || name[dashed+1] == '0' || name[dashed+1] == '+' {
		return s, false
	}
	for i := range dashed {
		if name[i] >= 'A' && name[i] <= 'F' {
			return s, false
		}
	}
	client, err := uuid.Parse(name[:dashed])
	if err != nil {
		return s, false
	}
	number, err := strconv.ParseUint(name[dashed+1:], 10, 64)
	if err != nil || number > MaxNumber {
		return s, false
	}
	return Sequence{client, number}, true
}

// EventPrefix is what the ids of the events of a request begin with. In a request
// whose name is the sequence of its first event the number of each event follows;
// in another one, its index.
func EventPrefix(request string, numbered bool) string {
	if numbered {
		return eventPrefix + request[:strings.LastIndexByte(request, '.')+1]
	}
	return eventPrefix + request + "/"
}

// SequenceOf returns the sequence in the id of an event, false when its emitter
// gave none.
func SequenceOf(id string) (Sequence, bool) {
	name, ok := strings.CutPrefix(id, eventPrefix)
	if !ok {
		return Sequence{}, false
	}
	return ParseSequence(name)
}

// Range is the numbers from First up to Last, both included. In JSON it is an
// array of the two.
type Range struct{ First, Last uint64 }

// MarshalJSON implements json.Marshaler.
func (r Range) MarshalJSON() ([]byte, error) { return json.Marshal([2]uint64{r.First, r.Last}) }

// UnmarshalJSON implements json.Unmarshaler.
func (r *Range) UnmarshalJSON(text []byte) error {
	var pair []uint64
	if err := json.Unmarshal(text, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("a range has %d numbers", len(pair))
	}
	r.First, r.Last = pair[0], pair[1]
	return nil
}

// SkippedBody is the body of a Skipped input, in JSON: which numbers of a client
// will not come, because their events were refused for good.
type SkippedBody struct {
	Client uuid.UUID `json:"client"`
	Ranges []Range   `json:"ranges"` // ascending, apart from each other
}

// DecodeSkipped reads the body of a Skipped input. What no door of the service
// can have written is an error.
func DecodeSkipped(body []byte) (s SkippedBody, err error) {
	if err := json.Unmarshal(body, &s); err != nil {
		return SkippedBody{}, fmt.Errorf("decode skipped numbers: %w", err)
	}
	if len(s.Ranges) == 0 || len(s.Ranges) > MaxRanges {
		return SkippedBody{}, fmt.Errorf("decode skipped numbers: %d ranges", len(s.Ranges))
	}
	least := uint64(1)
	for _, r := range s.Ranges {
		if r.First < least || r.Last < r.First || r.Last > MaxNumber {
			return SkippedBody{}, errors.New("decode skipped numbers: the ranges are not in order, or numbers that no client has")
		}
		least = r.Last + 2
	}
	return s, nil
}

// SkippedInputs says that numbers of a client will not come. They are ascending
// and not none. The inputs have no id: folding one twice is the same as once.
func SkippedInputs(client uuid.UUID, numbers []uint64, at int64) []Input {
	var inputs []Input
	var ranges []Range
	flush := func() {
		body, err := json.Marshal(SkippedBody{client, ranges})
		if err != nil {
			panic("encode skipped numbers: " + err.Error()) // a UUID and numbers always encode
		}
		inputs = append(inputs, Input{Kind: Skipped, At: at, Body: body})
		ranges = ranges[:0]
	}
	for _, n := range numbers {
		if k := len(ranges); k > 0 && ranges[k-1].Last == n-1 {
			ranges[k-1].Last = n
			continue
		} else if k == MaxRanges {
			flush()
		}
		ranges = append(ranges, Range{n, n})
	}
	flush()
	return inputs
}

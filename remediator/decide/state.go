package decide

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/missing"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/window"
)

// state is everything that the fold knows, except what Memory keeps for ever.
// Its encoding is canonical CBOR (RFC 8949, 4.2.1), so equal states have equal bytes.
type state struct {
	Position Position `cbor:"1,keyasint"`
	Version  int      `cbor:"2,keyasint"` // of the deciding in force
	HashKey  []byte   `cbor:"3,keyasint"`
	Lateness int64    `cbor:"4,keyasint"` // nanoseconds

	Files  []rule.File `cbor:"5,keyasint"` // the rule set in force
	Digest string      `cbor:"6,keyasint"`
	Author string      `cbor:"7,keyasint"`

	Inputs     []recentKey `cbor:"8,keyasint"` // only in the encoding
	Events     []recentKey `cbor:"9,keyasint"` // only in the encoding
	InputsLost uint64      `cbor:"10,keyasint"`
	EventsLost uint64      `cbor:"11,keyasint"`

	Windows map[string][]byte         `cbor:"12,keyasint"` // only in the encoding, by digest and rule
	Usage   table[string, *usage]     `cbor:"13,keyasint"`
	Open    map[uuid.UUID]*openRemedy `cbor:"14,keyasint"`
	Cords   map[string]*cord.State    `cbor:"15,keyasint"`

	Counts     Counts            `cbor:"16,keyasint"` // since the last progress
	RuleErrors map[string]uint64 `cbor:"17,keyasint"` // since the last progress, by rule
	Since      uint64            `cbor:"18,keyasint"` // inputs since the last progress
	SinceAt    int64             `cbor:"19,keyasint"` // when the first of them came

	SnapshotAt      int64  `cbor:"20,keyasint"`
	SnapshotOrdinal uint64 `cbor:"21,keyasint"`

	Paused   map[string]*pause `cbor:"23,keyasint"` // by target
	Fired    map[string]int64  `cbor:"24,keyasint"` // when each rule last made a remedy
	Proposed *proposal         `cbor:"25,keyasint"` // rule set that waits for another person

	Lost map[string]WindowsLost `cbor:"28,keyasint,omitempty"` // since the last progress, by rule

	Authors map[string]string `cbor:"26,keyasint,omitempty"` // of rules in force, by name, where it is not Author

	// Forgotten is up to what time of events windows may lack some, by digest and rule.
	Forgotten map[string]int64 `cbor:"42,keyasint,omitempty"`

	Waiting map[string]*waiting     `cbor:"27,keyasint,omitempty"` // by rule
	Bulks   map[uuid.UUID]*openBulk `cbor:"40,keyasint,omitempty"`
	Listed  *listed                 `cbor:"41,keyasint,omitempty"` // parts of a list that is not whole yet

	Missing missing.Saved `cbor:"43,keyasint"` // only in the encoding

	LegalHolds map[string]*legalHold `cbor:"44,keyasint,omitempty"` // by customer

	Differences map[uuid.UUID]*openDifference `cbor:"45,keyasint,omitempty"`

	COEs map[string]*openCOE `cbor:"50,keyasint,omitempty"` // by what they are about

	EventsThrough int64 `cbor:"52,keyasint,omitempty"` // when the newest event came that is forgotten for want of room
	// Repeated are the windows that may count an event twice, by digest and rule.
	Repeated map[string]*doubts `cbor:"53,keyasint,omitempty"`
	// Ahead are the windows that count events which came before their time: up to what time.
	Ahead map[string]*doubts `cbor:"55,keyasint,omitempty"`

	Taken map[string]bool `cbor:"54,keyasint,omitempty"` // scopes in which a live remedy took a key

	Silent bool `cbor:"51,keyasint,omitempty"` // no event came since the log began
}

// usage is what the limits of a rule, or of a rule and a customer, have used.
type usage struct {
	Within   int64        `cbor:"1,keyasint"` // the longest asked for, for pruning
	Remedies window.Meter `cbor:"2,keyasint"`
	Amounts  amountMeters `cbor:"3,keyasint"`
}

// openRemedy is a remedy that has not ended.
type openRemedy struct {
	Remedy   uuid.UUID      `cbor:"1,keyasint"`
	Rule     string         `cbor:"2,keyasint"`
	Customer string         `cbor:"3,keyasint"`
	Held     string         `cbor:"4,keyasint"` // the reason, or several (HeldFor); empty when it acts
	Deadline int64          `cbor:"5,keyasint"` // when a held one expires
	Need     int            `cbor:"6,keyasint"` // approvals
	By       []string       `cbor:"7,keyasint"` // who approved
	Author   string         `cbor:"8,keyasint"` // who activated the rule
	Steps    []openStep     `cbor:"9,keyasint"`
	Charges  []charge       `cbor:"10,keyasint"` // what it reserved
	Limits   *chargedLimits `cbor:"11,keyasint"` // what to charge when it is approved
	Ending   string         `cbor:"12,keyasint"` // given up: how it ends once what runs is settled

	Requester string    `cbor:"13,keyasint"` // the person who asked for it
	Reverses  uuid.UUID `cbor:"14,keyasint"` // the remedy that is reversed when this one is done
	Charged   string    `cbor:"15,keyasint"` // the rule whose limits it counts for
	Bulk      uuid.UUID `cbor:"16,keyasint"` // that it is one of; uuid.Nil as soon as a person must look at it by itself
	// Told is what people who approve it know besides Held: why it was held before,
	// and in a bulk the limits that it goes above.
	Told []string `cbor:"18,keyasint,omitempty"`
	// Edited says that its limits are others now than when it reserved its place in them.
	Edited bool     `cbor:"19,keyasint,omitempty"`
	Above  []string `cbor:"20,keyasint,omitempty"` // the limits that it went above when it was measured last
}

// chargedLimits are the lengths of the limits that a remedy counts for.
type chargedLimits struct {
	PerCustomer int64 `cbor:"1,keyasint"` // 0: none
	Budget      int64 `cbor:"2,keyasint"` // 0: none
}

// Statuses of an open step.
const (
	stepWaiting = "waiting"
	stepRunning = "running"
	stepDone    = "done"
	stepFailed  = "failed"
)

type openStep struct {
	Action    uuid.UUID   `cbor:"1,keyasint"`
	Name      string      `cbor:"2,keyasint"`
	Kind      string      `cbor:"3,keyasint"`
	After     string      `cbor:"4,keyasint"`
	Connector string      `cbor:"5,keyasint"`
	Payment   string      `cbor:"6,keyasint"` // connector:payment; empty when it refunds none
	Amount    money.Money `cbor:"7,keyasint"`
	Cord      string      `cbor:"8,keyasint"`
	Level     string      `cbor:"9,keyasint"`
	Reason    string      `cbor:"10,keyasint"`
	Status    string      `cbor:"11,keyasint"`
	Last      string      `cbor:"12,keyasint"` // status of the last attempt
	Terms     cord.Terms  `cbor:"13,keyasint"` // of a pull
	Undoes    uuid.UUID   `cbor:"14,keyasint"` // the action that it undoes
}

// charge is an amount, or one remedy, reserved in a usage.
type charge struct {
	Usage    string       `cbor:"1,keyasint"`
	Slot     window.Place `cbor:"2,keyasint"`
	Amount   money.Money  `cbor:"3,keyasint"`
	Remedies int64        `cbor:"4,keyasint"`
	Step     int          `cbor:"5,keyasint,omitempty"` // whose amount it is, by its place in the remedy
}

func newState() *state {
	return &state{
		Usage:      table[string, *usage]{},
		Open:       map[uuid.UUID]*openRemedy{},
		Cords:      map[string]*cord.State{},
		Paused:     map[string]*pause{},
		Fired:      map[string]int64{},
		RuleErrors: map[string]uint64{},
		Lost:       map[string]WindowsLost{},
		Forgotten:  map[string]int64{},
		Repeated:   map[string]*doubts{},
		Ahead:      map[string]*doubts{},
		Taken:      map[string]bool{},
		Bulks:      map[uuid.UUID]*openBulk{},
		Waiting:    map[string]*waiting{},
		LegalHolds: map[string]*legalHold{},

		Differences: map[uuid.UUID]*openDifference{},
		COEs:        map[string]*openCOE{},
	}
}

// State encodes the state of the fold; digest is the SHA-256 of the bytes in hex.
func (f *Fold) State() (encoded []byte, digest string, err error) {
	s := *f.state
	s.Inputs, s.InputsLost = f.inputs.order, f.inputs.lost
	s.Events, s.EventsLost, s.EventsThrough = f.events.order, f.events.lost, f.events.through
	s.Windows = f.encodeWindows()
	s.Missing = f.missing.Save()
	mode, err := stateMode()
	if err != nil {
		return nil, "", fmt.Errorf("encode state: %w", err)
	}
	encoded, err = mode.Marshal(s)
	if err != nil {
		return nil, "", fmt.Errorf("encode state: %w", err)
	}
	sum := sha256.Sum256(encoded)
	return encoded, hex.EncodeToString(sum[:]), nil
}

// stateMode is how states are encoded: of the same state come the same bytes.
var stateMode = sync.OnceValues(cbor.CoreDetEncOptions().EncMode)

// decodeState decodes a state, or the fields of one that somebody asks for.
func decodeState(encoded []byte, into any) error {
	mode, err := cbor.DecOptions{MaxMapPairs: 1 << 30, MaxArrayElements: 1 << 30, DupMapKey: cbor.DupMapKeyEnforcedAPF}.DecMode()
	if err != nil {
		return err
	}
	return mode.Unmarshal(encoded, into)
}

// LatenessOf returns how late an event may enter a window, as an encoded state has it
// from the genesis of its log.
func LatenessOf(encoded []byte) (time.Duration, error) {
	var s struct {
		Lateness int64 `cbor:"4,keyasint"`
	}
	if err := decodeState(encoded, &s); err != nil {
		return 0, fmt.Errorf("read lateness of a state: %w", err)
	}
	return time.Duration(s.Lateness), nil
}

// Restore returns a fold that goes on from an encoded state.
func Restore(cfg Config, encoded []byte) (*Fold, error) {
	f := New(cfg)
	if err := decodeState(encoded, f.state); err != nil {
		return nil, fmt.Errorf("restore state: %w", err)
	}
	if f.state.Version > f.cfg.Version {
		return nil, fmt.Errorf("restore state: it was made by version %d of the deciding, this program has %d: install the newer program", f.state.Version, f.cfg.Version)
	}
	f.inputs = newRecent(f.state.Inputs, f.state.InputsLost, 0) // nobody asks
	f.events = newRecent(f.state.Events, f.state.EventsLost, f.state.EventsThrough)
	var err error
	if f.windows, err = loadWindows(f.state.Windows); err != nil {
		return nil, fmt.Errorf("restore state: %w", err)
	}
	if f.missing, err = missing.Load(f.state.Missing); err != nil {
		return nil, fmt.Errorf("restore state: %w", err)
	}
	f.state.Inputs, f.state.Events, f.state.Windows, f.state.Missing = nil, nil, nil, missing.Saved{}
	if len(f.state.HashKey) == 16 {
		f.hash = newHashKey(f.state.HashKey)
	}
	if len(f.state.Files) > 0 {
		set, err := f.cfg.Load(f.state.Files)
		if err != nil {
			return nil, fmt.Errorf("restore state: compile the rules in force: %w", err)
		}
		f.use(set)
	}
	for _, r := range f.state.Open {
		if r.Held != "" {
			f.schedule(r)
		}
	}
	for _, b := range f.state.Bulks {
		f.scheduleBulk(b)
	}
	for _, c := range f.state.Cords {
		f.timeCord(c)
		f.watch(c)
	}
	for _, c := range f.state.COEs {
		f.timeCOE(c)
	}
	for name, w := range f.state.Waiting {
		for key, o := range w.Open {
			f.setTimer(timer{deadline: o.Due, rule: name, key: string(key), of: timerAbsence})
		}
	}
	f.missing.Deadlines(f.timeHole)
	return f, nil
}

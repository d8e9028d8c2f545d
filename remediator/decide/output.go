package decide

import (
	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule"
)

// Position is how far a log was folded.
type Position struct {
	LogID   string
	Record  uint64 // sequence of the last record folded whole
	Ordinal uint64 // of the last input folded; the first input is 1
	At      int64  // log time
	Digest  [32]byte
	Version int
}

// Output is what folding some inputs came to. It is committed in one
// transaction, or not at all.
type Output struct {
	Items    []Item // facts and evidence in the order in which they are sealed
	Keys     []KeyTaken
	Payments []PaymentEntry
	Outbox   []Job
	Settled  []uuid.UUID // actions that need no further attempt
	Cords    []CordState // the new state of each cord that changed, in order
	Snapshot *Snapshot   // the last one made, if any
}

// Item is a fact or evidence; exactly one is set.
type Item struct {
	Fact     *Fact
	Evidence *Evidence
}

// Evidence is content that the store encrypts under the customer's key and
// seals as an entry of its own.
type Evidence struct {
	Customer string
	Remedy   uuid.UUID
	Rule     string
	Kind     string // event: the CloudEvent as received; reason: the expanded text of a pull
	At       int64
	Ordinal  uint64
	Plain    []byte
}

// KeyTaken records that a remedy took its once_per key, for ever.
type KeyTaken struct {
	Remedy  uuid.UUID // derived from scope and key, so it is the key
	Scope   string
	Shadow  bool
	Ordinal uint64 // of the input that took it
}

// PaymentEntry adds to (or, negative, takes from) what was refunded on a payment.
type PaymentEntry struct {
	Payment string // connector:payment
	Action  uuid.UUID
	Amount  money.Money
	Ordinal uint64
}

// Job is an action to be carried out by a connector.
type Job struct {
	Action    uuid.UUID
	Remedy    uuid.UUID // its sealed RemedyFact holds the step
	Connector string
	Kind      string
	Name      string // of the step
	Approved  bool   // a person approved it: refunds by others do not block it
	Ordinal   uint64
	At        int64
}

// CordState is the state of an andon cord.
type CordState struct {
	Cord     string    `json:"cord"`
	Level    string    `json:"level"` // yellow, red, or open
	Pull     uuid.UUID `json:"pull"`
	Since    int64     `json:"since"` // nanoseconds since the Unix epoch
	Rule     string    `json:"rule"`
	Remedy   uuid.UUID `json:"remedy"`
	Evidence int       `json:"evidence"`
	Pulls    int       `json:"pulls"`
	Reason   string    `json:"reason"`
}

// Snapshot is an encoded state. It may lie inside a record: reading goes on after
// Position.Record and leaves out the first Skip inputs. The caller of Apply
// sets both, for the fold knows no records.
type Snapshot struct {
	Position Position
	Skip     uint64
	State    []byte
	Digest   string // SHA-256 of State, hex
}

// Memory is what the fold remembers for ever and therefore keeps outside its
// state. Every answer takes into account only what was recorded for inputs
// before the ordinal given, so that folding again never meets itself.
type Memory interface {
	// Taken reports which of the ids were taken before the ordinal.
	Taken(ids []uuid.UUID, shadow bool, before uint64) (map[uuid.UUID]bool, error)
	// Refunded returns the net amounts refunded on a payment before the
	// ordinal, one for each currency, none when there are none.
	Refunded(payment string, before uint64) ([]money.Money, error)
}

// GenesisBody is the body of the genesis input, in JSON.
type GenesisBody struct {
	LogID     string `json:"log_id"`
	HashKey   []byte `json:"hash_key"`   // 16 random bytes
	LedgerKey string `json:"ledger_key"` // note verifier key
	Created   string `json:"created"`    // RFC 3339
	Version   int    `json:"version"`    // of the deciding that begins
	LatenessS int64  `json:"lateness_s"` // how late an event may enter a window
}

// ActivateBody is the body of an activation, in JSON.
type ActivateBody struct {
	Files  []rule.File `json:"files"`
	Author string      `json:"author"`
}

// CommandBody is the body of a command, in JSON. The API stamps By and Roles.
type CommandBody struct {
	Command string    `json:"command"` // approve, deny
	Remedy  uuid.UUID `json:"remedy"`
	By      string    `json:"by"`
	Roles   []string  `json:"roles"`
	Reason  string    `json:"reason,omitempty"`
}

// OutcomeBody is the body of an outcome, in JSON.
type OutcomeBody struct {
	Action uuid.UUID `json:"action"`
	Remedy uuid.UUID `json:"remedy"`
	ActionFact
}

// VersionBody is the body of a version input, in JSON.
type VersionBody struct {
	Version int `json:"version"`
}

package decide

import (
	"github.com/google/uuid"
	"time"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/missing"
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
	Refunds  []Refund // the new state of each that changed, in order
	Outbox   []Job
	Attempts []Attempt    // whose outcomes came, in order
	Settled  []uuid.UUID  // actions that need no further attempt
	Cords    []cord.State // the new state of each cord that changed, in order
	Brakes   []BrakeChange
	Answers  []Answer      // to commands
	Tokens   []Token       // the new state of each that changed
	Bulks    []Bulk        // the new state of each that changed, in order
	COEs     []COEText     // what people wrote, in order
	Gaps     []missing.Gap // the new state of each client of which events are missing, or no longer are, in order
	Proposal *Proposal     // the rule set that now waits for another person, or no longer does
	Snapshot *Snapshot     // the last one made, if any
}

// Attempt is one attempt of an action. A number whose outcome came is never given again:
// the outcome of another attempt with it would pass for a repeat.
type Attempt struct {
	Number int // the first is 1
	Action uuid.UUID
}

// Item is a fact or evidence; exactly one of the two is set.
type Item struct {
	Fact     *Fact
	Evidence *Evidence
	// Decision is what the body of a KindRemedy says, so that nobody need read it
	// again. nil: nobody has it at hand.
	Decision *RemedyFact
}

// Evidence is content that the store encrypts under the customer's key and
// seals as an entry of its own.
type Evidence struct {
	Customer string
	Remedy   uuid.UUID
	Rule     string
	Kind     string // one of the Evidence* kinds
	At       int64
	Ordinal  uint64
	Plain    []byte
}

// The kinds of evidence.
const (
	EvidenceEvent   = "event"   // the CloudEvent as received
	EvidenceReason  = "reason"  // the expanded text of a pull
	EvidenceCause   = "cause"   // of a pull, as whoever released it found
	EvidenceFix     = "fix"     // what was done about it
	EvidenceNote    = "note"    // what a person wrote beside a command
	EvidenceValues  = "values"  // what templates and receivers are told: a JSON object by the names of steps
	EvidenceMail    = "mail"    // a message as it was sent
	EvidenceWebhook = "webhook" // a request as it was sent
)

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
	Rule      string
	Approved  bool // a person approved it: refunds by others do not block it
	Ordinal   uint64
	At        int64
}

// BrakeChange confirms a brake that is set already, sets one, or lifts them. A
// brake is what the outbox and the gates look at: it stops at once, before the
// fold has seen why.
type BrakeChange struct {
	Target string // as TargetMoney and the functions beside it name it
	// ID is the input that set it. In a lift, the one brake to lift, or empty for
	// all of the target that were confirmed at or before Ordinal.
	ID      string
	Set     bool
	By      string
	Ordinal uint64
	At      int64
}

// Targets of a brake.
const TargetMoney = "money" // every refund and credit

// TargetRule is the brake of a rule.
func TargetRule(name string) string { return "rule:" + name }

// TargetConnector is the brake of a connector.
func TargetConnector(name string) string { return "connector:" + name }

// TargetCord is the brake that a red cord is.
func TargetCord(path string) string { return "cord:" + path }

// Answer is what a command came to. There is one for each command, except for
// repeats of one that was answered.
type Answer struct {
	ID      string    `json:"id"` // of the input
	Command string    `json:"command"`
	By      string    `json:"by"`
	Ordinal uint64    `json:"ordinal"`
	At      int64     `json:"at"`
	Request string    `json:"request,omitempty"` // digest of what the person sent
	Refused string    `json:"refused,omitempty"` // why; empty when it was carried out
	Remedy  uuid.UUID `json:"remedy,omitzero"`   // it concerns, or made
	Status  string    `json:"status,omitempty"`  // of that remedy after it: acting, held, or how it ended; of a pulled cord, its level; of a COE too
	Cord    string    `json:"cord,omitempty"`
	Pull    uuid.UUID `json:"pull,omitzero"`
	Target  string    `json:"target,omitempty"` // of a pause or resume; customer:ID of an erasure or a hold
	Digest  string    `json:"digest,omitempty"` // of the rule set that it put in force or proposed
	Bulk    *Bulk     `json:"bulk,omitempty"`   // it asked for, or answered
	COE     uuid.UUID `json:"coe,omitzero"`     // it is about

	Reconciled *ReconciliationFact `json:"reconciled,omitempty"` // what a comparison found
}

// Proposal is a rule set that waits for another person.
type Proposal struct {
	Digest   string      `json:"digest"`
	Parent   string      `json:"parent"`
	By       string      `json:"by"`
	At       int64       `json:"at"`
	Files    []rule.File `json:"files,omitempty"`
	Rules    []string    `json:"rules,omitempty"` // that would pay live money and changed
	Answered bool        `json:"answered,omitempty"`
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
	// Refunded returns the net amounts refunded on payments before the ordinal, one
	// for each currency. Payments of which nothing is refunded are left out.
	Refunded(payments []string, before uint64) (map[string][]money.Money, error)
	// Refund returns what was known of a refund at a provider before the ordinal,
	// nil when nothing was.
	Refund(name string, before uint64) (*Refund, error)
}

// Lateness is how late an event may enter a window where nobody set it, and where
// there is no log whose genesis says it.
const Lateness = time.Hour

// Skew is how far ahead of log time an event's own time may lie; later counts as that.
const Skew = time.Minute

// GenesisBody is the body of the genesis input, in JSON.
type GenesisBody struct {
	LogID     string `json:"log_id"`
	HashKey   []byte `json:"hash_key"`   // 16 random bytes
	LedgerKey string `json:"ledger_key"` // note verifier key
	Created   string `json:"created"`    // RFC 3339
	Version   int    `json:"version"`    // of the deciding that begins
	LatenessS int64  `json:"lateness_s"` // how late an event may enter a window
}

// Lateness is LatenessS as a duration.
func (g GenesisBody) Lateness() time.Duration { return time.Duration(g.LatenessS) * time.Second }

// ActivateBody is the body of an activation, in JSON.
type ActivateBody struct {
	Files  []rule.File `json:"files,omitempty"`
	Author string      `json:"author"`
	// Roles are set, be it to none, when a person activates the files through the
	// API. Then Parent is the digest of the set that they replace, and live money
	// needs another person. Files that the service reads by itself have neither.
	Roles  []string `json:"roles,omitzero"`
	Parent string   `json:"parent,omitempty"`
	// Approve is the digest of a proposed set that Author approves, Deny of one
	// that Author turns down.
	Approve string `json:"approve,omitempty"`
	Deny    string `json:"deny,omitempty"`
	Request string `json:"request,omitempty"` // as in a command
	// Renamed are the rules of the set that look like others under another name which have
	// paid nothing yet. The service finds them.
	Renamed []Renamed `json:"renamed,omitempty"`
}

// Renamed is a rule that would pay once more what was paid in a scope.
type Renamed struct {
	Rule  string `json:"rule" cbor:"1,keyasint"`
	Scope string `json:"scope" cbor:"2,keyasint"`
}

// CommandBody is the body of a command, in JSON. The API stamps By and Roles, and
// what Of says from the ledger; the rest is the person's.
type CommandBody struct {
	Command string   `json:"command"` // one of the constants Command*
	By      string   `json:"by"`
	Roles   []string `json:"roles"`
	// Reason says why, for people. It is sealed as evidence.
	Reason string `json:"reason,omitempty"`

	Remedy uuid.UUID `json:"remedy,omitzero"` // approve, deny, retry, reverse
	Action uuid.UUID `json:"action,omitzero"` // retry, reverse: one step alone
	Of     *Origin   `json:"of,omitempty"`    // retry, reverse of a remedy that has ended

	Bulk  uuid.UUID `json:"bulk,omitzero"`   // approve, deny: all that is held under it
	Apply *Apply    `json:"apply,omitempty"` // apply

	HeldFor  string `json:"held_for,omitempty"` // approve: what the person saw the remedy held for; empty: nobody says
	Revision int    `json:"revision,omitempty"` // approve: of the bulk as the person saw it; 0: nobody says

	Reconcile  *Reconciliation `json:"reconcile,omitempty"` // reconcile
	Difference uuid.UUID       `json:"difference,omitzero"` // close

	Payment   string       `json:"payment,omitempty"` // request
	Amount    *money.Money `json:"amount,omitempty"`
	Customer  string       `json:"customer,omitempty"`  // erase, hold and unhold too
	Reference string       `json:"reference,omitempty"` // a ticket of theirs

	Cord  string     `json:"cord,omitempty"` // pull, acknowledge, release
	Level string     `json:"level,omitempty"`
	Terms cord.Terms `json:"terms,omitzero"`
	Cause string     `json:"cause,omitempty"` // release: what it was
	Fix   string     `json:"fix,omitempty"`   // release: what was done about it

	Target string `json:"target,omitempty"` // pause, resume

	// Request is a digest of what the person sent, by which a repeat of it is told
	// from another command under the same id.
	Request string `json:"request,omitempty"`

	Token *Token `json:"token,omitempty"` // token, revoke

	SignIn *SignIn `json:"sign_in,omitempty"` // sign-in, sign-out
	COE    *COE    `json:"coe,omitempty"`     // draft, revise, submit, publish, shelve
}

// Origin is a remedy that has ended, as the ledger has it: what a retry or a
// reversal is made from. Only its steps that are to be done or undone are there.
type Origin struct {
	Rule     string `json:"rule"`
	Account  string `json:"account,omitempty"`
	Customer string `json:"customer,omitempty"`
	Subject  string `json:"subject,omitempty"`
	Sequence uint64 `json:"sequence"` // of the sealed decision
	// Charged is the rule whose limits counted it; only of a retry.
	Charged string `json:"charged,omitempty"`
	// Reverses is the remedy that this one was to reverse; only of a reversal.
	Reverses uuid.UUID `json:"reverses,omitzero"`
	Steps    []Step    `json:"steps"`
}

// Token is a right to speak to the service in somebody's name.
type Token struct {
	ID      uuid.UUID `json:"id"`
	Name    string    `json:"name"` // of the person or program
	Roles   []string  `json:"roles"`
	SHA256  string    `json:"sha256"`            // of the secret, in hex
	Expires int64     `json:"expires,omitempty"` // nanoseconds since the Unix epoch; 0: never
	Revoked bool      `json:"revoked,omitempty"`
}

// OutcomeBody is the body of an outcome, in JSON.
type OutcomeBody struct {
	Action uuid.UUID `json:"action"`
	Remedy uuid.UUID `json:"remedy"`
	ActionFact
	// Sent is what a notify or webhook step sent, at most MaxSent bytes. It is
	// sealed as evidence and never in a fact.
	Sent []byte `json:"sent,omitempty"`
}

// MaxSent bounds what an outcome says was sent: with its base64 it fits a record
// of the log many times over, and it is one entry of the ledger.
const MaxSent = 32 << 10

// VersionBody is the body of a version input, in JSON.
type VersionBody struct {
	Version int `json:"version"`
}

package decide

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/money"
)

// Version is the version of the deciding. It is in every fact and snapshot.
// It steps when the same inputs would give other facts; golden logs in testdata
// fail otherwise.
const Version = 1

// Fact is one thing that deciding found, in the order found. Facts hold ids,
// codes and amounts, never expanded texts.
type Fact struct {
	Kind    string
	At      int64  // nanoseconds since the Unix epoch, of the input or of the deadline that fired
	Ordinal uint64 // of the input that it was made from
	Version int
	Remedy  uuid.UUID // uuid.Nil when it belongs to none
	Action  uuid.UUID // uuid.Nil when it belongs to none
	Rule    string    // empty when it belongs to none
	Body    json.RawMessage
}

// The kinds of fact. The body of each is the struct named behind it.
const (
	KindGenesis   = "genesis"     // GenesisFact
	KindVersion   = "version"     // VersionFact
	KindOrigin    = "origin"      // OriginFact
	KindRules     = "rules"       // RulesFact
	KindRuleText  = "rule-text"   // RuleTextFact
	KindRemedy    = "remedy"      // RemedyFact
	KindDuplicate = "duplicate"   // DuplicateFact
	KindNoKey     = "no-key"      // NoKeyFact
	KindLate      = "late"        // LateFact
	KindError     = "error"       // ErrorFact
	KindDropped   = "dropped"     // DroppedFact
	KindApproval  = "approval"    // ApprovalFact
	KindRefusal   = "refusal"     // RefusalFact
	KindAction    = "action"      // ActionFact
	KindEnd       = "remedy-end"  // EndFact
	KindPull      = "pull"        // PullFact
	KindAnswered  = "acknowledge" // AcknowledgeFact
	KindEscalated = "escalation"  // EscalationFact
	KindRelease   = "release"     // ReleaseFact
	KindPause     = "pause"       // PauseFact
	KindResume    = "resume"      // ResumeFact
	KindRetry     = "retry"       // RetryFact
	KindToken     = "token"       // TokenFact
	KindProposal  = "proposal"    // ProposalFact
	KindBulk      = "bulk"        // BulkFact
	KindErasure   = "erasure"     // ErasureFact
	KindLegalHold = "legal-hold"  // LegalHoldFact
	KindProgress  = "progress"    // ProgressFact
	KindSnapshot  = "snapshot"    // SnapshotFact
	KindGap       = "gap"         // GapFact
	KindSeen      = "seen"        // SeenFact
	KindSignIn    = "sign-in"     // SignInFact

	KindCOE            = "coe"            // COEFact
	KindReconciliation = "reconciliation" // ReconciliationFact
	KindDifference     = "difference"     // DifferenceFact
	KindEvidence       = "evidence"       // made by the store from an Evidence, not by the fold
)

// CordKinds are the kinds of facts about what happened to a cord.
func CordKinds() []string { return []string{KindPull, KindAnswered, KindEscalated, KindRelease} }

// GenesisFact opens the ledger.
type GenesisFact struct {
	LogID     string `json:"log_id"`
	LedgerKey string `json:"ledger_key"` // note verifier key of the checkpoints
	HashKey   string `json:"hash_key_sha256"`
	Created   string `json:"created"` // RFC 3339, by the clock of who created the log
}

// VersionFact says that a new version of the deciding begins.
type VersionFact struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// RulesFact says that a rule set took effect. A large set needs several, which
// list its files and rules in order and agree in the rest.
type RulesFact struct {
	Digest string       `json:"digest"`
	Parent string       `json:"parent"` // digest of the set before; empty for the first
	Author string       `json:"author"`
	Part   int          `json:"part"` // from 1
	Parts  int          `json:"parts"`
	Files  []FileDigest `json:"files"`
	Rules  []RuleDigest `json:"rules"`
}

// FileDigest names a rule file by its SHA-256 in hex.
type FileDigest struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// RuleDigest names a rule and its text.
type RuleDigest struct {
	Rule   string `json:"rule"`
	Digest string `json:"digest"`
	Mode   string `json:"mode"`
}

// RuleTextFact holds the text of a rule file, or a part of it.
type RuleTextFact struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // of the whole file
	Part   int    `json:"part"`   // from 1
	Parts  int    `json:"parts"`
	Text   string `json:"text"`
}

// Decisions of a remedy.
const (
	Act      = "act"
	Hold     = "hold"
	Suppress = "suppress"
)

// RemedyFact is a decision about one remedy. The request to a provider is built
// from it.
type RemedyFact struct {
	Remedy   uuid.UUID `json:"remedy"`
	Rule     string    `json:"rule"`
	Digest   string    `json:"digest"` // of the rule's text
	Set      string    `json:"set"`    // digest of the rule set in force
	Scope    string    `json:"scope"`
	Key      string    `json:"once_per,omitempty"` // canonical key; empty when the rule has none
	Account  string    `json:"account,omitempty"`
	Mode     string    `json:"mode"`     // live or shadow: what the rule was for this customer
	Decision string    `json:"decision"` // in shadow: what it would have been
	Reason   string    `json:"reason,omitempty"`
	Customer string    `json:"customer,omitempty"`
	Subject  string    `json:"subject,omitempty"`
	Source   string    `json:"source"`
	Event    string    `json:"event"` // the event's id
	EventAt  string    `json:"event_at"`

	RequestedBy string    `json:"requested_by,omitempty"` // the person who asked for it
	Of          uuid.UUID `json:"of,omitzero"`            // the remedy that it retries or reverses
	Charged     string    `json:"charged,omitempty"`      // of a retry: the rule whose limits count it
	Bulk        uuid.UUID `json:"bulk,omitzero"`          // what holds it with others
	Opened      *Opened   `json:"opened,omitempty"`       // when the event waited for a counterpart that did not come

	Aggregates []Aggregate `json:"aggregates,omitempty"`
	Checks     []Check     `json:"checks,omitempty"`
	Approvals  int         `json:"approvals_needed,omitempty"`
	Author     string      `json:"author,omitempty"` // where approvals are needed: who wrote the rule, and may give none
	Steps      []Step      `json:"steps"`
}

// Opened says how an event came to wait for its counterpart (unless). The remedy
// is then decided at the deadline, by the limits of the rule in force; its steps
// are those that the rule had for the event when it came.
type Opened struct {
	Ordinal  uint64 `json:"ordinal"`  // of the event's input
	Deadline string `json:"deadline"` // up to which the counterpart would have come in time
	Digest   string `json:"digest"`   // of the rule's text when the event came

	edited bool // what the rule promises has changed since
}

// Aggregate is the value of an aggregate at the decision.
type Aggregate struct {
	Func  string `json:"func"`
	Value string `json:"value"`
}

// Check is one limit as it stood before the remedy, in the order checked.
type Check struct {
	Check string       `json:"check"` // per_remedy, per_customer, budget, storm, approve_above
	Limit *money.Money `json:"limit,omitempty"`
	Used  *money.Money `json:"used,omitempty"`
	Count *int         `json:"count,omitempty"` // remedies used
	Max   int          `json:"max,omitempty"`   // remedies allowed
	Held  bool         `json:"held,omitempty"`
}

// Step is one action of a remedy as decided.
type Step struct {
	Action    uuid.UUID    `json:"action"` // its id, and the provider's idempotency key
	Name      string       `json:"name"`
	Kind      string       `json:"kind"`
	After     string       `json:"after,omitempty"`
	Connector string       `json:"connector,omitempty"`
	Payment   string       `json:"payment,omitempty"`
	Customer  string       `json:"customer,omitempty"`
	Amount    *money.Money `json:"amount,omitempty"`
	ExpiresS  int64        `json:"expires_s,omitempty"` // seconds; 0: never
	Cord      string       `json:"cord,omitempty"`
	Level     string       `json:"level,omitempty"`
	Of        uuid.UUID    `json:"of,omitzero"`        // the action that it undoes
	Template  string       `json:"template,omitempty"` // of notify
	Via       string       `json:"via,omitempty"`      // of notify: mail, chat
	Endpoint  string       `json:"endpoint,omitempty"` // of webhook: the receiver's name
}

// DuplicateFact says that a once_per key was taken already.
type DuplicateFact struct {
	Remedy uuid.UUID `json:"remedy"` // the one that took the key
	Source string    `json:"source"`
	Event  string    `json:"event"`
	Mode   string    `json:"mode"`
	Opened *Opened   `json:"opened,omitempty"` // when the event waited for a counterpart that did not come
}

// NoKeyFact says that a rule matched but the event gives no once_per key.
type NoKeyFact struct {
	Source string `json:"source"`
	Event  string `json:"event"`
	Reason string `json:"reason"`
}

// LateFact says that an event came too late for a rule's window, or to wait for
// its counterpart, or as a counterpart of nothing that waits.
type LateFact struct {
	Source  string `json:"source"`
	Event   string `json:"event"`
	EventAt string `json:"event_at"`
}

// ErrorFact says that a rule could not be judged for an event. Only the first of
// a rule between two progress facts is sealed; progress counts them all.
type ErrorFact struct {
	Source string `json:"source"`
	Event  string `json:"event"`
	// Code is event, if, unless, by, until or having: what has no value. Or full when
	// too many events wait for their counterpart, forgotten when that of the event
	// may have come but is no longer known.
	Code string `json:"code"`
}

// DroppedFact says that events of a rule no longer wait for their counterparts,
// for what they waited for was edited or is gone.
type DroppedFact struct {
	Events int `json:"events"`
}

// ApprovalFact is a person's answer to a held remedy.
type ApprovalFact struct {
	Answer string `json:"answer"` // approve, deny
	By     string `json:"by"`
	Have   int    `json:"have"` // approvals with this one
	Need   int    `json:"need"`
	Above  string `json:"above,omitempty"` // the limits that the approved remedy goes above, with commas between

	Without []string `json:"without,omitempty"` // who approved it before and edited its rule then: that counts no more
	Held    string   `json:"held,omitempty"`    // of one in an approved bulk: why it is held all the same
}

// RefusalFact says why a person's command was not carried out.
type RefusalFact struct {
	Command string `json:"command"`
	By      string `json:"by"`
	Cord    string `json:"cord,omitempty"`
	Target  string `json:"target,omitempty"`
	Reason  string `json:"reason"`
	// Held is why the remedy is held from now on, of an approval that was refused for
	// what nobody was told, all of it. The approvals before count no more.
	Held string `json:"held,omitempty"`
}

// Statuses of an attempt.
const (
	Succeeded = "succeeded" // the provider accepted it
	Pending   = "pending"   // accepted; the provider has not finished
	Failed    = "failed"    // refused for good
	Retrying  = "retrying"  // did not happen, or will be repeated under the same key
	Unknown   = "unknown"   // nobody knows; resolved by look-up or repeated under the same key
	Blocked   = "held"      // the provider holds a refund of this payment that is not ours
	Skipped   = "skipped"   // it need not happen: done, and nothing was paid
)

// ActionFact is what one attempt of an action came to.
type ActionFact struct {
	Name    string       `json:"name"`
	Attempt int          `json:"attempt"`
	Status  string       `json:"status"`
	Code    string       `json:"code,omitempty"` // the provider's, or ours
	Ref     string       `json:"ref,omitempty"`  // the provider's id
	Amount  *money.Money `json:"amount,omitempty"`
	SeenAt  string       `json:"seen_at,omitempty"` // RFC 3339, by the acting node's clock
}

// SeenFact says how a refund stood at the provider when somebody looked and it had
// changed. One that succeeded has arrived, as far as a provider tells.
type SeenFact struct {
	Connector string      `json:"connector"`
	Ref       string      `json:"ref"`
	Payments  []string    `json:"payments"`
	Status    string      `json:"status"` // pending, succeeded or failed
	Code      string      `json:"code,omitempty"`
	Amount    money.Money `json:"amount"`
	Foreign   bool        `json:"foreign,omitempty"` // nothing of ours made it
	Late      bool        `json:"late,omitempty"`    // it failed after it had arrived
	Created   string      `json:"created,omitempty"` // RFC 3339, by the provider's clock
	SeenAt    string      `json:"seen_at,omitempty"`
	By        string      `json:"by"`
}

// Ends of a remedy.
const (
	Done     = "done"
	Denied   = "denied"
	Expired  = "expired"
	Reversed = "reversed" // it was done, and undone later
	// FailedAfterArrival is a remedy that was done until the provider took back that
	// the money had arrived.
	FailedAfterArrival = "failed-after-arrival"
)

// EndFact ends a remedy: done, failed, denied or expired. One that was done may end
// a second time: reversed, failed or failed-after-arrival.
type EndFact struct {
	Status string `json:"status"`
}

// Why a cord was pulled, besides a rule that fired.
const (
	CauseStorm      = "storm"      // its rule fires far above its usual
	CausePerson     = "person"     // somebody pulled
	CauseUnanswered = "unanswered" // a call that nobody acknowledged in time
	CauseRecurrence = "recurrence" // what it was pulled for happened again after the release
)

// PullFact is a pull of a cord, or evidence added to an open one.
type PullFact struct {
	Cord     string    `json:"cord"`
	Level    string    `json:"level"`
	Pull     uuid.UUID `json:"pull"`
	Opened   bool      `json:"opened"`   // a new pull, or a rise from yellow to red
	Evidence int       `json:"evidence"` // remedies and people behind the pull with this one
	Cause    string    `json:"cause,omitempty"`
	By       string    `json:"by,omitempty"`        // the person
	AnswerBy string    `json:"answer_by,omitempty"` // it turns red then, unless somebody answers
	BoxUntil string    `json:"box_until,omitempty"` // it is escalated then
}

// AcknowledgeFact says that somebody came to a yellow cord, or saw a red one.
type AcknowledgeFact struct {
	Cord string    `json:"cord"`
	Pull uuid.UUID `json:"pull"`
	By   string    `json:"by"`
}

// EscalationFact says that a pull lasts longer than its box. Nothing opens by it.
type EscalationFact struct {
	Cord  string    `json:"cord"`
	Level string    `json:"level"`
	Pull  uuid.UUID `json:"pull"`
}

// ReleaseFact ends a pull. Its cause and its fix are evidence beside it.
type ReleaseFact struct {
	Cord       string    `json:"cord"`
	Level      string    `json:"level"` // that it had
	Pull       uuid.UUID `json:"pull"`
	By         string    `json:"by"`
	WatchUntil string    `json:"watch_until,omitempty"` // a recurrence pulls again until then
}

// PauseFact says that somebody stopped money.
type PauseFact struct {
	Target string `json:"target"`
	By     string `json:"by"`
}

// ResumeFact says that somebody else let it flow again.
type ResumeFact struct {
	Target   string   `json:"target"`
	By       string   `json:"by"`
	PausedBy []string `json:"paused_by"`
}

// RetryFact says that a person has an action tried again under the same key.
type RetryFact struct {
	By string `json:"by"`
}

// TokenFact says that a token was made or revoked. The secret is nowhere in it.
type TokenFact struct {
	Token   uuid.UUID `json:"token"`
	Name    string    `json:"name"`
	Roles   []string  `json:"roles"`
	SHA256  string    `json:"sha256"`
	Expires string    `json:"expires,omitempty"`
	Revoked bool      `json:"revoked,omitempty"`
	By      string    `json:"by"`
}

// ProposalFact is a rule set that waits for another person, because it changes
// what pays live money, or the answer to one. Its text is sealed with the
// proposal.
type ProposalFact struct {
	Digest string   `json:"digest"`
	Parent string   `json:"parent"`
	By     string   `json:"by"`
	Answer string   `json:"answer,omitempty"` // approve or deny; empty in the proposal
	Rules  []string `json:"rules,omitempty"`  // that change what pays live money, the first 50
}

// BulkFact is what a rule makes good afterwards, sealed after its remedies, or what
// became of it.
type BulkFact struct {
	Bulk   uuid.UUID `json:"bulk"`
	By     string    `json:"by,omitempty"`     // who asked for it, or answered
	Answer string    `json:"answer,omitempty"` // approve, deny, expired or above; empty when it was asked for
	Have   int       `json:"have,omitempty"`   // approvals with this one
	Need   int       `json:"need"`

	Without []string `json:"without,omitempty"` // who approved it before and edited its rule then: that counts no more

	Digest    string        `json:"digest,omitempty"` // of the rule's text
	Since     string        `json:"since,omitempty"`
	Until     string        `json:"until,omitempty"`
	Customers string        `json:"customers,omitempty"` // SHA-256 of the list of customers; empty: everybody
	Remedies  int           `json:"remedies,omitempty"`
	Money     []money.Money `json:"money,omitempty"`    // by currency
	Above     []BulkCount   `json:"above,omitempty"`    // remedies that go above a limit
	LeftOut   []BulkCount   `json:"left_out,omitempty"` // what is not part of it
}

// ProgressFact seals once a minute of log time how far the log was folded, and
// what became of the events since the progress before. Each event counts once.
type ProgressFact struct {
	Through uint64 `json:"through"` // last ordinal folded
	Digest  string `json:"digest"`  // running digest of the inputs, hex
	Inputs  uint64 `json:"inputs"`
	Counts
	RuleErrors []RuleErrors `json:"rule_errors,omitempty"` // by rule, the first 400; the rest under an empty name
	// WindowsLost is what windows forgot before its time, by rule, the first 400;
	// the rest under an empty name. It can keep a rule from firing.
	WindowsLost []WindowsLost `json:"windows_lost,omitempty"`
	// EventsForgotten is how many events are no longer known should they come again, as
	// there were too many to remember. It is of events that some rule matched.
	EventsForgotten uint64 `json:"events_forgotten,omitempty"`
}

// WindowsLost counts what the windows of a rule forgot because of their bounds.
type WindowsLost struct {
	Rule    string `json:"rule" cbor:"-"`
	Windows uint64 `json:"windows,omitempty" cbor:"1,keyasint"` // of keys, forgotten as a whole
	Parts   uint64 `json:"parts,omitempty" cbor:"2,keyasint"`   // granules and values of windows that stay
}

// RuleErrors counts how often a rule could not be judged.
type RuleErrors struct {
	Rule   string `json:"rule"`
	Errors uint64 `json:"errors"`
}

// Counts partition events by what became of them: Received is the sum of the rest.
type Counts struct {
	Received   uint64 `json:"received" cbor:"1,keyasint"`
	Duplicates uint64 `json:"duplicates" cbor:"2,keyasint"`
	NoMatch    uint64 `json:"no_match" cbor:"3,keyasint"`
	Judged     uint64 `json:"judged" cbor:"4,keyasint"` // matched, no remedy made
	Remedies   uint64 `json:"remedies" cbor:"5,keyasint"`
	Late       uint64 `json:"late" cbor:"6,keyasint"`
	NoKey      uint64 `json:"no_key" cbor:"7,keyasint"`
	Errors     uint64 `json:"errors" cbor:"8,keyasint"`
}

// ErasureFact says that the evidence key of a customer was destroyed. Evidence before
// it opens no more.
type ErasureFact struct {
	Customer string `json:"customer"`
	By       string `json:"by"`
}

// LegalHoldFact says that the data of a customer may not be erased, or may again.
type LegalHoldFact struct {
	Customer string `json:"customer"`
	Held     bool   `json:"held"`
	By       string `json:"by"`
}

// SnapshotFact seals the state of the fold after an ordinal.
type SnapshotFact struct {
	Through uint64 `json:"through"`
	Digest  string `json:"digest"` // SHA-256 of the encoded state, hex
	Bytes   int    `json:"bytes"`
}

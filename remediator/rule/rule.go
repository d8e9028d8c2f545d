package rule

import (
	"time"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/money"
)

// File is one rule file: its slash-separated path below the rules folder and its text.
type File struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// Set is a compiled, immutable set of rules.
type Set struct {
	Digest string  // hex SHA-256 over the sorted paths and texts
	Rules  []*Rule // sorted by name
	Files  []File  // sorted by path

	byType map[string][]Clause // type or prefix → what concerns its events
}

// Mode says whether a rule acts.
type Mode string

// The modes of a rule. In a canary, Percent of the customers are live, always
// the same ones, and the rest are in shadow.
const (
	Shadow Mode = "shadow"
	Canary Mode = "canary"
	Live   Mode = "live"
)

// Rule is one compiled rule.
type Rule struct {
	Name    string
	Owner   string
	Why     string
	Account string
	Digest  string // hex SHA-256 of the rule's own text
	Scope   string // of its once_per keys; defaults to Name
	Scoped  bool   // its scope is written
	Mode    Mode
	Percent float64 // of a canary

	File string // where it is defined
	Line int

	Events  []string // exact types, or prefixes ending in ".*"
	Filters []Filter // one for each of Events
	OncePer []*Expr  // the parts of the key; nil: none
	Lets    []Let

	Unless *Unless // nil: none
	Window *Window // nil: none
	Having *Expr
	// HavingConditions are the parts of Having that && joins.
	HavingConditions []*Expr
	// HavingBetween says that Having holds for all values between bounds at which it holds,
	// where those of Aggregates in HavingDivisors are above nothing.
	HavingBetween  bool
	HavingDivisors []int
	Aggregates     []Aggregate // every aggregate that Having and Steps call, each once
	HavingCalls    int         // how many of them Having calls: those come first
	MoneyCalls     []int       // those of Aggregates that amounts, or who gets them, are computed from

	Steps  []Step
	Limits Limits
	Storm  *Rate
}

// Filter is what a rule asks of the events of one type.
type Filter struct {
	Event string // the type, or a prefix ending in ".*"
	// If holds for the events that count; nil: for all. It joins the condition that
	// the rule has for this type alone with the one it has for every type.
	If *Expr
	// Conditions are the parts of If that && joins, each with its own text.
	Conditions []*Expr
}

// Unless is the counterpart of a rule's event: when it comes in time, the rule
// does not fire.
type Unless struct {
	Events  []string // as those of the rule
	Filters []Filter // one for each of Events
	// By is what the event and its counterpart have in common, evaluated in each of
	// them; nil: the rule waits for one counterpart at a time.
	By     *Expr
	Within time.Duration // from the event on; 0: Until says
	Until  *Expr         // a time, evaluated in the rule's own event; nil: Within says
	Digest string        // hex SHA-256 of what decides which events wait: it names their state
	// Promise is the hex SHA-256 of once_per, let and do: what an event that waits
	// was promised.
	Promise string
}

// MaxWait is how long an event waits for its counterpart at the most.
const MaxWait = 366 * 24 * time.Hour

// Window groups the inputs of a rule that matched.
type Window struct {
	By     *Expr // nil: one window for the rule
	Within time.Duration
	Anew   bool   // the key's window starts anew after firing (the default without once_per)
	Digest string // hex SHA-256 of what decides the window's contents: it names its state
}

// Aggregate is one aggregate call.
type Aggregate struct {
	Func string // count distinct sum avg min max share
	Arg  *Expr  // nil for count and share
	If   *Expr  // the last, optional predicate
}

// Rate is a number of remedies within a time.
type Rate struct {
	Remedies int
	Within   time.Duration
}

// Limits of a rule. A nil or empty limit does not limit.
type Limits struct {
	PerRemedy    []money.Money // one amount a currency
	PerCustomer  *Limit
	Budget       *Limit
	ApproveAbove []money.Money
	COEAbove     []money.Money // spent within the budget's time: a COE is drafted
	Suppress     bool          // over: suppress; a remedy over a limit is dropped, not held
}

// Limit is a limit within a sliding time.
type Limit struct {
	Remedies int           // 0: any number
	Amount   []money.Money // one amount a currency; empty: any amount
	Within   time.Duration
}

// Action is a step with its texts expanded for one remedy.
type Action struct {
	Name      string // of the step
	Kind      string // refund, credit, notify, webhook, andon, coe
	After     string // name of the step it waits for; "" when it waits for none
	Connector string // who carries it out: stripe, credit, notify, webhook; "" when the fold does

	Payment  string // refund
	Customer string // credit
	Amount   money.Money
	Expires  time.Duration // credit; 0: never

	Template string // notify
	Via      string // notify: mail, chat
	Endpoint string // webhook: the receiver's name
	To       string // notify: the address that the rule names; "" for the customer's; never sealed in clear
	// Values are what the template or the receiver is told, in canonical JSON:
	// {"let": …, "to": …} of notify, {"data": …} of webhook. Never sealed in clear.
	Values string

	Cord   string // andon: the path; coe: that of the first andon, if any
	Level  string // andon: yellow, red
	Reason string // andon: for people; coe: its title; never sealed in clear
	Terms  cord.Terms
}

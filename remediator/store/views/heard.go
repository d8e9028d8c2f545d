package views

import "time"

// MaxHeard bounds each list of what was heard: names come from outside. Beyond it what
// was heard least recently is forgotten.
const MaxHeard = 5000

// Heard is what came of one type from one source.
type Heard struct {
	Source string    `json:"source"` // of the events: the service that sends them
	Type   string    `json:"type"`
	Events uint64    `json:"events"` // that were accepted, repeats included
	First  time.Time `json:"first"`  // by the clock of the machine, like all times here
	Last   time.Time `json:"last"`
}

// Agent is a program that sends events of a source, as it names itself.
type Agent struct {
	Source string    `json:"source"`
	Agent  string    `json:"agent"` // such as makegood-go/v1.2.0
	Last   time.Time `json:"last"`
}

// Listener is a program that asks for the gates.
type Listener struct {
	Source  string    `json:"source"` // empty: it does not say
	Agent   string    `json:"agent"`
	Node    string    `json:"node"`    // that it speaks with
	Streams int       `json:"streams"` // open when the node spoke with it last
	Last    time.Time `json:"last"`
}

// Hearing is all of what was heard.
type Hearing struct {
	Heard     []Heard
	Agents    []Agent
	Listeners []Listener
}

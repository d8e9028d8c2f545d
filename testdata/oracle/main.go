// Command oracle is a second opinion on what rules decide: it makes up events
// and rules from a seed and works out, in the most naive way there is, what a
// backtest must answer. It imports nothing but the standard library and shares
// no line with the product, so that a mistake would have to be made twice.
//
//	go run ./testdata/oracle -seed 7 -dir D
//	go run ./testdata/oracle -seed 1 -seeds 200 -dir D     D/1 … D/200
//	go run ./testdata/oracle -dense -seed 7 -dir D
//
// Each folder gets events.jsonl, rules/oracle.yaml and expected.json.
//
// # What it holds to be right
//
// Time. Events are judged in the order of the file. An event's own time is its
// input's time, an event without one takes the time of the log; log time is the
// greatest input time so far. A line that is no valid event is rejected and
// moves nothing.
//
// Duplicates. An event whose source and id equal those of an event that matched at
// least one rule (its type, and `if` was true) less than seven days of log time
// before is dropped, whatever its body says. One that matched none does not count.
//
// Conditions are true, false or an error; && and || absorb an error where the
// other side decides alone; an `if` or `having` that is an error is false.
//
// Keys are compared as canonical text: 77, 77.0 and "77" are one key. A key that
// is absent, null, empty, a boolean, a list or an object makes no remedy, and an
// event with no window key belongs to no window and makes no remedy by window.
// A scope pays a key once; the remedy that was first takes it, acted or held.
//
// Windows. An event that matched a windowed rule and whose time is more than an
// hour behind log time is late: not added, no remedy. The window at an event of
// time t holds the events of the rule and key with times in (t − within, t].
// Where `having` is true a rule without once_per fires and its key's window is
// emptied; with once_per the window goes on and the key decides.
//
// Absence. An event of a rule with unless waits until its deadline and an hour more of
// log time, and the rule fires before the first event then; what still waits behind
// the last event is open. A counterpart with the same key is one of the event when its
// time lies from an hour before the event's to the deadline. An event that is both
// ends only what is older than itself. One event of a key waits at a time, the
// earliest, whichever arrives first: another one in the time in which one waited, or
// would have waited had all arrived in order, waits for nothing, nor does one that is
// late, has no key, or stands for others (sampledrate) where money is at stake. Steps
// are those of the event. Where types have conditions of their own, an event counts
// when one of those for its type holds, and the rule's.
//
// Remedies are acted, held or suppressed. Held is: an expression in `do` is an
// error, a cord's name is not one segment, a credit without a customer, money
// that is not above zero, an event older than thirty days of a rule without a
// window, a payment that was refunded by any rule before, a limit that names no
// amount in the currency of a step, a sum of the steps in one currency above
// per_remedy or approve_above, per_customer without a customer. With
// `over: suppress` what is above per_remedy is suppressed and takes no key. Only
// acted remedies count as remedies, customers, actions, money and cords. An
// event with a sampledrate above 1 makes no money remedy by window.
//
// Money is in the minor unit of its currency; pct rounds half away from zero.
//
// Dense windows (-dense). A window is exact while it keeps at most 64 entries; it
// keeps those that an event an hour late could still ask for. With one more it
// answers, until it is empty, from granules of within/64 aligned to the epoch,
// and counts only granules that begin after t − within and hold nothing later than
// t: never an entry outside. distinct counts a value by its last entry alone.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
)

func main() {
	log.SetFlags(0)
	seed := flag.Uint64("seed", 1, "first `seed`")
	seeds := flag.Int("seeds", 0, "make this `many` seeds, a folder each; 0: one seed, straight into the folder")
	dir := flag.String("dir", "", "`folder` to write to")
	dense := flag.Bool("dense", false, "make windows of more than 64 entries")
	flag.Parse()
	if *dir == "" {
		log.Fatal("oracle: name a folder with -dir")
	}
	if *seeds == 0 {
		if err := write(*dir, *seed, *dense); err != nil {
			log.Fatal("oracle: ", err)
		}
		return
	}
	for i := range uint64(*seeds) {
		if err := write(filepath.Join(*dir, strconv.FormatUint(*seed+i, 10)), *seed+i, *dense); err != nil {
			log.Fatal("oracle: ", err)
		}
	}
}

// write makes the scenario of a seed and the answers to it.
func write(dir string, seed uint64, dense bool) error {
	compose := newScenario
	if dense {
		compose = newDense
	}
	s := compose(seed)
	answers, err := json.MarshalIndent(judge(s.rules, s.lines), "", "  ")
	if err != nil {
		return fmt.Errorf("encode answers: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "rules"), 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	for name, text := range map[string][]byte{
		"events.jsonl":      joinLines(s.lines),
		"rules/oracle.yaml": []byte(rulesText(s.rules)),
		"expected.json":     append(answers, '\n'),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

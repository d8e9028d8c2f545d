package decide

import (
	"fmt"
	"slices"
	"strings"
)

// only begins what refuses somebody who lacks a role.
const only = "only "

// What refuses somebody who has the role, because they did the other half of it. A
// refusal is sealed as such a sentence, so that its kind is told by it.
const (
	ownRemedy     = "who asked for a remedy may not approve it; another person must"
	ownRule       = "who activated the rule may not approve its remedies"
	approvedTwice = "the same person approved it before; another one is needed"
	ownBulk       = "who asked for a bulk may not approve it; another person must"
	ownProposal   = "who proposed rules may not approve them; another person must"
	ownPause      = "who paused it may not resume it; another person must look"
	ownPull       = "who pulled a red cord may not release it; another person must look"
	ownCOE        = "who wrote it may not publish it; another person must have read it"
	ownDifference = "who opened a difference may not close it; another person must"
)

// otherRevision refuses what somebody says about a revision that is not the newest one.
func otherRevision(now, seen int) string {
	return fmt.Sprintf("it is at revision %d now, and you have seen revision %d: look at that first", now, seen)
}

// LacksRole reports whether somebody was refused for a role that they have not.
func LacksRole(refused string) bool { return strings.HasPrefix(refused, only) }

// AnotherMust reports whether somebody was refused for what they did before: two people
// must agree, and they would be both.
func AnotherMust(refused string) bool {
	return slices.Contains([]string{ownRemedy, ownRule, approvedTwice, ownBulk, ownProposal, ownPause, ownPull, ownCOE, ownDifference}, refused)
}

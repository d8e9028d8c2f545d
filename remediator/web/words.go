package web

import (
	"cmp"
	"strings"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/views"
)

// because says in plain words why a remedy was held or suppressed, all of it.
func because(reason string) string {
	words := map[string]string{
		decide.ReasonApprove: "it is above what may be paid without a person's approval", decide.ReasonPerRemedy: "it is above the limit for one remedy",
		decide.ReasonPerCustomer: "the customer has had as much as the rule gives to one", decide.ReasonBudget: "the rule's budget is used up",
		decide.ReasonStorm: "the rule fires far more often than it usually does", decide.ReasonPaused: "somebody has stopped the rule, or all money",
		decide.ReasonCurrency: "the rule names no limit in this currency", decide.ReasonRefunded: "something was refunded on this payment before",
		decide.ReasonNoCustomer: "the event names no customer, and the rule needs one", decide.ReasonOld: "the event is older than 30 days",
		decide.ReasonEdited: "the rule promises something else now than when the event came", decide.ReasonError: "a step of it could not be computed",
		decide.ReasonBulk: "it is made good afterwards, with others under one approval",
	}
	var all []string
	for _, one := range decide.HeldFor(reason) {
		all = append(all, cmp.Or(words[one], one))
	}
	return strings.Join(all, ", and ")
}

// story says in a sentence or two how a remedy stands.
func story(r views.Remedy) string {
	why := ""
	if r.Reason != "" {
		why = ": " + because(r.Reason)
	}
	switch r.Status {
	case views.StatusShadow:
		return "Nothing was done. The rule only shows what it would do: " + map[string]string{decide.Act: "it would have paid", decide.Hold: "it would have waited for approval" + why,
			decide.Suppress: "it would have done nothing" + why}[r.Decision] + "."
	case views.StatusSuppressed:
		return "Nothing was done" + why + "."
	case views.StatusHeld:
		return "It waits for a person" + why + "."
	case views.StatusActing:
		return "It is decided and being carried out."
	case decide.Done:
		return "It was made good."
	case decide.Denied:
		return "A person turned it down" + why + "."
	case decide.Expired:
		return "Nobody approved it in time" + why + "."
	case decide.Failed:
		return "It was decided, but could not be carried out."
	case decide.FailedAfterArrival:
		return "The money had arrived, and the provider took it back."
	case decide.Reversed:
		return "It was made good, and taken back later."
	}
	return "It is " + r.Status + "."
}

// limitName is what a check of a decision is called.
func limitName(check string) string {
	words := map[string]string{"per_remedy": "for one remedy", "per_customer": "for one customer", "budget": "budget of the rule", "storm": "storm: remedies in a short time",
		"approve_above": "without approval"}
	if text := words[check]; text != "" {
		return text
	}
	return check
}

// factWord names a kind of fact for people.
func factWord(kind string) string {
	words := map[string]string{decide.KindRemedy: "decision", decide.KindApproval: "answer of a person", decide.KindAction: "attempt", decide.KindEnd: "end", decide.KindEvidence: "evidence, encrypted",
		decide.KindSeen: "seen at the provider", decide.KindDuplicate: "the same again", decide.KindRefusal: "refused command", decide.KindRetry: "told to try again", decide.KindPull: "pull of a cord"}
	if text := words[kind]; text != "" {
		return text
	}
	return strings.ReplaceAll(kind, "-", " ")
}

// noteWord is what is written beside a remedy, in plain words.
func noteWord(kind string) string {
	words := map[string]string{
		decide.EvidenceReason: "Why a cord was pulled", decide.EvidenceCause: "What was found to be the cause", decide.EvidenceFix: "What was done about it",
		decide.EvidenceNote: "What a person wrote", decide.EvidenceValues: "What messages are told",
	}
	if word := words[kind]; word != "" {
		return word
	}
	return kind
}

package api

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/adoption"
	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/api/openapi"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/integrity"
	"github.com/makegood/makegood/remediator/people"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/views"
)

// describe answers GET /v1/openapi.json.
func (h handler) describe(w http.ResponseWriter, r *http.Request) { h.answer(w, r, Describe(), nil) }

// Describe returns the description of every route.
func Describe() openapi.Document {
	types := []string{}
	for _, kind := range problem.Kinds() {
		types = append(types, problem.Prefix+kind.Name)
	}
	return openapi.New(openapi.Info{Title: "Makegood", Version: "1", Problem: problem.Problem{}, ProblemTypes: types, Accepted: Accepted{},
		Description: "What the remediator did and does, and the commands of people. Times are RFC 3339 in UTC, money is in minor units of its currency. " +
			"Reads that are polled have an ETag, and answer 304 to If-None-Match. An administrator may do what any role may; x-roles names the others."},
		Operations())
}

// Operations lists every route with what it takes and answers, and an example of each.
func Operations() []openapi.Operation {
	all := slices.Concat(publicOperations(), reads(), commands())
	for i := range all {
		all[i].Example = examples()[all[i].Route]
	}
	return all
}

var (
	limitParameter = openapi.Parameter{Name: "limit", Integer: true, Meaning: "how many at the most, up to 1000"}
	afterParameter = openapi.Parameter{Name: "after", Meaning: "next of the page before"}
)

// oneOf is a parameter that has one of some values.
func oneOf(name, meaning string, values ...string) openapi.Parameter {
	return openapi.Parameter{Name: name, Meaning: meaning, Values: values}
}

// named is a parameter that is a text.
func named(name, meaning string) openapi.Parameter {
	return openapi.Parameter{Name: name, Meaning: meaning}
}

func publicOperations() []openapi.Operation {
	const text = "text/plain"
	return []openapi.Operation{
		{Route: "GET /livez", Summary: "The process lives.", Public: true, Answer: map[string]bool{}},
		{Route: "GET /readyz", Summary: "The node takes requests.", Public: true, Answer: map[string]bool{}},
		{Route: "GET /healthz", Summary: "Which node it is, and how far it is.", Public: true, Answer: Health{}},
		{Route: "GET /checkpoint", Summary: "The signed head of the ledger's tree, as C2SP tlog-checkpoint has it.", Public: true, Media: text},
		{Route: "GET /tile/{tile:.+}", Summary: "Hashes of the ledger's tree, as C2SP tlog-tiles has it.", Public: true, Media: "application/octet-stream"},
		{Route: "GET /v1/openapi.json", Summary: "This description.", Public: true, Media: "application/json"},
		{Route: "POST /v1/webhooks/{source}", Summary: "Messages of others; their signature is their token.", Public: true, BodyMedia: "application/json", Media: "application/json", Success: 202},
	}
}

const media = "application/json"

// reads are the operations that change nothing in the log, each with its roles; readers
// where it names none.
func reads() []openapi.Operation {
	all := slices.Concat(remedyReads(), standing(), ruleReads(), coeReads(), errands())
	for i := range all {
		if len(all[i].Roles) == 0 {
			all[i].Roles = readers()
		}
	}
	return append(all,
		openapi.Operation{Route: "GET /v1/whoami", Summary: "In whose name the request comes.", Answer: access.Principal{}},
		openapi.Operation{Route: "GET /v1/andon/stream", Summary: "Cords as they change.", Media: "text/event-stream"},
		openapi.Operation{Route: "GET /v1/andon/gates", Summary: "Every cord that is not open.", Answer: andon.Snapshot{}})
}

// remedyReads are the reads about what was made good, and its proof.
func remedyReads() []openapi.Operation {
	auditors := []string{decide.RoleAuditor}
	money := []openapi.Parameter{limitParameter, afterParameter, oneOf("kind", "refund by default", views.PayoutKinds()...), named("rule", ""), named("account", ""),
		oneOf("status", "", views.ActionStatuses()...), named("customer", ""), named("payment", ""), named("remedy", "an id"),
		named("since", "of the decision, a time or a day of UTC"), named("until", "the end, which is not in it")}
	return []openapi.Operation{
		{Route: "GET /v1/remedies", Summary: "Remedies, the newest first.", Answer: Remedies{},
			Query: []openapi.Parameter{limitParameter, afterParameter, named("before", "the older name of after"), named("rule", ""), oneOf("status", "", views.RemedyStatuses()...), named("customer", ""), named("bulk", "an id")}},
		{Route: "GET /v1/remedies/{remedy}", Summary: "A remedy, and the facts about it.", Answer: Remedy{}},
		{Route: "GET /v1/remedies/{remedy}/explanation", Summary: "Why the remedy was made, by the rules and windows of then.", Answer: rehearse.Explanation{},
			Roles: decide.EvidenceReaders()},
		{Route: "GET /v1/remedies/{remedy}/evidence", Summary: "What is kept of the event, and what people wrote, unless it was erased.", Answer: Evidence{}, Roles: decide.EvidenceReaders()},
		{Route: "GET /v1/remedies/{remedy}/verification", Summary: "Checks now what is sealed about the remedy against the newest checkpoint.", Answer: integrity.Proof{}},
		{Route: "GET /v1/remedies/{remedy}/receipt", Summary: "Proof of the remedy, to be verified offline.", Roles: auditors, Media: media},
		{Route: "GET /v1/facts/{sequence}", Summary: "An entry of the ledger.", Roles: auditors, Answer: SealedFact{}},
		{Route: "GET /tile/entries/{bundle:.+}", Summary: "Entries of the ledger.", Roles: auditors, Media: "application/octet-stream"},
		{Route: "GET /v1/refunds", Summary: "What moves money, the newest first, with totals of all that is asked for.", Answer: Refunds{}, Query: money},
		{Route: "GET /v1/refunds.csv", Summary: "The same as a table, all pages of it.", Media: "text/csv", Query: money[2:]},
		{Route: "GET /v1/holds", Summary: "What waits for a person, by rule and reason, the oldest first.", Answer: Holds{}, Query: []openapi.Parameter{limitParameter, afterParameter}},
		{Route: "GET /v1/bulks/{bulk}", Summary: "What is made good under one approval.", Answer: decide.Bulk{}},
		{Route: "GET /v1/commands", Summary: "What a command came to.", Answer: decide.Answer{}, Query: []openapi.Parameter{named("id", "of the command")}},
		{Route: "GET /v1/credits/{customer}", Summary: "The credit of a customer.", Roles: []string{decide.RoleAdmin}, Media: media},
		{Route: "GET /v1/reconciliations", Summary: "Comparisons with providers, and differences.", Answer: Reconciliations{},
			Query: []openapi.Parameter{limitParameter, afterParameter, named("after_difference", "next_difference of the page before"), named("provider", ""),
				oneOf("status", "of the differences, open by default", decide.DifferenceOpen, decide.DifferenceClosed, allDifferences)}},
	}
}

// standing are the reads that say how things stand.
func standing() []openapi.Operation {
	pages := []openapi.Parameter{limitParameter, afterParameter}
	return []openapi.Operation{
		{Route: "GET /v1/status", Summary: "How the service stands.", Answer: Status{}},
		{Route: "GET /v1/today", Summary: "How things stand, and the last day.", Answer: Today{},
			Bound: fmt.Sprintf("each of its lists has the first %d, of how many counts says, and the money of 24 hours is by currency", views.PageOf)},
		{Route: "GET /v1/andon", Summary: "Andon cords.", Answer: Cords{},
			Query: append(pages, openapi.Parameter{Name: "cord", Many: true, Meaning: "up to 100 paths; none: all that were ever pulled"})},
		{Route: "GET /v1/customers/held", Summary: "Customers whose data may not be erased, the oldest hold first.", Answer: HeldCustomers{}, Query: pages},
		{Route: "GET /v1/brakes", Summary: "What is stopped.", Answer: Brakes{}, Query: pages},
		{Route: "GET /v1/webhooks", Summary: "Receivers of webhooks, and deliveries.", Answer: Deliveries{}, Query: append(pages, named("endpoint", ""), oneOf("status", "", views.DeliveryStatuses()...))},
		{Route: "GET /v1/adoption", Summary: "Which types of events rules cover, and what is not heard of.", Answer: adoption.Adoption{},
			Bound: fmt.Sprintf("%d rules may be in force, and of what is heard the last %d names are kept", rule.MaxRules, views.MaxHeard)},
		{Route: "GET /v1/integrity", Summary: "How well the ledger can be relied on, and what a verification came to.", Answer: integrity.State{}},
		{Route: "GET /v1/tokens", Summary: "Tokens, without their secrets.", Roles: []string{decide.RoleAdmin}, Answer: Tokens{}, Query: pages},
		{Route: "GET /v1/sessions", Summary: "Who is signed in with a browser, the oldest session first.", Roles: []string{decide.RoleAdmin}, Answer: Sessions{}, Query: pages},
	}
}

// ruleReads are the reads about rules.
func ruleReads() []openapi.Operation {
	return []openapi.Operation{
		{Route: "GET /v1/rules", Summary: "The rules in force, and the set that waits.", Answer: Rules{},
			Bound: fmt.Sprintf("a set has %d rules in %d files at the most", rule.MaxRules, rule.MaxFiles)},
		{Route: "GET /v1/rules/{rule}", Summary: "A rule in force, when it fired last, and what it cost of late.", Answer: RuleState{}},
		{Route: "GET /v1/rule-sets/{set}", Summary: "The files of a rule set that was ever in force, by its digest.", Answer: RuleSet{}},
		{Route: "GET /v1/rules/{rule}/near-misses", Summary: "The events for which a rule did not fire by one condition alone, the nearest first.",
			Roles: decide.EvidenceReaders(), Answer: rehearse.NearMisses{}, Query: []openapi.Parameter{limitParameter,
				named("since", "a time, a day, or how long before until, else before the end of the log; 7d by default"), named("until", "until when, at most and by default as far as the log has come; what lies there no longer counts")}},
		{Route: "POST /v1/rules/explain", Summary: "What the rules in force make of an event, and which condition fails first; it is not taken in.",
			Roles: decide.EvidenceReaders(), BodyMedia: "application/cloudevents+json", Answer: rehearse.Explanation{}, Key: remembers},
		{Route: "POST /v1/rules/backtest", Summary: "What rules would have done over the log; it changes nothing.",
			Roles: decide.EvidenceReaders(), Body: backtestBody{}, Answer: rehearse.Report{}, Key: remembers},
	}
}

// remembers is what an Idempotency-Key does where nothing is in the log.
const remembers = "The same key and request give the same answer for a day, from the node that was asked; another request under the key is refused."

// errands are operations of people and programs that are no commands.
func errands() []openapi.Operation {
	operators := []string{decide.RoleOperator}
	return []openapi.Operation{
		{Route: "POST /v1/integrity/verify", Summary: "Verifies the whole ledger in the background, once for all who ask.", Roles: []string{decide.RoleAuditor, decide.RoleOperator},
			Body: verifyBody{}, Answer: integrity.Verification{}, Key: remembers},
		{Route: "POST /v1/webhooks/{endpoint}/enable", Summary: "Tells a receiver again.", Roles: operators, Answer: Endpoint{}, Key: remembers},
		{Route: "POST /v1/webhooks/{endpoint}/test", Summary: "Sends a receiver a message that means nothing.", Roles: operators, Answer: Pinged{}, Key: remembers},
		{Route: "POST /v1/clock/confirm", Summary: "Confirms that the clock is right, after it has leapt.", Roles: operators, Answer: ClockConfirmed{}, Key: remembers},
		{Route: "POST /v1/sessions/{session}/end", Summary: "Ends somebody's session, and seals who did.", Roles: []string{decide.RoleAdmin}, Body: struct{}{}, Answer: Session{}, Key: remembers},
		{Route: "POST /v1/sign-in-links", Summary: "Makes a link by which a person signs in once.", Roles: access.MayLink(), Body: struct{}{}, Answer: Link{}, Key: remembers},
		{Route: "POST /v1/credits/{customer}/redeem", Summary: "Spends credit.", Roles: []string{decide.RoleAdmin}, BodyMedia: media, Media: media,
			Key: "Required. The same key spends once; another body under it is refused."},
		{Route: "POST /v1/events", Summary: "Takes CloudEvents: structured, a batch, or binary.", Roles: []string{decide.RoleEmitter}, BodyMedia: "application/cloudevents+json", Media: media, Success: 202,
			Key: "Names the request: sent again, its events are the same ones."},
	}
}

// commands are the commands of people, with the roles that the fold asks for.
func commands() []openapi.Operation {
	command := func(route, summary, command string, body any) openapi.Operation {
		return openapi.Operation{Route: "POST " + route, Summary: summary, Roles: decide.RolesFor(command), Body: body, Answer: decide.Answer{}, Command: true}
	}
	makeToken := command("/v1/tokens", "Makes a token.", decide.CommandToken, tokenBody{})
	makeToken.Answer = Token{}
	authors, approvers := []string{decide.RoleAuthor}, []string{decide.RoleApprover}
	activate := command("/v1/rules/activate", "Puts rules in force, or proposes them.", "", activateBody{})
	activate.Roles = authors
	agree := command("/v1/rules/approve", "Agrees to the rules that wait.", "", digestBody{})
	agree.Roles = approvers
	refuse := command("/v1/rules/deny", "Turns the rules that wait down.", "", digestBody{})
	refuse.Roles = approvers
	return []openapi.Operation{
		command("/v1/remedies/{remedy}/approve", "Agrees to a remedy that is held, for held_for.", decide.CommandApprove, approveBody{}),
		command("/v1/remedies/{remedy}/deny", "Turns a remedy down that is held.", decide.CommandDeny, reasonBody{}),
		command("/v1/remedies/{remedy}/retry", "Has failed steps done again.", decide.CommandRetry, stepsBody{}),
		command("/v1/remedies/{remedy}/reverse", "Takes back what can be taken back.", decide.CommandReverse, stepsBody{}),
		command("/v1/refunds", "Asks for a refund.", decide.CommandRequest, people.Request{}),
		command("/v1/andon/pull", "Pulls a cord.", decide.CommandPull, cordBody{}),
		command("/v1/andon/acknowledge", "Says that somebody looks after a cord.", decide.CommandAcknowledge, cordBody{}),
		command("/v1/andon/release", "Releases a cord.", decide.CommandRelease, cordBody{}),
		command("/v1/pause", "Stops money, or a rule.", decide.CommandPause, targetBody{}),
		command("/v1/resume", "Lets it flow again.", decide.CommandResume, targetBody{}),
		command("/v1/customers/{customer}/erase", "Destroys the key of what is kept of a customer.", decide.CommandErase, reasonBody{}),
		command("/v1/customers/{customer}/hold", "Keeps a customer's data from being erased.", decide.CommandHold, reasonBody{}),
		command("/v1/customers/{customer}/unhold", "Ends that.", decide.CommandUnhold, reasonBody{}),
		makeToken,
		command("/v1/tokens/{token}/revoke", "Revokes a token.", decide.CommandRevoke, struct{}{}),
		command("/v1/reconciliations", "Compares the ledger with a provider.", decide.CommandReconcile, reconcileBody{}),
		command("/v1/reconciliations/differences/{difference}/close", "Closes a difference.", decide.CommandClose, reasonBody{}),
		command("/v1/coes", "Opens a COE with a draft of what the ledger says.", decide.CommandDraft, coeDraftBody{}),
		command("/v1/coes/{coe}/revisions", "Writes the next revision.", decide.CommandRevise, coeRevisionBody{}),
		command("/v1/coes/{coe}/review", "Has a draft wait for another person.", decide.CommandSubmit, coeStepBody{}),
		command("/v1/coes/{coe}/publish", "Publishes what another person wrote, once it is checked.", decide.CommandPublish, coePublishBody{}),
		command("/v1/coes/{coe}/close", "Closes a COE.", decide.CommandShelve, coeStepBody{}),
		activate, agree, refuse,
		command("/v1/rules/{rule}/apply", "Makes a rule good afterwards, under one approval.", decide.CommandApply, applyBody{}),
		command("/v1/bulks/{bulk}/approve", "Agrees to all of a bulk, as its revision shows it.", decide.CommandApprove, approveBulkBody{}),
		command("/v1/bulks/{bulk}/deny", "Turns all of a bulk down.", decide.CommandDeny, reasonBody{}),
	}
}

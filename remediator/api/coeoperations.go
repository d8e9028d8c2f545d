package api

import (
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/api/openapi"
	"github.com/makegood/makegood/remediator/decide"
)

// coeTextBody is a text that is only looked at.
type coeTextBody struct {
	Text string `json:"text"`
}

// coeDraftBody is what a COE is about: a cord, a rule or a remedy, and a period.
type coeDraftBody struct {
	Cord   string    `json:"cord"`
	Rule   string    `json:"rule"`
	Remedy uuid.UUID `json:"remedy"`
	Title  string    `json:"title"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
}

// coeRevisionBody is a text in the place of a revision.
type coeRevisionBody struct {
	Text     string `json:"text"`
	Revision int    `json:"revision"`
	Reason   string `json:"reason"`
}

// coeStepBody is the revision that its giver has seen.
type coeStepBody struct {
	Revision int    `json:"revision"`
	Reason   string `json:"reason"`
}

// coePublishBody is the revision, and for how many weeks it must hold.
type coePublishBody struct {
	Revision int    `json:"revision"`
	Weeks    int    `json:"weeks"`
	Reason   string `json:"reason"`
}

// coeReads are the reads about COEs.
func coeReads() []openapi.Operation {
	number := func(name, meaning string) openapi.Parameter {
		return openapi.Parameter{Name: name, Integer: true, Meaning: meaning}
	}
	return []openapi.Operation{
		{Route: "GET /v1/coes", Summary: "COEs, the one opened last first.", Answer: COEs{},
			Query: []openapi.Parameter{limitParameter, afterParameter, named("before", "the older name of after"), oneOf("status", "", decide.COEStatuses()...), named("about", "a cord or a rule")}},
		{Route: "GET /v1/coes/{coe}", Summary: "A COE, and a revision of its text or its draft.", Answer: COE{}, Query: []openapi.Parameter{number("revision", "the newest by default")}},
		{Route: "GET /v1/coes/{coe}/diff", Summary: "What changed between revisions.", Answer: COEDiff{}, Query: []openapi.Parameter{number("from", ""), number("to", "")}},
		{Route: "GET /v1/coes/{coe}/page", Summary: "A COE as a page that prints well.", Media: "text/html", Query: []openapi.Parameter{number("revision", "the newest by default")}},
		{Route: "GET /v1/coes/{coe}/bundle", Summary: "A COE with its facts and their proofs.", Roles: []string{decide.RoleAuditor}, Media: "application/zip"},
		{Route: "POST /v1/coes/check", Summary: "Asks the queries of a text again; changes nothing.", Body: coeTextBody{}, Answer: COECheck{}, Key: remembers},
	}
}

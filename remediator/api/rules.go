package api

import (
	"errors"
	"net/http"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/rule"
)

// maxRules bounds the body of an activation: rule files, in JSON.
const maxRules = 8 << 20

// Rules is the answer of GET /v1/rules.
type Rules struct {
	Digest   string           `json:"digest"` // empty: none are in force
	Author   string           `json:"author"`
	Rules    []RuleInForce    `json:"rules"`
	Files    []rule.File      `json:"files"`
	Findings rule.Problems    `json:"findings"`           // what can be carried out and is hardly meant
	Proposal *decide.Proposal `json:"proposal,omitempty"` // waits for another person
}

// RuleInForce is one rule of a set.
type RuleInForce struct {
	Rule   string `json:"rule"`
	Owner  string `json:"owner"`
	Author string `json:"author"` // who put it in force as it is
	Mode   string `json:"mode"`
	Digest string `json:"digest"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Money  bool   `json:"money"` // it pays
}

// inForce is a rule as it is answered.
func inForce(in decide.InForce, rl *rule.Rule) RuleInForce {
	return RuleInForce{Rule: rl.Name, Owner: rl.Owner, Author: in.Authors[rl.Name], Mode: string(rl.Mode), Digest: rl.Digest,
		File: rl.File, Line: rl.Line, Money: rl.MovesMoney()}
}

func (h handler) rules(w http.ResponseWriter, r *http.Request) {
	answer := Rules{Rules: []RuleInForce{}, Files: []rule.File{}, Findings: rule.Problems{}}
	if in := h.InForce(); in.Set != nil {
		answer.Digest, answer.Author, answer.Files = in.Set.Digest, in.Author, in.Set.Files
		for _, rl := range in.Set.Rules {
			answer.Rules = append(answer.Rules, inForce(in, rl))
		}
	}
	proposal, err := h.Ledger.Proposal(r.Context())
	answer.Proposal = proposal
	if set := h.InForce().Set; err == nil && set != nil {
		var found rule.Problems
		found, err = h.Findings.Of(set)
		answer.Findings = append(answer.Findings, found...)
	}
	h.answer(w, r, answer, err)
}

// activate answers POST /v1/rules/activate. What is wrong with the files is
// answered at once, and nothing is appended.
func (h handler) activate(w http.ResponseWriter, r *http.Request) {
	var body activateBody
	if !decodeStrict(w, r, maxRules, &body) {
		return
	}
	if len(body.Files) == 0 {
		problem.Write(w, http.StatusUnprocessableEntity, "rules", "files: there are none, and without rules nothing is made good")
		return
	}
	renamed, err := h.CheckRules(r.Context(), body.Files)
	if err != nil {
		badRules(w, err)
		return
	}
	h.activation(w, r, decide.ActivateBody{Files: body.Files, Parent: body.Parent, Renamed: renamed})
}

// answerProposal answers POST /v1/rules/approve and /v1/rules/deny.
func (h handler) answerProposal(approve bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body digestBody
		if !decodeStrict(w, r, maxCommand, &body) {
			return
		}
		if body.Digest == "" {
			problem.Write(w, http.StatusBadRequest, "body", "digest: name the proposed rule set, see GET /v1/rules")
			return
		}
		a := decide.ActivateBody{Deny: body.Digest}
		if approve {
			a = decide.ActivateBody{Approve: body.Digest}
		}
		h.activation(w, r, a)
	}
}

func (h handler) activation(w http.ResponseWriter, r *http.Request, a decide.ActivateBody) {
	p := access.From(r.Context())
	id, ok := commandID(w, r, p)
	if !ok {
		return
	}
	answer, err := h.Desk.Activate(r.Context(), p, id, a)
	h.answered(w, r, id, answer, err)
}

// badRules answers what is wrong with rule files, each with its place where it has one.
func badRules(w http.ResponseWriter, err error) {
	const status = http.StatusUnprocessableEntity
	var found *rule.Problems
	if !errors.As(err, &found) {
		problem.Write(w, status, "rules", err.Error())
		return
	}
	problems := *found
	problem.Send(w, status, struct {
		problem.Problem
		Problems rule.Problems `json:"problems"`
	}{problem.New(status, problem.Prefix+"rules", problems.Format()), problems})
}

package decide

import (
	"fmt"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

// maxChanged bounds the rules that a proposal names.
const maxChanged = 50

// proposal is a rule set that waits for another person.
type proposal struct {
	Files  []rule.File `cbor:"1,keyasint"`
	Digest string      `cbor:"2,keyasint"`
	Parent string      `cbor:"3,keyasint"`
	Author string      `cbor:"4,keyasint"`

	Renamed []Renamed `cbor:"5,keyasint,omitempty"`
}

// foldActivation puts a rule set in force, or seals that it was refused: the
// rules in force stay. What a person activates through the API is answered like
// a command; files that the service reads by itself are not.
func (f *Fold) foldActivation(in input.Input) error {
	var a ActivateBody
	if err := decodeBody(in, &a); err != nil {
		return err
	}
	a.Author, a.Parent, a.Approve, a.Deny = clip(a.Author), clip(a.Parent), clip(a.Approve), clip(a.Deny)
	if a.Roles != nil {
		f.answer = Answer{ID: in.ID, Command: "activate", By: a.Author, Request: clip(a.Request), Ordinal: f.state.Position.Ordinal, At: f.at}
		defer func() { f.answer = Answer{} }()
	}
	refused, err := f.activate(a)
	if err != nil {
		return err
	}
	if refused != "" {
		if err := f.add(KindRefusal, Fact{}, RefusalFact{Command: "activate", By: a.Author, Reason: refused}); err != nil {
			return err
		}
	}
	if a.Roles != nil {
		f.answer.Refused = refused
		f.out.Answers = append(f.out.Answers, f.answer)
	}
	return nil
}

func (f *Fold) activate(a ActivateBody) (refused string, err error) {
	if a.Roles != nil && a.Author == "" {
		return "nobody is named as giving it", nil
	}
	if a.Approve != "" || a.Deny != "" {
		return f.answerProposal(a)
	}
	if a.Roles != nil && !Has(a.Roles, RoleAuthor) {
		return only + "an author may activate rules", nil
	}
	set, err := f.cfg.Load(a.Files)
	if err != nil {
		return "the rules have errors", nil
	}
	f.answer.Digest = set.Digest
	switch {
	case set.Digest == f.state.Digest:
		return "", nil
	case f.paysAgain(a.Renamed) != "":
		return f.paysAgain(a.Renamed), nil
	case a.Roles == nil:
		return "", f.putInForce(set, a.Author)
	case a.Parent != f.state.Digest:
		return fmt.Sprintf("they replace the rules %.12s, but %s are in force: look at what changed, and activate again",
			orNone(a.Parent), orNone(f.state.Digest)), nil
	}
	changed := f.changedPayers(set)
	if len(changed) == 0 {
		return "", f.putInForce(set, a.Author)
	}
	f.state.Proposed = &proposal{Files: set.Files, Digest: set.Digest, Parent: a.Parent, Author: a.Author, Renamed: a.Renamed}
	f.out.Proposal = &Proposal{Digest: set.Digest, Parent: a.Parent, By: a.Author, At: f.at, Files: set.Files, Rules: changed}
	f.answer.Status = "proposed"
	return "", f.add(KindProposal, Fact{}, ProposalFact{Digest: set.Digest, Parent: a.Parent, By: a.Author, Rules: changed[:min(len(changed), maxChanged)]})
}

// paysAgain says which rule would pay once more what was paid until now; empty when none
// would. Who found the rules looked at what was committed then, and to approve a proposal
// takes days.
func (f *Fold) paysAgain(renamed []Renamed) string {
	for _, r := range renamed {
		if f.state.Taken[r.Scope] {
			return fmt.Sprintf("rule %q would pay again what was paid in the scope %q: write once_per: {key: …, scope: %[2]s}", clip(r.Rule), clip(r.Scope))
		}
	}
	return ""
}

func orNone(digest string) string {
	if digest == "" {
		return "(none)"
	}
	return digest[:min(len(digest), 12)]
}

// changedPayers lists the rules of a set that would pay live money, and are not
// in force as they are.
func (f *Fold) changedPayers(set *rule.Set) []string {
	var changed []string
	for _, r := range set.Rules {
		if !r.Pays() {
			continue
		}
		if old := f.rules[r.Name]; old == nil || old.Digest != r.Digest {
			changed = append(changed, r.Name)
		}
	}
	return changed
}

// MayApproveRules says why somebody with the role may not approve rules that an author
// proposed; empty when they may.
func MayApproveRules(by, author string) (refused string) {
	if Same(by, author) {
		return ownProposal
	}
	return ""
}

// answerProposal takes another person's word on a proposed rule set.
func (f *Fold) answerProposal(a ActivateBody) (refused string, err error) {
	p := f.state.Proposed
	f.answer.Digest = a.Approve + a.Deny
	switch {
	case !Has(a.Roles, RoleApprover):
		return only + "an approver may answer a proposed rule set", nil
	case p == nil || p.Digest != a.Approve+a.Deny:
		return "no rule set with this digest waits for an answer", nil
	case a.Deny == "" && MayApproveRules(a.Author, p.Author) != "":
		return MayApproveRules(a.Author, p.Author), nil
	}
	answer := ProposalFact{Digest: p.Digest, Parent: p.Parent, By: a.Author, Answer: "approve"}
	if a.Deny != "" {
		answer.Answer = "deny"
	}
	f.state.Proposed = nil
	f.out.Proposal = &Proposal{Digest: p.Digest, Answered: true}
	if a.Deny == "" && p.Parent != f.state.Digest {
		return "other rules were put in force since it was proposed: propose it again", nil
	}
	if again := f.paysAgain(p.Renamed); a.Deny == "" && again != "" {
		return again, nil
	}
	set, loadErr := f.cfg.Load(p.Files)
	if a.Deny == "" && loadErr != nil {
		return "the rules have errors: what was proposed before an upgrade may be refused after it", nil
	}
	if err := f.add(KindProposal, Fact{}, answer); err != nil || a.Deny != "" {
		return "", err
	}
	return "", f.putInForce(set, p.Author)
}

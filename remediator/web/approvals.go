package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/store/views"
)

// maxAsked is how many remedies the page of approvals shows of one rule, and how
// many one form answers.
const maxAsked = 25

// approvals is the page of what waits for a person.
type approvals struct {
	Holds    []views.Hold // all that waits, by rule and reason
	Remedies int
	Money    []money.Money // of all of it, by currency
	Bulks    []heldBulk
	Rule     string // of the remedies below
	Held     []held
	Older    string // address of those after them; empty: there are none
	May      bool   // who looks is an approver
	Lacks    string // why not
	Proposal *proposed
}

// held is a remedy that waits, for who looks at it.
type held struct {
	views.Remedy
	asked
	Money   []money.Money
	Refused string // why who looks may not approve it
}

// heldBulk is what a rule makes good afterwards, for who looks at it.
type heldBulk struct {
	decide.Bulk
	Refused string
}

// proposed is a rule set that waits, for who looks at it.
type proposed struct {
	decide.Proposal
	Files   []changedFile
	Refused string
}

func loadApprovals(c *Console, r *http.Request) (any, error) {
	who, ctx := access.From(r.Context()), r.Context()
	page := approvals{Lacks: decide.MayGive(who.Roles, decide.CommandApprove)}
	page.May = page.Lacks == ""
	before, err := cursor(r.URL.Query(), "after")
	if err != nil {
		return nil, err
	}
	if page.Holds, err = c.cfg.Ledger.Holds(ctx); err != nil {
		return nil, err
	}
	single := []string{} // rules with remedies that are answered one by one
	for _, h := range page.Holds {
		page.Remedies += h.Remedies
		if page.Money, err = addMoney(page.Money, h.Money); err != nil {
			return nil, err
		}
		if h.Bulk != nil {
			page.Bulks = append(page.Bulks, c.bulk(who, *h.Bulk))
		} else {
			single = append(single, h.Rule)
		}
	}
	page.Rule = r.URL.Query().Get("rule")
	if page.Rule == "" && len(single) > 0 {
		page.Rule = single[0]
	}
	if page.Proposal, err = c.proposal(ctx, who); err != nil || page.Rule == "" {
		return page, err
	}
	list, err := c.cfg.Ledger.Remedies(ctx, views.Filter{Rule: page.Rule, Status: views.StatusHeld, NoBulk: true, Before: before, Limit: maxAsked, WithActions: true})
	if err != nil {
		return nil, err
	}
	if len(list) == maxAsked {
		page.Older = asking("/approvals", url.Values{"rule": {page.Rule}, "after": {strconv.FormatUint(list[len(list)-1].Sequence, 10)}})
	}
	ids := make([]uuid.UUID, len(list))
	for i, remedy := range list {
		ids[i] = remedy.Remedy
	}
	decisions, err := c.cfg.Ledger.Decisions(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, remedy := range list {
		one, err := c.held(who, remedy, decisions[remedy.Remedy])
		if err != nil {
			return nil, err
		}
		page.Held = append(page.Held, one)
	}
	return page, nil
}

// held returns a remedy that waits with who asked for it and who approved it, by the
// entries of its decisions and approvals.
func (c *Console) held(who access.Principal, remedy views.Remedy, entries []ledger.Entry) (held, error) {
	h := held{Remedy: remedy}
	for _, a := range remedy.Actions {
		if a.Amount != nil {
			var err error
			if h.Money, err = addMoney(h.Money, []money.Money{*a.Amount}); err != nil {
				return h, err
			}
		}
	}
	var err error
	if h.asked, err = readAsked(entries); err != nil {
		return h, fmt.Errorf("read who asked for remedy %s: %w", remedy.Remedy, err)
	}
	c.measure(&h)
	h.Refused = c.refused(who, h.asked)
	return h, nil
}

// asked is who asked for a remedy, and who approved it so far.
type asked struct {
	Requester string   // empty: an event did
	Author    string   // who wrote the rule by which it was decided
	Charged   string   // the rule by whose limits it is approved
	Approvals []string // by whom
	Need      int
}

// readAsked reads that from the entries of a remedy.
func readAsked(entries []ledger.Entry) (a asked, err error) {
	for _, e := range entries {
		switch e.Kind {
		case decide.KindRemedy:
			var fact decide.RemedyFact
			if err := json.Unmarshal(e.Body, &fact); err != nil {
				return a, err
			}
			a.Requester, a.Author, a.Need = fact.RequestedBy, fact.Author, max(fact.Approvals, 1)
			a.Charged = cmp.Or(fact.Charged, fact.Rule)
		case decide.KindApproval:
			var fact decide.ApprovalFact
			if err := json.Unmarshal(e.Body, &fact); err != nil {
				return a, err
			}
			switch {
			case fact.Held != "": // whoever approved before did not know
				a.Approvals = nil
			case fact.Answer == "approve" && fact.Have >= fact.Need: // it acted, and is held again for something else
				a.Approvals = nil
			case fact.Answer == "approve":
				for _, left := range fact.Without {
					a.Approvals, _ = decide.Standing(a.Approvals, left)
				}
				a.Approvals, a.Need = append(a.Approvals, fact.By), max(a.Need, fact.Need)
			}
		case decide.KindRefusal:
			var fact decide.RefusalFact
			if err := json.Unmarshal(e.Body, &fact); err != nil {
				return a, err
			}
			if fact.Held != "" {
				a.Approvals = nil
			}
		}
	}
	return a, nil
}

// refused says why somebody may not approve a remedy, as the fold would.
func (c *Console) refused(who access.Principal, a asked) string {
	refused := decide.MayApprove(who.Name, "", c.cfg.InForce().Authors[a.Charged], nil)
	return cmp.Or(refused, decide.MayApprove(who.Name, a.Requester, a.Author, a.Approvals))
}

// measure counts the approvals of a remedy by its rule as it is in force, as the fold will
// when the next one comes.
func (c *Console) measure(h *held) {
	in := c.cfg.InForce()
	if in.Set == nil {
		return
	}
	if r := in.Set.Rule(h.Charged); r != nil {
		h.Need = max(h.Need, decide.PeopleFor(r.Limits.ApproveAbove, h.Money))
		h.Approvals, _ = decide.Standing(h.Approvals, in.Authors[h.Charged])
	}
}

// bulk is a bulk for who looks at it.
func (c *Console) bulk(who access.Principal, b decide.Bulk) heldBulk {
	author := c.cfg.InForce().Authors[b.Rule]
	b.Approvals, _ = decide.Standing(b.Approvals, author)
	return heldBulk{Bulk: b, Refused: decide.MayApproveBulk(who.Name, &b, author)}
}

// addMoney adds amounts to sums by currency.
func addMoney(sums, amounts []money.Money) ([]money.Money, error) {
	sums = slices.Clone(sums)
	for _, m := range amounts {
		i := slices.IndexFunc(sums, func(s money.Money) bool { return s.Currency == m.Currency })
		if i < 0 {
			sums = append(sums, m)
			continue
		}
		var err error
		if sums[i], err = sums[i].Add(m); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(sums, func(a, b money.Money) int { return strings.Compare(a.Currency, b.Currency) })
	return sums, nil
}

// changedFile is a file of a proposal with the text that it takes the place of.
type changedFile struct {
	Path, Was, Is string
}

// proposal returns the rule set that waits for another person.
func (c *Console) proposal(ctx context.Context, who access.Principal) (*proposed, error) {
	found, err := c.cfg.Ledger.Proposal(ctx)
	if err != nil || found == nil {
		return nil, err
	}
	p := &proposed{Proposal: *found, Refused: decide.MayApproveRules(who.Name, found.By)}
	was := map[string]string{}
	if set := c.cfg.InForce().Set; set != nil {
		for _, f := range set.Files {
			was[f.Path] = f.Text
		}
	}
	for _, f := range found.Files {
		if f.Text != was[f.Path] {
			p.Files = append(p.Files, changedFile{f.Path, was[f.Path], f.Text})
		}
		delete(was, f.Path)
	}
	for path, text := range was {
		p.Files = append(p.Files, changedFile{Path: path, Was: text})
	}
	slices.SortFunc(p.Files, func(a, b changedFile) int { return strings.Compare(a.Path, b.Path) })
	return p, nil
}

// When is when it was proposed.
func (p proposed) When() time.Time { return time.Unix(0, p.Proposal.At).UTC() }

// answerHeld answers POST /approvals/answer: the fields rule, remedy, once or more,
// answer, which is approve or deny, reason, and held_for.REMEDY, which is what the page
// showed that one of them is held for. All of them are of the one rule, so that nobody
// approves what they did not look at.
func answerHeld(c *Console, r *http.Request) (to string, err error) {
	answer, ids := written(r, "answer"), r.PostForm["remedy"]
	if answer != decide.CommandApprove && answer != decide.CommandDeny || len(ids) == 0 || len(ids) > maxAsked {
		return "", &Failure{http.StatusBadRequest, "Nothing was chosen", fmt.Sprintf("Choose from 1 to %d remedies, and whether they are approved or denied.", maxAsked)}
	}
	name := written(r, "rule")
	commands := make([]decide.CommandBody, 0, len(ids))
	for _, text := range ids {
		id, err := uuid.Parse(text)
		if err != nil {
			return "", Missing("There is no remedy " + text + ".")
		}
		switch remedy, err := c.cfg.Ledger.Remedy(r.Context(), id); {
		case err != nil:
			return "", err
		case remedy == nil:
			return "", Missing("There is no remedy " + text + ".")
		case remedy.Rule != name:
			return "", &Failure{http.StatusConflict, "They are not of one rule", "Answer the remedies of one rule at a time: " + text + " is of " + remedy.Rule + "."}
		}
		command := decide.CommandBody{Command: answer, Remedy: id, Reason: written(r, "reason")}
		if answer == decide.CommandApprove {
			command.HeldFor = written(r, "held_for."+text)
		}
		commands = append(commands, command)
	}
	return after("/approvals", answer), c.giveAll(r, commands)
}

// giveAll hands commands about remedies to the desk, each under a key of its own. What
// kept all of them alike is the answer's status.
func (c *Console) giveAll(r *http.Request, commands []decide.CommandBody) error {
	var refused []string
	var last *Failure
	status := 0
	for _, command := range commands {
		_, err := c.giveUnder(r, "/"+command.Remedy.String(), command)
		var f *Failure
		switch {
		case errors.As(err, &f):
			refused = append(refused, command.Remedy.String()+": "+f.Text)
			if last != nil && last.Status != f.Status {
				status = http.StatusConflict
			}
			last = f
		case err != nil:
			return err
		}
	}
	switch {
	case last == nil:
		return nil
	case len(commands) == 1:
		return last
	}
	return &Failure{cmp.Or(status, last.Status), fmt.Sprintf("%d of %d were answered", len(commands)-len(refused), len(commands)), strings.Join(refused, "\n")}
}

// answerBulk answers POST /approvals/bulk: the fields bulk, answer, reason, and of an
// approval the revision that the page showed.
func answerBulk(c *Console, r *http.Request) (to string, err error) {
	id, err := uuid.Parse(written(r, "bulk"))
	answer := written(r, "answer")
	if err != nil || id == uuid.Nil || answer != decide.CommandApprove && answer != decide.CommandDeny {
		return "", Missing("There is no bulk with this id.")
	}
	command := decide.CommandBody{Command: answer, Bulk: id, Reason: written(r, "reason")}
	if answer == decide.CommandApprove {
		if command.Revision, err = strconv.Atoi(written(r, "revision")); err != nil {
			return "", &Failure{http.StatusBadRequest, "The form is not complete", "Go back, load the page again and send the form again."}
		}
	}
	_, err = c.give(r, command)
	return after("/approvals", answer), err
}

// answerRules answers POST /approvals/rules: the fields digest and answer.
func answerRules(c *Console, r *http.Request) (to string, err error) {
	answer, digest := written(r, "answer"), written(r, "digest")
	a := decide.ActivateBody{Approve: digest}
	if answer == decide.CommandDeny {
		a = decide.ActivateBody{Deny: digest}
	}
	if digest == "" {
		return "", Missing("No rule set with this digest waits for an answer.")
	}
	return after("/approvals", answer), c.activate(r, a)
}

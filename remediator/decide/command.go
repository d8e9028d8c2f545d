package decide

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
)

// maxNote bounds what a person writes, in bytes.
const maxNote = 8 << 10

// decodeCommand reads a command and bounds its texts.
func decodeCommand(in input.Input) (CommandBody, error) {
	var c CommandBody
	if err := decodeBody(in, &c); err != nil {
		return c, err
	}
	for _, text := range []*string{&c.Command, &c.By, &c.Payment, &c.Customer, &c.Reference, &c.Level, &c.Terms.QuietRule, &c.HeldFor} {
		*text = clip(*text)
	}
	for _, text := range []*string{&c.Reason, &c.Cause, &c.Fix} {
		*text = clipTo(*text, maxNote)
	}
	return c, nil
}

// foldCommand carries a person's command out, or seals why not. Either way it
// gives one answer.
func (f *Fold) foldCommand(in input.Input, j *Judged) error {
	if j.Err != nil {
		return j.Err
	}
	c := *j.command
	f.answer = Answer{ID: in.ID, Command: c.Command, By: c.By, Request: clip(c.Request), Ordinal: f.state.Position.Ordinal, At: f.at}
	defer func() { f.answer = Answer{} }()
	before := f.heldFor(c.Remedy)
	refused, err := f.carryOut(c, j)
	if err != nil {
		return err
	}
	if f.answer.Refused = refused; refused != "" {
		if err := f.refuse(c, before); err != nil {
			return err
		}
	}
	if r := f.state.Open[f.answer.Remedy]; r != nil {
		f.answer.Status = r.status()
	}
	f.out.Answers = append(f.out.Answers, f.answer)
	return nil
}

// status is how an open remedy stands, in a word.
func (r *openRemedy) status() string {
	switch {
	case r.Held != "":
		return "held"
	case r.Ending != "":
		return r.Ending // as soon as what runs is settled
	}
	return "acting"
}

// heldFor is why a remedy waits for a person; empty when it does not.
func (f *Fold) heldFor(remedy uuid.UUID) string {
	if r := f.state.Open[remedy]; r != nil {
		return r.Held
	}
	return ""
}

// refuse seals why a command was not carried out, and lifts the brake that was
// set before anybody knew. before is why its remedy was held until then.
func (f *Fold) refuse(c CommandBody, before string) error {
	refs := Fact{Remedy: f.answer.Remedy}
	if r := f.state.Open[f.answer.Remedy]; r != nil {
		refs.Rule = r.Rule
	}
	held := f.heldFor(c.Remedy)
	if held == before {
		held = ""
	}
	switch c.Command {
	case CommandPull:
		f.brake(TargetCord(c.Cord), f.answer.ID, "", false)
	case CommandPause:
		f.brake(c.Target, f.answer.ID, "", false)
	case CommandErase, CommandHold, CommandUnhold:
		c.Target = TargetCustomer(c.Customer)
	}
	return f.add(KindRefusal, refs, RefusalFact{Command: c.Command, By: c.By, Cord: clip(c.Cord), Target: clip(c.Target), Reason: f.answer.Refused, Held: held})
}

func (f *Fold) carryOut(c CommandBody, j *Judged) (refused string, err error) {
	if known, _ := rolesFor(c.Command); known == nil {
		return "the command is not known", nil
	}
	if c.By == "" {
		return "nobody is named as giving it", nil
	}
	if refused := MayGive(c.Roles, c.Command); refused != "" {
		f.answer.Remedy = c.Remedy
		return refused, nil
	}
	switch c.Command {
	case CommandApprove, CommandDeny:
		return f.foldAnswer(c)
	case CommandRetry:
		return f.foldRetry(c)
	case CommandReverse:
		return f.foldReverse(c)
	case CommandRequest:
		return f.foldRequest(c, j)
	case CommandApply:
		return f.foldApply(c)
	case CommandPull:
		return f.foldPull(c)
	case CommandAcknowledge:
		return f.foldAcknowledge(c)
	case CommandRelease:
		return f.foldRelease(c)
	case CommandPause:
		return f.foldPause(c)
	case CommandResume:
		return f.foldResume(c)
	case CommandErase:
		return f.foldErase(c)
	case CommandHold, CommandUnhold:
		return f.foldHold(c)
	case CommandReconcile:
		return f.foldReconcile(c)
	case CommandClose:
		return f.foldClose(c)
	case CommandSignIn, CommandSignOut:
		return f.foldSignIn(c)
	case CommandDraft, CommandRevise, CommandSubmit, CommandPublish, CommandShelve:
		return f.foldCOE(c)
	}
	return f.foldToken(c)
}

// foldAnswer takes a person's answer to a held remedy.
func (f *Fold) foldAnswer(c CommandBody) (refused string, err error) {
	if c.Bulk != uuid.Nil {
		return f.foldBulkAnswer(c)
	}
	f.answer.Remedy = c.Remedy
	r := f.state.Open[c.Remedy]
	switch {
	case r == nil:
		return "no open remedy has this id", nil
	case r.Held == "":
		return "the remedy is not waiting for an answer", nil
	case c.Command == CommandDeny:
		return "", f.deny(r, c)
	case r.Held == ReasonBulk:
		return fmt.Sprintf("it is one of bulk %s, which is approved as a whole; deny it to leave it out", r.Bulk), nil
	case Same(c.By, f.editorOf(r.Charged)):
		return ownRule, nil
	case MayApprove(c.By, r.Requester, r.Author, r.By) != "":
		return MayApprove(c.By, r.Requester, r.Author, r.By), nil
	case len(r.Steps) == 0:
		return "its steps could not be computed, so there is nothing to carry out; deny it and make it good by hand", nil
	case c.HeldFor != "" && c.HeldFor != r.Held:
		return fmt.Sprintf("it is held for %s now, which you have not seen: look at it and approve it again", r.Held), nil
	}
	return f.approve(r, c)
}

// MayApprove says why somebody with the role may not approve a remedy; empty when they
// may. author put its rule in force, approvals are of those who approved it before.
func MayApprove(by, requester, author string, approvals []string) (refused string) {
	switch {
	case Same(by, requester):
		return ownRemedy
	case Same(by, author):
		return ownRule
	case among(approvals, by):
		return approvedTwice
	}
	return ""
}

// editorOf returns who wrote the rule as it is in force, whose limits an approval is measured
// by; empty when it is not, or is built in.
func (f *Fold) editorOf(name string) string {
	if f.rules[name] == nil {
		return ""
	}
	return f.authorOf(name)
}

// Standing splits approvals into those that stand and those of who wrote the rule as it is
// in force, after they approved: by limits of their own they have approved nothing.
func Standing(approvals []string, editor string) (standing, without []string) {
	for _, by := range approvals {
		if Same(by, editor) {
			without = append(without, by)
		} else {
			standing = append(standing, by)
		}
	}
	return standing, without
}

func (f *Fold) deny(r *openRemedy, c CommandBody) error {
	f.say(r.Remedy, r.Rule, r.Customer, EvidenceNote, c.Reason)
	if err := f.add(KindApproval, Fact{Remedy: r.Remedy, Rule: r.Rule}, ApprovalFact{Answer: "deny", By: c.By, Have: len(r.By), Need: r.Need}); err != nil {
		return err
	}
	b := f.state.Bulks[r.Bulk]
	if err := f.giveUp(r, Denied, f.at); err != nil || b == nil {
		return err
	}
	if len(f.held(b)) == 0 {
		return f.endBulk(b, Denied, c.By, f.at)
	}
	f.recount(b)
	f.out.Bulks = append(f.out.Bulks, b.shown())
	return nil
}

// approve counts an approval, and lets the remedy act when it was the last one needed.
// An approver who decided without knowing something is told it and refused, once: they
// may approve again.
func (f *Fold) approve(r *openRemedy, c CommandBody) (refused string, err error) {
	if !r.told(ReasonRefunded) {
		refunded, err := f.anyRefunded(r)
		if err != nil {
			return "", err
		}
		if refunded {
			r.holdFor(ReasonRefunded)
			return "the payment was refunded since it was held; approve again if it is to be refunded all the same", nil
		}
	}
	unknown, err := f.reserveNow(r)
	if err != nil {
		return "", err
	}
	if len(unknown) > 0 {
		r.holdFor(reasonsOf(unknown)...)
		return r.aboveText(unknown), nil
	}
	standing, without := Standing(r.By, f.editorOf(r.Charged))
	r.By = append(standing, c.By)
	fact := ApprovalFact{Answer: "approve", By: c.By, Have: len(r.By), Need: r.Need, Above: r.above(), Without: without}
	f.say(r.Remedy, r.Rule, r.Customer, EvidenceNote, c.Reason)
	if err := f.add(KindApproval, Fact{Remedy: r.Remedy, Rule: r.Rule}, fact); err != nil {
		return "", err
	}
	if len(r.By) < r.Need {
		return "", nil
	}
	return "", f.letAct(r)
}

// letAct starts a remedy that was held.
func (f *Fold) letAct(r *openRemedy) error {
	r.Held = ""
	f.reservePayments(r)
	return f.advance(r)
}

func (f *Fold) anyRefunded(r *openRemedy) (bool, error) {
	for _, s := range r.Steps {
		if s.Payment == "" || s.Status == stepDone || s.Undoes != uuid.Nil {
			continue // what is undone was refunded, that is the point
		}
		refunded, err := f.refunded(s.Payment)
		if err != nil || len(refunded) > 0 {
			return len(refunded) > 0, err
		}
	}
	return false, nil
}

// unspent sums the amounts of the steps that wait up by currency.
func (r *openRemedy) unspent() []money.Money {
	return r.sum(func(s *openStep) bool { return s.Status == stepWaiting })
}

// sum adds the amounts of some steps up by currency.
func (r *openRemedy) sum(of func(*openStep) bool) []money.Money {
	var entries []PaymentEntry
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Amount.Currency != "" && of(s) {
			entries = append(entries, PaymentEntry{Amount: s.Amount})
		}
	}
	return net(entries, 1)
}

// foldToken makes or revokes a token.
func (f *Fold) foldToken(c CommandBody) (refused string, err error) {
	t := c.Token
	switch {
	case t == nil || t.ID == uuid.Nil:
		return "no token is named", nil
	case c.Command == CommandRevoke:
		t.Revoked = true
	case t.Name == "" || len(t.Roles) == 0 || len(t.SHA256) != 64:
		return "a token has a name, roles and the digest of its secret", nil
	}
	if len(t.Roles) > len(Roles()) {
		return "a token has each role once at most", nil
	}
	for _, role := range t.Roles {
		if !slices.Contains(Roles(), role) {
			return "there is no role " + clip(role), nil
		}
	}
	t.Name, t.SHA256 = clip(t.Name), clip(t.SHA256)
	f.out.Tokens = append(f.out.Tokens, *t)
	return "", f.add(KindToken, Fact{}, TokenFact{Token: t.ID, Name: t.Name, Roles: t.Roles, SHA256: t.SHA256,
		Expires: stampOr(t.Expires), Revoked: t.Revoked, By: c.By})
}

package web

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/people"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/views"
)

// doings are what somebody may do with a remedy as it stands, as far as roles go.
type doings struct {
	Answer  bool // approve or deny
	Retry   bool
	Reverse bool
	Receipt bool // download the proof
}

// Any reports whether there is something to do.
func (d doings) Any() bool { return d.Answer || d.Retry || d.Reverse }

func mayDo(p access.Principal, r *views.Remedy) doings {
	may := func(command string) bool { return decide.MayGive(p.Roles, command) == "" }
	return doings{
		Answer:  r.Mode == string(rule.Live) && r.Status == views.StatusHeld && may(decide.CommandApprove),
		Retry:   may(decide.CommandRetry) && people.Open(decide.CommandRetry, r),
		Reverse: may(decide.CommandReverse) && people.Open(decide.CommandReverse, r),
		Receipt: p.Has(decide.RoleAuditor),
	}
}

// doRemedy carries out what a form says to a remedy: approve, deny, retry or reverse.
func doRemedy(c *Console, r *http.Request) (to string, err error) {
	found, err := c.findRemedy(r)
	if err != nil {
		return "", err
	}
	body := decide.CommandBody{Command: r.PathValue("command"), Remedy: found.Remedy, Reason: r.PostFormValue("reason")}
	switch body.Command {
	case decide.CommandApprove:
		body.HeldFor = written(r, "held_for")
	case decide.CommandDeny:
	case decide.CommandRetry, decide.CommandReverse:
		if body.Of, err = people.Origin(r.Context(), c.cfg.Ledger, body.Command, found.Remedy, uuid.Nil); err != nil {
			return "", err
		}
	default:
		return "", Missing("Nobody can do that to a remedy.")
	}
	answer, err := c.give(r, body)
	if err != nil {
		return "", err
	}
	return after("/remedies/"+answer.Remedy.String(), body.Command), nil
}

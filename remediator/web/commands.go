package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/people"
)

// outcomes are what forms come to, by the name under which an address has it. A
// page shows no other text that an address brings.
var outcomes = map[string]string{
	decide.CommandApprove:     "Your approval counts.",
	decide.CommandDeny:        "It is denied.",
	decide.CommandRetry:       "It is tried again.",
	decide.CommandReverse:     "It is taken back, as far as it can be.",
	decide.CommandRequest:     "The refund is asked for.",
	decide.CommandPull:        "The cord is pulled.",
	decide.CommandAcknowledge: "It is known that you have come. The clock stands still.",
	decide.CommandRelease:     "The cord is released.",
	decide.CommandPause:       "It is stopped.",
	decide.CommandResume:      "It flows again.",
	decide.CommandClose:       "The difference is closed.",
	decide.CommandDraft:       "The COE is open, with a draft.",
	decide.CommandRevise:      "Your text is saved.",
	decide.CommandSubmit:      "It waits for somebody to read and publish it.",
	decide.CommandPublish:     "The COE is published.",
	decide.CommandShelve:      "The COE is closed.",
}

// outcome says what a form came to that gave a command.
func outcome(command string) string { return outcomes[command] }

// done is the command of the form that led to a page; empty: none did.
func done(r *http.Request) string {
	command := r.URL.Query().Get("done")
	if outcome(command) == "" {
		return ""
	}
	return command
}

// after is the address of a page, which may name a place in it, that says what a form
// came to.
func after(page, command string) string {
	page, place, named := strings.Cut(page, "#")
	page += "?" + url.Values{"done": {command}}.Encode()
	if named {
		page += "#" + place
	}
	return page
}

// maxForm is how many bytes a form may have.
const maxForm = 64 << 10

// command is something that people do by a form. Whether they may, the fold says.
type command struct {
	path string // pattern of net/http, without a method
	form int64  // how many bytes the form may have; 0: maxForm
	// run does it and returns the path of the page that shows what came of it. An *again
	// is shown as it is.
	run func(c *Console, r *http.Request) (to string, err error)
}

// again is a page that a form shows, mostly itself with what was written in it.
type again struct {
	status   int // of HTTP
	template string
	value    any
}

// Error implements error.
func (a *again) Error() string { return "the form is shown again" }

// commands lists what people can do by forms.
func commands() []command {
	return []command{
		{path: "/remedies/{remedy}/{command}", run: doRemedy},
		{path: "/andon/pull", run: pullCord},
		{path: "/andon/acknowledge", run: onCord(decide.CommandAcknowledge)},
		{path: "/andon/release", run: onCord(decide.CommandRelease)},
		{path: "/andon/pause", run: onMoney(decide.CommandPause)},
		{path: "/andon/resume", run: onMoney(decide.CommandResume)},
		{path: "/integrity/verify", form: verifyForm, run: verifyLedger},
		{path: "/integrity/differences/{difference}/close", run: closeDifference},
		{path: "/coes", run: openCOE},
		{path: "/coes/{coe}/text", form: coeForm, run: saveCOE},
		{path: "/coes/{coe}/check", form: coeForm, run: checkCOE},
		{path: "/coes/{coe}/review", run: stepCOE(decide.CommandSubmit)},
		{path: "/coes/{coe}/publish", run: stepCOE(decide.CommandPublish)},
		{path: "/coes/{coe}/close", run: stepCOE(decide.CommandShelve)},
		{path: "/approvals/answer", run: answerHeld},
		{path: "/approvals/bulk", run: answerBulk},
		{path: "/approvals/rules", run: answerRules},
		{path: "/refunds/request", run: requestRefund},
	}
}

// take answers a form: by 303 to the page that shows what came of it, or by a page
// that says why nothing did.
func (c *Console) take(d command) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := c.who(w, r)
		if !ok || !c.mayAsk(w, r, who) {
			return
		}
		r = r.WithContext(access.With(r.Context(), who))
		if !mayRead(who, nil) {
			c.fail(w, r, lacking(who, nil))
			return
		}
		if err := readForm(w, r, cmp.Or(d.form, maxForm)); err != nil {
			c.fail(w, r, err)
			return
		}
		answersLate(w)
		to, err := d.run(c, r)
		var shown *again
		if errors.As(err, &shown) {
			c.render(w, r, shown.status, shown.template, watch{}, shown.value)
			return
		}
		if err != nil {
			c.fail(w, r, err)
			return
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
}

// lateAnswer is for how long the console may work on one request: folding a long log
// again, or handing over many approvals while much waits to be decided, takes longer
// than what the server gives an answer.
const lateAnswer = 10 * time.Minute

// answersLate puts off when the server gives up on an answer.
func answersLate(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(lateAnswer)) // where there is none, nothing ends the request
}

// readForm reads the form that a request posts, of so many bytes at the most.
func readForm(w http.ResponseWriter, r *http.Request, most int64) error {
	r.Body = http.MaxBytesReader(w, r.Body, most)
	err := r.ParseForm()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &Failure{http.StatusRequestEntityTooLarge, "That is too much", fmt.Sprintf("The form has at most %d KiB.", most>>10)}
	case err != nil:
		return &Failure{http.StatusBadRequest, "The form cannot be read", "Go back and send it again."}
	}
	return nil
}

var formKey = regexp.MustCompile(`^[0-9a-zA-Z-]{1,64}$`)

// give hands a command to the desk in the name of who makes the request. The field
// "key" of the form, which a template makes with {{key}}, makes a form that is sent
// twice one command. A refusal is a Failure.
func (c *Console) give(r *http.Request, body decide.CommandBody) (*decide.Answer, error) {
	return c.giveUnder(r, "", body)
}

// giveUnder gives one of several commands of a form, which part tells apart.
func (c *Console) giveUnder(r *http.Request, part string, body decide.CommandBody) (*decide.Answer, error) {
	return c.giveBy(r, body, func(p access.Principal, key string) (*decide.Answer, error) {
		return c.cfg.Desk.Give(r.Context(), p, people.ID(p, key+part), body)
	})
}

// giveBy is give with the way in which the desk is asked.
func (c *Console) giveBy(r *http.Request, body decide.CommandBody, ask func(p access.Principal, key string) (*decide.Answer, error)) (*decide.Answer, error) {
	key, err := keyOf(r)
	if err != nil {
		return nil, err
	}
	p := access.From(r.Context())
	answer, err := ask(p, key)
	return answer, heard(answer, err)
}

// activate hands somebody's answer to a proposed rule set to the desk, as give does.
func (c *Console) activate(r *http.Request, body decide.ActivateBody) error {
	key, err := keyOf(r)
	if err != nil {
		return err
	}
	p := access.From(r.Context())
	answer, err := c.cfg.Desk.Activate(r.Context(), p, people.ID(p, key), body)
	return heard(answer, err)
}

// keyOf is the key of a form.
func keyOf(r *http.Request) (string, error) {
	key := r.PostFormValue("key")
	if !formKey.MatchString(key) {
		return "", &Failure{http.StatusBadRequest, "The form is not complete", "Go back, load the page again and send the form again."}
	}
	return key, nil
}

// heard says in plain words what kept a command from being carried out; nil when
// nothing did.
func heard(answer *decide.Answer, err error) error {
	switch {
	case errors.Is(err, people.ErrReused):
		return &Failure{http.StatusConflict, "It was sent before", "The same form was sent before with other words in it. Go back, load the page again and send it anew."}
	case err != nil:
		return err
	case answer == nil:
		return &Failure{http.StatusAccepted, "It is taken, and not decided yet", "The service is behind. What you said is in its log and will be decided; look again in a while."}
	case decide.LacksRole(answer.Refused):
		return &Failure{http.StatusForbidden, "You may not do that", "It was refused: " + answer.Refused + "."}
	case decide.AnotherMust(answer.Refused):
		return &Failure{http.StatusForbidden, "Another person must do that", "It was refused: " + answer.Refused + "."}
	case answer.Refused != "":
		return &Failure{http.StatusConflict, "It was refused", "The reason: " + answer.Refused + "."}
	}
	return nil
}

// written is what somebody wrote into a field, without the space around it.
func written(r *http.Request, field string) string { return strings.TrimSpace(r.PostFormValue(field)) }

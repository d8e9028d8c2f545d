package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/people"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/rule/expression"
)

const (
	maxCommand = 64 << 10 // bytes of a command
	maxKey     = 128      // of an Idempotency-Key
	maxName    = people.MaxName
)

// Desk takes commands. Package people implements it.
type Desk interface {
	Give(ctx context.Context, p access.Principal, id string, c decide.CommandBody) (*decide.Answer, error)
	Apply(ctx context.Context, p access.Principal, id string, c decide.CommandBody, find func() ([]decide.Apply, error)) (*decide.Answer, error)
	Stamped(ctx context.Context, p access.Principal, id string, c decide.CommandBody, stamp func(*decide.CommandBody) error) (*decide.Answer, error)
	Activate(ctx context.Context, p access.Principal, id string, a decide.ActivateBody) (*decide.Answer, error)
}

// Accepted is the answer to a command that is in the log and not decided yet.
type Accepted struct {
	ID     string `json:"id"`
	Status string `json:"status"` // accepted
	Ask    string `json:"ask"`    // where its answer will be
}

// approveRemedy answers POST /v1/remedies/{remedy}/approve, which is of the whole remedy.
func (h handler) approveRemedy(w http.ResponseWriter, r *http.Request) {
	var body approveBody
	if id, ok := pathID(w, r, "remedy", "remedy id"); ok && decodeStrict(w, r, maxCommand, &body) {
		h.give(w, r, decide.CommandBody{Command: decide.CommandApprove, Remedy: id, Reason: body.Reason, HeldFor: body.HeldFor})
	}
}

// denyRemedy answers POST /v1/remedies/{remedy}/deny, which is of the whole remedy too.
func (h handler) denyRemedy(w http.ResponseWriter, r *http.Request) {
	var body reasonBody
	if id, ok := pathID(w, r, "remedy", "remedy id"); ok && decodeStrict(w, r, maxCommand, &body) {
		h.give(w, r, decide.CommandBody{Command: decide.CommandDeny, Remedy: id, Reason: body.Reason})
	}
}

// onSteps answers POST /v1/remedies/{remedy}/COMMAND for what is about steps of a
// remedy: all of them, or the one that is named.
func (h handler) onSteps(command string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body stepsBody
		id, ok := pathID(w, r, "remedy", "remedy id")
		if !ok || !decodeStrict(w, r, maxCommand, &body) {
			return
		}
		of, err := people.Origin(r.Context(), h.Ledger, command, id, body.Action)
		if err != nil {
			h.answer(w, r, nil, err)
			return
		}
		h.give(w, r, decide.CommandBody{Command: command, Remedy: id, Action: body.Action, Reason: body.Reason, Of: of})
	}
}

// request answers POST /v1/refunds.
func (h handler) request(w http.ResponseWriter, r *http.Request) {
	var body people.Request
	if !decodeStrict(w, r, maxCommand, &body) {
		return
	}
	c, err := body.Command()
	if err != nil {
		problem.Write(w, http.StatusBadRequest, "body", err.Error())
		return
	}
	h.give(w, r, c)
}

// onCord answers POST /v1/andon/COMMAND. The path is in the body, since it has
// slashes.
func (h handler) onCord(command string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body cordBody
		if !decodeStrict(w, r, maxCommand, &body) {
			return
		}
		c := decide.CommandBody{Command: command, Cord: body.Cord, Level: body.Level, Reason: body.Reason, Cause: body.Cause, Fix: body.Fix}
		for _, d := range []struct {
			name, text string
			into       *time.Duration
		}{
			{"answer_within", body.AnswerWithin, &c.Terms.AnswerWithin}, {"box", body.Box, &c.Terms.Box},
			{"watch", body.Watch, &c.Terms.Watch}, {"quiet", body.Quiet, &c.Terms.Quiet},
		} {
			if d.text == "" {
				continue
			}
			var err error
			if *d.into, err = expression.ParseDuration(d.text); err != nil {
				problem.Write(w, http.StatusBadRequest, "parameter", fmt.Sprintf("%s: %v; write 15m, 4h or 14d", d.name, err))
				return
			}
		}
		if command == decide.CommandPull && c.Level == "" {
			c.Level = cord.Yellow
		}
		h.give(w, r, c)
	}
}

// onTarget answers POST /v1/pause and /v1/resume.
func (h handler) onTarget(command string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body targetBody
		if decodeStrict(w, r, maxCommand, &body) {
			h.give(w, r, decide.CommandBody{Command: command, Target: body.Target, Reason: body.Reason})
		}
	}
}

// onCustomer answers POST /v1/customers/{customer}/COMMAND, which is about what is
// kept of a customer.
func (h handler) onCustomer(command string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body reasonBody
		if !decodeStrict(w, r, maxCommand, &body) {
			return
		}
		customer := r.PathValue("customer")
		if len(customer) > maxName { // the fold would cut it off, and mean another one
			problem.Write(w, http.StatusBadRequest, "parameter", fmt.Sprintf("a customer has at most %d bytes", maxName))
			return
		}
		h.give(w, r, decide.CommandBody{Command: command, Customer: customer, Reason: body.Reason})
	}
}

// give hands a command to the desk and answers what came of it.
func (h handler) give(w http.ResponseWriter, r *http.Request, c decide.CommandBody) {
	p := access.From(r.Context())
	id, ok := commandID(w, r, p)
	if !ok {
		return
	}
	answer, err := h.Desk.Give(r.Context(), p, id, c)
	h.answered(w, r, id, answer, err)
}

// commandID is the id of a command: of its giver and of the key that they chose.
func commandID(w http.ResponseWriter, r *http.Request, p access.Principal) (string, bool) {
	key := r.Header.Get("Idempotency-Key")
	visible := func(c rune) bool { return c > ' ' && c < 0x7f }
	if len(key) > maxKey || strings.IndexFunc(key, func(c rune) bool { return !visible(c) }) >= 0 {
		problem.Write(w, http.StatusBadRequest, "idempotency-key", fmt.Sprintf("the Idempotency-Key has at most %d visible ASCII characters", maxKey))
		return "", false
	}
	return people.ID(p, key), true
}

// answered writes what came of a command. Whatever refused it, the fold has sealed it.
func (h handler) answered(w http.ResponseWriter, r *http.Request, id string, answer *decide.Answer, err error) {
	switch {
	case errors.Is(err, people.ErrReused):
		problem.Write(w, http.StatusUnprocessableEntity, "idempotency-key", err.Error())
	case errors.Is(err, input.ErrTooLarge):
		problem.Write(w, http.StatusRequestEntityTooLarge, "too-large", fmt.Sprintf("a command has at most %d bytes in the log", input.MaxRecord))
	case err != nil:
		h.Logger.ErrorContext(r.Context(), "take command", slog.String("path", r.URL.Path), slog.Any("error", err))
		problem.Write(w, http.StatusServiceUnavailable, "unavailable", "nobody knows whether the command was taken: give it again under the same Idempotency-Key")
	case answer == nil:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		// An error here means that nobody reads the answer any more.
		_ = json.NewEncoder(w).Encode(Accepted{ID: id, Status: "accepted", Ask: "/v1/commands?id=" + url.QueryEscape(id)})
	case decide.LacksRole(answer.Refused):
		problem.Write(w, http.StatusForbidden, "forbidden", answer.Refused)
	case decide.AnotherMust(answer.Refused):
		problem.Write(w, http.StatusForbidden, "another-person", answer.Refused)
	case answer.Refused != "":
		problem.Write(w, http.StatusConflict, "refused", answer.Refused)
	default:
		h.answer(w, r, answer, nil)
	}
}

// command answers GET /v1/commands?id=ID: what a command came to.
func (h handler) command(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	answer, err := h.Ledger.Answer(r.Context(), id)
	if err == nil && answer == nil {
		problem.Write(w, http.StatusNotFound, "not-found", "no command with this id was decided, in the last 7 days")
		return
	}
	h.answer(w, r, answer, err)
}

// decodeStrict reads a JSON body that has nothing but what is known, and answers
// when it cannot.
func decodeStrict(w http.ResponseWriter, r *http.Request, most int64, into any) bool {
	body, ok := readBody(w, r, most)
	if !ok {
		return false
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	if err := decodeObject(body, into); err != nil {
		problem.Write(w, http.StatusBadRequest, "body", strings.TrimPrefix(err.Error(), "json: "))
		return false
	}
	return true
}

// readBody reads a body of at most so many bytes, or answers why it cannot.
func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		problem.Write(w, http.StatusRequestEntityTooLarge, "too-large", fmt.Sprintf("the body has more than %d bytes", most))
	case err != nil:
		problem.Write(w, http.StatusBadRequest, "body", "the body cannot be read")
	}
	return body, err == nil
}

// decodeObject decodes one JSON object of known fields.
func decodeObject(body []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	if bytes.TrimSpace(body)[0] != '{' { // null decodes into anything
		return errors.New("want an object")
	}
	return nil
}

package stripe

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	api "github.com/stripe/stripe-go/v85"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
)

// classify says what an error of the client tells about the effect. Only an
// answer that says so is a refusal; everything unforeseen is unknown.
func classify(what string, err error) *act.Error {
	out := &act.Error{Status: decide.Unknown, Code: "no_answer", Err: fmt.Errorf("%s: %w", what, err)}
	var answer *api.Error
	if !errors.As(err, &answer) {
		var dial *net.OpError
		if errors.As(err, &dial) && dial.Op == "dial" {
			out.Status, out.Code = decide.Retrying, "unreachable" // nothing was sent
		}
		return out
	}
	if answer.LastResponse != nil {
		out.RetryAfter = act.RetryAfter(answer.LastResponse.Header, time.Now())
	}
	out.Code = code(answer)
	// The client's error repeats the whole answer; one line of it is enough.
	out.Err = fmt.Errorf("%s: HTTP status %d: %s (request %s)", what, answer.HTTPStatusCode, answer.Msg, answer.RequestID)
	switch status := answer.HTTPStatusCode; {
	case answer.Code == api.ErrorCodeLockTimeout, status == http.StatusTooManyRequests:
		out.Status = decide.Retrying // it did not begin
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		out.Status = decide.Retrying // the API key is wrong, the refund is not
	case status == http.StatusConflict, answer.Type == api.ErrorTypeIdempotency:
		out.Status = decide.Unknown // an earlier request with the key is there
	case status >= 400 && status < 500 && (answer.Type == api.ErrorTypeCard || answer.Type == api.ErrorTypeInvalidRequest):
		out.Status = decide.Failed
	}
	return out
}

// unanswered is the error of a call that only asks: a refusal to answer says
// nothing about the refund.
func unanswered(err *act.Error) *act.Error {
	if err.Status == decide.Failed {
		err.Status = decide.Unknown
	}
	return err
}

// missing is the error of asking for a payment: when there is none, no refund
// was or will be made.
func missing(err *act.Error) *act.Error {
	if err.Code == string(api.ErrorCodeResourceMissing) {
		return err
	}
	return unanswered(err)
}

// code is what the answer says most precisely.
func code(answer *api.Error) string {
	switch {
	case answer.Code != "":
		return string(answer.Code)
	case answer.DeclineCode != "":
		return string(answer.DeclineCode)
	case answer.Type != "":
		return string(answer.Type)
	}
	return "http_" + strconv.Itoa(answer.HTTPStatusCode)
}

// Package notify tells people what was made good: the customer by mail, colleagues
// in a chat, with templates of a folder.
//
// Who the customer is, a directory says when the message is sent. Somebody who
// unsubscribed, or whose address came back before, is told nothing, and the step is
// skipped: done, without a message. A message has the same Message-ID in every
// attempt. What was sent is handed back, so that it is sealed under the customer's
// key; addresses are in no fact and in no log.
//
// The package speaks SMTP and nothing else of mail; package directory is the
// usual directory.
package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/act/directory"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/visible"
)

// Codes of an attempt, besides smtp_ or http_ and a number.
const (
	codeAddress      = "no_address"        // nobody knows one, or it is none
	codeUnsubscribed = "unsubscribed"      // the customer asked for no mail
	codeBounced      = "bounced"           // mail to the address came back
	codeDirectory    = "no_directory"      // nobody could be asked who the customer is
	codeTemplate     = "template"          // it could not be written
	codeServer       = "server"            // the mail server or the chat was not reached, or fell silent
	codeUnconfigured = "not_configured"    // this service sends no such messages
	codeDryRun       = "dry_run"           // it was written and not sent, as configured
	codeTooLarge     = "too_large"         // it cannot be sealed
	codeStore        = "store_unavailable" // it is not known whether mail came back before
)

// window is for how long a message is tried: an apology that comes after three
// days is one more thing to be sorry for.
const window = 72 * time.Hour

// Directory knows who customers are. Find returns nil when it knows nobody of
// that id; after an error, asking again may help. Implementations are safe for
// concurrent use.
type Directory interface {
	Find(ctx context.Context, customer string) (*directory.Person, error)
}

// Bounces remember addresses that mail came back from. Implementations are safe
// for concurrent use.
type Bounces interface {
	Bounced(ctx context.Context, address string) (bool, error)
	RememberBounce(ctx context.Context, address, code string, at time.Time) error
}

// Config of a Connector.
type Config struct {
	Templates *Templates // required
	Bounces   Bounces    // required
	// Directory says who customers are. Without one, only steps that name an
	// address themselves send mail.
	Directory Directory
	// SMTP is the mail server; nil: there is none, and mail steps fail.
	SMTP *SMTP
	// From is the sender of mail, like "The shop <care@shop.example>". Required
	// with SMTP and with DryRun.
	From string
	// ChatURL is where messages to the chat are posted; empty: there is none, and
	// chat steps fail.
	ChatURL string
	// DryRun has every message written, sealed and logged, and none sent.
	DryRun bool
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Logger is told of dry runs. Defaults to none.
	Logger *slog.Logger
}

// Connector tells people. It implements act.Connector.
type Connector struct {
	cfg  Config
	mail *mailer // nil: no mail
	chat *chat   // nil: no chat
}

// New returns a connector.
func New(cfg Config) (*Connector, error) {
	if cfg.Templates == nil || cfg.Bounces == nil {
		return nil, errors.New("configure notify: Templates and Bounces are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Connector{cfg: cfg}
	var err error
	switch {
	case cfg.SMTP != nil:
		c.mail, err = newMailer(*cfg.SMTP, cfg.From)
	case cfg.DryRun && cfg.From != "":
		c.mail, err = newMailer(SMTP{Host: "localhost", Port: 25}, cfg.From)
	}
	if err == nil && cfg.ChatURL != "" {
		c.chat, err = newChat(cfg.ChatURL)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Traits implements act.Connector.
func (c *Connector) Traits() act.Traits { return act.Traits{Window: window, AtLeastOnce: true} }

// Lookup implements act.Connector. Nobody can say whether a message arrived.
func (c *Connector) Lookup(context.Context, act.Request) (act.Found, error) {
	return act.Found{}, errors.New("nobody can be asked whether a message arrived")
}

// Do implements act.Connector.
func (c *Connector) Do(ctx context.Context, r act.Request) (act.Result, error) {
	page, err := pageOf(r)
	if err != nil {
		return act.Result{}, &act.Error{Status: decide.Failed, Code: codeTemplate, Err: err}
	}
	if r.Via == rule.ViaChat {
		return c.tellChat(ctx, r, page)
	}
	return c.tellCustomer(ctx, r, page)
}

func failed(code string) act.Result  { return act.Result{Status: decide.Failed, Code: code} }
func skipped(code string) act.Result { return act.Result{Status: decide.Skipped, Code: code} }

func (c *Connector) tellChat(ctx context.Context, r act.Request, page Page) (act.Result, error) {
	m, err := c.cfg.Templates.Write(r.Template, page.shown(chatText))
	if err != nil {
		return act.Result{}, &act.Error{Status: decide.Failed, Code: codeTemplate, Err: err}
	}
	text := m.Subject + "\n\n" + m.Text
	seal, err := sealed(struct {
		Chat string `json:"chat"`
	}{text})
	if err != nil {
		return failed(codeTooLarge), nil
	}
	if c.cfg.DryRun {
		return c.rehearse(ctx, r, seal), nil
	}
	if c.chat == nil {
		return failed(codeUnconfigured), nil
	}
	if err := c.chat.post(ctx, text); err != nil {
		return act.Result{}, err
	}
	return act.Result{Status: decide.Succeeded, Sent: seal}, nil
}

func (c *Connector) tellCustomer(ctx context.Context, r act.Request, page Page) (act.Result, error) {
	if c.mail == nil {
		return failed(codeUnconfigured), nil
	}
	person, instead, err := c.recipient(ctx, r)
	if instead.Status != "" || err != nil {
		return instead, err
	}
	page.Customer.Name, page.Customer.Locale = person.Name, person.Locale
	m, err := c.cfg.Templates.Write(r.Template, page.shown(visible.Text))
	if err != nil {
		return act.Result{}, &act.Error{Status: decide.Failed, Code: codeTemplate, Err: err}
	}
	l := letter{id: c.mail.messageID(r), to: person.Email, at: c.cfg.Now(), Message: m}
	seal, err := sealed(sentMail{MessageID: l.id, From: c.mail.from.String(), To: l.to, Subject: m.Subject, Text: m.Text, HTML: m.HTML})
	if err != nil {
		return failed(codeTooLarge), nil
	}
	if c.cfg.DryRun {
		return c.rehearse(ctx, r, seal), nil
	}
	if err := c.mail.send(ctx, l); err != nil {
		return act.Result{}, c.remember(ctx, l.to, err)
	}
	return act.Result{Status: decide.Succeeded, Ref: l.id, Sent: seal}, nil
}

// recipient finds whom to write to, or what the step comes to instead.
func (c *Connector) recipient(ctx context.Context, r act.Request) (directory.Person, act.Result, error) {
	var values struct {
		To string `json:"to"`
	}
	if err := json.Unmarshal(r.Values, &values); err != nil {
		return directory.Person{}, act.Result{}, &act.Error{Status: decide.Failed, Code: codeTemplate, Err: err}
	}
	var person directory.Person
	switch {
	case c.cfg.Directory != nil && r.Customer != "":
		found, err := c.cfg.Directory.Find(ctx, r.Customer)
		if err != nil {
			return person, act.Result{}, &act.Error{Status: decide.Retrying, Code: codeDirectory, Err: err}
		}
		if found != nil {
			person = *found
		}
	case values.To == "":
		return person, failed(codeDirectory), nil
	}
	if values.To != "" && values.To != person.Email {
		person.Email, person.Bounced = values.To, false
	}
	switch {
	case person.Unsubscribed:
		return person, skipped(codeUnsubscribed), nil
	case person.Email == "":
		return person, skipped(codeAddress), nil
	case !directory.IsAddress(person.Email):
		return person, failed(codeAddress), nil
	case person.Bounced:
		return person, skipped(codeBounced), nil
	}
	bounced, err := c.cfg.Bounces.Bounced(ctx, person.Email)
	switch {
	case err != nil:
		return person, act.Result{}, &act.Error{Status: decide.Retrying, Code: codeStore, Err: err}
	case bounced:
		return person, skipped(codeBounced), nil
	}
	return person, act.Result{}, nil
}

// remember remembers an address that the server refused for good.
func (c *Connector) remember(ctx context.Context, address string, err error) error {
	var refused *act.Error
	if !errors.Is(err, errBounced) || !errors.As(err, &refused) {
		return err
	}
	if remembering := c.cfg.Bounces.RememberBounce(ctx, address, refused.Code, c.cfg.Now()); remembering != nil {
		return &act.Error{Status: decide.Retrying, Code: codeStore, Err: remembering}
	}
	return err
}

// rehearse logs what would have been sent, without saying to whom.
func (c *Connector) rehearse(ctx context.Context, r act.Request, seal string) act.Result {
	c.cfg.Logger.InfoContext(ctx, "message written, not sent", slog.String("action", r.Action.String()), slog.String("template", r.Template),
		slog.String("via", r.Via), slog.Int("bytes", len(seal)))
	return act.Result{Status: decide.Succeeded, Code: codeDryRun, Sent: seal}
}

// sentMail is what is sealed of a mail.
type sentMail struct {
	MessageID string `json:"message_id"`
	From      string `json:"from"`
	To        string `json:"to"`
	Subject   string `json:"subject"`
	Text      string `json:"text"`
	HTML      string `json:"html,omitempty"`
}

// sealed writes what is sealed of a message. It is an error when it is too large
// for that: what cannot be shown later is not sent.
func sealed(value any) (string, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return "", fmt.Errorf("write message: %w", err)
	}
	if buf.Len() > decide.MaxSent {
		return "", fmt.Errorf("write message: it has more than %d bytes", decide.MaxSent)
	}
	return buf.String(), nil
}

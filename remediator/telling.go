package remediator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"

	"github.com/makegood/makegood/remediator/act/directory"
	"github.com/makegood/makegood/remediator/act/notify"
	"github.com/makegood/makegood/remediator/act/webhook"
	"github.com/makegood/makegood/remediator/api"
	receive "github.com/makegood/makegood/remediator/ingest/webhook"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/webhooks"
)

// Telling says how people and other systems are told. What is not configured
// waits in the outbox until it is.
type Telling struct {
	// Templates is the folder of templates. Without one, notify steps wait.
	Templates string
	// SMTP is the mail server, like smtp://user@mail.example.com:587.
	SMTP string
	// SMTPPassword signs in at the mail server.
	SMTPPassword string
	// MailFrom is the sender of mail. Required with SMTP.
	MailFrom string
	// Directory is the address behind which the business says who a customer is.
	Directory string
	// DirectoryToken is shown to the directory as bearer token. Defaults to none.
	DirectoryToken string
	// ChatURL is where a chat takes messages.
	ChatURL string
	// DryRun has every message written and sealed, and none sent.
	DryRun bool
	// Webhooks is the file of webhooks. Without one, webhook steps wait and no
	// source may send.
	Webhooks string
}

// connectTelling connects what is configured, and adds its faces to the API. The
// ledger's checkpoints are told too, where somebody keeps them.
func (s *Service) connectTelling(faces *api.Config) error {
	if err := s.connectNotify(); err != nil {
		return err
	}
	faces.Receive = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, http.StatusNotFound, "not-found", "there is no "+r.URL.Path)
	})
	if s.cfg.Telling.Webhooks == "" {
		return s.keepCheckpoints(context.Background(), nil)
	}
	file, err := webhooks.Load(s.cfg.Telling.Webhooks)
	if err != nil {
		return err
	}
	faces.Receive = receive.New(receive.Config{
		Log: appender(s.appendEvents), Sources: file.Sources, EventClock: s.cfg.EventClock, Now: s.cfg.Now,
	})
	out := webhook.New(webhook.Config{Endpoints: file.Endpoints, Switches: s.ledger, Now: s.cfg.Now})
	faces.Webhooks = out
	if err := s.checkSteps(rule.Webhook, func(_ *rule.Rule, step *rule.Step) error {
		if _, ok := out.Endpoints()[step.Endpoint]; !ok {
			return fmt.Errorf("%s has no endpoint %s", s.cfg.Telling.Webhooks, step.Endpoint)
		}
		return nil
	}); err != nil {
		return err
	}
	if err := s.connect("webhook", out); err != nil {
		return err
	}
	return s.keepCheckpoints(context.Background(), out)
}

// connectNotify connects mail and chat.
func (s *Service) connectNotify() error {
	t := s.cfg.Telling
	if t.Templates == "" {
		if t.SMTP != "" || t.ChatURL != "" || t.DryRun {
			return errors.New("configure notify: there is a way to tell people and no folder of templates")
		}
		return nil
	}
	templates, err := notify.Load(os.DirFS(t.Templates))
	if err != nil {
		return fmt.Errorf("templates in %s:\n%w", t.Templates, err)
	}
	cfg := notify.Config{
		Templates: templates, Bounces: s.ledger, From: t.MailFrom, ChatURL: t.ChatURL, DryRun: t.DryRun, Now: s.cfg.Now, Logger: s.cfg.Logger,
	}
	if t.SMTP != "" {
		server, err := notify.ParseSMTP(t.SMTP)
		if err != nil {
			return err
		}
		if server.User != "" && t.SMTPPassword == "" && !t.DryRun {
			return errors.New("read mail server: it names a user and no password is given: put it into a file: --smtp-password-file")
		}
		server.Password = t.SMTPPassword
		cfg.SMTP = &server
	}
	if t.Directory != "" {
		if cfg.Directory, err = directory.New(directory.Config{URL: t.Directory, Token: t.DirectoryToken}); err != nil {
			return err
		}
	}
	out, err := notify.New(cfg)
	if err != nil {
		return err
	}
	if err := s.checkSteps(rule.Notify, fits(templates)); err != nil {
		return err
	}
	return s.connect("notify", out)
}

// fits returns a check that a template exists and asks for no let that the rule
// does not have: the customer would wait for a mail that cannot be written.
func fits(templates *notify.Templates) func(*rule.Rule, *rule.Step) error {
	return func(r *rule.Rule, step *rule.Step) error {
		if !templates.Has(step.Template) {
			return fmt.Errorf("there is no template %s", step.Template)
		}
		for _, let := range templates.Lets(step.Template) {
			if !slices.ContainsFunc(r.Lets, func(l rule.Let) bool { return l.Name == let }) {
				return fmt.Errorf("the template %s needs the let %s, which the rule does not have", step.Template, let)
			}
		}
		return nil
	}
}

// checkSteps checks the steps of one kind in the rules that are to be in force,
// now and whenever the rules are read again.
func (s *Service) checkSteps(kind string, check func(*rule.Rule, *rule.Step) error) error {
	s.fits = append(s.fits, func(set *rule.Set) error { return stepsFit(set, kind, check) })
	if s.rules == nil {
		return nil
	}
	return stepsFit(s.rules, kind, check)
}

func stepsFit(set *rule.Set, kind string, check func(*rule.Rule, *rule.Step) error) error {
	var wrong []error
	for _, r := range set.Rules {
		for i := range r.Steps {
			if r.Steps[i].Kind != kind {
				continue
			}
			if err := check(r, &r.Steps[i]); err != nil {
				wrong = append(wrong, fmt.Errorf("%s:%d: rule %s, step %s: %w", r.File, r.Line, r.Name, r.Steps[i].Name, err))
			}
		}
	}
	return errors.Join(wrong...)
}

// Command video is a shop that pays a film back which stalled, unasked: see README.md.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox"
	"github.com/makegood/makegood/remediator/sandbox/mailbox"
	"github.com/makegood/makegood/sdk"
)

var (
	//go:embed rules/poor-playback.yaml
	poorPlayback string
	//go:embed templates
	templates embed.FS
)

// playback is what the shop knows when a film is over.
type playback struct {
	Customer string `makegood:"customer"`
	Rental   string `json:"rental"`
	Film     string `json:"film"`
	Payment  string `json:"payment"`
	Paid     string `json:"paid" makegood:"money"`
	Email    string `json:"email" makegood:"email"`
	Watched  int    `json:"watch_s"`
	Stalled  int    `json:"stall_s"`
	Stalls   int    `json:"stalls"`
	Pauses   int    `json:"user_pauses"`
}

var finished = makegood.Define[playback]("com.example.video.playback.finished")

// evening is what was played: one film stalled, one was paused by its viewer.
var evening = []playback{
	{"c-ada", "r-1", "Metropolis", "pi_1", "3.99 USD", "ada@example.com", 9180, 4, 1, 2},
	{"c-bob", "r-2", "Casablanca", "pi_2", "2.99 USD", "bob@example.com", 6120, 1130, 14, 1},
	{"c-cyd", "r-3", "Nosferatu", "pi_3", "2.99 USD", "cyd@example.com", 5640, 900, 6, 6},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "video:", err)
		os.Exit(1)
	}
}

// run plays the films beside a service, a bank that moves no money and a mail
// server that delivers nothing, and tells what followed. Nothing is left behind.
func run(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "makegood-video-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	bank, noBank := sandbox.Open(sandbox.Config{})
	mail, noMail := mailbox.Open()
	if err := errors.Join(noBank, noMail, os.CopyFS(dir, templates)); err != nil {
		return err
	}
	counter := httptest.NewServer(bank)
	defer counter.Close()
	defer func() { err = errors.Join(err, mail.Close()) }()
	service, err := remediator.Start(ctx, remediator.Config{
		Rules: []rule.File{{Path: "poor-playback.yaml", Text: poorPlayback}}, Provider: counter.URL,
		Telling: remediator.Telling{Templates: dir + "/templates", SMTP: mail.URL(), MailFrom: "Video <care@video.example>"},
		Logger:  slog.New(slog.DiscardHandler),
	}, "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	mg, err := makegood.New("video", makegood.URL(service.URL))
	if err != nil {
		return err
	}
	for _, p := range evening {
		fmt.Fprintf(out, "%s watched %s: %d min, of which it stalled %d s in %d stalls; %d pauses\n", p.Customer, p.Film, p.Watched/60, p.Stalled, p.Stalls, p.Pauses)
		finished.Emit(ctx, mg, p)
	}
	_, undelivered := mg.Shutdown(ctx)
	if err := errors.Join(undelivered, service.WaitIdle(ctx)); err != nil {
		return err
	}
	answer, err := http.Get(service.URL + "/v1/remedies")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var found struct {
		Remedies []struct{ Remedy, Rule, Status, Customer, Event string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&found); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nNobody has complained. What followed:")
	for _, r := range found.Remedies {
		fmt.Fprintf(out, "\n  event   %s of %s\n  remedy  %s by %s: %s\n", r.Event, r.Customer, r.Remedy, r.Rule, r.Status)
	}
	fmt.Fprintf(out, "  refunds %d, says the bank, of %d cents in all\n", bank.Summary().Refunds, bank.Summary().Totals["USD"])
	for _, letter := range mail.Letters() {
		fmt.Fprintf(out, "  mail    to %s: %s\n%s\n", letter.To, letter.Subject, letter.Text)
	}
	return nil
}

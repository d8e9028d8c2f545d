package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/act/directory"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

var (
	_ act.Connector = (*Connector)(nil)
	_ Directory     = (*directory.Directory)(nil)

	noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
)

// people is a directory behind real HTTP: an answer for each customer.
func people(t testing.TB, answers map[string]string) Directory {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[path.Base(r.URL.Path)]
		w.Header().Set("Content-Type", "application/json")
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	d, err := directory.New(directory.Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var customers = map[string]string{
	"c-1": `{"email":"ada@shop.example","name":"Ada Löwe","locale":"en-GB"}`, "c-no": `{"email":"no@shop.example","unsubscribed":true}`,
	"c-back": `{"email":"back@shop.example","bounced":true}`, "c-mute": `{"name":"Mute"}`, "c-odd": `{"mail":"x"}`,
}

func connect(t testing.TB, s *mailServer, change func(*Config)) *Connector {
	t.Helper()
	cfg := Config{Templates: load(t, sorry), Bounces: store(t), Directory: people(t, customers), From: "The shop <care@shop.example>",
		Now: func() time.Time { return noon }}
	if s != nil {
		cfg.SMTP = &s.smtp
	}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func request(customer string) act.Request {
	paid := money.Money{Minor: 299, Currency: "USD"}
	return act.Request{
		Action: uuid.MustParse("00000000-0000-4000-8000-000000000001"), Remedy: uuid.MustParse("00000000-0000-4000-8000-000000000002"),
		Rule: "late", Kind: "notify", Template: "sorry", Via: "mail", Customer: customer, Values: json.RawMessage(`{"let":{"title":"Café “Casablanca”"}}`),
		Results: []act.StepResult{{Name: "refund", Kind: "refund", Status: "succeeded", Amount: &paid, Ref: "re_1"}},
	}
}

// outcome returns the status and code of an attempt, whether as result or as error.
func outcome(result act.Result, err error) (string, string) {
	var failed *act.Error
	if errors.As(err, &failed) {
		return failed.Status, failed.Code
	}
	return result.Status, result.Code
}

func TestMail(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]behaviour{"STARTTLS": {}, "TLS": {tls: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newMailServer(t, b)
			c := connect(t, s, nil)
			for range 2 { // a crash between sending and reporting sends it again
				result, err := c.Do(t.Context(), request("c-1"))
				if err != nil || result.Status != decide.Succeeded || result.Ref != "00000000-0000-4000-8000-000000000001@shop.example" {
					t.Fatalf("got %+v, %v", result, err)
				}
				var sent sentMail
				if err := json.Unmarshal([]byte(result.Sent), &sent); err != nil || sent.To != "ada@shop.example" || !strings.Contains(sent.Text, "2.99 USD") ||
					!strings.Contains(sent.HTML, "<b>2.99 USD</b>") || sent.MessageID != result.Ref {
					t.Errorf("to be sealed: %s", result.Sent)
				}
			}
			mails := s.received()
			if len(mails) != 2 || mails[0].from != "care@shop.example" || mails[0].to != "ada@shop.example" || s.signIns[0] != "shop" {
				t.Fatalf("the server has %+v, signed in %v", mails, s.signIns)
			}
			var ids []string
			for _, m := range mails {
				ids = append(ids, checkMail(t, m.data))
			}
			if ids[0] != ids[1] {
				t.Errorf("a repeat has another id: %v", ids)
			}
		})
	}
}

// checkMail reads a message as a mail client does and returns its Message-ID.
func checkMail(t *testing.T, data string) string {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != "We are sorry about Café “Casablanca”" {
		t.Errorf("subject %q, %v", subject, err)
	}
	if from := m.Header.Get("From"); from != `"The shop" <care@shop.example>` {
		t.Errorf("from %s", from)
	}
	if date, err := m.Header.Date(); err != nil || !date.Equal(noon) {
		t.Errorf("date %v, %v", date, err)
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" || m.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Fatalf("headers %v, %v", m.Header, err)
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for _, want := range []string{"Dear Ada Löwe,", "<p>Dear Ada Löwe, we paid <b>2.99 USD</b> back for Café “Casablanca”.</p>"} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(part)
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("part %s, %v; want %s", text, err, want)
		}
	}
	return m.Header.Get("Message-Id")
}

func TestWhoIsTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ customer, to, status, code, arrives string }{
		{"c-1", "", decide.Succeeded, "", "ada@shop.example"},
		{"c-no", "", decide.Skipped, "unsubscribed", ""},
		{"c-back", "", decide.Skipped, "bounced", ""},
		{"c-mute", "", decide.Skipped, "no_address", ""},
		{"c-nobody", "", decide.Skipped, "no_address", ""},
		{"c-odd", "", decide.Retrying, "no_directory", ""},
		{"", "", decide.Failed, "no_directory", ""},
		{"", "bo@shop.example", decide.Succeeded, "", "bo@shop.example"},
		{"c-1", "bo@shop.example", decide.Succeeded, "", "bo@shop.example"},
		{"c-back", "bo@shop.example", decide.Succeeded, "", "bo@shop.example"},
		{"c-no", "bo@shop.example", decide.Skipped, "unsubscribed", ""},
		{"", "bo", decide.Failed, "no_address", ""},
		{"", "bo@shop.example, all@shop.example", decide.Failed, "no_address", ""},
		{"", "bo@shop.example\r\nBcc: all@shop.example", decide.Failed, "no_address", ""},
	} {
		s := newMailServer(t, behaviour{})
		r := request(c.customer)
		if c.to != "" {
			r.Values = json.RawMessage(fmt.Sprintf(`{"let":{"title":"x"},"to":%q}`, c.to))
		}
		result, err := connect(t, s, nil).Do(t.Context(), r)
		if status, code := outcome(result, err); status != c.status || code != c.code {
			t.Errorf("%+v: %s %s, %v", c, status, code, err)
		}
		if mails := s.received(); (len(mails) == 1) != (c.arrives != "") || len(mails) == 1 && mails[0].to != c.arrives {
			t.Errorf("%+v: the server has %+v", c, mails)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	answer := func(code int) error { return &smtp.SMTPError{Code: code, Message: "no ada@shop.example"} }
	for _, c := range []struct {
		command string
		code    int
		status  string
		again   string // what the next attempt comes to
	}{
		{"RCPT", 550, decide.Failed, decide.Skipped},
		{"RCPT", 553, decide.Failed, decide.Skipped},
		{"RCPT", 450, decide.Retrying, decide.Succeeded},
		{"MAIL", 550, decide.Failed, decide.Succeeded},
		{"MAIL", 451, decide.Retrying, decide.Succeeded},
		{"DATA", 554, decide.Failed, decide.Succeeded},
		{"DATA", 452, decide.Retrying, decide.Succeeded},
	} {
		s := newMailServer(t, behaviour{})
		connector := connect(t, s, nil)
		s.refuses(c.command, answer(c.code))
		result, err := connector.Do(t.Context(), request("c-1"))
		if status, code := outcome(result, err); status != c.status || code != fmt.Sprint("smtp_", c.code) {
			t.Errorf("%s %d: %s %s, %v", c.command, c.code, status, code, err)
		}
		if err == nil || strings.Contains(err.Error(), "ada@") {
			t.Errorf("the error names the customer: %v", err)
		}
		s.refuses(c.command, nil)
		result, err = connector.Do(t.Context(), request("c-1"))
		if status, _ := outcome(result, err); status != c.again {
			t.Errorf("%s %d, then again: %s, %v; want %s", c.command, c.code, status, err, c.again)
		}
	}
}

// A server that takes the message and dies may have it: nobody knows, and the
// message goes out again under its id.
func TestNoAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	s := newMailServer(t, behaviour{})
	s.cut = true
	result, err := connect(t, s, nil).Do(t.Context(), request("c-1"))
	if status, code := outcome(result, err); status != decide.Unknown || code != "server" {
		t.Errorf("got %s %s, %v", status, code, err)
	}
}

func TestServerThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	plain, strange, nobody, mute, wrong := newMailServer(t, behaviour{plain: true}), newMailServer(t, behaviour{}), newMailServer(t, behaviour{}),
		newMailServer(t, behaviour{}), newMailServer(t, behaviour{})
	strange.smtp.TLS = nil // its certificate is from nobody whom the system knows
	nobody.smtp.Port = 1
	mute.smtp.Port = silent.Addr().(*net.TCPAddr).Port
	wrong.smtp.Password = "guess"
	for name, s := range map[string]*mailServer{"without STARTTLS": plain, "unknown certificate": strange, "nobody there": nobody, "silent": mute, "wrong password": wrong} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			result, err := connect(t, s, nil).Do(ctx, request("c-1"))
			if status, code := outcome(result, err); status != decide.Retrying || code != "server" || len(s.received()) != 0 {
				t.Errorf("got %s %s, %v; the server has %v", status, code, err, s.received())
			}
			if err != nil && strings.Contains(err.Error(), "guess") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
	unencrypted := newMailServer(t, behaviour{plain: true})
	unencrypted.smtp.Encryption, unencrypted.smtp.User = Opportunistic, ""
	if result, err := connect(t, unencrypted, nil).Do(t.Context(), request("c-1")); err != nil || result.Status != decide.Succeeded {
		t.Errorf("where encryption is optional: %+v, %v", result, err)
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	s := newMailServer(t, behaviour{})
	var logged bytes.Buffer
	for _, via := range []string{"mail", "chat"} {
		c := connect(t, s, func(cfg *Config) {
			cfg.DryRun, cfg.SMTP, cfg.Logger = true, nil, slog.New(slog.NewTextHandler(&logged, nil))
		})
		r := request("c-1")
		r.Via = via
		result, err := c.Do(t.Context(), r)
		if err != nil || result.Status != decide.Succeeded || result.Code != "dry_run" || !strings.Contains(result.Sent, "2.99 USD") {
			t.Errorf("%s: %+v, %v", via, result, err)
		}
	}
	if text := logged.String(); len(s.received()) != 0 || !strings.Contains(text, "sorry") || strings.Contains(text, "ada@") || strings.Contains(text, "Casablanca") {
		t.Errorf("the server has %v, logged %s", s.received(), text)
	}
	if result, err := connect(t, s, func(cfg *Config) { cfg.DryRun = true }).Do(t.Context(), request("c-no")); err != nil || result.Code != "unsubscribed" {
		t.Errorf("a dry run for one who unsubscribed: %+v, %v", result, err)
	}
}

func TestChat(t *testing.T) {
	t.Parallel()
	var got []string
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Header.Get("Content-Type")+" "+string(body))
		w.Header().Set("Retry-After", "7")
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	defer server.Close()
	c := connect(t, nil, func(cfg *Config) { cfg.ChatURL, cfg.Directory = server.URL+"/hooks/secret", nil })
	r := request("")
	r.Via = "chat"
	result, err := c.Do(t.Context(), r)
	const want = `application/json {"text":"We are sorry about Café “Casablanca”\n\nDear customer,\nwe paid 2.99 USD back.\n"}` + "\n"
	if err != nil || result.Status != decide.Succeeded || len(got) != 1 || got[0] != want || !strings.Contains(result.Sent, "Casablanca") {
		t.Errorf("got %+v, %v, posted %q", result, err, got)
	}
	for _, status = range []int{302, 404, 429, 500} {
		_, err := c.Do(t.Context(), r)
		var failed *act.Error
		if !errors.As(err, &failed) || failed.Status != decide.Retrying || failed.Code != fmt.Sprint("http_", status) || failed.RetryAfter != 7*time.Second ||
			strings.Contains(err.Error(), "secret") {
			t.Errorf("%d: %v", status, err)
		}
	}
	server.Close()
	if _, err := c.Do(t.Context(), r); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestWhatIsNotConfiguredFails(t *testing.T) {
	t.Parallel()
	for _, via := range []string{"mail", "chat"} {
		r := request("c-1")
		r.Via = via
		if result, err := connect(t, nil, nil).Do(t.Context(), r); err != nil || result.Status != decide.Failed || result.Code != "not_configured" {
			t.Errorf("%s: %+v, %v", via, result, err)
		}
	}
	r := request("c-1")
	r.Template = "other"
	result, err := connect(t, newMailServer(t, behaviour{}), nil).Do(t.Context(), r)
	if status, code := outcome(result, err); status != decide.Failed || code != "template" {
		t.Errorf("an unknown template: %s %s", status, code)
	}
	for _, cfg := range []Config{{}, {Templates: load(t, sorry), Bounces: store(t), SMTP: &SMTP{Host: "localhost", Port: 25}},
		{Templates: load(t, sorry), Bounces: store(t), ChatURL: "http://chat.example/x"}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}

func TestParseSMTP(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]SMTP{
		"smtp://mail.shop.example":                          {Host: "mail.shop.example", Port: 587},
		"smtp://me@mail.shop.example:2525":                  {Host: "mail.shop.example", Port: 2525, User: "me"},
		"smtp://me%40shop.example@mail.shop.example":        {Host: "mail.shop.example", Port: 587, User: "me@shop.example"},
		"smtps://me@mail.shop.example":                      {Host: "mail.shop.example", Port: 465, User: "me", Encryption: Implicit},
		"smtp://mail.shop.example?starttls=optional":        {Host: "mail.shop.example", Port: 587, Encryption: Opportunistic},
		"smtp://[::1]:25?starttls=off":                      {Host: "::1", Port: 25, Encryption: Plain},
		"smtp://me@127.0.0.1:25?starttls=off":               {Host: "127.0.0.1", Port: 25, User: "me", Encryption: Plain},
		"smtp://me@mail.shop.example:587?starttls=required": {Host: "mail.shop.example", Port: 587, User: "me"},
	} {
		if got, err := ParseSMTP(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "mail.shop.example", "mail.shop.example:587", "http://mail.shop.example", "smtp://", "smtp://me:secret@mail.shop.example",
		"smtp://mail.shop.example/path", "smtp://mail.shop.example:0", "smtp://mail.shop.example:70000", "smtp://mail.shop.example?starttls=maybe",
		"smtp://mail.shop.example?tls=off", "smtps://mail.shop.example?starttls=off", "smtp://me@mail.shop.example?starttls=off", "smtp://me@mail.shop.example?starttls=optional"} {
		if got, err := ParseSMTP(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s was read as %+v, %v", text, got, err)
		}
	}
}

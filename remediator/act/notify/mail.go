package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
)

// mailTimeout bounds one message from the connection to the server's last answer.
const mailTimeout = 15 * time.Second

// SMTP says how to reach a mail server.
type SMTP struct {
	Host string
	Port int
	// User and Password sign in where the server asks for it. Without a user
	// nobody signs in.
	User, Password string
	// Encryption is one of the policies below. Defaults to StartTLS.
	Encryption Encryption
	// TLS is the configuration of encrypted connections. Defaults to the system's
	// certificates.
	TLS *tls.Config
}

// Encryption is how a connection to a mail server is encrypted.
type Encryption int

// The policies. A password is never sent in clear, except to this machine.
const (
	StartTLS      Encryption = iota // encrypted by STARTTLS, or nothing is sent
	Opportunistic                   // encrypted when the server offers it
	Implicit                        // encrypted from the first byte (port 465)
	Plain                           // never encrypted: for a server on this machine
)

// ParseSMTP reads a server from an address like smtp://user@mail.example:587 or
// smtps://user@mail.example. With ?starttls=optional or ?starttls=off, smtp does
// without encryption where the server has none, or always.
func ParseSMTP(text string) (SMTP, error) {
	const hint = "write it like smtp://user@mail.example.com:587 or smtps://user@mail.example.com"
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return SMTP{}, errors.New("read mail server: " + hint)
	}
	if _, given := u.User.Password(); given {
		return SMTP{}, errors.New("read mail server: put the password into a file of its own: --smtp-password-file")
	}
	s := SMTP{Host: u.Hostname(), User: u.User.Username(), Port: 587}
	policies := map[string]Encryption{"": StartTLS, "required": StartTLS, "optional": Opportunistic, "off": Plain}
	policy, known := policies[u.Query().Get("starttls")]
	for name := range u.Query() {
		known = known && name == "starttls"
	}
	switch {
	case u.Scheme == "smtps" && u.RawQuery == "":
		s.Port, policy = 465, Implicit
	case u.Scheme != "smtp" || !known:
		return SMTP{}, errors.New("read mail server: " + hint + "; the only parameter is starttls=required, optional or off, of smtp")
	}
	s.Encryption = policy
	if u.Port() != "" {
		if s.Port, err = strconv.Atoi(u.Port()); err != nil || s.Port < 1 || s.Port > 65535 {
			return SMTP{}, fmt.Errorf("read mail server: %q is no port", u.Port())
		}
	}
	if s.User != "" && (policy == Opportunistic || policy == Plain) && !loopback(s.Host) {
		return SMTP{}, errors.New("read mail server: a password would be sent in clear: leave starttls away, or the user")
	}
	return s, nil
}

// mailer sends messages to one address each.
type mailer struct {
	smtp SMTP
	from mail.Address
	helo string
}

func newMailer(s SMTP, from string) (*mailer, error) {
	address, err := mail.ParseAddress(from)
	if err != nil {
		return nil, fmt.Errorf("read sender's address %q: %w: write it like \"The shop <care@shop.example>\"", from, err)
	}
	m := &mailer{smtp: s, from: *address}
	_, m.helo, _ = strings.Cut(address.Address, "@")
	_, err = m.client(mailTimeout)
	return m, err
}

// client returns a client for one connection that lasts for a time.
func (m *mailer) client(lasts time.Duration) (*gomail.Client, error) {
	options := []gomail.Option{gomail.WithPort(m.smtp.Port), gomail.WithTimeout(lasts), gomail.WithHELO(m.helo), gomail.WithoutNoop()}
	switch m.smtp.Encryption {
	case StartTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case Opportunistic:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case Implicit:
		options = append(options, gomail.WithSSL())
	case Plain:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if m.smtp.TLS != nil {
		options = append(options, gomail.WithTLSConfig(m.smtp.TLS))
	}
	if m.smtp.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(m.smtp.User), gomail.WithPassword(m.smtp.Password))
	}
	client, err := gomail.NewClient(m.smtp.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("configure mail: %w", err)
	}
	return client, nil
}

// letter is a message to an address.
type letter struct {
	id string // Message-ID without brackets
	to string
	at time.Time
	Message
}

// messageID is the same for every attempt of an action, so that a mailbox that
// gets a message twice can see it.
func (m *mailer) messageID(r act.Request) string { return r.Action.String() + "@" + m.helo }

func (m *mailer) compose(l letter) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&m.from)
	if err := msg.To(l.to); err != nil {
		return nil, errors.New("compose mail: the recipient's address is none")
	}
	msg.Subject(l.Subject)
	msg.SetMessageIDWithValue(l.id)
	msg.SetDateWithValue(l.at)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // so that no holiday notice answers
	msg.SetBodyString(gomail.TypeTextPlain, l.Text)
	if l.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	}
	return msg, nil
}

// errBounced says that the server refused the recipient for good.
var errBounced = errors.New("the recipient was refused")

// send sends a message once. Its errors are *act.Error; errBounced is among their
// causes when nothing will ever reach the address.
func (m *mailer) send(ctx context.Context, l letter) error {
	msg, err := m.compose(l)
	if err != nil {
		return &act.Error{Status: decide.Failed, Code: codeAddress, Err: err}
	}
	lasts := mailTimeout
	if deadline, ok := ctx.Deadline(); ok {
		lasts = max(min(lasts, time.Until(deadline)), time.Millisecond)
	}
	client, err := m.client(lasts)
	if err != nil {
		return &act.Error{Status: decide.Retrying, Code: codeServer, Err: err}
	}
	connection, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return &act.Error{Status: decide.Retrying, Code: codeServer, Err: fmt.Errorf("connect to mail server: %w", err)}
	}
	// The connection goes when the attempt's time is over, whoever is silent.
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer stop()
	err = client.SendWithSMTPClient(connection, msg)
	_ = client.CloseWithSMTPClient(connection) // what was accepted stays accepted, however we part
	if err == nil || msg.IsDelivered() {
		return nil
	}
	return refusal(err)
}

// refusal says what is known about a message that the server did not accept.
func refusal(err error) error {
	var sent *gomail.SendError
	if !errors.As(err, &sent) {
		return &act.Error{Status: decide.Unknown, Code: codeServer, Err: fmt.Errorf("send mail: %w", err)}
	}
	code := codeServer
	if sent.ErrorCode() > 0 {
		code = "smtp_" + strconv.Itoa(sent.ErrorCode())
	}
	// The error names the recipient, who must not be in a log.
	plain := fmt.Errorf("send mail: the server answered %d to step %s", sent.ErrorCode(), sent.Reason)
	permanent := sent.ErrorCode() >= 500 && !sent.IsTemp()
	switch {
	case sent.Reason == gomail.ErrSMTPRcptTo && permanent:
		return &act.Error{Status: decide.Failed, Code: code, Err: fmt.Errorf("%w: %w", errBounced, plain)}
	case permanent:
		return &act.Error{Status: decide.Failed, Code: code, Err: plain}
	case sent.Reason == gomail.ErrSMTPDataClose && sent.ErrorCode() == 0:
		return &act.Error{Status: decide.Unknown, Code: codeServer, Err: plain} // sent, and no answer came
	}
	return &act.Error{Status: decide.Retrying, Code: code, Err: plain}
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

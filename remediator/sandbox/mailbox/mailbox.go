// Package mailbox is a mail server that delivers nothing: it keeps the letters that
// it is given.
//
// It is for examples, for trying templates out, and for tests: Telling.SMTP of a
// service points at it, and what the service tells people can be read.
package mailbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"slices"
	"sync"

	"github.com/emersion/go-smtp"
)

// Letter is a mail as its reader sees it.
type Letter struct {
	To, Subject string
	Text        string // without the blank lines around it
}

// Mailbox is a mail server on this machine. It is safe for concurrent use.
type Mailbox struct {
	url    string
	server *smtp.Server
	served chan error

	mu      sync.Mutex
	letters []Letter
}

// Open starts a mail server on a free port of this machine.
func Open() (*Mailbox, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for mail: %w", err)
	}
	m := &Mailbox{url: "smtp://" + listener.Addr().String() + "?starttls=off", served: make(chan error, 1)}
	m.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return session{m}, nil }))
	go func() { m.served <- m.server.Serve(listener) }()
	return m, nil
}

// URL is what Telling.SMTP of a service takes.
func (m *Mailbox) URL() string { return m.url }

// Letters returns the letters in the order in which they came.
func (m *Mailbox) Letters() []Letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.letters)
}

// Close ends the server. The letters stay.
func (m *Mailbox) Close() error {
	err := m.server.Close()
	if served := <-m.served; !errors.Is(served, smtp.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// session takes the mails of one connection.
type session struct{ *Mailbox }

func (session) Mail(string, *smtp.MailOptions) error { return nil }
func (session) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (session) Reset()                               {}
func (session) Logout() error                        { return nil }

// Data implements smtp.Session.
func (s session) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	body := m.Body
	if m.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return fmt.Errorf("read subject of mail: %w", err)
	}
	to := m.Header.Get("To")
	if list, err := m.Header.AddressList("To"); err == nil && len(list) == 1 {
		to = list[0].Address
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = append(s.letters, Letter{to, subject, string(bytes.TrimSpace(text))})
	return nil
}

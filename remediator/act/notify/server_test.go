package notify

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
)

// mailServer is a real SMTP server on a socket of this machine.
type mailServer struct {
	smtp    SMTP // how to reach it
	mu      sync.Mutex
	mails   []received
	refuse  map[string]error // by command: MAIL, RCPT, DATA
	cut     bool             // falls silent and hangs up when it has the message
	signIns []string
}

type received struct{ from, to, data string }

type behaviour struct {
	plain bool // offers no STARTTLS
	tls   bool // speaks TLS from the first byte
}

func newMailServer(t testing.TB, b behaviour) *mailServer {
	t.Helper()
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	s := &mailServer{refuse: map[string]error{}}
	server := smtp.NewServer(s)
	server.AllowInsecureAuth = true
	config := &tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	s.smtp = SMTP{Host: "127.0.0.1", User: "shop", Password: "hunter2", TLS: &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12}}
	if s.smtp.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	if b.tls {
		listener, s.smtp.Encryption = tls.NewListener(listener, config), Implicit
	} else if !b.plain {
		server.TLSConfig = config
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// NewSession implements smtp.Backend.
func (s *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: c.Conn()}, nil
}

func (s *mailServer) received() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails
}

// refuses has a command refused from now on; nil: accepted.
func (s *mailServer) refuses(command string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse[command] = err
}

func (s *mailServer) refusal(command string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refuse[command]
}

type session struct {
	server *mailServer
	conn   net.Conn
	mail   received
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		s.server.signIns = append(s.server.signIns, user)
		if password != "hunter2" {
			return errors.New("wrong password")
		}
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.mail.from = from
	return s.server.refusal("MAIL")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = to
	return s.server.refusal("RCPT")
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.server.refusal("DATA"); err != nil {
		return err
	}
	s.mail.data = string(data)
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, s.mail)
	if s.server.cut {
		return s.conn.Close()
	}
	return nil
}

func (s *session) Reset()        { s.mail = received{} }
func (s *session) Logout() error { return nil }

func store(t testing.TB) *ledgerdb.DB {
	t.Helper()
	private, _, err := ledger.NewKey(rand.Reader, ledger.Origin("test"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := ledgerdb.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), ledgerdb.Options{Key: private})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

package crash

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/mail"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/makegood/makegood/remediator/webhooks/signature"
)

// toldConfig of those who are told: a mail server and a receiver of webhooks.
type toldConfig struct {
	Mail, Web string // where they listen
	Secret    string // of the webhooks
}

// arrival is a message as it arrived.
type arrival struct {
	Kind string // mail or webhook
	ID   string // its Message-ID or webhook-id
	Text string // what a person reads, or the body
}

// answerLate is how long one who was told thinks before it answers. A service that
// is killed then does not know that its message arrived.
const answerLate = 15 * time.Millisecond

// told keeps what arrived. It survives the service, and answers at /arrivals what
// came so far.
type told struct {
	secret   signature.Secret
	mu       sync.Mutex
	arrivals []arrival
}

func runTold(encoded []byte) error {
	var c toldConfig
	if err := json.Unmarshal(encoded, &c); err != nil {
		return err
	}
	secret, err := signature.ParseSecret(c.Secret)
	if err != nil {
		return err
	}
	t := &told{secret: secret}
	listener, err := net.Listen("tcp", c.Mail)
	if err != nil {
		return err
	}
	mails := smtp.NewServer(t)
	go func() { _ = mails.Serve(listener) }() // until the process ends
	return serve(c.Web, t)
}

func (t *told) arrived(a arrival) {
	t.mu.Lock()
	t.arrivals = append(t.arrivals, a)
	t.mu.Unlock()
	<-time.After(answerLate)
}

func (t *told) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		t.mu.Lock()
		defer t.mu.Unlock()
		_ = json.NewEncoder(w).Encode(t.arrivals)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender died while it was sending: nothing arrived
	}
	m, err := signature.Verify([]signature.Secret{t.secret}, r.Header, body, time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized) // and it is lost, which the test finds
		return
	}
	t.arrived(arrival{"webhook", m.ID, string(body)})
}

// NewSession implements smtp.Backend.
func (t *told) NewSession(*smtp.Conn) (smtp.Session, error) { return &mailSession{told: t}, nil }

type mailSession struct{ told *told }

func (*mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (*mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (*mailSession) Reset()                               {}
func (*mailSession) Logout() error                        { return nil }

// Data takes a mail, unless its sender dies before the end of it.
func (s *mailSession) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(m.Body)
	if err != nil {
		return err
	}
	read := m.Header.Get("Subject") + "\n\n" + strings.ReplaceAll(string(text), "\r\n", "\n")
	s.told.arrived(arrival{"mail", strings.Trim(m.Header.Get("Message-ID"), "<>"), strings.TrimSpace(read)})
	return nil
}

// arrivals asks what came so far.
func arrivals(web string) ([]arrival, error) {
	resp, err := http.Get("http://" + web + "/arrivals")
	if err != nil {
		return nil, fmt.Errorf("ask what arrived: %w", err)
	}
	defer resp.Body.Close()
	var all []arrival
	return all, json.NewDecoder(resp.Body).Decode(&all)
}

// Package directory asks the business who a customer is: the service itself knows
// customers by pseudonymous ids only, and whom it writes to it asks each time.
//
// The directory is an HTTP service of the business: GET {url}/{customer} answers
// 200 with
//
//	{"email":"ada@example.com","name":"Ada","locale":"pt-BR","unsubscribed":false,"bounced":false}
//
// where every field may be left out, or 404 when there is no such customer. It is
// read strictly: a field with another name is an error, because an "unsubscribe"
// that nobody reads would be mail to somebody who asked for none. Redirects are
// not followed, so that the answer comes from where the operator said.
package directory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/event"
)

const (
	// defaultTimeout bounds one question.
	defaultTimeout = 5 * time.Second
	// maxAnswer bounds an answer in bytes.
	maxAnswer = 16 << 10
	// maxText bounds a name, a locale and an address in bytes.
	maxText = 320
)

// Person is who a customer is.
type Person struct {
	Email        string `json:"email"` // an address without a name; empty: none is known
	Name         string `json:"name"`
	Locale       string `json:"locale"`       // a language tag like pt-BR; empty: none is known
	Unsubscribed bool   `json:"unsubscribed"` // asked for no mail
	Bounced      bool   `json:"bounced"`      // mail to the address comes back
}

// Config of a Directory.
type Config struct {
	// URL is what a customer's id is put behind. Required.
	URL string
	// Token is sent as bearer token. Defaults to none.
	Token string
	// Timeout bounds one question. Defaults to 5 s.
	Timeout time.Duration
}

// Directory asks the business. It is safe for concurrent use.
type Directory struct {
	url, token string
	client     *http.Client
}

// New returns a directory.
func New(cfg Config) (*Directory, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("configure directory: its address is no http or https URL without a query, like https://shop.example/customers")
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	return &Directory{url: strings.TrimSuffix(cfg.URL, "/"), token: cfg.Token, client: &http.Client{
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Find returns who a customer is, nil when the business knows nobody of that id.
// After an error nothing is known, and asking again may help. Errors do not name
// the customer.
func (d *Directory) Find(ctx context.Context, customer string) (*Person, error) {
	segment := url.PathEscape(customer)
	switch customer {
	case "":
		return nil, nil
	case ".", "..": // which every server on the way would resolve
		segment = strings.ReplaceAll(customer, ".", "%2E")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+"/"+segment, nil)
	if err != nil {
		return nil, errors.New("ask directory: the customer's id makes no address")
	}
	req.Header.Set("Accept", "application/json")
	if d.token != "" {
		req.Header.Set("Authorization", "Bearer "+d.token)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err // without the address, which names the customer
		}
		return nil, fmt.Errorf("ask directory: %w", err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return read(resp)
	case http.StatusNotFound:
		return nil, nil
	}
	return nil, fmt.Errorf("ask directory: it answered %d", resp.StatusCode)
}

// read reads an answer strictly.
func read(resp *http.Response) (*Person, error) {
	if mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return nil, errors.New("read directory's answer: its Content-Type is not application/json")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read directory's answer: %w", err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("read directory's answer: it has more than %d bytes", maxAnswer)
	}
	return decode(body)
}

var names = []string{"email", "name", "locale", "unsubscribed", "bounced"}

// decode decodes an answer. Its errors repeat nothing of it.
func decode(body []byte) (*Person, error) {
	if _, err := event.DecodeData(body); err != nil || !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return nil, errors.New("read directory's answer: it is no JSON object with each name once")
	}
	var p Person
	var fields map[string]json.RawMessage
	err := errors.Join(json.Unmarshal(body, &p), json.Unmarshal(body, &fields))
	for name := range fields {
		if !slices.Contains(names, name) { // Person itself would take them in any case
			err = errors.New("unknown field")
		}
	}
	if err != nil {
		return nil, errors.New("read directory's answer: it has other fields than the texts email, name and locale and the booleans unsubscribed and bounced")
	}
	if max(len(p.Email), len(p.Name), len(p.Locale)) > maxText {
		return nil, fmt.Errorf("read directory's answer: a text has more than %d bytes", maxText)
	}
	if p.Email != "" && !IsAddress(p.Email) {
		return nil, errors.New("read directory's answer: its email is no address")
	}
	return &p, nil
}

// IsAddress reports whether a text is one mail address and nothing more.
func IsAddress(text string) bool {
	address, err := mail.ParseAddress(text)
	return err == nil && address.Name == "" && address.Address == text && !strings.ContainsAny(text, "\r\n")
}

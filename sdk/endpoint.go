package makegood

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	requestTimeout = 30 * time.Second // one try, from connecting to the answer's end
	maxResponse    = 1 << 20          // an answer that rejects 1,000 events with reasons fits
)

// endpoint is where batches go and where gates ask.
type endpoint struct {
	url       string       // of events
	gates     string       // of all cords at once
	stream    string       // of their changes
	client    *http.Client // for requests that end
	listening *http.Client // for those that do not
	own       bool         // client was made by us
	agent     string
	source    string // of the events, which says who asks for gates; empty when a header cannot hold it
	gzip      atomic.Bool

	tokenFile string
	token     atomic.Pointer[string]
}

func newEndpoint(c *config) *endpoint {
	base := c.base
	if c.handler != nil {
		base = &url.URL{Scheme: "http", Host: "makegood.internal"}
	}
	e := &endpoint{
		url:       base.JoinPath("v1", "events").String(),
		gates:     base.JoinPath("v1", "andon", "gates").String(),
		stream:    base.JoinPath("v1", "andon", "stream").String(),
		tokenFile: c.tokenFile,
		agent:     userAgent(),
	}
	if isToken(c.source) {
		e.source = c.source
	}
	e.token.Store(&c.token)
	switch {
	case c.handler != nil:
		e.client = &http.Client{Transport: inProcess{c.handler}}
	case c.client != nil:
		client := *c.client
		e.client = &client
		e.gzip.Store(!isLoopback(e.url))
	default:
		e.own = true
		e.client = &http.Client{Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: requestTimeout,
			MaxIdleConnsPerHost:   2,
			IdleConnTimeout:       90 * time.Second,
			DisableCompression:    true,
			ForceAttemptHTTP2:     true,
		}}
		e.gzip.Store(!isLoopback(e.url))
	}
	// A redirect would send the token and the events elsewhere.
	e.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	listening := *e.client
	listening.Timeout = 0 // it would end every stream
	e.listening = &listening
	return e
}

// userAgent names the SDK and, where the build knows it, its version.
func userAgent() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/makegood/makegood/sdk" {
				return "makegood-go/" + m.Version
			}
		}
	}
	return "makegood-go"
}

// post makes one try. The body may be reused as soon as it returns.
func (e *endpoint) post(ctx context.Context, batch string, body []byte, zipped bool) (a answer, err error) {
	defer func() {
		if p := recover(); p != nil { // of an application's transport or handler
			err = fmt.Errorf("send request: panic: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	loan := &loan{text: body}
	defer loan.end()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, loan.reader())
	if err != nil {
		return answer{}, err
	}
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return loan.reader(), nil }
	req.Header.Set("Content-Type", "application/cloudevents-batch+json")
	req.Header.Set("Makegood-Batch", batch)
	if zipped {
		req.Header.Set("Content-Encoding", "gzip")
	}
	e.sign(req)
	res, err := e.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	a = answer{status: res.StatusCode, retryAfter: retryAfter(res.Header.Get("Retry-After"), time.Now())}
	a.body, err = io.ReadAll(io.LimitReader(res.Body, maxResponse))
	if err != nil && !a.accepted() {
		return answer{}, fmt.Errorf("read answer %d: %w", a.status, err)
	}
	return a, nil // an acceptance is in the status; its body may be cut short
}

// get asks for an address. The caller closes the answer's body.
func (e *endpoint) get(ctx context.Context, client *http.Client, address string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header = header
	if e.source != "" {
		req.Header.Set("Makegood-Source", e.source)
	}
	req.Header.Set("Accept-Encoding", "identity") // a compressed stream waits for company
	e.sign(req)
	return client.Do(req)
}

// sign says who asks.
func (e *endpoint) sign(req *http.Request) {
	req.Header.Set("User-Agent", e.agent)
	if token := *e.token.Load(); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
}

// rereadToken takes a replaced token into use.
func (e *endpoint) rereadToken() {
	if e.tokenFile == "" {
		return
	}
	if token, err := readTokenFile(e.tokenFile); err == nil && isToken(token) {
		e.token.Store(&token)
	}
}

func (e *endpoint) close() {
	if e.own {
		e.client.CloseIdleConnections()
	}
}

// loan lends a buffer to a transport, which may go on reading a request's body
// after Do has returned. Ending the loan cuts it off, so that the buffer can be
// used again.
type loan struct {
	mu   sync.Mutex
	text []byte
	over bool
}

func (l *loan) reader() io.ReadCloser { return &loanReader{loan: l} }

func (l *loan) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text, l.over = nil, true
}

type loanReader struct {
	loan *loan
	at   int
}

func (r *loanReader) Read(p []byte) (int, error) {
	r.loan.mu.Lock()
	defer r.loan.mu.Unlock()
	if r.loan.over {
		return 0, io.ErrClosedPipe
	}
	if r.at >= len(r.loan.text) {
		return 0, io.EOF
	}
	n := copy(p, r.loan.text[r.at:])
	r.at += n
	return n, nil
}

func (r *loanReader) Close() error { return nil }

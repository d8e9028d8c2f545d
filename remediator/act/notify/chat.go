package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/visible"
)

// chatTimeout bounds one message to a chat.
const chatTimeout = 10 * time.Second

// chat posts to the address that a chat gives out for incoming messages. The
// address is a secret: who knows it can write.
type chat struct {
	url    string
	client *http.Client
}

func newChat(address string) (*chat, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, errors.New("configure chat: its address is no https URL")
	}
	return &chat{url: address, client: &http.Client{
		Timeout:       chatTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// unmarked writes the signs by which a chat knows links, and words to everybody.
var unmarked = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// chatText makes a text from elsewhere one that a chat shows as it is.
func chatText(text string) string { return unmarked.Replace(visible.Text(text)) }

// post posts a text once. Its errors are *act.Error and do not name the address.
func (c *chat) post(ctx context.Context, text string) error {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]string{"text": text}); err != nil {
		return &act.Error{Status: decide.Failed, Code: codeTemplate, Err: fmt.Errorf("write chat message: %w", err)}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, &body)
	if err != nil {
		return &act.Error{Status: decide.Failed, Code: codeServer, Err: errors.New("write chat message: the address is none")}
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err
		}
		return &act.Error{Status: decide.Unknown, Code: codeServer, Err: fmt.Errorf("post to chat: %w", err)}
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil
	}
	return &act.Error{Status: decide.Retrying, Code: "http_" + strconv.Itoa(resp.StatusCode),
		RetryAfter: act.RetryAfter(resp.Header, time.Now()), Err: fmt.Errorf("post to chat: it answered %d", resp.StatusCode)}
}

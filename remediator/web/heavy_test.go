package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox/mailbox"
	"github.com/makegood/makegood/remediator/web"
)

const (
	maxPage = 150 << 10 // bytes of a page
	maxFact = 48 << 10  // of one that shows a fact, whose quotes are written with five
	// maxLetter is how many a mail has: what a template takes from an event is as long as
	// that, and is written twice.
	maxLetter = 4 * event.MaxBytes
)

// heavy is a text that is as long as an event, with a sign in it and what turns text around.
var heavy = "zq7x <zq7x>\u202e" + strings.Repeat("zq7x ", 11_800)

// heavyRules have a heavy text in each text of their own.
const heavyRules = `rules:
  - rule: heavy
    owner: shop
    why: %[1]q
    event: parcel.heavy
    if: data.text != %[1]q
    once_per: data.order
    let: {order: data.order}
    do:
      - refund: {payment: "${{ data.payment }}", amount: "${{ data.amount }}"}
      - notify: {template: plain, to: ada@example.com}
      - notify: {template: plain, via: chat}
        name: chat
    limits: {approve_above: 10.00 USD, budget: {amount: 1000000.00 USD, within: 1d}}
    account: %[1]q
    mode: live
`

// newWeight opens a house in which each text is heavy that may be.
func newWeight(t *testing.T) *trap {
	t.Helper()
	tr := &trap{}
	tr.house = newHouse(t, func(c *remediator.Config) {
		c.Rules = []rule.File{{Path: "heavy.yaml", Text: fmt.Sprintf(heavyRules, strings.Repeat("zq7x ", 3000))}}
		tr.mail = writesLetters(t, c, "Subject: About {{.Let.order}}\n\nDear {{.Customer.ID}}, {{.Let.order}} of {{.Subject}} came late: {{.Refunded}}.\n")
	})
	tr.hire(map[string]string{"ann": "agent", "pat": "approver", "wes": "author"})
	return tr
}

// writesLetters has a service write mails by the template "plain", into a mailbox, and to
// a chat that hears nothing.
func writesLetters(t *testing.T, c *remediator.Config, letter string) *mailbox.Mailbox {
	t.Helper()
	box, err := mailbox.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	chat := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(chat.Close)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "plain.en.txt"), []byte(letter), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Telling = remediator.Telling{Templates: folder, SMTP: box.URL(), MailFrom: "care@shop.example", ChatURL: chat.URL}
	return box
}

// weigh has events happen of which one field after the other is heavy, and returns how
// many are taken in.
func (tr *trap) weigh() (taken int) {
	tr.t.Helper()
	long := strings.Repeat("zq7x-", event.MaxText/5)
	for _, amount := range []string{"2.99 USD", "20.00 USD"} { // which is paid, and which waits
		for _, field := range []string{"order", "payment", "text", "a name", "id", "subject", "customer", "source"} {
			name := strings.ReplaceAll(field+"-"+amount, " ", "-")
			data := map[string]any{"order": name, "payment": "pi_" + name, "amount": amount, "text": ""}
			attributes := map[string]any{"specversion": "1.0", "id": name, "source": "/heavy", "type": "parcel.heavy", "customer": "c-" + name, "subject": name, "data": data}
			switch field {
			case "order", "payment", "text":
				data[field] = name + heavy
			case "a name":
				data[heavy] = name
			default:
				attributes[field] = "/" + name + long[len(name)+1:]
			}
			body, err := json.Marshal(attributes)
			if err != nil {
				tr.t.Fatal(err)
			}
			p := tr.bearer("emitter").post("/v1/events", string(body), "Content-Type", "application/cloudevents+json")
			if p.status != http.StatusAccepted {
				tr.t.Errorf("an event with a heavy %s is answered %d %.300s", field, p.status, p.body)
				continue
			}
			taken++
		}
	}
	tr.idle()
	return taken
}

// comment has people say something heavy wherever they can. What is too long is refused
// and says so.
func (tr *trap) comment() (taken int) {
	tr.t.Helper()
	name := strings.Repeat("n", 512)
	for _, c := range []struct {
		who, path string
		body      map[string]any
	}{
		{"ann", "/v1/refunds", map[string]any{"payment": name, "amount": "5.00 USD", "customer": name, "reference": name, "reason": heavy}},
		{"ann", "/v1/refunds", map[string]any{"payment": heavy, "amount": "5.00 USD", "customer": "c-1", "reason": "why"}},
		{"ann", "/v1/refunds", map[string]any{"payment": "pi_1", "amount": "5.00 USD", "customer": heavy, "reason": "why"}},
		{"ann", "/v1/refunds", map[string]any{"payment": "pi_1", "amount": "5.00 USD", "customer": "c-1", "reference": heavy, "reason": "why"}},
		{"ann", "/v1/andon/pull", map[string]any{"cord": "product/7", "level": "red", "reason": heavy}},
		{"ann", "/v1/andon/pull", map[string]any{"cord": "product/" + heavy, "level": "red", "reason": "why"}},
		{"ann", "/v1/andon/pull", map[string]any{"cord": "product/8", "level": "yellow", "reason": heavy}},
		{"admin", "/v1/andon/acknowledge", map[string]any{"cord": "product/8"}},
		{"admin", "/v1/andon/release", map[string]any{"cord": "product/8", "cause": heavy, "fix": heavy}},
		{"pat", "/v1/pause", map[string]any{"target": "rule:heavy", "reason": heavy}},
		{"admin", "/v1/customers/c-1/hold", map[string]any{"reason": heavy}},
		{"wes", "/v1/coes", map[string]any{"rule": "heavy", "title": heavy}},
		{"wes", "/v1/coes", map[string]any{"rule": "heavy", "title": name}},
	} {
		text, err := json.Marshal(c.body)
		if err != nil {
			tr.t.Fatal(err)
		}
		switch p := tr.bearer(c.who).post(c.path, string(text)); {
		case p.status == http.StatusOK:
			taken++
		case p.status >= http.StatusInternalServerError || len(p.body) > 4<<10:
			tr.t.Errorf("%s by %s is answered %d with %d bytes: %.300s", c.path, c.who, p.status, len(p.body), p.body)
		default:
			tr.t.Logf("%s by %s is refused: %d %.200s", c.path, c.who, p.status, p.body)
		}
	}
	tr.idle()
	return taken
}

// write has the longest text there can be written into each COE.
func (tr *trap) write() {
	tr.t.Helper()
	var list api.COEs
	tr.bearer("admin").get("/v1/coes").into(tr.t, &list)
	for _, c := range list.COEs {
		id := c.COE.String()
		tr.coes = append(tr.coes, id)
		text := tr.coe("/coes/"+id).Document.Text + "\n\n"
		text += strings.Repeat("zq7x ", (decide.MaxCOEText-len(text))/5)
		body, err := json.Marshal(map[string]any{"revision": c.Revision, "text": text, "reason": heavy[:4000]})
		if err != nil {
			tr.t.Fatal(err)
		}
		if p := tr.bearer("admin").post("/v1/coes/"+id+"/revisions", string(body)); p.status != http.StatusOK {
			tr.t.Errorf("a text of %d bytes is answered %d %.300s", len(text), p.status, p.body)
		}
	}
	tr.idle()
}

// TestHeavyData holds that however long a text is that somebody writes into an event, a
// rule, a COE or a comment, each page stays light and whole, and so do tables and mails.
func TestHeavyData(t *testing.T) {
	t.Parallel()
	tr := newWeight(t)
	happened, said := tr.weigh(), tr.comment()
	tr.write()
	var list api.Remedies
	tr.bearer("admin").get("/v1/remedies?limit=1000").into(t, &list)
	for _, r := range list.Remedies {
		tr.remedies = append(tr.remedies, r.Remedy.String())
	}
	if happened == 0 || said == 0 || len(tr.coes) < 2 || len(tr.remedies) < happened/2 {
		t.Fatalf("of %d events and %d comments came %d remedies and %d COEs", happened, said, len(tr.remedies), len(tr.coes))
	}
	t.Logf("%d events, %d comments, %d remedies, %d COEs", happened, said, len(tr.remedies), len(tr.coes))
	admin := tr.bearer("admin")
	entries := 0
	for ; admin.get(fmt.Sprint("/facts/", entries)).status == http.StatusOK; entries++ {
	}
	paths := []string{"/approvals?rule=heavy", "/andon?cord=product/7", "/customers?customer=" + url.QueryEscape(heavy), "/refunds?payment=" + url.QueryEscape(heavy)}
	for _, r := range list.Remedies {
		paths = append(paths, "/customers?customer="+url.QueryEscape(r.Customer))
	}
	for n := range entries {
		paths = append(paths, fmt.Sprint("/facts/", n))
	}
	for _, pattern := range web.Pages() {
		if pattern != "/facts/{sequence}" {
			paths = append(paths, tr.paths(strings.Replace(pattern, "{rule}", "heavy", 1))...)
		}
	}
	seen, cut := 0, 0
	for _, path := range paths {
		p := admin.get(path)
		isFact := strings.HasPrefix(path, "/facts/")
		if p.status >= http.StatusInternalServerError || len(p.body) > maxPage || isFact && len(p.body) > maxFact {
			t.Errorf("%.100s is answered %d with %d bytes", path, p.status, len(p.body))
		}
		if strings.Contains(p.body, sign) {
			seen++
		}
		if isFact && strings.Contains(p.body, `">all of it, as JSON</a>`) {
			cut++
			if raw := admin.get("/v1" + path); raw.status != http.StatusOK || len(raw.body) < maxFact/4 || strings.Contains(raw.body, "bytes more)") {
				t.Errorf("%s in the API is answered %d with %d bytes", path, raw.status, len(raw.body))
			}
		}
		checkHarmless(t, path, p)
	}
	if cut == 0 || seen < len(tr.remedies) {
		t.Errorf("%d pages of %d show a heavy text, and %d facts are cut off: the test looks elsewhere", seen, len(paths), cut)
	}
	for _, id := range tr.coes {
		p := admin.get("/v1/coes/" + id + "/page")
		if p.status != http.StatusOK || len(p.body) > 4*decide.MaxCOEText {
			t.Errorf("a COE to print is answered %d with %d bytes", p.status, len(p.body))
		}
		checkHarmless(t, "a COE to print", p)
	}
	checkTable(t, "refunds", admin.get("/v1/refunds.csv").body, happened/2)
	letters := tr.mail.Letters()
	if len(letters) == 0 || slices.ContainsFunc(letters, func(l mailbox.Letter) bool { return len(l.Subject) > 1<<10 || len(l.Text) > maxLetter }) {
		for _, l := range letters {
			t.Errorf("a mail has a subject of %d bytes and a text of %d", len(l.Subject), len(l.Text))
		}
	}
}

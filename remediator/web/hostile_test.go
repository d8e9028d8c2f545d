package web_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/sandbox/mailbox"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/visible"
	"github.com/makegood/makegood/remediator/web"
)

// baitedRules tell people what an event says, and have a bait in each text of their own.
const baitedRules = `rules:
  - rule: late
    owner: shop
    why: %[1]s
    event: parcel.late
    if: data.text != "%[2]s"
    once_per: data.order
    let: {order: data.order}
    do:
      - refund: {payment: "${{ data.payment }}", amount: "${{ data.amount }}"}
      - notify: {template: plain, to: ada@example.com}
      - notify: {template: marked, to: ada@example.com}
        name: marked
      - notify: {template: plain, via: chat}
        name: chat
    limits: {approve_above: 10.00 USD, budget: {amount: 1000000.00 USD, within: 1d}}
    account: %[1]s
    mode: live
`

// trap is a house in which everybody writes baits into everything.
type trap struct {
	*house
	mail     *mailbox.Mailbox
	mu       sync.Mutex
	said     []string // in the chat
	remedies []string
	held     []string
	coes     []string
}

// newTrap opens one and has it decide, tell and write down whatever it is given.
func newTrap(t *testing.T) *trap {
	t.Helper()
	box, err := mailbox.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	tr := &trap{mail: box}
	chat := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var said struct{ Text string }
		_ = json.NewDecoder(r.Body).Decode(&said) // what is none says nothing, which the test sees
		tr.mu.Lock()
		defer tr.mu.Unlock()
		tr.said = append(tr.said, said.Text)
	}))
	t.Cleanup(chat.Close)
	folder := t.TempDir()
	for name, text := range map[string]string{
		"plain.en.txt":   "Subject: About {{.Let.order}}\n\nDear {{.Customer.ID}}, {{.Let.order}} of {{.Subject}} came late: {{.Refunded}}.\n",
		"marked.en.txt":  "Subject: About {{.Let.order}}\n\n{{.Let.order}}\n",
		"marked.en.html": `<p title="{{.Let.order}}"><bdi>{{.Let.order}}</bdi> of <bdi>{{.Subject}}</bdi> <a href="/orders?of={{.Customer.ID}}">more</a></p>`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	why, err := json.Marshal(baits["markup"] + baits["right"] + "zq7x <i> & =1")
	if err != nil {
		t.Fatal(err)
	}
	tr.house = newHouse(t, func(c *remediator.Config) {
		c.Rules = []rule.File{{Path: "house.yaml", Text: fmt.Sprintf(baitedRules, why, sign)}}
		c.Telling = remediator.Telling{Templates: folder, SMTP: box.URL(), MailFrom: "care@shop.example", ChatURL: chat.URL}
	})
	tr.hire(map[string]string{"ann": "agent", "pat": "approver", "wes": "author"})
	for name, bait := range baits {
		tr.happen(name, bait, "2.99 USD")
		tr.happen(name+"-much", bait, "20.00 USD")
	}
	tr.idle()
	tr.speak()
	tr.look()
	return tr
}

// happen emits an event with a bait in each field that takes one.
func (tr *trap) happen(name, bait, amount string) {
	tr.t.Helper()
	data := map[string]any{"order": name + bait, "payment": "pi_" + name + bait, "amount": amount, "text": bait + strings.Repeat("x<zq7x>\u202e", 2400), bait: bait}
	event := map[string]any{"specversion": "1.0", "id": name, "source": "/" + name, "type": "parcel.late", "data": data}
	for _, attribute := range []string{"id", "subject", "customer"} {
		event[attribute] = name + bait
	}
	for len(event) > 0 {
		body, err := json.Marshal(event)
		if err != nil {
			tr.t.Fatal(err)
		}
		p := tr.bearer("emitter").post("/v1/events", string(body), "Content-Type", "application/cloudevents+json")
		if p.status == http.StatusAccepted {
			return
		}
		if event["id"] == name {
			tr.t.Fatalf("%s is refused: %d %.300s", name, p.status, p.body)
		}
		event["id"], event["subject"], event["customer"] = name, visible.Line(name+bait), visible.Line(name+bait) // what no event may say
	}
}

// speak has people write baits wherever they can.
func (tr *trap) speak() {
	tr.t.Helper()
	say := func(who, path string, body map[string]any) paper {
		text, err := json.Marshal(body)
		if err != nil {
			tr.t.Fatal(err)
		}
		p := tr.bearer(who).post(path, string(text))
		if p.status != http.StatusOK && p.status != http.StatusConflict {
			tr.t.Errorf("%s by %s is answered %d %s", path, who, p.status, p.body)
		}
		return p
	}
	all := everything()
	for _, bait := range []string{baits["markup"], baits["turning"], baits["cells"]} {
		say("ann", "/v1/refunds", map[string]any{"payment": bait, "amount": "5.00 USD", "customer": bait, "reason": all, "reference": bait})
	}
	say("ann", "/v1/andon/pull", map[string]any{"cord": "product/7", "level": "red", "reason": all})
	say("ann", "/v1/andon/pull", map[string]any{"cord": "product/8", "level": "yellow", "reason": all})
	say("admin", "/v1/andon/acknowledge", map[string]any{"cord": "product/8"})
	say("admin", "/v1/andon/release", map[string]any{"cord": "product/8", "cause": all, "fix": all})
	say("pat", "/v1/pause", map[string]any{"target": "rule:other", "reason": all})
	say("admin", "/v1/customers/"+url.PathEscape(baits["markup"])+"/hold", map[string]any{"reason": all})
	say("wes", "/v1/coes", map[string]any{"rule": "late", "title": all})
	var list api.COEs
	tr.bearer("admin").get("/v1/coes").into(tr.t, &list)
	for _, c := range list.COEs {
		tr.coes = append(tr.coes, c.COE.String())
	}
	if len(tr.coes) != 2 { // of the red cord, and of the rule
		tr.t.Fatalf("there are %d COEs", len(tr.coes))
	}
	text := tr.coe("/coes/"+tr.coes[0]).Document.Text + "\n\n" + all
	say("wes", "/v1/coes/"+tr.coes[0]+"/revisions", map[string]any{"revision": 1, "text": text, "reason": all})
	tr.idle()
}

// look finds what was decided.
func (tr *trap) look() {
	tr.t.Helper()
	var list api.Remedies
	tr.bearer("admin").get("/v1/remedies?limit=1000").into(tr.t, &list)
	for _, r := range list.Remedies {
		tr.remedies = append(tr.remedies, r.Remedy.String())
		if r.Status == "held" {
			tr.held = append(tr.held, r.Remedy.String())
		}
	}
	if len(tr.remedies) < 2*len(baits) || len(tr.held) < len(baits) {
		tr.t.Fatalf("decided are %d, of which %d wait", len(tr.remedies), len(tr.held))
	}
	body, err := json.Marshal(map[string]string{"reason": everything()})
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.bearer("pat").post("/v1/remedies/"+tr.held[0]+"/deny", string(body))
	tr.held = tr.held[1:]
}

var variable = regexp.MustCompile(`\{([a-z]+)\}`)

// paths are those that a pattern of a page stands for. A variable that is new to this
// test fails it: say what it is.
func (tr *trap) paths(pattern string) []string {
	tr.t.Helper()
	pattern = strings.TrimSuffix(pattern, "{$}")
	name := variable.FindStringSubmatch(pattern)
	if name == nil {
		return []string{pattern}
	}
	const facts = 25
	fill := map[string][]string{"remedy": tr.remedies, "rule": {"late"}, "coe": tr.coes, "sequence": nil, "command": {"approve"}, "difference": {uuid.NewString()}}
	for n := range facts {
		fill["sequence"] = append(fill["sequence"], fmt.Sprint(n))
	}
	if fill[name[1]] == nil {
		tr.t.Fatalf("the test does not know what {%s} is", name[1])
	}
	var all []string
	for _, value := range fill[name[1]] {
		all = append(all, tr.paths(strings.Replace(pattern, name[0], value, 1))...)
	}
	return all
}

// TestHostileData holds that whatever anybody writes into whatever field stays text that
// can be seen, through the whole service: on each page and in what each form answers, in
// tables, COEs, bundles, mail and chat.
func TestHostileData(t *testing.T) {
	t.Parallel()
	tr := newTrap(t)
	t.Run("pages", tr.pages)
	t.Run("forms", tr.forms)
	t.Run("tables", tr.tables)
	t.Run("COEs", tr.documents)
	t.Run("messages", tr.messages)
}

func (tr *trap) pages(t *testing.T) {
	admin := tr.bearer("admin")
	var paths []string
	for _, pattern := range web.Pages() {
		paths = append(paths, tr.paths(pattern)...)
	}
	for _, id := range tr.remedies {
		paths = append(paths, "/remedies/"+id+"?verify=now")
	}
	paths = append(paths, "/coes/"+tr.coes[0]+"?revision=1") // with a bait for a title
	for _, bait := range baits {
		q := url.QueryEscape(bait)
		paths = append(paths, "/refunds?customer="+q+"&payment="+q+"&account="+q+"&rule="+q, "/customers?customer="+q, "/customers?customer="+q+"&after="+q, "/coes?about="+q,
			"/andon?cord="+q, "/approvals?rule="+q, "/nowhere/"+url.PathEscape(bait), "/remedies/"+url.PathEscape(bait), "/rules/"+url.PathEscape(bait), "/sign-in?to="+q, "/refunds?since="+q, "/coes?before="+q)
	}
	seen := 0
	for _, path := range append(paths, "/approvals?rule=late", "/andon?cord=product/7", "/refunds?kind=credit") {
		p := admin.get(path)
		if p.status >= http.StatusInternalServerError || len(p.body) > 150<<10 {
			t.Errorf("%.200s: %d, %d bytes", path, p.status, len(p.body))
		}
		if strings.Contains(p.body, sign) {
			seen++
		}
		if p.header.Get("Content-Type") == "text/html; charset=utf-8" {
			checkHarmless(t, path, p)
		}
	}
	if seen < len(tr.remedies) {
		t.Errorf("%d pages of %d show a bait: the test looks elsewhere", seen, len(paths))
	}
}

func (tr *trap) forms(t *testing.T) {
	files, err := filepath.Glob("templates/*.html")
	if err != nil || len(files) == 0 {
		t.Fatalf("templates %q, %v", files, err)
	}
	fields := url.Values{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`\sname="([a-z]+)"`).FindAllStringSubmatch(string(text), -1) {
			fields.Set(name[1], everything())
		}
	}
	kept := map[string][]string{"remedy": tr.held[:1], "rule": {"late"}, "revision": {"1"}, "answer": {"approve"}, "kind": {"rule"}, "level": {"red"}}
	asks := 0
	for _, form := range append(web.Forms(), "/why-not", "/sign-in") {
		path := tr.paths(form)[0]
		for _, keep := range []bool{false, true} { // what leads on is right, or a bait too
			sent := url.Values{}
			for name, value := range fields {
				if sent[name] = value; keep && kept[name] != nil {
					sent[name] = kept[name]
				}
			}
			sent.Set("key", uuid.NewString())
			p := tr.bearer("admin").send(path, sent)
			if p.status >= http.StatusInternalServerError {
				t.Errorf("%s is answered %d %s", path, p.status, p.body)
			}
			if to := p.header.Get("Location"); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
				t.Errorf("%s leads to %q", path, to)
			}
			if p.body != "" {
				asks++
				checkHarmless(t, path, p)
			}
		}
	}
	if asks < len(web.Forms()) {
		t.Errorf("%d forms answered with a page", asks)
	}
}

func (tr *trap) tables(t *testing.T) {
	for _, kind := range []string{"refund", "credit", "reverse"} {
		p := tr.bearer("admin").get("/v1/refunds.csv?kind=" + kind)
		checkTable(t, kind, p.body, map[bool]int{true: 2 * len(baits), false: 1}[kind == "refund"])
	}
	db, err := ledgerdb.OpenReadOnly(t.Context(), filepath.Join(tr.config.DataDir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	source, end, err := db.Source(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	for _, format := range []ledger.Format{ledger.CSV, ledger.Totals} {
		var table bytes.Buffer
		if err := ledger.Export(t.Context(), source, &table, format); err != nil {
			t.Fatal(err)
		}
		checkTable(t, string(format), table.String(), 2)
	}
}

func (tr *trap) documents(t *testing.T) {
	for _, id := range tr.coes {
		page := tr.bearer("admin").get("/v1/coes/" + id + "/page")
		checkHarmless(t, "the printed page", page)
		packed := tr.bearer("admin").get("/v1/coes/" + id + "/bundle")
		files, err := zip.NewReader(strings.NewReader(packed.body), int64(len(packed.body)))
		if err != nil {
			t.Fatalf("the bundle is answered %d: %v", packed.status, err)
		}
		names := map[string]bool{}
		for _, file := range files.File {
			names[file.Name] = true
			part, err := file.Open()
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(part)
			if err != nil {
				t.Fatal(err)
			}
			tr.packed(t, file.Name, string(text))
		}
		for _, name := range []string{"README.md", "coe.md", "coe.html", "facts.jsonl", "receipt.json", "checkpoint"} {
			if !names[name] {
				t.Errorf("the bundle has no %s", name)
			}
		}
	}
}

// packed holds what a file of a bundle is. The text itself is what its digest says.
func (tr *trap) packed(t *testing.T, name, text string) {
	t.Helper()
	if !regexp.MustCompile(`^([a-zA-Z]+(\.[a-z]+)?|graphs/[0-9]+\.svg)$`).MatchString(name) {
		t.Errorf("a file of the bundle is called %q", name)
	}
	switch filepath.Ext(name) {
	case ".html", ".svg":
		checkHarmless(t, name, paper{body: text})
	case ".jsonl":
		for line := range strings.Lines(text) {
			if !json.Valid([]byte(line)) {
				t.Errorf("%s: no JSON: %.100q", name, line)
			}
		}
	case ".json", "":
	default:
		if name != "coe.md" && text != visible.Text(text) {
			t.Errorf("something hides in %s: %q", name, text)
		}
	}
}

func (tr *trap) messages(t *testing.T) {
	letters := tr.mail.Letters()
	for _, l := range letters {
		if l.Subject != visible.Line(l.Subject) || l.To != "ada@example.com" {
			t.Errorf("a mail to %q has the subject %q", l.To, l.Subject)
		}
		if text := strings.ReplaceAll(l.Text, "\r\n", "\n"); strings.HasPrefix(text, "Dear") && text != visible.Text(text) {
			t.Errorf("something hides in a mail: %q", text)
		}
	}
	marked := 0
	for _, id := range tr.remedies {
		var evidence api.Evidence
		tr.bearer("admin").get("/v1/remedies/"+id+"/evidence").into(t, &evidence)
		for _, c := range evidence.Contents {
			var sent struct{ HTML string }
			if json.Unmarshal([]byte(c.Text), &sent) == nil && sent.HTML != "" {
				marked++
				checkHarmless(t, "a mail", paper{body: sent.HTML})
			}
		}
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, text := range tr.said {
		if strings.ContainsAny(text, "<>") || text != visible.Text(text) {
			t.Errorf("the chat is told %q", text)
		}
	}
	if len(letters) < len(baits) || marked < len(baits)/2 || !slices.ContainsFunc(tr.said, func(text string) bool { return strings.Contains(text, "&lt;!channel&gt;") }) {
		t.Errorf("%d mails, %d of them with HTML, and in the chat %q", len(letters), marked, tr.said)
	}
}

// TestRoles holds that an emitter sees no page and is told why, and that a form of
// another site does nothing.
func TestRoles(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for _, path := range allPages {
		if p := h.bearer("emitter").get(path); p.status != http.StatusForbidden || !strings.Contains(p.body, "emitter") {
			t.Errorf("%s: an emitter is answered %d %s", path, p.status, p.body)
		}
	}
	v := h.signedIn("admin")
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "", "Origin", "https://elsewhere.example"}} {
		if p := v.send("/sign-out", nil, headers...); p.status != http.StatusForbidden {
			t.Errorf("a form with %v is answered %d", headers, p.status)
		}
	}
	if p := v.get("/"); p.status != http.StatusOK {
		t.Errorf("another site has signed somebody out: %d", p.status)
	}
}

package crash

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/makegood/makegood/remediator/rule"
)

// said is a command as a person sends it. In path and body, $remedy is the newest
// remedy, $token the id of dan's token, $parent the digest of the rules in force,
// $proposed that of the set that waits for an answer, $until when the log ends.
type said struct{ by, path, body string }

// errand is a command during which the service is killed.
type errand struct {
	name    string
	before  []said
	command said
	brakes  bool // it stops something before it is decided
	status  int  // that answers it
	refunds int  // at the provider, in the end
	secret  bool // the answer has a secret, which no repeat shows again: it is refused
}

const (
	request  = `{"payment":"pi_1","amount":"5.00 USD","customer":"c-1","reason":"broken"}`
	tooMuch  = `{"payment":"pi_2","amount":"90000000.00 USD","customer":"c-1","reason":"broken"}`
	reason   = `{"reason":"it is so"}`
	pullRed  = `{"cord":"product/TABLE-7","level":"red","reason":"broken"}`
	pullCall = `{"cord":"product/TABLE-7","level":"yellow","reason":"odd","answer_within":"4h"}`
	cordOnly = `{"cord":"product/TABLE-7"}`
	release  = `{"cord":"product/TABLE-7","cause":"thin packaging","fix":"thicker packaging"}`
	money    = `{"target":"money","reason":"look at it"}`
	broken   = `{"specversion":"1.0","type":"com.example.parcel.broken","source":"s","id":"e-1","customer":"c-1","data":{"order":"1"}}`
	unjudged = `{"specversion":"1.0","type":"e","source":"s","id":"e-2","customer":"c-1","data":{"order":"2"}}`
	period   = `{"from":"2020-01-01T00:00:00Z","to":"2100-01-01T00:00:00Z","reason":"nightly"}`
	afterall = `{"since":"2020-01-01T00:00:00Z","until":"$until","reason":"it came too late"}`
	dan      = `{"name":"dan","roles":["agent"]}`
	calling  = `{"parent":"$parent","files":[{"path":"people.yaml","text":"rules:\n  - rule: call\n    owner: o\n    why: w\n    event: e\n    do:\n      - andon: {pull: a/b, level: yellow, reason: r}\n    mode: live\n"}]}`
	paying   = `{"parent":"$parent","files":[{"path":"people.yaml","text":"rules:\n  - rule: pay\n    owner: o\n    why: w\n    event: e\n    once_per: data.order\n    do:\n      - credit: {customer: c-1, amount: 1.00 USD}\n    limits: {budget: {amount: 9.00 USD, within: 1d}}\n    account: a\n    mode: live\n"}]}`
)

// errandsOfPeople are commands of each kind, and refused ones.
func errandsOfPeople() []errand {
	const refunds, approve, retry, reverse = "/v1/refunds", "/v1/remedies/$remedy/approve", "/v1/remedies/$remedy/retry", "/v1/remedies/$remedy/reverse"
	const pull, rules = "/v1/andon/pull", "/v1/rules/activate"
	asked := []said{{"ada", refunds, request}}
	failed := []said{{"ada", refunds, tooMuch}, {"bo", approve, reason}}
	credited := []said{{"", "/v1/events", broken}}
	proposed := []said{{"ada", rules, paying}}
	approved := said{"bo", "/v1/rules/approve", `{"digest":"$proposed"}`}
	const ok, refused, own = http.StatusOK, http.StatusConflict, http.StatusForbidden
	return []errand{
		{"request", nil, said{"ada", refunds, request}, false, ok, 0, false},
		{"request that is refused", nil, said{"ada", refunds, `{"customer":"c-1"}`}, false, refused, 0, false},
		{"approve", asked, said{"bo", approve, reason}, false, ok, 1, false},
		{"approve one's own", asked, said{"ada", approve, reason}, false, own, 0, false},
		{"deny", asked, said{"bo", "/v1/remedies/$remedy/deny", reason}, false, ok, 0, false},
		{"retry", failed, said{"ada", retry, reason}, false, ok, 0, false},
		{"reverse", credited, said{"ada", reverse, reason}, false, ok, 0, false},
		{"approve a reversal", append(credited, said{"ada", reverse, reason}), said{"bo", approve, reason}, false, ok, 0, false},
		{"pause", asked, said{"ada", "/v1/pause", money}, true, ok, 0, false},
		{"pause again", []said{{"ada", "/v1/pause", money}}, said{"bo", "/v1/pause", money}, true, ok, 0, false},
		{"resume", []said{{"ada", "/v1/pause", money}}, said{"bo", "/v1/resume", money}, false, ok, 0, false},
		{"resume one's own", []said{{"ada", "/v1/pause", money}}, said{"ada", "/v1/resume", money}, false, own, 0, false},
		{"pull", nil, said{"ada", pull, pullRed}, true, ok, 0, false},
		{"call", nil, said{"ada", pull, pullCall}, false, ok, 0, false},
		{"acknowledge", []said{{"ada", pull, pullCall}}, said{"bo", "/v1/andon/acknowledge", cordOnly}, false, ok, 0, false},
		{"release", []said{{"ada", pull, pullRed}}, said{"bo", "/v1/andon/release", release}, false, ok, 0, false},
		{"release one's own", []said{{"ada", pull, pullRed}}, said{"ada", "/v1/andon/release", release}, false, own, 0, false},
		{"make a token", nil, said{"ada", "/v1/tokens", dan}, false, ok, 0, true},
		{"revoke a token", []said{{"ada", "/v1/tokens", dan}}, said{"ada", "/v1/tokens/$token/revoke", ``}, false, ok, 0, false},
		{"activate", nil, said{"ada", rules, calling}, false, ok, 0, false},
		{"propose", nil, said{"ada", rules, paying}, false, ok, 0, false},
		{"approve rules", proposed, approved, false, ok, 0, false},
		{"reconcile", append(asked, said{"bo", approve, reason}), said{"ada", "/v1/reconciliations", period}, false, ok, 0, false},
		{"apply", append([]said{{"", "/v1/events", unjudged}}, append(proposed, approved)...), said{"ada", "/v1/rules/pay/apply", afterall}, false, ok, 0, false},
		{"deny rules", proposed, said{"bo", "/v1/rules/deny", `{"digest":"$proposed"}`}, false, ok, 0, false},
	}
}

// face is a service as a person sees it.
type face struct {
	url     string
	secrets map[string]string // of tokens, by name
}

// say sends a command under a key and returns the status and the body of the answer.
func (f face) say(s said, key string) (int, string, error) {
	req, err := http.NewRequest(http.MethodPost, f.url+s.path, strings.NewReader(s.body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	if s.path == "/v1/events" {
		req.Header.Set("Content-Type", "application/cloudevents+json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	if s.by != "" {
		req.Header.Set("Authorization", "Bearer "+f.secrets[s.by])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// read reads what the API shows.
func (f face) read(path string) (string, error) {
	resp, err := http.Get(f.url + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// resolve puts what a command names in the place of its placeholders.
func (f face) resolve(s said) (said, error) {
	var shown struct {
		Remedies []struct{ Remedy string }
		Tokens   []struct{ ID, Name string }
		Digest   string
		LogTime  time.Time `json:"log_time"`
		Proposal struct{ Digest string }
	}
	for _, path := range []string{"/v1/status", "/v1/remedies", "/v1/tokens", "/v1/rules"} {
		text, err := f.read(path)
		if err == nil {
			err = json.Unmarshal([]byte(text), &shown)
		}
		if err != nil {
			return s, fmt.Errorf("read %s: %w", path, err)
		}
	}
	remedy, token := "", ""
	if len(shown.Remedies) > 0 {
		remedy = shown.Remedies[0].Remedy
	}
	for _, t := range shown.Tokens {
		if t.Name == "dan" {
			token = t.ID
		}
	}
	put := strings.NewReplacer("$remedy", remedy, "$token", token, "$parent", shown.Digest, "$proposed", shown.Proposal.Digest,
		"$until", shown.LogTime.Add(1).Format(time.RFC3339Nano))
	s.path, s.body = put.Replace(s.path), put.Replace(s.body)
	return s, nil
}

// hire makes tokens for people who may do everything but emit.
func (f *face) hire(names ...string) error {
	f.secrets = map[string]string{}
	for _, name := range names {
		_, body, err := f.say(said{"", "/v1/tokens", `{"name":"` + name + `","roles":["agent","author","approver","auditor","operator","admin"]}`}, "")
		if err != nil {
			return err
		}
		var made struct{ Secret string }
		if err := json.Unmarshal([]byte(body), &made); cmp.Or(made.Secret, "") == "" {
			return fmt.Errorf("make a token: %v: %s", err, body)
		}
		f.secrets[name] = made.Secret
	}
	return nil
}

// activate has one person put rules in force and another approve them.
func (f *face) activate(rules string) error {
	text, err := os.ReadFile(filepath.Join("testdata", "rules", rules))
	if err != nil {
		return err
	}
	if err := f.hire("ada", "bo"); err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"files": []rule.File{{Path: rules, Text: string(text)}}})
	if err != nil {
		return err
	}
	for _, s := range []said{{"ada", "/v1/rules/activate", string(body)}, {"bo", "/v1/rules/approve", `{"digest":"$proposed"}`}} {
		if s, err = f.resolve(s); err != nil {
			return err
		}
		status, answer, err := f.say(s, "")
		if err != nil || status != http.StatusOK {
			return fmt.Errorf("%s: %d %s %w", s.path, status, answer, err)
		}
		if !strings.Contains(answer, `"proposed"`) { // they move no money, and are in force
			return nil
		}
	}
	return nil
}

// picture is all that the API shows of a ledger, apart from when a brake was set, which
// is by the API's clock or by the log's, from how far the node says that it is, since it
// may say so a moment after it has committed, and from who was heard: what a node heard
// in the seconds before it is killed is lost, and nothing is decided from it.
func (f face) picture(commands []string) (map[string]string, error) {
	shown := map[string]string{}
	paths := []string{"/v1/status", "/v1/remedies", "/v1/holds", "/v1/andon", "/v1/andon/gates", "/v1/brakes", "/v1/tokens", "/v1/rules"}
	for _, id := range commands {
		paths = append(paths, "/v1/commands?id="+id)
	}
	for _, path := range paths {
		text, err := f.read(path)
		if err != nil {
			return nil, err
		}
		switch path {
		case "/v1/brakes":
			text, err = withoutTimes(text)
		case "/v1/status":
			text, err = withoutSelf(text)
		}
		if err != nil {
			return nil, err
		}
		shown[path] = text
	}
	return shown, nil
}

// withoutSelf leaves out what a status says that is not of the ledger.
func withoutSelf(text string) (string, error) {
	var status map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &status); err != nil {
		return "", fmt.Errorf("read status %q: %w", text, err)
	}
	delete(status, "self")
	delete(status, "adoption")
	rest, err := json.Marshal(status)
	return string(rest), err
}

func withoutTimes(text string) (string, error) {
	var brakes map[string][]map[string]any
	if err := json.Unmarshal([]byte(text), &brakes); err != nil {
		return "", fmt.Errorf("read brakes %q: %w", text, err)
	}
	for _, list := range brakes {
		for _, b := range list {
			delete(b, "at")
		}
	}
	var buf bytes.Buffer
	err := json.NewEncoder(&buf).Encode(brakes)
	return buf.String(), err
}

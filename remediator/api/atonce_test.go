package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/store/logdb"
	"github.com/makegood/makegood/remediator/store/logpg"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

const (
	clients = 16
	waves   = 3 // of commands, about new things each
)

// sealedAs is every command with the kind of the fact that it is sealed as.
var sealedAs = map[string]string{
	"POST /v1/remedies/{remedy}/approve": decide.KindApproval, "POST /v1/remedies/{remedy}/deny": decide.KindApproval,
	"POST /v1/remedies/{remedy}/retry": decide.KindRemedy, "POST /v1/remedies/{remedy}/reverse": decide.KindRemedy, "POST /v1/refunds": decide.KindRemedy,
	"POST /v1/bulks/{bulk}/approve": decide.KindBulk, "POST /v1/bulks/{bulk}/deny": decide.KindBulk, "POST /v1/rules/{rule}/apply": decide.KindBulk,
	"POST /v1/andon/pull": decide.KindPull, "POST /v1/andon/acknowledge": decide.KindAnswered, "POST /v1/andon/release": decide.KindRelease,
	"POST /v1/pause": decide.KindPause, "POST /v1/resume": decide.KindResume,
	"POST /v1/tokens": decide.KindToken, "POST /v1/tokens/{token}/revoke": decide.KindToken,
	"POST /v1/rules/activate": decide.KindProposal, "POST /v1/rules/approve": decide.KindProposal, "POST /v1/rules/deny": decide.KindProposal,
	"POST /v1/reconciliations": decide.KindReconciliation, "POST /v1/reconciliations/differences/{difference}/close": decide.KindDifference,
	"POST /v1/customers/{customer}/erase": decide.KindErasure, "POST /v1/customers/{customer}/hold": decide.KindLegalHold, "POST /v1/customers/{customer}/unhold": decide.KindLegalHold,
	"POST /v1/coes": decide.KindCOE, "POST /v1/coes/{coe}/revisions": decide.KindCOE, "POST /v1/coes/{coe}/review": decide.KindCOE,
	"POST /v1/coes/{coe}/publish": decide.KindCOE, "POST /v1/coes/{coe}/close": decide.KindCOE,
}

// fresh are commands about nothing that somebody made, or that a rule made.
var fresh = map[string]func(h *house, n int) (path, body string){
	"POST /v1/refunds": func(_ *house, n int) (string, string) {
		return "/v1/refunds", fmt.Sprintf(`{"payment":"pi_once_%d","amount":"5.00 USD","customer":"c-1","reason":"late"}`, n)
	},
	"POST /v1/andon/pull": func(_ *house, n int) (string, string) {
		return "/v1/andon/pull", fmt.Sprintf(`{"cord":"once/%d","level":"red","reason":"look"}`, n)
	},
	"POST /v1/pause": func(_ *house, n int) (string, string) {
		return "/v1/pause", fmt.Sprintf(`{"target":"rule:once-%d"}`, n)
	},
	"POST /v1/tokens": func(_ *house, n int) (string, string) {
		return "/v1/tokens", fmt.Sprintf(`{"name":"once-%d","roles":["agent"]}`, n)
	},
	"POST /v1/reconciliations": func(_ *house, _ int) (string, string) {
		return "/v1/reconciliations", `{"from":"2000-01-01T00:00:00Z","to":"2099-01-01T00:00:00Z"}`
	},
	"POST /v1/rules/activate": func(h *house, n int) (string, string) {
		return "/v1/rules/activate", h.activation(strings.Replace(houseRules, "5.00 USD", fmt.Sprintf("4.%02d USD", n%100), 1))
	},
	"POST /v1/rules/{rule}/apply": func(h *house, n int) (string, string) {
		return applyLate, h.applyBody(fmt.Sprintf(`,"customers":["c-%d"]`, 2*perRoute+n%perRoute))
	},
	"POST /v1/customers/{customer}/erase": func(_ *house, n int) (string, string) {
		return fmt.Sprintf("/v1/customers/e-%d/erase", n), `{"reason":"a letter"}`
	},
	"POST /v1/customers/{customer}/hold": func(_ *house, n int) (string, string) {
		return fmt.Sprintf("/v1/customers/k-%d/hold", n), `{"reason":"a claim"}`
	},
	"POST /v1/coes": func(h *house, n int) (string, string) {
		cord := fmt.Sprintf("learn/%d", n)
		h.post("all", "/v1/andon/pull", fmt.Sprintf(`{"cord":%q,"level":"yellow","reason":"look"}`, cord)).answer(h.t)
		return "/v1/coes", fmt.Sprintf(`{"cord":%q,"title":"It broke"}`, cord)
	},
	"POST /v1/remedies/{remedy}/retry": func(h *house, n int) (string, string) {
		a := h.post("all", "/v1/refunds", fmt.Sprintf(`{"payment":"pi_much_%d","amount":"90000000.00 USD","customer":"c-1","reason":"late"}`, n)).answer(h.t)
		path := "/v1/remedies/" + a.Remedy.String()
		h.post("pat", path+"/approve", "").answer(h.t)
		h.becomes(a.Remedy.String(), decide.Failed) // nobody paid so much
		return path + "/retry", `{"reason":"again"}`
	},
	"POST /v1/remedies/{remedy}/reverse": func(h *house, n int) (string, string) {
		customer := fmt.Sprintf("r-%d", n)
		h.emit("parcel.broken", customer, fmt.Sprintf(`{"order":"once-%d"}`, n))
		var done []api.Remedy
		h.until("credited", func() bool { done = h.remedies("status=done&customer=" + customer); return len(done) == 1 })
		return "/v1/remedies/" + done[0].Remedy.Remedy.String() + "/reverse", `{"reason":"by mistake"}`
	},
}

// TestCommandsAtOnce has many give commands of every kind at once, several of them about
// the same thing, some twice under one key and some that nobody may. Each answer is what
// one fact says, and no other; of a refusal there is nothing but the refusal, and of what
// is no command there is nothing at all.
func TestCommandsAtOnce(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"SQLite", "PostgreSQL"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			h := busyHouse(t, engine == "PostgreSQL")
			done := map[string]int{}
			for wave := range waves {
				h.wave(wave, done)
			}
			tried := 0
			for _, o := range api.Operations() {
				if !o.Command {
					continue
				}
				if tried++; done[o.Route] == 0 {
					t.Errorf("%s was never carried out: nothing was shown of it", o.Route)
				}
			}
			if tried != len(sealedAs) || done["refused"] < tried || done["again"] == 0 || done["no command"] == 0 {
				t.Errorf("%d commands: %v", tried, done)
			}
			h.verify()
		})
	}
}

// busyHouse is a lateHouse, on files or in a database.
func busyHouse(t *testing.T, shared bool) *house {
	t.Helper()
	database := ""
	if shared {
		database = postgrestest.New(t)
	}
	return lateHouseAt(t, 3*perRoute, database)
}

// order is a command that somebody gives, and what they hear.
type order struct {
	who, route, path, body, key string
	heard                       reply
}

// untaken reports whether it was left for a later moment, as while another compares, or
// its secret was shown before: then the same under its key may be carried out.
func (o *order) untaken() bool {
	return o.heard.status == http.StatusTooManyRequests || o.heard.status == http.StatusUnprocessableEntity
}

// wave has clients give commands at once, and holds what they hear against what is in
// the log and in the ledger.
func (h *house) wave(n int, done map[string]int) {
	h.t.Helper()
	orders := h.orders(n)
	random := rand.New(rand.NewPCG(uint64(n), 5))
	random.Shuffle(len(orders), func(i, j int) { orders[i], orders[j] = orders[j], orders[i] })
	since := h.asStored(nil).last
	var giving sync.WaitGroup
	next := make(chan *order)
	for range clients {
		giving.Go(func() {
			for o := range next {
				o.heard = h.post(o.who, o.path, o.body, "Idempotency-Key", o.key)
			}
		})
	}
	for _, o := range orders {
		next <- o
	}
	close(next)
	giving.Wait()
	stored := h.asStored(&since)
	byKey := map[string]*order{}
	for _, o := range orders {
		first := byKey[o.key]
		if first != nil {
			done["again"]++
		}
		switch {
		case first == nil || first.untaken():
			byKey[o.key] = o
		case !o.untaken() && first.heard != o.heard:
			h.t.Errorf("%s under one key is answered %+v and %+v", o.route, first.heard, o.heard)
		}
	}
	for _, o := range byKey {
		done[o.compare(h.t, stored)]++
	}
	for ordinal, facts := range stored.facts {
		h.t.Errorf("input %d was answered to nobody, and led to %+v", ordinal, facts)
	}
}

// orders makes what commands are about, and the commands: each by several people, one of
// them twice, and one that is none. Of two answers to one proposal a wave has one.
func (h *house) orders(wave int) (all []*order) {
	h.t.Helper()
	add := func(who, route, path, body string) *order {
		o := &order{who: who, route: route, path: path, body: body, key: fmt.Sprintf("w%d-%d", wave, len(all))}
		all = append(all, o)
		return o
	}
	for i, route := range slices.Sorted(maps.Keys(sealedAs)) {
		if left, ok := map[string]int{"POST /v1/rules/approve": 0, "POST /v1/rules/deny": 1, "POST /v1/rules/activate": 2}[route]; ok && left != wave%3 {
			continue
		}
		number := wave*1000 + i
		var path, body string
		if about, has := things[route]; has {
			var may bool
			if path, body, may = about.make(h, "all", number); !may {
				path, body, _ = about.make(h, "admin", number)
			}
		} else {
			path, body = fresh[route](h, number)
		}
		for _, who := range []string{"amy", "admin", "all"} {
			add(who, route, path, body)
		}
		again := *add("amy", route, path, body)
		all = append(all, &again)
		add("eve", route, path, body) // who may nothing but emit
		add("amy", route, path, `{"no":"command"}`)
		if other, ok := strings.CutSuffix(path, "/approve"); ok && route != "POST /v1/rules/approve" {
			add("pat", strings.TrimSuffix(route, "approve")+"deny", other+"/deny", body)
		}
	}
	return all
}

// storedCommands is what the log and the ledger have of commands: the ordinal of an input by
// the key that it came under, and the facts of an ordinal.
type storedCommands struct {
	last     uint64
	ordinals map[string][]uint64
	facts    map[uint64][]ledger.Row
}

// asStored reads the log and the ledger behind an ordinal; nil reads how far they are.
func (h *house) asStored(since *uint64) (s storedCommands) {
	h.t.Helper()
	s = storedCommands{ordinals: map[string][]uint64{}, facts: map[uint64][]ledger.Row{}}
	for _, in := range h.logged() {
		s.last++
		if parts := strings.Split(in.ID, "/"); since != nil && s.last > *since && parts[0] == "command" {
			s.ordinals[parts[2]] = append(s.ordinals[parts[2]], s.last)
		}
	}
	if since == nil {
		return s
	}
	source, release := h.stored()
	defer release()
	rows, err := source.Entries(h.t.Context(), -1, math.MaxInt32)
	if err != nil {
		h.t.Fatal(err)
	}
	commands := map[uint64]bool{}
	for _, ordinals := range s.ordinals {
		for _, ordinal := range ordinals {
			commands[ordinal] = true
		}
	}
	for _, row := range rows {
		if commands[uint64(row.Ordinal)] && !slices.Contains(besides, row.Kind) {
			s.facts[uint64(row.Ordinal)] = append(s.facts[uint64(row.Ordinal)], row)
		}
	}
	return s
}

// besides are kinds of what comes with a command: of its minute, of its texts, and what
// follows from it.
var besides = []string{
	decide.KindProgress, decide.KindSnapshot, decide.KindEvidence, decide.KindEnd, decide.KindRules, decide.KindRuleText, decide.KindGap, decide.KindSeen, decide.KindAction,
}

// logged are all inputs of the log.
func (h *house) logged() (inputs []input.Input) {
	h.t.Helper()
	var stored interface {
		log.Log
		Close() error
	}
	var err error
	if h.config.Database == "" {
		stored, err = logdb.OpenReadOnly(h.t.Context(), filepath.Join(h.config.DataDir, "log.db"))
	} else {
		stored, err = logpg.OpenReadOnly(h.t.Context(), h.config.Database)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	defer stored.Close()
	records, err := stored.Read(h.t.Context(), 0, math.MaxInt32)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range records {
		some, err := input.DecodeRecord(r.Blob, r.At)
		if err != nil {
			h.t.Fatal(err)
		}
		inputs = append(inputs, some...)
	}
	return inputs
}

// compare holds what somebody heard of a command against what is stored of it, takes
// that away, and says what it was: carried out, refused, or no command.
func (o *order) compare(t *testing.T, s storedCommands) string {
	t.Helper()
	ordinals := s.ordinals[o.key]
	var facts []ledger.Row
	for _, ordinal := range ordinals { // of a command that came twice, one has facts
		facts = append(facts, s.facts[ordinal]...)
		delete(s.facts, ordinal)
	}
	switch o.heard.status {
	case http.StatusOK:
		o.wantFact(t, facts)
		return o.route
	case http.StatusConflict, http.StatusForbidden:
		if o.who == "eve" && len(ordinals) == 0 { // a role that may give no command at all
			return "no command"
		}
		var refusal decide.RefusalFact
		if len(facts) != 1 || facts[0].Kind != decide.KindRefusal || json.Unmarshal(facts[0].Body, &refusal) != nil || refusal.By != o.who || refusal.Reason != o.heard.reason() {
			t.Errorf("%s by %s is refused with %s; sealed is %s", o.route, o.who, o.heard.body, rowsText(facts))
		}
		return "refused"
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusTooManyRequests:
		if len(ordinals) > 0 {
			t.Errorf("%s by %s is answered %d %s, and is in the log", o.route, o.who, o.heard.status, o.heard.body)
		}
		return "no command"
	}
	t.Errorf("%s by %s is answered %d %s", o.route, o.who, o.heard.status, o.heard.body)
	return "odd"
}

// wantFact wants one fact of the command's kind, by the person, which says what the
// answer says, and no refusal.
func (o *order) wantFact(t *testing.T, facts []ledger.Row) {
	t.Helper()
	of := slices.DeleteFunc(slices.Clone(facts), func(r ledger.Row) bool {
		opens := r.Kind == decide.KindCOE && strings.Contains(string(r.Body), `"change":"opened"`) // its text is the next fact
		return r.Kind != sealedAs[o.route] || opens
	})
	if len(of) != 1 || slices.ContainsFunc(facts, func(r ledger.Row) bool { return r.Kind == decide.KindRefusal }) {
		t.Errorf("%s by %s is answered %s; sealed is %s", o.route, o.who, o.heard.body, rowsText(facts))
		return
	}
	answer, fact := members(t, o.heard.body), members(t, string(of[0].Body))
	fact["ordinal"], fact["at"] = of[0].Ordinal, of[0].At
	if by, ok := fact["requested_by"]; ok {
		fact["by"] = by
	}
	if of[0].Remedy != "" {
		fact["remedy"] = of[0].Remedy
	}
	if bulk, ok := answer["bulk"].(map[string]any); ok {
		answer["bulk"] = bulk["bulk"]
	}
	if _, isToken := answer["secret"]; isToken {
		fact["id"] = fact["token"]
	} else {
		delete(answer, "id") // of the command
	}
	same := 0
	for name, value := range answer {
		if sealed, ok := fact[name]; ok && !slices.Contains([]string{"status", "command"}, name) {
			if same++; fmt.Sprint(sealed) != fmt.Sprint(value) {
				t.Errorf("%s by %s is answered %s of %v, sealed is %s", o.route, o.who, name, value, rowsText(of))
			}
		}
	}
	if fact["by"] != o.who || same < 2 {
		t.Errorf("%s by %s is answered %s, of which the fact says %d things: %s", o.route, o.who, o.heard.body, same, rowsText(of))
	}
}

// members are those of a JSON object, with numbers as they are written.
func members(t *testing.T, text string) (all map[string]any) {
	t.Helper()
	read := json.NewDecoder(strings.NewReader(text))
	read.UseNumber()
	if err := read.Decode(&all); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return all
}

func rowsText(rows []ledger.Row) string {
	var all []string
	for _, r := range rows {
		all = append(all, r.Kind+" "+string(r.Body))
	}
	return strings.Join(all, ", ")
}

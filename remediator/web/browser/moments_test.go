package browser

import (
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/integrity"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/store/postgrestest"
)

// looks are how what pages show for a while is looked at.
var looks = map[string]window{"light": {}, "dark": {Dark: true}, "phone": {Width: phone}}

// moment is something that pages show only after somebody did something.
type moment struct {
	name     string
	stranger bool // nobody is signed in
	lead     func(b *tab)
	want     []string
}

// TestMoments looks at what no address alone leads to, in light and dark and on a phone:
// the sign-in and what it refuses, failures, answers to what was asked, a COE that was
// checked, and approvals of all kinds.
func TestMoments(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	moments := c.moments()
	for look, w := range looks {
		t.Run(look, func(t *testing.T) {
			stranger, admin := browser.open(t, c.service.URL, w), c.enter(browser, "admin", w).in(t)
			for _, m := range moments {
				b := admin
				if m.stranger {
					b = stranger
				}
				m.lead(b)
				has(t, b.text("main"), m.want...)
				b.seen(m.name, look)
				b.calm()
			}
		})
	}
}

// moments are those of a town in which rules wait for another person, and what one
// makes good afterwards for two.
func (c *town) moments() []moment {
	c.t.Helper()
	c.furnish()
	asked := c.asksForLost(func(digest string) { c.post("pat", "/v1/rules/approve", map[string]any{"digest": digest}, nil) })
	c.propose("wes", rule.File{Path: "late.yaml", Text: strings.Replace(townRules, "10.00 USD", "12.00 USD", 1)})
	var opened api.COEs
	c.get("admin", "/v1/coes", &opened)
	if len(opened.COEs) == 0 {
		c.t.Fatal("there is no COE after a cord turned red")
	}
	coe := "/coes/" + opened.COEs[0].COE.String()
	const event = `{"specversion":"1.0","id":"1","source":"/parcels","type":"parcel.late","customer":"c-1","data":{"order":"1","payment":"pi_1","amount":"5.00 USD","hours":3}}`
	return []moment{
		{"sign-in", true, func(b *tab) { b.look("/sign-in") }, []string{"Your token"}},
		{"sign-in-refused", true, func(b *tab) {
			b.look("/sign-in")
			b.fill("input[name=token]", "mg_of_nobody")
			b.press("Enter")
			b.wait("[role=alert]")
			b.refused(http.StatusUnauthorized)
		}, []string{"Nobody has this token"}},
		{"failure", false, func(b *tab) { b.miss("/remedies/none", http.StatusNotFound) }, []string{"Not found"}},
		{"failure-stranger", true, func(b *tab) { b.miss("/sign-in/link/none", http.StatusForbidden) }, []string{"The link was used"}},
		{"why-not-answer", false, func(b *tab) {
			b.look("/why-not")
			b.fill("textarea[name=event]", event)
			b.click("button:text-is('Explain')")
			b.wait("main h2:has-text('makes a remedy')")
		}, c.explains(event)},
		{"coe-check", false, func(b *tab) {
			b.look(coe + "/edit")
			b.click("text=Check without saving")
			b.wait("#findings ~ ol")
		}, []string{"It is checked, and not saved.", "this is not written yet"}},
		{"approvals-bulk", false, func(b *tab) { b.look("/approvals") }, []string{
			"wes proposed it", fmt.Sprintf("%s in %d remedies", asked.Money[0], asked.Remedies), fmt.Sprintf("Approvals: %d of %d", len(asked.Approvals), asked.Need)}},
	}
}

// miss goes to a path that is refused with a status.
func (b *tab) miss(path string, want int) {
	b.t.Helper()
	var status int
	if b.tell(&status, "go", "url", b.site+path); status != want {
		b.t.Fatalf("%s is answered %d, want %d", path, status, want)
	}
	b.refused(want)
}

// refused holds that the browser's console heard of a refusal, and of nothing else.
func (b *tab) refused(status int) {
	b.t.Helper()
	var troubles []string
	b.tell(&troubles, "troubles")
	if len(troubles) != 1 || !strings.Contains(troubles[0], fmt.Sprint("status of ", status)) {
		b.t.Errorf("the browser says %q of a refusal with %d", troubles, status)
	}
}

// seen holds that nothing hinders people in what the page shows, and keeps it as a picture.
func (b *tab) seen(name, look string) {
	b.t.Helper()
	b.unhindered()
	if look == "phone" {
		b.narrow()
	}
	b.picture(name+"-"+look, true)
}

// still has the page stay as it is: a copy of it that hears of no change.
func (b *tab) still() {
	b.t.Helper()
	b.evaluate(`document.body.replaceChildren(...document.body.cloneNode(true).childNodes)`, nil)
}

// TestVerifying looks at the page of integrity while the whole ledger is verified, which
// who has it open sees without asking: the hashes are locked until they have.
func TestVerifying(t *testing.T) {
	t.Parallel()
	browser := inChromium(t)
	database := postgrestest.New(t)
	c := newTownOn(t, func(cfg *remediator.Config) { cfg.Database = database })
	open := map[string]*tab{}
	for look, w := range looks {
		open[look] = c.enter(browser, "odo", w)
		open[look].look("/integrity")
		open[look].wait("[sse-connect]")
	}
	db, err := sql.Open("postgres", database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	locked, err := db.BeginTx(t.Context(), nil)
	if err == nil {
		_, err = locked.Exec(`LOCK TABLE tile IN ACCESS EXCLUSIVE MODE`)
	}
	if err != nil {
		t.Fatal(err)
	}
	open["light"].click("button:text-is('Verify the whole ledger now')")
	for _, look := range slices.Sorted(maps.Keys(open)) {
		open[look].wait("progress")
		open[look].still()
	}
	var state integrity.State
	if c.get("odo", "/v1/integrity", &state); !state.Verification.Running || state.Verification.By != "odo" {
		t.Errorf("the API says %+v", state.Verification)
	}
	if err := locked.Rollback(); err != nil {
		t.Fatal(err)
	}
	for look, b := range open {
		has(t, b.text("main"), "verifying the whole ledger", "asked by odo")
		b.seen("integrity-verifying", look)
		b.look("/integrity")
		b.wait("#verification ~ p:has-text('Each entry is as it was sealed')")
		b.calm()
	}
	until(t, "the API says that it has ended", func() bool {
		c.get("odo", "/v1/integrity", &state)
		return !state.Verification.Running && state.Verification.Ended.After(state.Verification.Began.Add(-time.Second))
	})
	if state.Verification.Report == nil || !state.Verification.Report.Verified {
		t.Errorf("the API says %+v", state.Verification)
	}
}

// asksForLost has three events happen, puts a rule about them in force that wes writes
// and somebody approves, and has oli ask for what it makes good afterwards.
func (c *town) asksForLost(approve func(digest string)) *decide.Bulk {
	c.t.Helper()
	for i := range 3 {
		order := fmt.Sprint(5000 + i)
		c.emit("parcel.lost", order, "customer-"+order, map[string]any{"order": order, "payment": "pi_" + order, "amount": "2.50 USD", "days": 9})
	}
	approve(c.propose("wes", rule.File{Path: "lost.yaml", Text: lostRules}))
	if rules := c.rules(); !strings.Contains(fmt.Sprint(rules.Rules), "lost") {
		c.t.Fatalf("in force are %+v", rules)
	}
	var asked decide.Answer
	var log api.Status
	c.get("admin", "/v1/status", &log)
	c.post("oli", "/v1/rules/lost/apply", map[string]any{"since": log.LogTime.Add(-time.Hour), "until": log.LogTime, "reason": "the rule came late"}, &asked)
	if asked.Bulk == nil || asked.Bulk.Remedies != 3 {
		c.t.Fatalf("what is to be made good is %+v", asked)
	}
	return asked.Bulk
}

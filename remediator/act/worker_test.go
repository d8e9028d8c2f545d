package act_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/act/credit"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/sandbox"
)

// Whatever goes wrong with a call, and however often, the refund happens once.
func TestEveryFaultEndsWithOneRefund(t *testing.T) {
	t.Parallel()
	faults := []sandbox.Fault{
		"", sandbox.RateLimit, sandbox.InUse, sandbox.Unavailable, sandbox.Cut, sandbox.ServerError, sandbox.Lost, sandbox.Slow, sandbox.Delayed,
	}
	for _, fault := range faults {
		for _, writesOnly := range []bool{true, false} {
			name := string(fault) + map[bool]string{true: " writes", false: " all"}[writesOnly]
			t.Run(strings.TrimSpace(name), func(t *testing.T) {
				t.Parallel()
				p := newProvider(t, sandbox.Config{})
				p.plan(t, sandbox.Plan{
					Next: []sandbox.Calls{{Fault: fault, Calls: 3}}, WritesOnly: writesOnly, SlowMS: slow(fault), RetryAfterS: -1,
				})
				d := newDesk(t)
				action := d.add("pi_1", usd(2599))
				cfg := quick(d, p.connector)
				cfg.Deadline = 100 * time.Millisecond
				finish(t, d, cfg)
				outcomes := d.of(action)
				last := outcomes[len(outcomes)-1]
				if last.Status != decide.Succeeded || last.Ref == "" || last.Amount == nil || *last.Amount != usd(2599) || last.Name != "pay1" {
					t.Fatalf("the last outcome is %+v after %v", last, statuses(outcomes))
				}
				sum := p.Summary()
				if sum.Refunds != 1 || sum.Duplicates != 0 || sum.Totals["USD"] != 2599 {
					t.Fatalf("the provider has %+v after %v", sum, statuses(outcomes))
				}
			})
		}
	}
}

// slow is how late a call is, in any case too late for a deadline of 100 ms: a slow
// answer is never waited for, a delayed effect has to come some time.
func slow(fault sandbox.Fault) int {
	if fault == sandbox.Delayed {
		return 200
	}
	return 60_000
}

func TestRefusalIsFinal(t *testing.T) {
	t.Parallel()
	p := newProvider(t, sandbox.Config{})
	if err := p.AddPayment(sandbox.Payment{ID: "pi_small", Amount: 100, Currency: "usd"}); err != nil {
		t.Fatal(err)
	}
	if err := p.AddPayment(sandbox.Payment{ID: "pi_yen", Amount: 100, Currency: "jpy"}); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t)
	want := map[uuid.UUID]string{
		d.add("pi_small", usd(101)): "amount_too_large",
		d.add("pi_yen", usd(100)):   "currency_mismatch",
		d.add("order-1", usd(100)):  "resource_missing",
	}
	finish(t, d, quick(d, p.connector))
	for action, code := range want {
		outcomes := d.of(action)
		if len(outcomes) != 1 || outcomes[0].Status != decide.Failed || outcomes[0].Code != code {
			t.Errorf("got %+v, want one that failed with %s", outcomes, code)
		}
	}
	if sum := p.Summary(); sum.Refunds != 0 {
		t.Errorf("the provider has %+v", sum)
	}
}

// foreignRefund refunds as somebody in the provider's dashboard does.
func foreignRefund(t *testing.T, p *provider, payment string, amount string) {
	t.Helper()
	form := url.Values{"payment_intent": {payment}, "amount": {amount}}
	r, err := http.NewRequest(http.MethodPost, p.url+"/v1/refunds", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("sk_test_1", "")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("refund of somebody else: %d %s, %v", answer.StatusCode, body, err)
	}
}

func TestRefundByOthersHoldsUntilApproved(t *testing.T) {
	t.Parallel()
	p := newProvider(t, sandbox.Config{})
	foreignRefund(t, p, "pi_1", "500")
	d := newDesk(t)
	action := d.add("pi_1", usd(100))
	finish(t, d, quick(d, p.connector))
	outcomes := d.of(action)
	if len(outcomes) != 1 || outcomes[0].Status != decide.Blocked || outcomes[0].Code != "already_refunded" || outcomes[0].Ref == "" {
		t.Fatalf("got %+v, want one that is held", outcomes)
	}
	if sum := p.Summary(); sum.Refunds != 1 {
		t.Fatalf("the provider has %+v", sum)
	}
	d.approve(outcomes[0])
	finish(t, d, quick(d, p.connector))
	if got := statuses(d.of(action)); !slices.Equal(got, []string{decide.Blocked, decide.Succeeded}) {
		t.Fatalf("got %v", got)
	}
	if sum := p.Summary(); sum.Refunds != 2 || sum.Totals["USD"] != 600 {
		t.Fatalf("the provider has %+v", sum)
	}
}

// A refund by another step of the same remedy is no reason to hold.
func TestOwnRefundDoesNotHold(t *testing.T) {
	t.Parallel()
	p := newProvider(t, sandbox.Config{})
	d := newDesk(t)
	first, second := usd(100), usd(200)
	actions := d.decide("stripe", decide.Step{Kind: "refund", Payment: "pi_1", Amount: &first}, decide.Step{Kind: "refund", Payment: "pi_1", Amount: &second})
	cfg := quick(d, p.connector)
	cfg.Concurrency = 1
	finish(t, d, cfg)
	for _, action := range actions {
		if got := statuses(d.of(action)); !slices.Equal(got, []string{decide.Succeeded}) {
			t.Fatalf("got %v", got)
		}
	}
	if sum := p.Summary(); sum.Refunds != 2 || sum.Duplicates != 0 || sum.Totals["USD"] != 300 {
		t.Fatalf("the provider has %+v", sum)
	}
}

// blind is a provider that cannot be asked, as it would be without the look-up.
type blind struct{ act.Connector }

func (b blind) Traits() act.Traits { return act.Traits{} }

// After the key's life the provider pays again under it; only the look-up knows.
func TestExpiredKeyIsLookedUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		wrap    func(act.Connector) act.Connector
		refunds int
	}{
		{"looked up", func(c act.Connector) act.Connector { return c }, 1},
		{"not looked up", func(c act.Connector) act.Connector { return blind{c} }, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t, sandbox.Config{})
			p.plan(t, sandbox.Plan{Next: []sandbox.Calls{{Fault: sandbox.Lost, Calls: 1}}, WritesOnly: true})
			d := newDesk(t)
			action := d.add("pi_1", usd(100))
			cfg := quick(d, c.wrap(p.connector))
			cfg.Backoff = act.Backoff{Base: time.Hour, Most: time.Hour}
			_, stop := run(t, cfg)
			eventually(t, "the answer is lost", func() bool { return len(d.of(action)) == 1 })
			stop()
			if _, err := p.Advance(25 * time.Hour); err != nil {
				t.Fatal(err)
			}
			cfg.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
			finish(t, d, cfg)
			if got := statuses(d.of(action)); !slices.Equal(got, []string{decide.Unknown, decide.Succeeded}) {
				t.Fatalf("got %v", got)
			}
			if got := p.Summary(); got.Refunds != c.refunds || got.Duplicates != c.refunds-1 {
				t.Fatalf("the provider has %+v, want %d refunds", got, c.refunds)
			}
		})
	}
}

// forgetful is a provider whose keys expire and that cannot be asked.
type forgetful struct{ act.Connector }

func (f forgetful) Traits() act.Traits { return act.Traits{KeyLifetime: 24 * time.Hour} }

// When a key may have expired and nobody can be asked, a person has to look:
// nothing is sent that could pay again.
func TestExpiredKeyWithoutLookupIsLeftAlone(t *testing.T) {
	t.Parallel()
	p := newProvider(t, sandbox.Config{})
	p.plan(t, sandbox.Plan{Next: []sandbox.Calls{{Fault: sandbox.Lost, Calls: 1}}})
	d := newDesk(t)
	action := d.add("pi_1", usd(100))
	cfg := quick(d, forgetful{p.connector})
	cfg.Backoff = act.Backoff{Base: time.Hour, Most: time.Hour}
	_, stop := run(t, cfg)
	eventually(t, "the answer is lost", func() bool { return len(d.of(action)) == 1 })
	stop()
	if _, err := p.Advance(25 * time.Hour); err != nil {
		t.Fatal(err)
	}
	cfg.Now = func() time.Time { return time.Now().Add(23*time.Hour + time.Minute) }
	finish(t, d, cfg)
	outcomes := d.of(action)
	if got := statuses(outcomes); !slices.Equal(got, []string{decide.Unknown, decide.Unknown}) || outcomes[1].Code != "key_expired" {
		t.Fatalf("got %+v", outcomes)
	}
	if sum := p.Summary(); sum.Refunds != 1 || sum.Calls != 1 {
		t.Fatalf("the provider has %+v", sum)
	}
}

// Credit needs no look-up: the books know the action for ever.
func TestCreditIsGivenOnceThroughCrashes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.setLag(true)
	amount := usd(650)
	for range 20 {
		d.decide("credit", decide.Step{Kind: "credit", Customer: "ada", Amount: &amount, ExpiresS: 3600})
	}
	cfg := quick(d, credit.New(d, time.Now))
	cfg.Name = "credit"
	var died atomic.Int64
	cfg.OnStep = func(step string) {
		if step == act.StepCalled && died.Add(1) <= 30 {
			runtime.Goexit()
		}
	}
	var ahead atomic.Int64
	cfg.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Add(int64(10 * time.Millisecond)))) }
	finish(t, d, cfg)
	balance, err := d.Balance(t.Context(), "ada", time.Now())
	if err != nil || !slices.Equal(balance, []money.Money{usd(20 * 650)}) || died.Load() < 30 {
		t.Fatalf("got %v, %v after %d crashes", balance, err, died.Load())
	}
	if balance, err := d.Balance(t.Context(), "ada", time.Now().Add(2*time.Hour)); err != nil || len(balance) != 0 {
		t.Fatalf("after it expired: got %v, %v", balance, err)
	}
}

// A credit that names nobody, which a person approved, is not given to the
// event's customer instead.
func TestCreditForNobodyFails(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	amount := usd(650)
	d.decide("credit", decide.Step{Kind: "credit", Amount: &amount})
	cfg := quick(d, credit.New(d, time.Now))
	cfg.Name = "credit"
	finish(t, d, cfg)
	balance, err := d.Balance(t.Context(), "ada", time.Now())
	if err != nil || len(balance) != 0 {
		t.Errorf("ada has %v, %v", balance, err)
	}
	if len(d.outcomes) != 1 || d.outcomes[0].Status != decide.Failed {
		t.Errorf("outcomes %+v", d.outcomes)
	}
}

// The row of the outbox names an action; what is paid is what was sealed.
func TestRequestComesFromTheSealedDecision(t *testing.T) {
	t.Parallel()
	p := newProvider(t, sandbox.Config{})
	d := newDesk(t)
	replace := func(old, new string) func(*act.Job) {
		return func(j *act.Job) { j.Entry = bytes.Replace(j.Entry, []byte(old), []byte(new), 1) }
	}
	cases := map[string]func(*act.Job){
		"no entry":       func(j *act.Job) { j.Entry = nil },
		"changed entry":  func(j *act.Job) { j.Entry = append(j.Entry, ' ') },
		"another remedy": func(j *act.Job) { j.Remedy = uuid.New() },
		"another action": func(j *act.Job) {
			j.Entry = bytes.ReplaceAll(j.Entry, []byte(j.Action.String()), []byte(uuid.NewString()))
		},
		"shadow":            replace(`"live"`, `"shadow"`),
		"suppressed":        replace(`"act"`, `"suppress"`),
		"another connector": replace(`"stripe"`, `"credit"`),
		"negative amount":   replace(`:2599`, `:-259`),
	}
	for name, change := range cases {
		d.setChange(change)
		action := d.add("pi_1", usd(2599))
		finish(t, d, quick(d, p.connector))
		outcomes := d.of(action)
		if len(outcomes) != 1 || outcomes[0].Status != decide.Unknown || outcomes[0].Code != "decision_unreadable" {
			t.Errorf("%s: got %+v", name, outcomes)
		}
	}
	d.setChange(func(j *act.Job) { j.Kind, j.Name = "credit", "other" })
	d.add("pi_1", usd(1))
	finish(t, d, quick(d, p.connector))
	if sum := p.Summary(); sum.Refunds != 1 || sum.Totals["USD"] != 1 {
		t.Fatalf("the provider has %+v", sum)
	}
}

// An outcome that the log does not take is offered until it does; the stamp says
// whose clock it carries.
func TestOutcomeIsAppendedInTheEnd(t *testing.T) {
	t.Parallel()
	p := newProvider(t, sandbox.Config{})
	d := newDesk(t)
	d.refuse = 3
	action := d.add("pi_1", usd(100))
	cfg := quick(d, p.connector)
	cfg.EventClock = true
	finish(t, d, cfg)
	if got := statuses(d.of(action)); !slices.Equal(got, []string{decide.Succeeded}) || d.stamps[0] != input.StampPrevious {
		t.Fatalf("got %v stamped %v", got, d.stamps)
	}
}

// Minor units are Stripe's except for three currencies, where they differ.
func TestCurrencies(t *testing.T) {
	t.Parallel()
	p := newProvider(t, sandbox.Config{})
	d := newDesk(t)
	type paid struct {
		money  money.Money
		stripe int64
	}
	want := map[uuid.UUID]paid{}
	for i, c := range []paid{
		{money.Money{Minor: 1200, Currency: "JPY"}, 1200},
		{money.Money{Minor: 12345, Currency: "KWD"}, 12345},
		{money.Money{Minor: 5, Currency: "ISK"}, 500},
		{money.Money{Minor: 300, Currency: "MGA"}, 3},
	} {
		payment := []string{"pi_a", "ch_b", "pi_c", "ch_d"}[i]
		if err := p.AddPayment(sandbox.Payment{ID: payment, Amount: 1_000_000, Currency: strings.ToLower(c.money.Currency)}); err != nil {
			t.Fatal(err)
		}
		want[d.add(payment, c.money)] = c
	}
	finish(t, d, quick(d, p.connector))
	totals := p.Summary().Totals
	for action, c := range want {
		outcomes := d.of(action)
		if len(outcomes) != 1 || outcomes[0].Amount == nil || *outcomes[0].Amount != c.money || totals[c.money.Currency] != c.stripe {
			t.Errorf("%s: got %+v and %d at the provider", c.money, outcomes, totals[c.money.Currency])
		}
	}
}

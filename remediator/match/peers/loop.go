package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/makegood/makegood/remediator/money"
)

// loop is what one would write in an afternoon with cel-go for these rules alone: each
// event decoded into maps, each condition asked, bookings remembered, their limits as
// lists of what was paid, and a list of times for each airport. It comes to the same
// remedies, money, customers, cords and days.
type loop struct {
	refund, credit cel.Program
}

func newLoop() (*loop, error) {
	env, err := cel.NewEnv(cel.Variable("data", cel.DynType))
	if err != nil {
		return nil, fmt.Errorf("build environment: %w", err)
	}
	l := &loop{}
	if l.refund, err = celProgram(env, "data.delay_min >= 180"); err != nil {
		return nil, err
	}
	l.credit, err = celProgram(env, "data.delay_min >= 60 && data.delay_min < 180")
	return l, err
}

// each decodes the flights and asks both conditions of each.
func (l *loop) each(lines []byte, do func(event, data map[string]any, veryLate, late bool) error) error {
	for scan := bufio.NewScanner(bytes.NewReader(lines)); scan.Scan(); {
		var event map[string]any
		if err := json.Unmarshal(scan.Bytes(), &event); err != nil {
			return fmt.Errorf("decode flight: %w", err)
		}
		data := event["data"].(map[string]any)
		values := map[string]any{"data": data}
		veryLate, err := holds(l.refund, values)
		if err != nil {
			return err
		}
		late, err := holds(l.credit, values)
		if err != nil {
			return err
		}
		if err := do(event, data, veryLate, late); err != nil {
			return err
		}
	}
	return nil
}

func (l *loop) match(lines []byte) (firings, error) {
	var f firings
	err := l.each(lines, func(_, _ map[string]any, veryLate, late bool) error {
		if veryLate {
			f.refund.remedies++
			f.stop.remedies++
		}
		if late {
			f.credit.remedies++
		}
		return nil
	})
	return f, err
}

func (l *loop) backtest(lines []byte) (firings, error) {
	refund := newPayer(limits{each: 1000_00, customer: 2000_00, times: 4, day: 100_000_00, approve: 800_00})
	credit := newPayer(limits{each: 250_00, customer: 1000_00, times: 10, day: 200_000_00, approve: math.MaxInt64})
	stop := newStopper()
	err := l.each(lines, func(event, data map[string]any, veryLate, late bool) error {
		if !veryLate && !late {
			return nil
		}
		at, err := time.Parse(time.RFC3339, event["time"].(string))
		if err != nil {
			return fmt.Errorf("read time: %w", err)
		}
		fare, err := cents(data["fare"].(string))
		if err != nil {
			return err
		}
		booking, customer := data["booking"].(string), event["customer"].(string)
		if late {
			credit.pay(booking, customer, (fare+2)/4, at)
			return nil
		}
		refund.pay(booking, customer, fare, at)
		stop.depart(data["origin"].(string), customer, at)
		return nil
	})
	return firings{refund: refund.outcome(), credit: credit.outcome(), stop: stop.outcome()}, err
}

func holds(program cel.Program, values map[string]any) (bool, error) {
	result, _, err := program.Eval(values)
	if err != nil {
		return false, err
	}
	return result.Value() == true, nil
}

// cents reads an amount like 281.12 USD.
func cents(text string) (int64, error) {
	m, err := money.Parse(text)
	if err != nil {
		return 0, fmt.Errorf("read amount: %w", err)
	}
	return m.Minor, nil
}

// limits of a rule, in cents: of a remedy, of a customer in 30 days with how many
// remedies, of all in a day, and of what nobody has to approve.
type limits struct {
	each, customer, day, approve int64
	times                        int
}

// paid is what one remedy paid.
type paid struct {
	at    time.Time
	cents int64
}

// payer is a rule that pays each booking once.
type payer struct {
	limits
	done       map[string]bool   // by booking
	byCustomer map[string][]paid // within 30 days
	all        []paid            // within a day
	total      int64             // of all

	sum       outcome
	customers map[string]bool
	days      map[string]bool
}

func newPayer(l limits) *payer {
	return &payer{limits: l, done: map[string]bool{}, byCustomer: map[string][]paid{}, customers: map[string]bool{}, days: map[string]bool{}}
}

func (p *payer) pay(booking, customer string, amount int64, at time.Time) {
	if p.done[booking] {
		return
	}
	p.done[booking] = true
	p.days[at.Format(time.DateOnly)] = true
	var before []paid
	spent := int64(0)
	for _, b := range p.byCustomer[customer] {
		if at.Sub(b.at) < 30*24*time.Hour {
			before = append(before, b)
			spent += b.cents
		}
	}
	for len(p.all) > 0 && at.Sub(p.all[0].at) >= 24*time.Hour {
		p.total -= p.all[0].cents
		p.all = p.all[1:]
	}
	if amount > p.each || len(before) >= p.times || spent+amount > p.customer || p.total+amount > p.day || amount > p.approve {
		p.sum.held++
		return
	}
	p.byCustomer[customer] = append(before, paid{at, amount})
	p.all, p.total = append(p.all, paid{at, amount}), p.total+amount
	p.sum.remedies++
	p.sum.cents += amount
	p.customers[customer] = true
}

func (p *payer) outcome() outcome {
	o := p.sum
	o.customers, o.days = len(p.customers), len(p.days)
	return o
}

// stopper pulls the cord of an airport at every third departure within six hours.
type stopper struct {
	windows map[string][]time.Time // by airport
	sum     outcome
	cords   map[string]bool
	days    map[string]bool

	customers map[string]bool
}

func newStopper() *stopper {
	return &stopper{windows: map[string][]time.Time{}, cords: map[string]bool{}, days: map[string]bool{}, customers: map[string]bool{}}
}

// depart adds a departure to the window of its airport. After a third within six
// hours the window starts anew.
func (s *stopper) depart(origin, customer string, at time.Time) {
	var within []time.Time
	for _, before := range s.windows[origin] {
		if at.Sub(before) < 6*time.Hour {
			within = append(within, before)
		}
	}
	if within = append(within, at); len(within) < 3 {
		s.windows[origin] = within
		return
	}
	s.windows[origin] = nil
	s.sum.remedies++
	s.cords[origin], s.customers[customer] = true, true
	s.days[at.Format(time.DateOnly)] = true
}

func (s *stopper) outcome() outcome {
	o := s.sum
	o.customers, o.cords, o.days = len(s.customers), len(s.cords), len(s.days)
	return o
}

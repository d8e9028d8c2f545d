package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sort"
	"time"
)

// scenario is what a seed makes.
type scenario struct {
	rules []*rule
	lines []line
}

// draft is an event that is not written yet.
type draft struct {
	id, kind, customer string
	at                 time.Time
	arrives            time.Time // its place in the file
	untimed            bool
	rate               int // sampledrate
	data               map[string]any
}

// maker draws from one seed.
type maker struct {
	*rand.Rand
	grid   time.Duration // times are multiples of it, so that some coincide
	gaps   []time.Duration
	drafts []draft
	n      int
}

// start is not the epoch's multiple of anything that windows are aligned to.
var start = time.Date(2026, 3, 28, 22, 37, 0, 0, time.UTC)

func newScenario(seed uint64) *scenario {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 0x6d616b65))}
	m.grid = oneOf(m.Rand, time.Second, time.Minute, 10*time.Minute)
	s := &scenario{}
	for _, i := range m.Perm(len(families))[:5+m.IntN(6)] {
		r := families[i](m.Rand)
		s.rules = append(s.rules, r)
		if r.within > 0 {
			m.gaps = append(m.gaps, r.within)
		}
		if r.unless != nil && r.unless.within > 0 {
			m.gaps = append(m.gaps, time.Duration(r.unless.within))
		}
	}
	m.gaps = append(m.gaps, time.Hour)
	for range 25 + m.IntN(40) {
		m.flight()
	}
	for range 8 + m.IntN(12) {
		m.order()
	}
	for range 6 + m.IntN(8) {
		m.contacts()
	}
	for _, old := range []time.Duration{0, 1, time.Hour} {
		m.flight()
		d := &m.drafts[len(m.drafts)-1]
		d.at = m.drafts[0].at.Add(-30*24*time.Hour - old)
		d.arrives = m.drafts[0].at.Add(time.Duration(m.IntN(2)) * time.Minute)
	}
	for range 5 {
		m.add(ignored, m.moment(), map[string]any{"booking": "bk-1", "late_min": 500})
	}
	m.spoil()
	m.shuffle()
	s.lines = m.write()
	return s
}

// moment is a time on the grid within two days.
func (m *maker) moment() time.Time {
	return start.Add(time.Duration(m.Int64N(int64(48 * time.Hour)))).Truncate(m.grid)
}

// gap is a time between two events of a group: often short, often exactly as
// long as a window, or a hair less or more.
func (m *maker) gap() time.Duration {
	exact := oneOf(m.Rand, m.gaps...)
	switch m.IntN(6) {
	case 0, 1:
		return exact
	case 2:
		return exact - oneOf(m.Rand, time.Nanosecond, time.Millisecond, m.grid)
	case 3:
		return exact / time.Duration(2+m.IntN(2))
	case 4:
		return 0
	}
	return time.Duration(m.Int64N(int64(2 * time.Hour))).Truncate(m.grid)
}

func (m *maker) add(kind string, at time.Time, data map[string]any) {
	m.n++
	customer := fmt.Sprintf("c-%d", m.IntN(12))
	if m.IntN(15) == 0 {
		customer = ""
	}
	m.drafts = append(m.drafts, draft{id: fmt.Sprintf("e-%d", m.n), kind: kind, customer: customer, at: at, arrives: at, data: data})
}

// price is an amount with odd cents, in one of four currencies, as a text or
// as an object.
func (m *maker) price() any {
	currency := oneOf(m.Rand, "USD", "USD", "USD", "EUR", "JPY", "KWD")
	minor := m.Int64N(20000) + 1
	switch m.IntN(20) {
	case 0:
		minor = m.Int64N(4) // nothing, or so little that a share of it is
	case 1:
		minor = m.Int64N(1 << 40)
	}
	value := amount{minor, currency}.decimal()
	if m.IntN(3) == 0 {
		return map[string]any{"amount": value, "currency": currency}
	}
	return value + " " + currency
}

// same writes a small number in one of the ways that make one key.
func (m *maker) same(n int) any {
	return oneOf[any](m.Rand, number(fmt.Sprint(n)), number(fmt.Sprintf("%d.0", n)), fmt.Sprint(n), number(fmt.Sprintf("%de0", n)))
}

// flight is a booking with one or more events, which share a payment.
func (m *maker) flight() {
	booking := any(fmt.Sprintf("bk-%d", m.n))
	if m.IntN(4) == 0 {
		booking = m.IntN(30)
	}
	at, fare, payment := m.moment(), m.price(), fmt.Sprintf("pi_%d", m.n)
	for leg := range 1 + m.IntN(3) {
		key := booking
		if n, ok := booking.(int); ok {
			key = m.same(n)
		}
		m.add(oneOf(m.Rand, arrived, arrived, arrived, cancelled, diverted), at, map[string]any{
			"booking": key, "leg": leg % 2, "payment": payment, "fare": fare,
			"late_min": oneOf(m.Rand, 0, 29, 30, 59, 60, 61, 119, 120, 179, 180, 181, 400),
			"vip":      m.IntN(8) == 0, "cause": oneOf(m.Rand, "weather", "crew", "technical"),
			"lane": oneOf[any](m.Rand, "north", "south", m.same(7), "west 1"),
		})
		at = at.Add(m.gap())
	}
}

// order is an order with one or more charges, each a payment of its own.
func (m *maker) order() {
	order, at := m.IntN(1000)+100, m.moment()
	for range 1 + m.IntN(5) {
		m.add(charged, at, map[string]any{
			"order": m.same(order), "charge": fmt.Sprintf("ch-%d", m.n), "payment": fmt.Sprintf("pi_c%d", m.n-m.IntN(2)), "amount": m.price(),
		})
		at = at.Add(m.gap())
	}
}

// contacts are several contacts about one product.
func (m *maker) contacts() {
	sku, at := oneOf[any](m.Rand, "TABLE-7", "lamp/2", m.same(77), m.same(9)), m.moment()
	for range 2 + m.IntN(6) {
		m.add(contacted, at, map[string]any{
			"sku": sku, "contact": fmt.Sprintf("k-%d", m.n), "reason": oneOf(m.Rand, "damaged", "defective", "late", "other"),
			"units": number(oneOf(m.Rand, "1", "2.25", "3.0", "0.5")), "score": 1 + m.IntN(5), "team": oneOf(m.Rand, "red", "blue"),
			"promised": at.Add(oneOf(m.Rand, m.gap(), m.gap(), -30*time.Minute, 0)).Format(time.RFC3339Nano),
		})
		at = at.Add(m.gap())
	}
}

// spoil takes fields away, nulls them, gives them another type, and takes some
// events' times.
func (m *maker) spoil() {
	for i := range m.drafts {
		d := &m.drafts[i]
		if i > 0 && m.IntN(40) == 0 {
			d.untimed = true
		}
		if m.IntN(30) == 0 {
			d.rate = 1 + m.IntN(2)*9
		}
		if m.IntN(6) != 0 {
			continue
		}
		names := make([]string, 0, len(d.data))
		for name := range d.data {
			names = append(names, name)
		}
		sort.Strings(names)
		name := oneOf(m.Rand, names...)
		switch m.IntN(4) {
		case 0:
			delete(d.data, name)
		case 1:
			d.data[name] = nil
		default:
			d.data[name] = oneOf[any](m.Rand, "", true, "abc", number("12.5"), number("9007199254740993"), []any{1}, map[string]any{"a": 1}, "1.001 USD", "1.5 JPY", "5 XXX")
		}
	}
}

// shuffle moves events back in the file: most not at all, some by less than an
// hour or exactly one, a few by more, which makes them late.
func (m *maker) shuffle() {
	for i := range m.drafts {
		d := &m.drafts[i]
		switch m.IntN(20) {
		case 0, 1, 2:
			d.arrives = d.at.Add(time.Duration(m.Int64N(int64(time.Hour))))
		case 3:
			d.arrives = d.at.Add(time.Hour)
		case 4:
			d.arrives = d.at.Add(time.Hour + time.Duration(m.Int64N(int64(3*time.Hour))))
		}
	}
	sort.SliceStable(m.drafts, func(i, j int) bool { return m.drafts[i].arrives.Before(m.drafts[j].arrives) })
	m.drafts[0].untimed = false // before it the log has no time to give
}

// write writes the events, some of them again: with the same body or a changed
// one, at once or later. Here and there is a line that is no event.
func (m *maker) write() []line {
	var lines []line
	type repeat struct {
		after int
		draft draft
	}
	var repeats []repeat
	for i, d := range m.drafts {
		lines = append(lines, line{text: m.encode(d)})
		for _, r := range repeats {
			if r.after == i {
				lines = append(lines, line{text: m.encode(r.draft)})
			}
		}
		if m.IntN(12) == 0 {
			again := d
			if m.IntN(2) == 0 {
				again = m.changed(d)
			}
			repeats = append(repeats, repeat{i + 1 + m.IntN(20), again})
		}
		if m.IntN(80) == 0 {
			lines = append(lines, line{text: []byte(oneOf(m.Rand, invalidLines...)), invalid: true})
		}
	}
	return lines
}

// changed is an event with the id of another and a body of its own.
func (m *maker) changed(d draft) draft {
	other := m.drafts[m.IntN(len(m.drafts))]
	if m.IntN(8) != 0 {
		other.at, other.untimed = d.at, d.untimed
	}
	other.id = d.id
	return other
}

var invalidLines = []string{
	`{"specversion":"1.0","id":"x","source":"/oracle","type":"` + arrived + `"`,
	`{"specversion":"1.0","source":"/oracle","type":"` + arrived + `","data":{"late_min":500}}`,
	`{"specversion":"1.0","id":"","source":"/oracle","type":"` + arrived + `"}`,
	`{"specversion":"0.3","id":"x","source":"/oracle","type":"` + arrived + `"}`,
	`{"specversion":"1.0","id":"x","id":"y","source":"/oracle","type":"` + arrived + `"}`,
	`{"specversion":"1.0","id":"x","source":"/oracle","type":"` + arrived + `","data":{"a":1,"a":2}}`,
	`{"specversion":"1.0","id":"x","source":"/oracle","type":"` + arrived + `"} trailing`,
	`{"specversion":"1.0","id":"x","source":"/oracle","type":"` + arrived + `","time":"yesterday"}`,
	"{\"specversion\":\"1.0\",\"id\":\"x\",\"source\":\"/oracle\",\"type\":\"" + arrived + "\",\"data\":\"\xff\"}",
	`[]`, `null`, `7`, `plain text`,
}

// number writes a JSON number exactly as given.
func number(text string) json.Number { return json.Number(text) }

// encode writes an event, its time in one of the ways that RFC 3339 allows.
func (m *maker) encode(d draft) []byte {
	object := map[string]any{"specversion": "1.0", "id": d.id, "source": "/oracle", "type": d.kind, "data": d.data}
	if d.customer != "" {
		object["customer"] = d.customer
	}
	if d.rate > 0 {
		object["sampledrate"] = d.rate
	}
	if !d.untimed {
		at := d.at
		if m.IntN(4) == 0 {
			at = at.In(time.FixedZone("", oneOf(m.Rand, 2*3600, -7*3600, 5*3600+1800)))
		}
		object["time"] = at.Format(time.RFC3339Nano)
	}
	text, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return text
}

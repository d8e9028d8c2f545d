package logic_test

import "testing"

// mixed are conditions that compare what no event can have of one kind, and what is advised.
var mixed = map[string]string{
	`data.when > timestamp("2026-01-01T00:00:00Z")`: `write timestamp(data.when)`,
	`timestamp("2026-01-01T00:00:00Z") > data.when`: `write timestamp(data.when)`,
	// An aggregate is of numbers or money, and timestamp(max(…)) of neither.
	`max(data.at) > timestamp("2026-01-01T00:00:00Z")`:              `an aggregate is of numbers or of money: write max(int(timestamp(data.at))), and compare it with seconds: int(timestamp(…)), or a number as 3600`,
	`event.time > min(event.time, data.x == 1)`:                     `an aggregate is of numbers or of money: write min(int(event.time), data.x == 1), and compare it with seconds: int(timestamp(…)), or a number as 3600`,
	`event.time - min(when) > duration("3h")`:                       `an aggregate is of numbers or of money: write min(int(timestamp(data.when))), and compare it with seconds: int(timestamp(…)), or a number as 3600`,
	`max(data.took) > duration("3h")`:                               `an aggregate is of numbers or of money: write max(duration(data.took).getSeconds()), and compare it with seconds, as 3600`,
	`data["the-day"] >= event.time`:                                 `write timestamp(data["the-day"])`,
	`data.items[0].at == event.time`:                                `write timestamp(data.items[0].at)`,
	`when > event.time`:                                             `write timestamp(data.when)`,
	`data.other < ended`:                                            `write timestamp(data.other)`,
	`data.?when.orValue("") > event.time`:                           `write timestamp(data.?when.orValue(""))`,
	`(data.x ? data.a : data.b) == event.time`:                      `write timestamp(data.x ? data.a : data.b)`,
	`data.d > duration("1h")`:                                       `write duration(data.d)`,
	`data.d in [duration("1h"), duration("2h")]`:                    `write duration(data.d)`,
	`data.paid > money("10.00 USD")`:                                `write money(data.paid)`,
	`data.paid == money("10.00 USD")`:                               `write money(data.paid)`,
	`data.paid < pct(data.fare, 25)`:                                `write money(data.paid)`,
	`data.paid + money(data.fee) > money("10.00 USD")`:              `write money(data.paid)`,
	`data.paid - data.fee > money("10.00 USD")`:                     `write money(data.paid) - money(data.fee)`,
	`data.when - data.other > duration("1h")`:                       `write timestamp(data.when) - timestamp(data.other)`,
	`event.time - data.promised > duration("1h")`:                   `write timestamp(data.promised)`,
	`event.time - 3600 > timestamp(data.promised)`:                  `write duration("1h")`,
	`data.promised + duration("1h") < event.time`:                   `write timestamp(data.promised)`,
	`event.time > "2026"`:                                           `write timestamp("2026-01-01T00:00:00Z")`,
	`event.time > 2026`:                                             `write timestamp("2026-01-01T00:00:00Z")`,
	`event.time == "2026-03-01T08:00:00Z"`:                          `write timestamp("2026-03-01T08:00:00Z")`,
	`event.time in ["2026-03-01T08:00:00Z"]`:                        `write timestamp("2026-03-01T08:00:00Z")`,
	`event["time"] < "2026-03-01"`:                                  `write timestamp("2026-03-01T00:00:00Z")`,
	`event.recordedtime < "2026-03-01T08:00:00Z"`:                   `write timestamp("2026-03-01T08:00:00Z")`,
	`event.time.startsWith("2026-03")`:                              `write string(event.time)`,
	`!event.time.contains("-03-")`:                                  `write string(event.time)`,
	`event.time - event.recordedtime > "1h"`:                        `write duration("1h")`,
	`event.time - event.recordedtime > 60`:                          `write duration("1h")`,
	`event.customer == 42`:                                          `write "42"`,
	`event.customer in [42, 43]`:                                    `write "42"`,
	`event.id > 7`:                                                  `write "7"`,
	`event.subject == null`:                                         `write ""`,
	`event.type == true`:                                            `write "true"`,
	`event.source > event.time`:                                     `write timestamp(event.source)`,
	`money(data.paid) > "5.00 USD"`:                                 `write money("5.00 USD")`,
	`money(data.paid) > 5`:                                          `write money("5.00 USD")`,
	`data.ok && data.d > duration("1h") && data.x`:                  `write duration(data.d)`,
	`data.d > duration("1h") || data.paid < money("1.00 USD")`:      `write duration(data.d)`,
	`!(data.d > duration("1h"))`:                                    `write duration(data.d)`,
	`data.fare + data.fee > money("10.00 USD")`:                     `write money(data.fare) + money(data.fee)`,
	`data.a - (data.b - data.c) > money("10.00 USD")`:               `write money(data.a) - (money(data.b) - money(data.c))`,
	`data.t + data.d > event.time`:                                  `write timestamp(data.t) + duration(data.d)`,
	`data.t - data.d > event.time`:                                  `write timestamp(data.t) - duration(data.d)`,
	`data.a + data.b > duration("1h")`:                              `write duration(data.a) + duration(data.b)`,
	`event.time - data.grace > timestamp(data.at)`:                  `write duration(data.grace)`,
	`timestamp(data.at) < event.time - data.grace`:                  `write duration(data.grace)`,
	`event.time - data.grace > data.at`:                             `write timestamp(data.grace)`,
	`max(event.time) - min(event.time) > duration("5m")`:            "",
	`max(data.at) > event.time`:                                     "an aggregate is of numbers or of money: write max(int(timestamp(data.at))), and compare it with seconds: int(timestamp(…)), or a number as 3600",
	`sum(data.x) + data.y > money("5.00 USD")`:                      `write sum(data.x) + money(data.y)`,
	`max(data.a) == "x"`:                                            "",
	`sum(data.a) > "5"`:                                             `write 5`,
	`"5.00 USD" < avg(data.a)`:                                      `write money("5.00 USD")`,
	`event.sampledrate == "5"`:                                      `write 5`,
	`data.x > 5 && data.x < 3`:                                      "",
	`data.n == 1 && data.n == 2 || data.paid == money("10.00 USD")`: `write money(data.paid)`,
}

// TestNeverOfOneKind holds that what no event can have beside each other is found: JSON has
// no times, durations and money, and the kinds of attributes are known.
func TestNeverOfOneKind(t *testing.T) {
	t.Parallel()
	r := reader(t, map[string]string{"when": "data.when", "ended": "timestamp(data.ended)"})
	for condition, advice := range mixed {
		if !r.Read(condition).Never() {
			t.Errorf("%s: may hold", condition)
		}
		if got := r.Advice(condition); got != advice {
			t.Errorf("%s: advice %q, want %q", condition, got, advice)
		}
	}
}

// TestKindsThatMayMeet holds that nothing is said of what may be compared, or of what is not
// known.
func TestKindsThatMayMeet(t *testing.T) {
	t.Parallel()
	r := reader(t, nil)
	for _, condition := range []string{
		`timestamp(data.when) > timestamp("2026-01-01T00:00:00Z")`,
		`event.time > timestamp(data.when)`, `event.time - timestamp(data.when) > duration(data.d)`,
		`event.time + duration("1h") > event.recordedtime`, `event.time - duration("1h") > event.recordedtime`,
		`event.due > timestamp(data.at)`, `event.due == 3`, `event.sampledrate > 3`, `event.severitynumber >= 17`,
		`event.customer == data.customer`, `event.customer > "m"`, `event.time != "2026"`, `!(event.time == "2026")`,
		`sum(data.a) > 5`, `min(data.a) == money("5.00 USD")`, `max(data.a) != "x"`,
		`data.x > data.y`, `data.x - data.y > 3`, `data.x + data.y == "ab"`, `data.x == null`, `data.x == [1]`, `data.l[0] > 2`,
		`has(data.when) == true`, `has(event.time)`, `event.?subject.orValue("") == ""`, `data.?x.orValue(duration("1h")) > duration("2h")`,
		`data.items.exists(i, timestamp(i.at) > event.time)`, `data.items.exists(event, event.time > 3)`, `data.items.map(i, i.at)[0] > 3`,
		`data.items.exists(data, data > duration("1h"))`,
		`least(money(data.a), money(data.b)) > money("1.00 USD")`, `event.time.getHours() > 3`, `duration(data.d).getHours() > 3`,
		`size(data.x) > 3`, `data.x * 2 > 3`, `data.ok || event.customer == 42`, `data.x.contains("a")`, `event.customer.startsWith("c")`,
	} {
		if r.Read(condition).Never() {
			t.Errorf("%s: may hold, and is said never to", condition)
		}
	}
}

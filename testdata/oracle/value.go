package main

import (
	"encoding/json"
	"errors"
	"math/big"
	"regexp"
	"strings"
	"time"
)

// truth is the answer of a condition: an error is an answer too.
type truth int8

const (
	no truth = iota
	yes
	bad
)

func is(b bool) truth {
	if b {
		return yes
	}
	return no
}

// and absorbs an error where one side is false, or where one is true.
func and(a, b truth) truth {
	switch {
	case a == no || b == no:
		return no
	case a == bad || b == bad:
		return bad
	}
	return yes
}

func or(a, b truth) truth {
	switch {
	case a == yes || b == yes:
		return yes
	case a == bad || b == bad:
		return bad
	}
	return no
}

// event is what a line decodes to.
type event struct {
	source, id, kind string
	customer         string
	sampled          bool // stands for events that were not sent
	time             int64
	timed            bool
	data             any
}

// parse reads a line that is known to be a valid event.
func parse(line []byte) *event {
	decoder := json.NewDecoder(strings.NewReader(string(line)))
	decoder.UseNumber()
	var raw map[string]any
	if err := decoder.Decode(&raw); err != nil {
		panic(err)
	}
	text := func(name string) string { s, _ := raw[name].(string); return s }
	e := &event{source: text("source"), id: text("id"), kind: text("type"), customer: text("customer"), data: raw["data"]}
	if rate, ok := raw["sampledrate"].(json.Number); ok {
		e.sampled = rate != "1"
	}
	if stamp := text("time"); stamp != "" {
		t, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			panic(err)
		}
		e.time, e.timed = t.UnixNano(), true
	}
	return e
}

var errAbsent = errors.New("absent")

// field returns a field of the data, an error when there is none.
func (e *event) field(name string) (any, error) {
	object, ok := e.data.(map[string]any)
	if !ok {
		return nil, errAbsent
	}
	v, ok := object[name]
	if !ok {
		return nil, errAbsent
	}
	if n, ok := v.(json.Number); ok && !strings.ContainsAny(n.String(), ".eE") {
		i, ok := new(big.Int).SetString(n.String(), 10)
		if !ok || i.CmpAbs(big.NewInt(1<<53)) > 0 {
			return nil, errors.New("integer too large to be a number")
		}
	}
	return v, nil
}

// number returns a field that is a number.
func (e *event) number(name string) (float64, bool) {
	v, err := e.field(name)
	if err != nil {
		return 0, false
	}
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

// compare answers a comparison of a number with a constant.
func (e *event) compare(name string, holds func(float64) bool) truth {
	n, ok := e.number(name)
	if !ok {
		return bad
	}
	return is(holds(n))
}

// equals answers data.name == text: another type is unequal, absence an error.
func (e *event) equals(name string, text any) truth {
	v, err := e.field(name)
	if err != nil {
		return bad
	}
	return is(v == text)
}

// key returns the canonical text of a field, false when it makes no key.
func (e *event) key(name string) (string, bool) {
	v, err := e.field(name)
	if err != nil {
		return "", false
	}
	return canonical(v)
}

func canonical(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, v != ""
	case json.Number:
		r, ok := new(big.Rat).SetString(v.String())
		if !ok {
			return "", false
		}
		if r.IsInt() {
			return r.Num().String(), true
		}
		return strings.TrimRight(r.FloatString(9), "0"), true
	}
	return "", false
}

// amount is money in the minor unit.
type amount struct {
	minor    int64
	currency string
}

var decimals = map[string]int{"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}

var amountText = regexp.MustCompile(`^([0-9]+)(?:\.([0-9]+))? ([A-Z]{3})$`)

// money returns a field that is an amount, as a text or as an object.
func (e *event) money(name string) (amount, bool) {
	v, err := e.field(name)
	if err != nil {
		return amount{}, false
	}
	if object, ok := v.(map[string]any); ok {
		value, _ := object["amount"].(string)
		currency, _ := object["currency"].(string)
		v = value + " " + currency
	}
	text, ok := v.(string)
	if !ok {
		return amount{}, false
	}
	parts := amountText.FindStringSubmatch(text)
	if parts == nil {
		return amount{}, false
	}
	places, known := decimals[parts[3]]
	if !known || len(parts[2]) > places {
		return amount{}, false
	}
	minor, ok := new(big.Int).SetString(parts[1]+parts[2]+strings.Repeat("0", places-len(parts[2])), 10)
	if !ok || !minor.IsInt64() {
		return amount{}, false
	}
	return amount{minor.Int64(), parts[3]}, true
}

// percent is p per cent of a, half away from zero. p is decimal text.
func percent(a amount, p string) amount {
	share, ok := new(big.Rat).SetString(p)
	if !ok {
		panic("percentage " + p)
	}
	exact := new(big.Rat).Mul(share, new(big.Rat).SetFrac64(a.minor, 100))
	twice := new(big.Rat).Mul(exact, big.NewRat(2, 1))
	sign := int64(exact.Sign())
	// round(x) = trunc((2|x| + 1) / 2) with the sign put back.
	twice.Abs(twice).Add(twice, big.NewRat(1, 1))
	whole := new(big.Int).Quo(twice.Num(), new(big.Int).Mul(twice.Denom(), big.NewInt(2)))
	return amount{sign * whole.Int64(), a.currency}
}

// decimal writes a total as decimal text.
func (a amount) decimal() string {
	places := decimals[a.currency]
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
	return new(big.Rat).SetFrac(big.NewInt(a.minor), unit).FloatString(places)
}

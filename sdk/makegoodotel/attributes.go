package makegoodotel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// told is an event as the client sends it.
type told struct {
	SpecVersion    string    `json:"specversion"`
	ID             string    `json:"id"`
	Source         string    `json:"source"`
	Type           string    `json:"type"`
	Subject        string    `json:"subject"`
	Customer       string    `json:"customer"`
	Time           time.Time `json:"time"`
	SeverityNumber int       `json:"severitynumber"`
	Data           any       `json:"data"`
}

func read(event []byte) (e told, err error) {
	decoder := json.NewDecoder(bytes.NewReader(event))
	decoder.UseNumber()
	err = decoder.Decode(&e)
	return e, err
}

// attributes are those of the span event; verbatim ones are left out.
func (e *told) attributes(customer bool, verbatim []string) []attribute.KeyValue {
	data, _ := e.Data.(map[string]any) // data that is no object has no fields
	const own = 8                      // attributes at most that are not of data
	all := append(make([]attribute.KeyValue, 0, own+len(data)),
		attribute.String("cloudevents.event_id", e.ID),
		attribute.String("cloudevents.event_source", e.Source),
		attribute.String("cloudevents.event_spec_version", e.SpecVersion),
		attribute.String("cloudevents.event_type", e.Type))
	if e.Subject != "" && !slices.Contains(verbatim, "subject") {
		all = append(all, attribute.String("cloudevents.event_subject", e.Subject))
	}
	if customer && e.Customer != "" && !slices.Contains(verbatim, "customer") {
		all = append(all, attribute.String("makegood.customer", e.Customer))
	}
	if text := severityText(e.SeverityNumber); text != "" {
		all = append(all, attribute.Int("makegood.severity.number", e.SeverityNumber), attribute.String("makegood.severity.text", text))
	}
	for _, key := range verbatim {
		delete(data, key)
	}
	return fields(all, "makegood.data", data)
}

// fields appends the fields of an object, and of objects in it.
func fields(all []attribute.KeyValue, path string, object map[string]any) []attribute.KeyValue {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		key := path + "." + name
		switch v := object[name].(type) {
		case map[string]any:
			all = fields(all, key, v)
		case nil: // an attribute has a value
		default:
			all = append(all, attribute.KeyValue{Key: attribute.Key(key), Value: value(v)})
		}
	}
	return all
}

// value is a value of JSON as an attribute's.
func value(v any) attribute.Value {
	switch v := v.(type) {
	case string:
		return attribute.StringValue(v)
	case bool:
		return attribute.BoolValue(v)
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return attribute.Int64Value(n)
		}
		if f, err := v.Float64(); err == nil {
			return attribute.Float64Value(f)
		}
		return attribute.StringValue(v.String()) // beyond a double
	case []any:
		return list(v)
	}
	return attribute.StringValue(fmt.Sprint(v))
}

// list is an attribute of several values when they are of one type, else their JSON.
func list(all []any) attribute.Value {
	if texts, ok := every[string](all); ok {
		return attribute.StringSliceValue(texts)
	}
	if flags, ok := every[bool](all); ok {
		return attribute.BoolSliceValue(flags)
	}
	if numbers, ok := every[json.Number](all); ok {
		whole, floats := make([]int64, len(numbers)), make([]float64, len(numbers))
		isWhole, isFloat := true, true
		for i, n := range numbers {
			var err error
			whole[i], err = n.Int64()
			isWhole = isWhole && err == nil
			floats[i], err = n.Float64()
			isFloat = isFloat && err == nil
		}
		if isWhole {
			return attribute.Int64SliceValue(whole)
		}
		if isFloat {
			return attribute.Float64SliceValue(floats)
		}
	}
	text, _ := json.Marshal(all) // came from JSON
	return attribute.StringValue(string(text))
}

// every returns the values of a list of one type.
func every[T any](all []any) (typed []T, ok bool) {
	for _, v := range all {
		t, ok := v.(T)
		if !ok {
			return nil, false
		}
		typed = append(typed, t)
	}
	return typed, true
}

// severityText is the short name of a severity number, by the data model of
// OpenTelemetry's logs: four numbers have one name, the later of them a digit.
func severityText(number int) string {
	names := [...]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}
	if number < 1 || number > 4*len(names) {
		return ""
	}
	text := names[(number-1)/4]
	if step := (number-1)%4 + 1; step > 1 {
		text += strconv.Itoa(step)
	}
	return text
}

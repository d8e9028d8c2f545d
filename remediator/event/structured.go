package event

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Attribute is a context attribute in its text form, as headers carry it.
type Attribute struct{ Name, Value string }

// FromBinary makes the structured form of a message in HTTP binary mode:
// attributes from the headers, without their prefix and percent-encoding, and
// the body with its content type. The attributes are not judged here; Check
// does that to the result.
func FromBinary(attributes []Attribute, contentType string, body []byte) ([]byte, error) {
	raw := []byte{'{'}
	for _, a := range attributes {
		if a.Name == "data" || a.Name == "data_base64" {
			return nil, &Error{Code: CodeName, Attribute: a.Name, Message: fmt.Sprintf(
				"attribute %q cannot come in a header: in binary mode the body is the data", a.Name)}
		}
		raw = append(appendText(raw, a.Name), ':')
		if n, ok := wholeNumber([]byte(a.Value)); ok && (a.Name == "sampledrate" || a.Name == "severitynumber") {
			raw = strconv.AppendInt(raw, int64(n), 10)
		} else {
			raw = appendText(raw, a.Value)
		}
		raw = append(raw, ',')
	}
	if contentType != "" {
		raw = append(appendText(append(raw, `"datacontenttype":`...), contentType), ',')
	}
	if len(body) > 0 {
		var err error
		if raw, err = appendBody(raw, contentType, body); err != nil {
			return nil, err
		}
	}
	return closeObject(raw), nil
}

func appendBody(raw []byte, contentType string, body []byte) ([]byte, error) {
	switch {
	case contentType == "" || jsonType([]byte(contentType)):
		// A body that is not exactly one value could smuggle in attributes.
		m := messages.Get().(*message)
		defer m.free()
		m.begin(body)
		m.depth, m.inside = 1, "data"
		if i := m.value(m.space(0), nil); i < 0 || m.end(i) != nil {
			return nil, &Error{Code: CodeData, Attribute: "data", Message: "the body is not JSON: " + m.hard.Message}
		}
		raw = Compact(append(raw, `"data":`...), body)
	case utf8.Valid(body):
		raw = appendText(append(raw, `"data":`...), body)
	default:
		raw = append(raw, `"data_base64":"`...)
		raw = append(base64.StdEncoding.AppendEncode(raw, body), '"')
	}
	return append(raw, ','), nil
}

func closeObject(raw []byte) []byte {
	if last := len(raw) - 1; raw[last] == ',' {
		raw = raw[:last]
	}
	return append(raw, '}')
}

// Structured writes an event in structured mode: the required attributes, the
// others in order of their names, the data. The fields of Event decide where
// Attributes differs from them.
func Structured(e Event) ([]byte, error) {
	raw := []byte(`{"specversion":"1.0"`)
	for _, a := range []Attribute{{"id", e.ID}, {"source", e.Source}, {"type", e.Type}, {"subject", e.Subject}, {"customer", e.Customer}} {
		if a.Value != "" {
			raw = appendText(append(appendText(append(raw, ','), a.Name), ':'), a.Value)
		}
	}
	if e.Time != 0 {
		raw = append(raw, `,"time":"`...)
		raw = append(time.Unix(0, e.Time).UTC().AppendFormat(raw, time.RFC3339Nano), '"')
	}
	if e.SampledRate > 1 {
		raw = strconv.AppendInt(append(raw, `,"sampledrate":`...), int64(e.SampledRate), 10)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
		switch name {
		case "specversion", "id", "source", "type", "subject", "customer", "time", "sampledrate":
			continue
		case "data", "data_base64":
			return nil, &Error{Code: CodeName, Attribute: name, ID: e.ID, Message: fmt.Sprintf("attribute %q is no attribute: set Data", name)}
		}
		raw = append(appendText(append(raw, ','), name), ':')
		switch value := e.Attributes[name].(type) {
		case string:
			raw = appendText(raw, value)
		case bool:
			raw = strconv.AppendBool(raw, value)
		case float64:
			raw = strconv.AppendFloat(raw, value, 'f', -1, 64)
		default:
			return nil, &Error{Code: CodeType, Attribute: name, ID: e.ID, Message: fmt.Sprintf("attribute %q is a %T: use a string, bool or float64", name, value)}
		}
	}
	if e.Data != nil {
		raw = append(append(raw, `,"data":`...), e.Data...)
	}
	raw = append(raw, '}')
	if _, err := Check(raw, len(raw)); err != nil {
		return nil, err
	}
	return raw, nil
}

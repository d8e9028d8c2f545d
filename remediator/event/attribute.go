package event

import (
	"bytes"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// required are the attributes that every event has, in the order of their bits
// in message.found.
var required = [...]string{"specversion", "id", "source", "type"}

// judge holds the attributes against the rules of CloudEvents and our bounds.
func (s *scanner) judge(m *message) {
	for i := range m.count {
		s.judgeMember(m, attribute{member: m.members[i], index: i, name: m.name(s.buf, i), text: m.value(s.buf, i)})
	}
	for bit, name := range required {
		if m.found&(1<<bit) == 0 {
			s.refuse(CodeMissing, name, "attribute %q is missing: every event has specversion, id, source and type", name)
		}
	}
	s.judgeData(m)
}

// attribute is a member with its name and text at hand. It is a copy: a pointer
// to the member would move the whole message to the heap.
type attribute struct {
	member
	index      int
	name, text []byte
}

func (s *scanner) judgeMember(m *message, a attribute) {
	switch string(a.name) {
	case "specversion":
		if s.requiredText(m, a, 0, 0) && string(a.text) != "1.0" {
			s.refuse(CodeValue, "specversion", `attribute "specversion" is %s: write "1.0"`, short(a.text))
		}
	case "id":
		s.requiredText(m, a, 1, MaxText)
	case "source":
		if s.requiredText(m, a, 2, MaxText) && !uriReference(a.text) {
			s.refuse(CodeValue, "source", `attribute "source" is %s, which is no URI-reference: write one like "/checkout", percent-encoding other characters`, short(a.text))
		}
	case "type":
		if s.requiredText(m, a, 3, MaxType) && bytes.HasPrefix(a.text, []byte(ReservedPrefix)) {
			s.refuse(CodeReserved, "type", "attribute \"type\" is %s: types that begin with %q are the service's own, use your own domain", short(a.text), ReservedPrefix)
		}
	case "subject":
		s.boundedText(a, MaxText)
	case "customer":
		if a.kind != text || len(a.text) > 0 {
			s.boundedText(a, MaxText)
		}
	case "time":
		s.judgeTime(m, a)
	case "datacontenttype":
		if s.boundedText(a, MaxText) {
			m.contentType = a.text
			if !mediaType(a.text) {
				s.refuse(CodeValue, "datacontenttype", `attribute "datacontenttype" is %s, which is no media type: write one like "application/json"`, short(a.text))
			}
		}
	case "dataschema":
		if s.boundedText(a, MaxBytes) && !absoluteURI(a.text) {
			s.refuse(CodeValue, "dataschema", `attribute "dataschema" is %s, which is no absolute URI: write one like "https://example.com/order.json"`, short(a.text))
		}
	case "traceparent", "tracestate", "severitytext":
		s.boundedText(a, MaxBytes)
	case "sampledrate":
		if s.integerOf(m, a) {
			if m.sampled = m.members[a.index].number; m.sampled < 1 {
				s.refuse(CodeValue, "sampledrate", `attribute "sampledrate" is %d: write an integer of at least 1`, m.sampled)
			}
		}
	case "severitynumber":
		s.integerOf(m, a)
	default:
		s.judgeExtension(a)
	}
}

func (s *scanner) judgeExtension(a attribute) {
	if !legalName(a.name) {
		s.refuse(CodeName, string(a.name), "attribute %s has an illegal name: use 1 to %d of the characters a-z and 0-9, and put the rest into data", short(a.name), MaxName)
		return
	}
	switch a.kind {
	case text:
		s.characters(a)
	case other:
		s.refuse(CodeType, string(a.name), "attribute %q is %s: an attribute is a text, true, false or a 32-bit integer; put anything else into data", string(a.name), short(a.text))
	}
}

// requiredText notes that a required attribute is there, and judges its text.
// No bound is 0.
func (s *scanner) requiredText(m *message, a attribute, bit, most int) bool {
	if a.kind != null {
		m.found |= 1 << bit
	}
	if most == 0 {
		most = MaxBytes
	}
	return s.boundedText(a, most)
}

// boundedText says whether an attribute is a text of 1 to most bytes; null, as
// absent, is neither that nor wrong.
func (s *scanner) boundedText(a attribute, most int) bool {
	switch {
	case a.kind == null:
		return false
	case a.kind != text:
		s.refuse(CodeType, string(a.name), "attribute %q is %s: write it as a text, in double quotes", string(a.name), short(a.text))
	case len(bytes.TrimSpace(a.text)) == 0:
		s.refuse(CodeValue, string(a.name), "attribute %q is empty: give it a value or leave it out", string(a.name))
	case len(a.text) > most:
		s.refuse(CodeValue, string(a.name), "attribute %q has %d bytes: at most %d are accepted", string(a.name), len(a.text), most)
	default:
		return s.characters(a)
	}
	return false
}

// characters refuses what CloudEvents keeps out of texts: control characters
// and code points that are no characters.
func (s *scanner) characters(a attribute) bool {
	if !a.wide && !a.valueEscaped {
		// The scan has refused raw control characters already, except this one.
		if bytes.IndexByte(a.text, 0x7F) < 0 {
			return true
		}
	}
	for _, r := range string(a.text) {
		if r < ' ' || r >= 0x7F && r < 0xA0 || r >= 0xFDD0 && r <= 0xFDEF || r&0xFFFE == 0xFFFE {
			s.refuse(CodeValue, string(a.name), "attribute %q holds %U, a control character or none at all: remove it", string(a.name), r)
			return false
		}
	}
	return true
}

// integerOf says whether an attribute is an integer, also one that a broker has
// written as text, which it turns into a number.
func (s *scanner) integerOf(m *message, a attribute) bool {
	if a.kind == text {
		if n, ok := wholeNumber(a.text); ok {
			m.members[a.index].kind, m.members[a.index].number = integer, n
			return true
		}
	}
	if a.kind == integer {
		return true
	}
	if a.kind != null {
		s.refuse(CodeType, string(a.name), "attribute %q is %s: write a 32-bit integer without quotes, fraction or exponent", string(a.name), short(a.text))
	}
	return false
}

// judgeTime reads RFC 3339 into nanoseconds. The epoch itself counts as absent:
// that is what a clock that was never set shows.
func (s *scanner) judgeTime(m *message, a attribute) {
	if !s.boundedText(a, MaxText) {
		return
	}
	var at time.Time
	if !rfc3339(a.text) || at.UnmarshalText(a.text) != nil {
		s.refuse(CodeValue, "time", `attribute "time" is %s: write RFC 3339 like "2026-01-31T12:00:00Z"`, short(a.text))
		return
	}
	if seconds := at.Unix(); seconds < -maxSeconds || seconds > maxSeconds {
		s.refuse(CodeValue, "time", `attribute "time" is %s: write a time from 1678 to 2261`, short(a.text))
		return
	}
	m.time = at.UnixNano()
}

// rfc3339 says whether text has the form of RFC 3339. The time package, which
// judges the numbers, lets more pass than that: a comma, one digit of an hour,
// any offset.
func rfc3339(text []byte) bool {
	const form = "0000-00-00T00:00:00"
	if len(text) < len(form)+1 || !formed(text[:len(form)], form) {
		return false
	}
	rest := text[len(form):]
	if rest[0] == '.' {
		rest = bytes.TrimLeft(rest[1:], "0123456789")
		if len(rest) == len(text)-len(form)-1 {
			return false
		}
	}
	if string(rest) == "Z" {
		return true
	}
	return (formed(rest, "+00:00") || formed(rest, "-00:00")) && string(rest[1:3]) < "24" && rest[4] < '6'
}

// formed says whether text has digits where form has zeros, and is equal to it
// elsewhere.
func formed(text []byte, form string) bool {
	if len(text) != len(form) {
		return false
	}
	for i, c := range text {
		if form[i] == '0' && c-'0' > 9 || form[i] != '0' && c != form[i] {
			return false
		}
	}
	return true
}

// maxSeconds is about how far from the epoch 64 bits of nanoseconds reach, less
// a day: sums with small durations stay inside too, and so does no time meet a
// stamp of the log.
const maxSeconds = (1<<63-1)/1_000_000_000 - 24*3600

func legalName(name []byte) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(name) >= 1 && len(name) <= MaxName
}

// uriReference says whether text is a URI-reference of RFC 3986. The common
// case, a path of plain characters, is decided without parsing.
func uriReference(text []byte) bool {
	plainPath := true
	for i, c := range text {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '-', c == '.', c == '_', c == '~':
		case c == '/' && (i == 0 || text[i-1] != '/'):
		case bytes.IndexByte([]byte(":/?#[]@!$&'()*+,;=%"), c) >= 0:
			plainPath = false
		default:
			return false
		}
	}
	if plainPath {
		return true
	}
	if bytes.Count(text, []byte("#")) > 1 {
		return false
	}
	_, err := url.Parse(string(text))
	return err == nil
}

func absoluteURI(text []byte) bool {
	if !uriReference(text) {
		return false
	}
	u, err := url.Parse(string(text))
	return err == nil && u.IsAbs()
}

func mediaType(text []byte) bool {
	if string(text) == "application/json" {
		return true
	}
	name, _, err := mime.ParseMediaType(string(text))
	return err == nil && strings.Contains(name, "/")
}

// jsonType says whether a media type declares JSON.
func jsonType(contentType []byte) bool {
	name, _, _ := bytes.Cut(contentType, []byte(";"))
	name = bytes.ToLower(bytes.TrimSpace(name))
	return bytes.HasSuffix(name, []byte("/json")) || bytes.HasSuffix(name, []byte("+json"))
}

// wholeNumber reads an integer attribute that a broker has turned into text.
func wholeNumber(text []byte) (int32, bool) {
	if len(text) > len("-2147483648") {
		return 0, false
	}
	n, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil || strconv.FormatInt(n, 10) != string(text) {
		return 0, false
	}
	return int32(n), true
}

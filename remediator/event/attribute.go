package event

import (
	"bytes"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// known is a member of an event that means something to us.
type known uint8

const (
	extension known = iota // any other
	knownSpecversion
	knownID
	knownSource
	knownType
	knownSubject
	knownCustomer
	knownTime
	knownContents
	knownSchema
	knownTraceparent
	knownTracestate
	knownSeveritytext
	knownSampledrate
	knownSeveritynumber
	knownData
	knownBytes
	knowns
)

// required are the attributes that every event has, in the order of known.
var required = [...]string{knownSpecversion: "specversion", knownID: "id", knownSource: "source", knownType: "type"}

// knownOf returns what a member's name means to us.
func knownOf(name []byte) known {
	switch string(name) {
	case "specversion":
		return knownSpecversion
	case "id":
		return knownID
	case "source":
		return knownSource
	case "type":
		return knownType
	case "subject":
		return knownSubject
	case "customer":
		return knownCustomer
	case "time":
		return knownTime
	case "datacontenttype":
		return knownContents
	case "dataschema":
		return knownSchema
	case "traceparent":
		return knownTraceparent
	case "tracestate":
		return knownTracestate
	case "severitytext":
		return knownSeveritytext
	case "sampledrate":
		return knownSampledrate
	case "severitynumber":
		return knownSeveritynumber
	case "data":
		return knownData
	case "data_base64":
		return knownBytes
	}
	return extension
}

// texts are the attributes that are texts and may not be empty.
var texts = [knowns]struct {
	most int32 // bytes
	form bool  // there is more to judge than the characters
}{
	knownSpecversion: {MaxBytes, true}, knownID: {MaxText, false}, knownSource: {MaxText, true}, knownType: {MaxType, true},
	knownSubject: {MaxText, false}, knownCustomer: {MaxText, false}, knownTime: {MaxText, true}, knownContents: {MaxText, true},
	knownSchema: {MaxBytes, true}, knownTraceparent: {MaxBytes, false}, knownTracestate: {MaxBytes, false}, knownSeveritytext: {MaxBytes, false},
}

// judge holds the attributes against the rules of CloudEvents and our bounds.
func (m *message) judge() {
	for i := range m.members[:m.count] {
		a := &m.members[i]
		if !m.plain(a) {
			m.judgeMember(a)
		} else if texts[a.known].form {
			m.judgeForm(a)
		}
	}
	const all = 1<<knownSpecversion | 1<<knownID | 1<<knownSource | 1<<knownType
	if m.present&all != all {
		m.refuseMissing()
	}
	m.judgeData()
}

func (m *message) refuseMissing() {
	for k, name := range required {
		if name != "" && m.present&(1<<k) == 0 {
			m.refuse(CodeMissing, name, "attribute %q is missing: every event has specversion, id, source and type", name)
		}
	}
}

// plain says whether an attribute is one of texts, within its bounds and without
// anything that needs a second look.
func (m *message) plain(a *member) bool {
	size := a.value.end - a.value.start
	return a.kind == text && a.odd == 0 && size > 0 && size <= texts[a.known].most && m.buf[a.value.start] > ' '
}

func (m *message) judgeMember(a *member) {
	switch a.known {
	case knownSampledrate:
		if m.integerOf(a) {
			if m.sampled = a.number; m.sampled < 1 {
				m.refuse(CodeValue, "sampledrate", `attribute "sampledrate" is %d: write an integer of at least 1`, m.sampled)
			}
		}
	case knownSeveritynumber:
		m.integerOf(a)
	case extension:
		m.judgeExtension(a)
	default:
		if m.boundedText(a) && texts[a.known].form {
			m.judgeForm(a)
		}
	}
}

// judgeForm judges a known attribute that is a text within its bounds.
func (m *message) judgeForm(a *member) {
	value := m.bytes(a.value)
	switch a.known {
	case knownSpecversion:
		if string(value) != "1.0" {
			m.refuse(CodeValue, "specversion", `attribute "specversion" is %s: write "1.0"`, short(value))
		}
	case knownSource:
		if !uriReference(value) {
			m.refuse(CodeValue, "source", `attribute "source" is %s, which is no URI-reference: write one like "/checkout", percent-encoding other characters`, short(value))
		}
	case knownType:
		if len(value) >= len(ReservedPrefix) && string(value[:len(ReservedPrefix)]) == ReservedPrefix {
			m.refuse(CodeReserved, "type", "attribute \"type\" is %s: types that begin with %q are the service's own, use your own domain", short(value), ReservedPrefix)
		}
	case knownTime:
		m.judgeTime(value)
	case knownContents:
		if !mediaType(value) {
			m.refuse(CodeValue, "datacontenttype", `attribute "datacontenttype" is %s, which is no media type: write one like "application/json"`, short(value))
		}
	case knownSchema:
		if !absoluteURI(value) {
			m.refuse(CodeValue, "dataschema", `attribute "dataschema" is %s, which is no absolute URI: write one like "https://example.com/order.json"`, short(value))
		}
	}
}

func (m *message) judgeExtension(a *member) {
	name := m.bytes(a.name.at)
	if !LegalName(name) {
		m.refuse(CodeName, string(name), "attribute %s has an illegal name: use 1 to %d of the characters a-z and 0-9, and put the rest into data", short(name), MaxName)
		return
	}
	switch a.kind {
	case text:
		m.characters(a)
	case other:
		m.refuse(CodeType, string(name), "attribute %q is %s: an attribute is a text, true, false or a 32-bit integer; put anything else into data", string(name), short(m.bytes(a.value)))
	}
}

// boundedText says whether a known attribute is a text that is not empty, not
// too long and made of characters; null, as absent, is neither that nor wrong,
// and nor is an empty customer.
func (m *message) boundedText(a *member) bool {
	most, value := int(texts[a.known].most), m.bytes(a.value)
	blank := len(bytes.TrimSpace(value)) == 0
	if a.kind == text && !blank && len(value) <= most {
		return m.characters(a)
	}
	name := string(m.bytes(a.name.at))
	switch {
	case a.kind == null || a.known == knownCustomer && a.kind == text && len(value) == 0:
		return false
	case a.kind != text:
		m.refuse(CodeType, name, "attribute %q is %s: write it as a text, in double quotes", name, short(value))
	case blank:
		m.refuse(CodeValue, name, "attribute %q is empty: give it a value or leave it out", name)
	default:
		m.refuse(CodeValue, name, "attribute %q has %d bytes: at most %d are accepted", name, len(value), most)
	}
	return false
}

// characters refuses what CloudEvents keeps out of texts: control characters
// and code points that are no characters. The scan has refused raw control
// characters already, apart from DEL and those beyond ASCII.
func (m *message) characters(a *member) bool {
	if a.odd == 0 {
		return true
	}
	for rest := m.bytes(a.value); len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		if r < ' ' || r >= 0x7F && r < 0xA0 || r >= 0xFDD0 && r <= 0xFDEF || r&0xFFFE == 0xFFFE {
			name := string(m.bytes(a.name.at))
			m.refuse(CodeValue, name, "attribute %q holds %U, a control character or none at all: remove it", name, r)
			return false
		}
	}
	return true
}

// integerOf says whether an attribute is an integer, also one that a broker has
// written as text, which it turns into a number.
func (m *message) integerOf(a *member) bool {
	value := m.bytes(a.value)
	if a.kind == text {
		if n, ok := wholeNumber(value); ok {
			a.kind, a.number = integer, n
			return true
		}
	}
	if a.kind == integer {
		return true
	}
	if a.kind != null {
		name := string(m.bytes(a.name.at))
		m.refuse(CodeType, name, "attribute %q is %s: write a 32-bit integer without quotes, fraction or exponent", name, short(value))
	}
	return false
}

// judgeTime reads RFC 3339 into nanoseconds. The epoch itself counts as absent:
// that is what a clock that was never set shows.
func (m *message) judgeTime(value []byte) {
	seconds, nanoseconds, ok := rfc3339(value)
	switch {
	case !ok:
		m.refuse(CodeValue, "time", `attribute "time" is %s: write RFC 3339 like "2026-01-31T12:00:00Z"`, short(value))
	case seconds < -maxSeconds || seconds > maxSeconds:
		m.refuse(CodeValue, "time", `attribute "time" is %s: write a time from 1678 to 2261`, short(value))
	default:
		m.time = seconds*1_000_000_000 + nanoseconds
	}
}

// maxSeconds is about how far from the epoch 64 bits of nanoseconds reach, less
// a day: sums with small durations stay inside too, and so does no time meet a
// stamp of the log.
const maxSeconds = (1<<63-1)/1_000_000_000 - 24*3600

// LegalName reports whether an attribute may have a name, by CloudEvents and our bound.
func LegalName[T string | []byte](name T) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(name) >= 1 && len(name) <= MaxName
}

// uri says of a byte what it is in a URI-reference; 0 is a plain
// character or a slash.
var uri = func() (class [256]uint8) {
	for c := range class {
		class[c] = uriNever
	}
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/" {
		class[c] = 0
	}
	for _, c := range ":?#[]@!$&'()*+,;=%" {
		class[c] = uriOther
	}
	return class
}()

const (
	uriOther = 1 << iota
	uriNever
)

// uriReference says whether text is a URI-reference of RFC 3986. The common
// case, a path of plain characters, is decided without parsing.
func uriReference(text []byte) bool {
	var all uint8
	for _, c := range text {
		all |= uri[c]
	}
	if all == 0 {
		return true
	}
	if all&uriNever != 0 || bytes.Count(text, []byte("#")) > 1 {
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

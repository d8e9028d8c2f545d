package ingest

import (
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/event"
)

// Media types of CloudEvents over HTTP.
const (
	structuredType = "application/cloudevents+json"
	batchType      = "application/cloudevents-batch+json"
)

// attributePrefix begins the headers of binary mode, as net/http spells it.
const attributePrefix = "Ce-"

// read takes the events of a body into a batch.
type readFunc func(b *batch, header http.Header, body []byte) *refused

// modeOf tells from the headers in which mode a request carries its events.
func (h *Handler) modeOf(w http.ResponseWriter, header http.Header) (readFunc, *refused) {
	contentType := header.Get("Content-Type")
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if strings.HasPrefix(mediaType, "application/cloudevents") {
		if charset := parameters["charset"]; err != nil || charset != "" && !strings.EqualFold(charset, "utf-8") {
			return nil, unsupported(w, "the Content-Type "+quote(contentType)+" names another encoding than UTF-8: encode the events as UTF-8")
		}
		switch mediaType {
		case structuredType:
			return (*batch).structured, nil
		case batchType:
			return (*batch).batched, nil
		}
		return nil, unsupported(w, "the event format "+quote(mediaType)+" is not supported: send JSON")
	}
	for name := range header {
		if strings.HasPrefix(name, attributePrefix) {
			return (*batch).binary, nil
		}
	}
	return nil, unsupported(w, "the Content-Type "+quote(contentType)+" is none of events, and there are no ce- headers: send "+
		structuredType+", "+batchType+" or binary mode")
}

// unsupported names the media types that the handler takes.
func unsupported(w http.ResponseWriter, detail string) *refused {
	w.Header().Set("Accept-Post", acceptable)
	return refusal(http.StatusUnsupportedMediaType, ProblemMediaType, detail)
}

// binary takes an event whose attributes are headers and whose data is the body.
func (b *batch) binary(header http.Header, body []byte) *refused {
	var attributes []event.Attribute
	for _, name := range slices.Sorted(maps.Keys(header)) {
		attribute, found := strings.CutPrefix(name, attributePrefix)
		if !found {
			continue
		}
		// A header that is sent twice becomes a name that is there twice.
		for _, value := range header[name] {
			attributes = append(attributes, event.Attribute{Name: strings.ToLower(attribute), Value: headerText(value)})
		}
	}
	raw, err := event.FromBinary(attributes, header.Get("Content-Type"), body)
	if err != nil {
		b.add(nil, event.Head{}, asEventError(err))
		return nil
	}
	return b.one(raw)
}

// headerText undoes what the HTTP binding does to a text: quotes around it, then
// percent-encoding. A percent sign without two digits stands for itself, because
// some emitters encode nothing.
func headerText(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		value = unquote(value[1 : len(value)-1])
	}
	if !strings.Contains(value, "%") {
		return value
	}
	decoded := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		if value[i] == '%' && i+2 < len(value) {
			high, low := hexDigit(value[i+1]), hexDigit(value[i+2])
			if high < 16 && low < 16 {
				decoded = append(decoded, high<<4|low)
				i += 2
				continue
			}
		}
		decoded = append(decoded, value[i])
	}
	return string(decoded)
}

// unquote resolves the backslashes of a quoted header.
func unquote(inner string) string {
	if !strings.Contains(inner, `\`) {
		return inner
	}
	plain := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && i+1 < len(inner) {
			i++
		}
		plain = append(plain, inner[i])
	}
	return string(plain)
}

// hexDigit returns the value of a hexadecimal digit, 16 for anything else.
func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}

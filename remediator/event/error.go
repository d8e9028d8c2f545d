package event

import "fmt"

// Codes of errors.
const (
	CodeSyntax       = "syntax"        // the text is not JSON
	CodeUTF8         = "utf8"          // a text is not Unicode
	CodeDuplicateKey = "duplicate-key" // an object repeats a name
	CodeTooDeep      = "too-deep"      // nested deeper than MaxDepth
	CodeTooLarge     = "too-large"     // more bytes than the door accepts
	CodeMissing      = "missing"       // a required attribute is absent
	CodeName         = "name"          // the name of an attribute is illegal
	CodeType         = "type"          // an attribute has the wrong JSON type
	CodeValue        = "value"         // an attribute has a value that is not allowed
	CodeReserved     = "reserved"      // the type is one of the service's own
	CodeData         = "data"          // the data does not fit its declaration
)

// Error says why an event was refused.
type Error struct {
	Code      string
	Attribute string // the member of the event that is wrong; empty when it is the whole
	Message   string // names the attribute and the fix
	ID        string // the event's id, when it could be read
	Index     int    // position in the batch, of an error that Batch returns
	Offset    int    // of the byte that the message names, 0 when it names none
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

func tooLarge(size, most int) *Error {
	if size <= most {
		return nil
	}
	return &Error{Code: CodeTooLarge, Message: fmt.Sprintf(
		"the event has %d bytes: at most %d are accepted; send large content apart and name it in the data", size, most)}
}

// syntax stops the scan at a position: from there on the text is not JSON.
func (s *scanner) syntax(i int, problem string) *Error {
	s.hard = &Error{Code: CodeSyntax, Attribute: s.memberName(), Offset: i, Message: fmt.Sprintf("byte %d: %s", i, problem)}
	if i >= len(s.buf) {
		s.hard.Message = fmt.Sprintf("the JSON ends at byte %d: %s", i, problem)
	}
	return s.hard
}

// memberName says what is being read; empty when it is the whole.
func (s *scanner) memberName() string {
	if s.named {
		return string(s.bytes(s.member.at))
	}
	return s.inside
}

// refuse records the first error that leaves the text readable; the scan goes
// on, because it has to find the end of the event and may still find its id.
func (s *scanner) refuse(code, attribute, format string, args ...any) {
	if s.soft == nil {
		s.soft = &Error{Code: code, Attribute: attribute, Message: fmt.Sprintf(format, args...)}
	}
}

// refuseAt is refuse of what one byte shows.
func (s *scanner) refuseAt(offset int, code, problem string) {
	if s.soft == nil {
		s.soft = &Error{Code: code, Attribute: s.memberName(), Offset: offset, Message: fmt.Sprintf("byte %d: %s", offset, problem)}
	}
}

// short keeps what an emitter sent from filling a message.
func short(text []byte) string {
	const most = 64
	if len(text) <= most {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%q…", text[:most])
}

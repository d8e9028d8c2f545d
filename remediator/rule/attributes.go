package rule

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// attributes are the names that CloudEvents and this service give meaning to.
var attributes = []string{"id", "source", "type", "subject", "time", "customer", "specversion", "datacontenttype",
	"dataschema", "traceparent", "tracestate", "severitynumber", "severitytext", "sampledrate", "recordedtime"}

// IsAttribute reports whether CloudEvents or this service give meaning to a name.
func IsAttribute(name string) bool { return slices.Contains(attributes, name) }

// attributes looks at what an expression reads of the event beside its data. The data is
// none of it. What is no attribute that is known can only be warned of: extensions may
// have any name, and some are no name of an attribute at all.
func (b *builder) attributes(n *yaml.Node, start int, program *expression.Program) {
	for _, path := range program.Paths {
		if path.Root != "event" || len(path.Fields) == 0 || slices.Contains(attributes, path.Fields[0]) {
			continue
		}
		name, near := path.Fields[0], document.Nearest(path.Fields[0], attributes)
		switch whole := b.Within(n, start+path.Start); {
		case name == "data":
			b.Errorf(whole, "attribute", "write "+inData(path.Fields[1:]), "the event's data is not an attribute of it")
		case near != "":
			b.Warnf(b.Within(n, start+path.Offset), "attribute", "did you mean event."+near+"?",
				"event.%s is no attribute that events are known to have", name)
		case !event.LegalName(name):
			b.Warnf(whole, "attribute", "write "+inData(path.Fields),
				"no event has an attribute %s: their names are small letters and digits, at most %d", name, event.MaxName)
		}
	}
}

// inData writes a field of the data as expressions do.
func inData(fields []string) string {
	text := "data"
	for _, field := range fields {
		if !letForm.MatchString(field) {
			field = "`" + field + "`"
		}
		text += "." + field
	}
	return text
}

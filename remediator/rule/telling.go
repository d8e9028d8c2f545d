package rule

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rule/document"
)

// The ways on which a notify step tells people.
const (
	ViaMail = "mail"
	ViaChat = "chat"
)

// maxData bounds the fields of a webhook's data.
const maxData = 32

// field is a value of a webhook's data under its key.
type field struct {
	key   string
	value template
}

var (
	keyForm    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)
	notInKey   = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)
	webhookFor = `write to: and the endpoint's name in the file of webhooks, like to: crm`
)

// notify reads who is told and with what template.
func (b *builder) notify(m *document.Mapping, step *Step) {
	if n := m.Need("template", "name a template of the folder of templates: template: late-delivery"); n != nil {
		step.Template = b.nameOf(n, "template")
	}
	step.Via = ViaMail
	if n := m.Get("via"); n != nil {
		step.Via = b.choice(n, "via", ViaMail, ViaChat)
	}
	n := m.Get("to")
	switch {
	case n == nil:
	case step.Via == ViaChat:
		b.Errorf(m.Key("to"), "step", "remove it, or write via: mail", "chat goes to the channel that is configured, so to has no meaning")
	default:
		step.to = b.needText(m, "to", `"${{ data.email }}"`)
	}
}

// webhook reads which endpoint is told and what.
func (b *builder) webhook(m *document.Mapping, step *Step) {
	if n := m.Need("to", webhookFor); n != nil {
		step.Endpoint = b.nameOf(n, "to")
	}
	n := m.Get("data")
	if n == nil {
		return
	}
	data := b.Mapping(n, "data")
	if data == nil {
		return
	}
	names := data.Names()
	if len(names) > maxData {
		b.Errorf(document.At(n), "type", "send fewer, or send an id that the receiver can look up", "data has %d fields; at most %d are allowed", len(names), maxData)
		return
	}
	for _, name := range names {
		if !keyForm.MatchString(name) {
			hint := "letters, digits and _ . - at most 64, beginning with a letter"
			if near := notInKey.ReplaceAllString(name, "_"); keyForm.MatchString(near) {
				hint = "did you mean " + near + "?"
			}
			b.Errorf(data.Key(name), "name", hint, "%q is not a key of data", name)
			continue
		}
		if value := data.Get(name); value != nil {
			step.data = append(step.data, field{key: name, value: b.dataValue(value, name)})
		}
	}
}

// dataValue reads a value of data. A number or truth value that the rule writes
// itself keeps its type, as one in ${{ }} does.
func (b *builder) dataValue(n *yaml.Node, name string) template {
	t := b.template(n, name)
	if text, ok := t.constant(); ok && t != nil && slices.Contains([]string{"!!int", "!!float", "!!bool"}, n.ShortTag()) {
		if x := b.compile(n, text, 0, nil); x != nil {
			return template{{expr: x}}
		}
	}
	return t
}

// tell adds to an action what a template or a receiver is told.
func (e *Evaluation) tell(step *Step, a *Action) (err error) {
	a.Template, a.Via, a.Endpoint = step.Template, step.Via, step.Endpoint
	said := map[string]any{}
	switch step.Kind {
	case Notify:
		if step.to != nil {
			if a.To, err = e.id(step.to); err != nil {
				return fmt.Errorf("to: %w", err)
			}
			said["to"] = a.To
		}
		said["let"] = e.known()
	case Webhook:
		data := map[string]any{}
		for _, f := range step.data {
			value, err := e.value(f.value)
			if err != nil {
				return fmt.Errorf("data: %s: %w", f.key, err)
			}
			data[f.key] = plain(value)
		}
		said["data"] = data
	}
	text, err := canonicalJSON(said)
	a.Values = text
	return err
}

// known returns the lets that have a value. One that has none is left out: only
// a template that asks for it cannot be written.
func (e *Evaluation) known() map[string]any {
	known := map[string]any{}
	for _, let := range e.rule.Lets {
		if value, err := e.Value(let.Expr); err == nil {
			known[let.Name] = plain(value)
		}
	}
	return known
}

// canonicalJSON writes a value without spaces, keys in order and nothing escaped
// that need not be: one value has one text.
func canonicalJSON(value any) (string, error) {
	var buf strings.Builder
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return "", fmt.Errorf("write values: %w", err)
	}
	return strings.TrimSuffix(buf.String(), "\n"), nil
}

// plain turns a value of an expression into one of JSON: money, times and
// durations become texts as rules write them.
func plain(value any) any {
	switch v := value.(type) {
	case money.Money:
		return v.String()
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case time.Duration:
		return v.String()
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = plain(item)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for key, item := range v {
			object[key] = plain(item)
		}
		return object
	}
	return value
}

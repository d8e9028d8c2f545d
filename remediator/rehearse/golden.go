package rehearse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/makegood/makegood/remediator/rule/document"
)

// Golden is a golden file as the rules would have it: every decision of a test in
// full, with its checks and limits.
type Golden struct {
	Path string
	Text string
}

// goldenEnding keeps decisions apart from the events that stand beside tests.
const goldenEnding = ".golden.json"

// apart are the fields of a decision that a test leaves out: ids, times, and the
// digests, which change with every word of a rule.
var apart = []string{"remedy", "digest", "set", "event", "event_at", "of", "action", "opened"}

// compareGolden holds the decisions, in the order in which they were made, against
// those that a file keeps.
func (r *run) compareGolden() error {
	name := r.test.golden
	if name == nil {
		return nil
	}
	if !strings.HasSuffix(name.Value, goldenEnding) || path.Base(name.Value) != name.Value {
		r.fail(document.At(name), "golden", "write golden: late-flight"+goldenEnding, "golden names a file beside this one that ends in %s, not %q", goldenEnding, name.Value)
		return nil
	}
	text, err := r.decisions()
	if err != nil {
		return err
	}
	file := r.beside(name)
	if other, taken := r.goldens[file]; taken {
		r.fail(document.At(name), "golden", "give it a golden file of its own", "the test %q has the golden file %s already", other, file)
		return nil
	}
	r.goldens[file] = r.test.name
	kept, there := r.files[file]
	if strings.ReplaceAll(kept, "\r\n", "\n") == text {
		return nil
	}
	r.golden = &Golden{Path: file, Text: text}
	const hint = "makegood rules test --update writes it anew; read what changes"
	if !there {
		r.fail(document.At(name), "golden", hint, "there is no file %s", file)
		return nil
	}
	r.wanted, r.got = strings.Split(strings.TrimSpace(kept), "\n"), strings.Split(strings.TrimSpace(text), "\n")
	r.fail(document.At(name), "golden", hint, "the decisions are not those of %s", file)
	return nil
}

// decisions writes all remedies with everything but what is left out.
func (r *run) decisions() (string, error) {
	all := []any{}
	for _, m := range r.remedies {
		body, err := json.Marshal(m)
		if err != nil {
			return "", fmt.Errorf("encode remedy: %w", err)
		}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		var fields map[string]any
		if err := decoder.Decode(&fields); err != nil {
			return "", fmt.Errorf("decode remedy: %w", err)
		}
		leaveOut(fields)
		all = append(all, fields)
	}
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(all); err != nil {
		return "", fmt.Errorf("write decisions: %w", err)
	}
	return text.String(), nil
}

func leaveOut(fields map[string]any) {
	for _, name := range apart {
		delete(fields, name)
	}
	steps, _ := fields["steps"].([]any)
	for _, step := range steps {
		if inner, ok := step.(map[string]any); ok {
			leaveOut(inner)
		}
	}
}

package rehearse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/visible"
)

// Remedies are shown as a test would write what it expects, a field a line, so
// that what was made can be read against it, and copied.

// lines are the lines of what is expected.
func (e *expectation) lines() []string {
	lines := []string{"- rule: " + e.rule, "  decision: " + e.decision}
	if e.reason != "" {
		lines = append(lines, "  reason: "+e.reason)
	}
	if !e.decidesActions {
		return lines
	}
	lines = append(lines, actionsLine(len(e.actions)))
	for _, a := range e.actions {
		lines = append(lines, actionLines(a.kind, a.fields)...)
	}
	return lines
}

// linesOf are the lines of a remedy, as far as the expectation looks at it; none
// for no remedy.
func (e *expectation) linesOf(m *decide.RemedyFact) []string {
	if m == nil {
		return nil
	}
	lines := []string{"- rule: " + m.Rule, "  decision: " + m.Decision}
	if e.reason != "" {
		lines = append(lines, "  reason: "+m.Reason)
	}
	if !e.decidesActions {
		return lines
	}
	lines = append(lines, actionsLine(len(m.Steps)))
	for i := range m.Steps {
		fields := writtenFields(&m.Steps[i])
		if i < len(e.actions) && e.actions[i].kind == m.Steps[i].Kind {
			looked := map[string]string{}
			for name, want := range e.actions[i].fields {
				looked[name] = fieldsOfStep(&m.Steps[i])[name]
				if written(name, want) == looked[name] {
					looked[name] = want // the same amount may be written in two ways
				}
			}
			fields = looked
		}
		lines = append(lines, actionLines(m.Steps[i].Kind, fields)...)
	}
	return lines
}

// remedyLines are the lines of a whole remedy.
func remedyLines(m *decide.RemedyFact) []string {
	lines := []string{"- rule: " + m.Rule, "  decision: " + m.Decision}
	if m.Reason != "" {
		lines = append(lines, "  reason: "+m.Reason)
	}
	lines = append(lines, actionsLine(len(m.Steps)))
	for i := range m.Steps {
		lines = append(lines, actionLines(m.Steps[i].Kind, writtenFields(&m.Steps[i]))...)
	}
	return lines
}

func actionsLine(n int) string {
	if n == 0 {
		return "  actions: []"
	}
	return "  actions:"
}

// writtenFields are the fields of a step that a test would write.
func writtenFields(s *decide.Step) map[string]string {
	fields := map[string]string{}
	for name, value := range fieldsOfStep(s) {
		if slices.Contains(fieldsOf[s.Kind], name) && value != "" && value != "0s" {
			fields[name] = value
		}
	}
	if s.Name != s.Kind {
		fields["name"] = s.Name
	}
	return fields
}

func actionLines(kind string, fields map[string]string) []string {
	lines := []string{"    - " + kind + ":"}
	for _, name := range stepFields {
		value, ok := fields[name]
		switch {
		case !ok:
		case name == "name":
			lines = slices.Insert(lines, 1, "      name: "+value)
		default:
			lines = append(lines, "        "+name+": "+value)
		}
	}
	return lines
}

// maxDiff bounds the lines of a side that are compared, and maxRows those that are shown;
// behind it nobody reads on.
const (
	maxDiff = 1000
	maxRows = 200
)

// SideBySide writes two texts beside each other: between them stands | where a
// line is another, < where it is only expected, > where it was only got.
func SideBySide(wanted, got []string) string {
	all := fmt.Sprintf("… %d lines are expected, %d are there\n", len(wanted), len(got))
	wanted, got = wanted[:min(len(wanted), maxDiff)], got[:min(len(got), maxDiff)]
	width := len("expected")
	for _, line := range wanted {
		width = max(width, visible.Columns(visible.Line(line)))
	}
	var b strings.Builder
	rows := 0
	row := func(left, mark, right string) {
		if rows++; rows > maxRows {
			return
		}
		left, right = visible.Line(left), visible.Line(right)
		pad := strings.Repeat(" ", width-visible.Columns(left))
		b.WriteString(strings.TrimRight(fmt.Sprintf("%s%s %s %s", left, pad, mark, right), " ") + "\n")
	}
	row("expected", " ", "got")
	for _, h := range hunks(wanted, got) {
		for i := range max(len(h.wanted), len(h.got)) {
			switch {
			case h.same:
				row(h.wanted[i], " ", h.got[i])
			case i >= len(h.got):
				row(h.wanted[i], "<", "")
			case i >= len(h.wanted):
				row("", ">", h.got[i])
			default:
				row(h.wanted[i], "|", h.got[i])
			}
		}
	}
	if rows > maxRows {
		b.WriteString(all)
	}
	return b.String()
}

// hunk is a piece of two texts that is the same in both, or all different.
type hunk struct {
	same        bool
	wanted, got []string
}

// hunks takes two texts apart by their longest common subsequence.
func hunks(a, b []string) []hunk {
	common := make([][]int, len(a)+1) // [i][j]: lines in common from i and j on
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var all []hunk
	add := func(same bool, wanted, got []string) {
		if len(all) == 0 || all[len(all)-1].same != same {
			all = append(all, hunk{same: same})
		}
		last := &all[len(all)-1]
		last.wanted, last.got = append(last.wanted, wanted...), append(last.got, got...)
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			add(true, a[i:i+1], b[j:j+1])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			add(false, a[i:i+1], nil)
			i++
		default:
			add(false, nil, b[j:j+1])
			j++
		}
	}
	return all
}

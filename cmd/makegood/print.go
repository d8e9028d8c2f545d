package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"golang.org/x/term"
)

// printJSON prints one value, indented, for people and programs.
func printJSON(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}

// printTable prints rows, under a head if there is one, columns aligned.
func printTable(w io.Writer, head []string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	if head != nil {
		fmt.Fprintln(t, strings.Join(head, "\t"))
	}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = plain(cell)
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

// plainLines keeps a text from steering the terminal.
func plainLines(text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		body, end := strings.CutSuffix(line, "\n")
		if lines[i] = plain(body); end {
			lines[i] += "\n"
		}
	}
	return strings.Join(lines, "")
}

// printPlain prints what write writes, without what would steer the terminal.
func printPlain(w io.Writer, write func(io.Writer) error) error {
	var text strings.Builder
	if err := write(&text); err != nil {
		return err
	}
	_, err := io.WriteString(w, plainLines(text.String()))
	return err
}

// plain writes what a terminal would not show but obey as Go escapes it: texts
// come from whoever emits events, and may hold line ends and escape sequences.
func plain(text string) string {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) }
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if hidden(r) {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// progress is a line on a terminal that says how far long work is. Where there
// is no terminal it prints nothing.
type progress struct {
	out   *os.File // nil: no terminal
	what  string
	total int  // 0: not known
	plain bool // drawn in ASCII
	shown time.Time
}

func newProgress(w io.Writer, what string, total int) *progress {
	p := &progress{what: what, total: total, plain: noColor()}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.out = f
	}
	return p
}

// progressEvery keeps a fast loop from spending its time on the terminal.
const progressEvery = 100 * time.Millisecond

func (p *progress) set(n int) {
	if p.out == nil || time.Since(p.shown) < progressEvery && n != p.total {
		return
	}
	p.shown = time.Now()
	width, _, err := term.GetSize(int(p.out.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	fmt.Fprint(p.out, "\r\033[K", p.line(n, width))
}

// line says how far the work is in less than width columns: a line that wraps could
// not be taken back. Where there is little room the bar gives way first.
func (p *progress) line(n, width int) string {
	const widest, narrowest = 30, 5
	if p.total == 0 {
		return cut(fmt.Sprintf("%s: %d", p.what, n), width-1)
	}
	percent := fmt.Sprintf("%3d%%", 100*n/p.total)
	counts := fmt.Sprintf("  %d of %d", n, p.total)
	room := width - 1 - len(p.what) - len("  ") - len(percent)
	if room < len(counts)+narrowest {
		counts = ""
	}
	bar := min(widest, room-len(counts))
	if bar < narrowest {
		return cut(p.what+percent, width-1)
	}
	full := min(bar*n/p.total, bar)
	done, left := "█", "░"
	if p.plain {
		done, left = "#", "."
	}
	return p.what + " " + strings.Repeat(done, full) + strings.Repeat(left, bar-full) + " " + percent + counts
}

func noColor() bool { return os.Getenv("NO_COLOR") != "" }

// cut keeps the beginning of an ASCII text.
func cut(s string, most int) string { return s[:max(0, min(len(s), most))] }

// done takes the line away.
func (p *progress) done() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\033[K")
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

package coe

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"

	"github.com/makegood/makegood/remediator/visible"
)

// Finding is something about a text. One that blocks keeps it from being published.
type Finding struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Block   bool   `json:"block"`
	Problem string `json:"problem"`
	Hint    string `json:"hint"`
}

// String writes a finding behind the name of a file.
func (f Finding) String() string {
	severity := "warning"
	if f.Block {
		severity = "error"
	}
	return fmt.Sprintf("%d:%d: %s: %s: %s", f.Line, f.Column, severity, f.Problem, f.Hint)
}

// Blocked reports whether a finding keeps a text from being published.
func Blocked(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Block })
}

// checking is a text that is checked.
type checking struct {
	*Document
	b *Book
	Known
	found []Finding
	left  int  // findings beyond maxFindings
	block bool // one of these does
}

// maxFindings bounds what is said about a text at once: people mend it from the top.
const maxFindings = 100

// Known is what is known of a ledger, besides the facts of a book.
type Known struct {
	Size uint64 // of the ledger
	// RuleFiles are the SHA-256 of files of rules that were in force at some time.
	RuleFiles map[string]bool
	// Now is when the text is to be published: no action is due before. The zero time:
	// it is not.
	Now time.Time
}

// Check says what is wrong with a document by the facts of a book that was read with
// its scope. It asks every query again, until ctx ends: the error is that of ctx.
func Check(ctx context.Context, d *Document, b *Book, known Known) ([]Finding, error) {
	c := &checking{Document: d, b: b, Known: known}
	c.shape()
	c.bounds()
	c.numbers(ctx)
	c.unwritten()
	c.hidden()
	c.bareNumbers()
	c.timeline()
	c.times()
	c.factors()
	c.actions()
	c.customers(ctx)
	c.graphs()
	c.quotes()
	c.rest()
	slices.SortStableFunc(c.found, func(a, b Finding) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	if c.left > 0 {
		last := c.found[len(c.found)-1]
		c.found = append(c.found, Finding{Line: last.Line, Column: last.Column, Block: c.block, Problem: fmt.Sprintf("there are %d findings more", c.left),
			Hint: "look at those above first"})
	}
	return c.found, ctx.Err()
}

// bounds holds that no more is asked of the ledger than is answered.
func (c *checking) bounds() {
	if c.MoreNumbers > 0 {
		c.find(c.Numbers[maxNumbers-1].Offset, true, "leave the others out, or write two texts", "%d queries stand behind this one: a text has at most %d", c.MoreNumbers, maxNumbers)
	}
	if c.MoreGraphs > 0 {
		c.find(c.Graphs[maxGraphs-1].Offset, true, "leave the others out, or write two texts", "%d graphs stand behind this one: a text has at most %d", c.MoreGraphs, maxGraphs)
	}
}

func (c *checking) find(offset int, block bool, hint, format string, args ...any) {
	if len(c.found) == maxFindings {
		c.left, c.block = c.left+1, c.block || block
		return
	}
	before := string(c.source[:min(offset, len(c.source))])
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	c.found = append(c.found, Finding{Line: line, Column: column, Block: block, Problem: fmt.Sprintf(format, args...), Hint: hint})
}

// at is where a section begins, or 0.
func (c *checking) at(section string) int {
	for n := c.root.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok && h.Level == 2 && c.textOf(h) == section {
			return c.offset(h)
		}
	}
	return 0
}

// shape holds that every section is there, once.
func (c *checking) shape() {
	if c.Title == "" {
		c.find(0, true, "begin with # and a title", "the text has no title")
	}
	for _, section := range Sections {
		switch n := len(slices.DeleteFunc(slices.Clone(c.order), func(s string) bool { return s != section })); {
		case n == 0:
			c.find(len(c.source), true, "write ## "+section, "there is no section %q", section)
		case n > 1:
			c.find(c.at(section), true, "keep one of them", "the section %q stands %d times", section, n)
		case len(c.Document.sections[section]) == 0 && section == "What worked":
			c.find(c.at(section), false, "something kept it from being worse: name it, or it is lost", "%q is empty", section)
		case len(c.Document.sections[section]) == 0:
			c.find(c.at(section), true, "write it", "%q is empty", section)
		}
	}
}

// unwritten finds what a draft left to people.
func (c *checking) unwritten() {
	text := string(c.source)
	for from := 0; ; {
		i := strings.Index(text[from:], toWrite)
		if i < 0 {
			return
		}
		c.find(from+i, true, "write it, and remove the words of the draft", "this is not written yet")
		from += i + len(toWrite)
	}
}

// hidden finds, in each line, the first character that a reader of the Markdown would
// not see. Pages show it.
func (c *checking) hidden() {
	from := 0
	for line := range strings.Lines(string(c.source)) {
		seen := visible.Text(strings.TrimRight(line, "\r\n"))
		for i, r := range line {
			shown, size := utf8.DecodeRuneInString(seen)
			if size == 0 {
				break
			}
			if seen = seen[size:]; shown != r {
				c.find(from+i, false, "take it out, unless the language needs it", "%U cannot be seen", r)
				break
			}
		}
		from += len(line)
	}
}

// numbers asks every query again.
func (c *checking) numbers(ctx context.Context) {
	for _, n := range c.Numbers {
		if ctx.Err() != nil {
			return
		}
		if n.Err != nil {
			c.wrong(n.Offset, n.Err)
			continue
		}
		if n.Query.Size > c.Size {
			c.find(n.Offset, true, fmt.Sprintf("write size=%d, or less", c.Size), "the ledger has no %d entries yet", n.Query.Size)
			continue
		}
		value, there := c.b.Value(n.Query)
		switch {
		case !there:
			c.find(n.Offset, true, "write the time by hand, and "+recalled+" behind it", "the ledger knows no such time")
		case !n.says(value):
			c.find(n.Offset, true, "write "+value, "%q is not what its query gives", n.Text)
		default:
			c.bareNumbersIn(strings.TrimPrefix(n.Text, value), n.Offset)
		}
	}
}

// says reports whether a number begins with a value.
func (n Number) says(value string) bool {
	rest, same := strings.CutPrefix(n.Text, value)
	return same && (rest == "" || rest[0] == ' ')
}

// Asked is a number of a text, and what its query gives by the ledger of now.
type Asked struct {
	Line  int
	Text  string // as written
	Query string // empty: it is none
	Now   string // empty: the ledger gives nothing
	Holds bool
}

// AskAgain asks every number of a document again, by the facts of a book that was read
// with its scope, until ctx ends: the error is that of ctx. size is that of the ledger.
func AskAgain(ctx context.Context, d *Document, b *Book, size uint64) ([]Asked, error) {
	all := []Asked{}
	for _, n := range d.Numbers {
		if ctx.Err() != nil {
			break
		}
		a := Asked{Line: strings.Count(string(d.source[:min(n.Offset, len(d.source))]), "\n") + 1, Text: n.Text}
		if n.Err == nil {
			a.Query = n.Query.String()
		}
		if n.Err == nil && n.Query.Size <= size {
			if value, there := b.Value(n.Query); there {
				a.Now, a.Holds = value, n.says(value)
			}
		}
		all = append(all, a)
	}
	return all, ctx.Err()
}

func (c *checking) wrong(offset int, err error) {
	if m, ok := err.(*mistake); ok {
		c.find(offset, true, m.hint, "%s", m.problem)
		return
	}
	c.find(offset, true, "write it anew", "%v", err)
}

// timeline holds that each line has a time, and a fact of that time or says that it is
// recalled.
func (c *checking) timeline() {
	if len(c.Timeline) == 0 {
		c.find(c.at("What happened"), true, "write a list; each line begins with a time", "there is no timeline")
	}
	var last time.Time
	for _, l := range c.Timeline {
		switch e, there := c.b.entries[l.Sequence]; {
		case l.At.IsZero():
			c.find(l.Offset, true, "begin with one, like 2026-11-01T12:00:00Z:", "the line has no time")
		case !l.Sourced && !l.Recalled:
			c.find(l.Offset, true, "end with [fact 12](ledger:12), or with "+recalled, "the line has no source")
		case l.Sourced && !there:
			c.find(l.Offset, true, "name one that is there", "the ledger has no entry %d", l.Sequence)
		case l.Sourced && !instant(e.At).Truncate(time.Second).Equal(l.At.UTC()):
			c.find(l.Offset, true, "write "+moment(instant(e.At)), "fact %d is of another time", l.Sequence)
		case l.At.Before(last):
			c.find(l.Offset, true, "put it where it belongs", "the line is earlier than the one above it")
		}
		if l.At.After(last) {
			last = l.At
		}
	}
}

// times holds that the moments of the error are there and in order.
func (c *checking) times() {
	at := map[string]time.Time{}
	for _, name := range Moments {
		l, there := c.Times[name]
		switch {
		case !there:
			c.find(c.at("What happened"), true, "write below ### Times: - "+name+": and the time", "it is not said when it %s", verbs[name])
		case l.At.IsZero():
			c.find(l.Offset, true, "write it like 2026-11-01T12:00:00Z", "%s has no time", name)
		case !l.Recalled && !c.saysTime(l):
			c.find(l.Offset, true, "link it to query:time?of="+name+"&… or to the fact of that time, or end with "+recalled, "%s has no source that gives its time", name)
		}
		at[name] = l.At
	}
	for _, pair := range [][2]string{{"began", "detected"}, {"detected", "engaged"}, {"detected", "mitigated"}, {"engaged", "released"}, {"mitigated", "released"}} {
		if a, b := at[pair[0]], at[pair[1]]; !a.IsZero() && !b.IsZero() && b.Before(a) {
			c.find(c.Times[pair[1]].Offset, true, "look at the sources of both", "%s is earlier than %s", pair[1], pair[0])
		}
	}
}

// saysTime reports whether the source of a line is of its time.
func (c *checking) saysTime(l Line) bool {
	if l.Asked != nil {
		value, there := c.b.Value(*l.Asked)
		return there && l.Asked.Size <= c.Size && value == moment(l.At)
	}
	e, there := c.b.entries[l.Sequence]
	return l.Sourced && there && instant(e.At).Truncate(time.Second).Equal(l.At)
}

var verbs = map[string]string{"began": "began", "detected": "was detected", "engaged": "had somebody look at it", "mitigated": "was mitigated", "released": "was over"}

// graphs holds that each graph can be drawn and says what it shows.
func (c *checking) graphs() {
	for _, g := range c.Graphs {
		switch {
		case g.Err != nil:
			c.wrong(g.Offset, g.Err)
		case g.Query.Size > c.Size:
			c.find(g.Offset, true, fmt.Sprintf("write size=%d, or less", c.Size), "the ledger has no %d entries yet", g.Query.Size)
		case g.Query.Step == 0:
			c.find(g.Offset, true, "add step=1h", "the graph does not say how long a bar is")
		case !strings.Contains(g.Title, ",") || !strings.Contains(g.Title, strconv.Itoa(g.Query.Since.UTC().Year())):
			c.find(g.Offset, false, "write what it shows, the unit and the time: Remedies, remedies per 1h, 2026-11-01 to 2026-11-02", "the graph says neither its unit nor its time")
		}
	}
}

// quotes holds that quoted rules are those of the digest beside them, and that the
// ledger knows these.
func (c *checking) quotes() {
	for _, q := range c.Quoted {
		switch {
		case q.Digest == "":
			c.find(q.Offset, true, "write the SHA-256 of the file before it", "the quoted rules have no digest")
		case digest(q.Text) != q.Digest && digest(strings.TrimSuffix(q.Text, "\n")) != q.Digest:
			c.find(q.Offset, true, "quote the file as it was", "the quoted rules are not those of the digest beside them")
		case !c.RuleFiles[q.Digest]:
			c.find(q.Offset, true, "quote a file of the rule set that a remedy names", "the quoted rules were never in force")
		}
	}
}

package coe

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

// Sections of a COE, in their order.
var Sections = []string{"Summary", "What happened", "Data", "Impact", "Contributing factors", "Lessons", "What worked", "Actions", "Related", "Rules in force"}

// Kinds of actions: what they do about it when it happens again.
var Kinds = []string{"prevent", "detect", "mitigate"}

// Number is a link to a query.
type Number struct {
	Text   string // as written, the value first
	Query  Query
	Err    error // why the query is none
	Offset int
}

// Graph is an image that is drawn from a query.
type Graph struct {
	Title  string
	Query  Query
	Err    error
	Offset int
}

// Line is a line of the timeline.
type Line struct {
	At       time.Time // zero when it begins with no time
	Sequence uint64
	Sourced  bool   // it names the fact that it comes from
	Asked    *Query // of a time: that it comes from
	Recalled bool
	Offset   int
}

// Action is what is done about it.
type Action struct {
	Action, Kind, Owner, Due, Priority, DoneWhen, Factor string

	Offset int
}

// Document is a COE taken apart.
type Document struct {
	Title    string
	Numbers  []Number
	Graphs   []Graph
	Timeline []Line
	Times    map[string]Line // by moment
	Factors  []Factor
	Actions  []Action
	Quoted   []Quote

	// MoreNumbers and MoreGraphs are how many there are beyond those that are asked and
	// drawn, the first maxNumbers and maxGraphs.
	MoreNumbers, MoreGraphs int

	source   []byte
	root     ast.Node
	sections map[string][]ast.Node
	order    []string
}

const (
	maxNumbers = 200 // queries of a text, each of which counts what the ledger says of a period
	maxGraphs  = 20
)

// Factor is a contributing factor.
type Factor struct {
	Dimension string // empty when it begins with none
	Text      string
	Offset    int
}

// Quote is a text of rules in the document, under the digest that it states.
type Quote struct {
	Digest, Text string
	Offset       int
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// markdown reads CommonMark with tables.
func markdown() goldmark.Markdown { return goldmark.New(goldmark.WithExtensions(extension.Table)) }

// Read takes a text apart. Every text can be read; what is wrong with it Check says.
func Read(source string) *Document {
	d := &Document{source: []byte(source), sections: map[string][]ast.Node{}, Times: map[string]Line{}}
	d.root = markdown().Parser().Parse(text.NewReader(d.source))
	section, sub := "", ""
	for n := d.root.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			switch title := d.textOf(h); h.Level {
			case 1:
				d.Title = title
			case 2:
				section, sub = title, ""
				d.order = append(d.order, title)
			default:
				sub = title
			}
			continue
		}
		d.sections[section] = append(d.sections[section], n)
		d.take(section, sub, n)
	}
	d.links()
	return d
}

// take reads what a block of a section says.
func (d *Document) take(section, sub string, n ast.Node) {
	switch section {
	case "What happened":
		d.eachItem(n, func(item ast.Node) { d.takeLine(sub, item) })
	case "Contributing factors":
		d.eachItem(n, func(item ast.Node) {
			f := Factor{Text: d.textOf(item), Offset: d.offset(item)}
			if name, _, found := strings.Cut(f.Text, ":"); found {
				f.Dimension = strings.ToLower(strings.TrimSpace(name))
			}
			d.Factors = append(d.Factors, f)
		})
	case "Actions":
		if table, ok := n.(*east.Table); ok {
			d.takeActions(table)
		}
	case "Rules in force":
		if block, ok := n.(*ast.FencedCodeBlock); ok {
			d.takeQuote(block)
		}
	}
}

func (d *Document) eachItem(n ast.Node, take func(ast.Node)) {
	if _, ok := n.(*ast.List); !ok {
		return
	}
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		take(item)
	}
}

// takeLine reads a line of the timeline, or of the times below it.
func (d *Document) takeLine(sub string, item ast.Node) {
	words := d.textOf(item)
	l := Line{Offset: d.offset(item), Recalled: strings.HasSuffix(strings.TrimRight(words, ". "), recalled)}
	name, rest, _ := strings.Cut(words, ": ")
	if sub == "Times" {
		first, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		l.At, _ = time.Parse(time.RFC3339, first)
		d.takeSource(item, &l)
		d.Times[strings.TrimSpace(name)] = l
		return
	}
	l.At, _ = time.Parse(time.RFC3339, strings.TrimSpace(name))
	d.takeSource(item, &l)
	d.Timeline = append(d.Timeline, l)
}

// takeSource reads which fact, or query for a time, a line comes from.
func (d *Document) takeSource(item ast.Node, l *Line) {
	_ = ast.Walk(item, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		link, ok := n.(*ast.Link)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		switch scheme, rest, _ := strings.Cut(string(link.Destination), ":"); scheme {
		case schemeLedger:
			var err error
			l.Sequence, err = strconv.ParseUint(rest, 10, 62)
			l.Sourced = err == nil
		case schemeQuery:
			if q, err := ParseQuery(rest, false); err == nil && q.Name == Moment {
				l.Asked = &q
			}
		}
		return ast.WalkContinue, nil
	})
}

// takeActions reads a table of actions by the names of its columns.
func (d *Document) takeActions(table *east.Table) {
	var names []string
	for row := table.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []string
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, strings.TrimSpace(d.textOf(cell)))
		}
		if _, head := row.(*east.TableHeader); head {
			names = cells
			continue
		}
		a := Action{Offset: d.offset(row)}
		fields := map[string]*string{"Action": &a.Action, "Kind": &a.Kind, "Owner": &a.Owner, "Due": &a.Due, "Priority": &a.Priority, "Done when": &a.DoneWhen, "Factor": &a.Factor}
		for i, cell := range cells {
			if i < len(names) && fields[names[i]] != nil {
				*fields[names[i]] = cell
			}
		}
		d.Actions = append(d.Actions, a)
	}
}

// takeQuote reads a quoted file of rules, and the digest that stands before it.
func (d *Document) takeQuote(block *ast.FencedCodeBlock) {
	q := Quote{Text: string(block.Lines().Value(d.source)), Offset: d.offset(block)}
	if before := block.PreviousSibling(); before != nil {
		for _, word := range strings.FieldsFunc(d.textOf(before), func(r rune) bool { return strings.ContainsRune(" :,.", r) }) {
			if _, err := hex.DecodeString(word); err == nil && len(word) == 64 {
				q.Digest = word // the last: the file's, behind the rule's
			}
		}
	}
	d.Quoted = append(d.Quoted, q)
}

// links collects the numbers and the graphs of the whole text.
func (d *Document) links() {
	_ = ast.Walk(d.root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch link := n.(type) {
		case *ast.Link:
			rest, ok := strings.CutPrefix(string(link.Destination), schemeQuery+":")
			switch {
			case ok && len(d.Numbers) == maxNumbers:
				d.MoreNumbers++
			case ok:
				q, err := ParseQuery(rest, false)
				d.Numbers = append(d.Numbers, Number{Text: d.textOf(link), Query: q, Err: err, Offset: d.offset(link)})
			}
		case *ast.Image:
			rest, ok := strings.CutPrefix(string(link.Destination), schemeGraph+":")
			switch {
			case ok && len(d.Graphs) == maxGraphs:
				d.MoreGraphs++
			case ok:
				q, err := ParseQuery(rest, true)
				d.Graphs = append(d.Graphs, Graph{Title: d.textOf(link), Query: q, Err: err, Offset: d.offset(link)})
			}
		}
		return ast.WalkContinue, nil
	})
}

// textOf returns the words of a node, without marks.
func (d *Document) textOf(n ast.Node) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch leaf := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(leaf.Segment.Value(d.source))
				if leaf.SoftLineBreak() || leaf.HardLineBreak() {
					b.WriteByte(' ')
				}
			}
		case *ast.String:
			if entering {
				b.Write(leaf.Value)
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// offset is where a node begins in the text.
func (d *Document) offset(n ast.Node) int {
	at := -1
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch leaf := n.(type) {
		case *ast.Text:
			at = leaf.Segment.Start
		case *ast.FencedCodeBlock:
			if leaf.Lines().Len() > 0 {
				at = leaf.Lines().At(0).Start
			}
		}
		if at >= 0 {
			return ast.WalkStop, nil
		}
		return ast.WalkContinue, nil
	})
	return max(at, 0)
}

// Scope is what the facts of the document are.
func (d *Document) Scope() Scope {
	var s Scope
	for _, n := range d.Numbers {
		if n.Err == nil {
			s.Add(n.Query)
		}
	}
	for _, g := range d.Graphs {
		if g.Err == nil {
			s.Add(g.Query)
		}
	}
	for _, l := range d.Timeline {
		s.addLine(l)
	}
	for _, l := range d.Times {
		s.addLine(l)
	}
	return s
}

func (s *Scope) addLine(l Line) {
	if !l.Sourced {
		return
	}
	if s.Entries == nil {
		s.Entries = map[uint64]bool{}
	}
	s.Entries[l.Sequence] = true
}

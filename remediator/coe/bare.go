package coe

import (
	"context"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
)

var (
	number = regexp.MustCompile(`\d+`)
	named  = regexp.MustCompile(`^\p{L}[\p{L}\d_-]*$`)
	dated  = regexp.MustCompile(`^\d{4}-\d\d-\d\d`)
	fields = regexp.MustCompile(`\S+`)
	// amount is a number, whatever its unit: 5k, 1.000, 12%, 1000USD.
	amount = regexp.MustCompile(`^[^\p{L}\d]*\d[\d.,:'’_-]*(\p{L}{0,3}|[^\p{L}\d]*)$`)
)

// bareNumbers finds numbers of the impact that no query gives. A word that begins with
// a letter, a date and what stands in code are names, unless they are amounts.
func (c *checking) bareNumbers() {
	for _, section := range []string{"Summary", "Impact"} {
		for _, block := range c.Document.sections[section] {
			_ = ast.Walk(block, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
				if !entering {
					return ast.WalkContinue, nil
				}
				return c.bareNumbersOf(n), nil
			})
		}
	}
}

func (c *checking) bareNumbersOf(n ast.Node) ast.WalkStatus {
	switch n := n.(type) {
	case *ast.Image:
		return ast.WalkSkipChildren
	case *ast.Link:
		scheme, rest, _ := strings.Cut(string(n.Destination), ":")
		if scheme == schemeQuery || scheme == schemeLedger && c.textOf(n) == "fact "+rest {
			return ast.WalkSkipChildren
		}
	case *ast.CodeSpan:
		c.bareAmountsIn(c.textOf(n), c.offset(n))
		return ast.WalkSkipChildren
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		for i := range n.Lines().Len() {
			line := n.Lines().At(i)
			c.bareAmountsIn(string(line.Value(c.source)), line.Start)
		}
	case *ast.Text:
		c.bareNumbersIn(string(n.Segment.Value(c.source)), n.Segment.Start)
	}
	return ast.WalkContinue
}

func (c *checking) bareNumbersIn(text string, offset int) {
	for _, field := range fields.FindAllStringIndex(text, -1) {
		word := strings.Trim(text[field[0]:field[1]], ".,;:!?()")
		if number.MatchString(word) && (!named.MatchString(word) || priced(word)) && !dated.MatchString(word) {
			c.find(offset+field[0], true, "write it as a link to a query, or put it into `code` when it is a name", "%q is a number without a query", word)
		}
	}
}

// bareAmountsIn finds in code what is an amount and no name.
func (c *checking) bareAmountsIn(text string, offset int) {
	for _, field := range fields.FindAllStringIndex(text, -1) {
		word := strings.Trim(text[field[0]:field[1]], ".,;:!?()")
		if (amount.MatchString(word) || priced(word)) && !dated.MatchString(word) {
			c.find(offset+field[0], true, "write it as a link to a query", "%q is a number without a query", word)
		}
	}
}

// priced reports whether a word is a currency with an amount behind it.
func priced(word string) bool {
	const code = 3
	if len(word) <= code || !isCurrency(word[:code]) {
		return false
	}
	_, err := strconv.ParseFloat(strings.ReplaceAll(strings.Trim(word[code:], "-_"), ",", ""), 64)
	return err == nil
}

// customers finds customers by their ids: a COE is read by many.
func (c *checking) customers(ctx context.Context) {
	ids := map[string]bool{}
	for _, n := range c.Numbers {
		if ctx.Err() != nil {
			return
		}
		if n.Err == nil && (n.Query.Name == Remedies || n.Query.Name == Customers || n.Query.Name == Money) {
			for customer := range c.b.customers(n.Query) {
				ids[customer] = true
			}
		}
	}
	for _, field := range paths.FindAllIndex(c.source, -1) {
		for _, word := range parts(string(c.source[field[0]:field[1]])) {
			if ids[word] {
				c.find(field[0], true, "say how many, not who", "%q is a customer", word)
				break
			}
		}
	}
}

// paths are what ids of customers may be part of: words, and links with several.
var paths = regexp.MustCompile(`[\p{L}\d_.@:+/%-]*[\p{L}\d_]`)

// maxParts bounds the parts of a path that are looked at.
const maxParts = 32

// parts lists what may be an id in a path: each run of its parts, as it is and without
// the escapes of a link. An id may have a slash itself.
func parts(path string) (words []string) {
	all := strings.Split(path, "/")
	all = all[max(0, len(all)-maxParts):]
	for from := range all {
		for to := from + 1; to <= len(all); to++ {
			word := strings.Join(all[from:to], "/")
			words = append(words, word)
			if plain, err := url.PathUnescape(word); err == nil && plain != word {
				words = append(words, plain)
			}
		}
	}
	return words
}

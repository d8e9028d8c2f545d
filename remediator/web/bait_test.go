package web_test

import (
	"encoding/csv"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"github.com/makegood/makegood/remediator/visible"
)

// sign is in each bait, and nowhere else: an element or an attribute with it in its
// name came out of somebody's text.
const sign = "zq7x"

// baits are what somebody may write into any field.
var baits = map[string]string{
	"markup":    `</title></textarea></style></script></svg></bdi></code></pre>--> ]]>'"><zq7x zq7x=1><img src=zq7x onerror=zq7x()>{{.}}`,
	"attribute": `" zq7x="1" onfocus="zq7x()" x="`,
	"quote":     `' zq7x='1' onfocus='zq7x()`,
	"bare":      `x zq7x=1 onfocus=zq7x()`,
	"turning":   "zq7x\u202egnorw\u2066\u2067\u200f\u200b\ufeff\u2028\ue000",
	"control":   "zq7x\x1b[31m\x00\a\x7f\u0085\r\nSet-Cookie: zq7x=1\r\n\r\nzq7x",
	"formula":   `=HYPERLINK("http://zq7x.example";"zq7x")`,
	"cells":     "zq7x;=1+1;\"@SUM(1)\";\n-2\t+3\uff1d1;\uff1d1",
	"markdown":  "# zq7x\n\n[zq7x](http://zq7x.example) ![zq7x](http://zq7x.example/i.png) <http://zq7x.example>\n\n[q]: query:x\n```\n",
	"script":    "javascript:zq7x()",
	"path":      `../../zq7x\..%2f%00?zq7x#zq7x`,
	"right":     "\u05e9\u05dc\u05d5\u05dd zq7x \u0645\u0631\u062d\u0628\u0627",
	"chat":      "<!channel> <http://zq7x.example|zq7x> &amp;",
	"long":      strings.Repeat("<b>zq7x\u202e&", 30),
}

// everything is all of them but the long one, in a text for people's words.
func everything() string {
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(baits)) {
		if name != "long" {
			all.WriteString(baits[name] + "\n")
		}
	}
	return all.String()
}

// shows are attributes that a browser shows to people.
var shows = map[string]bool{"title": true, "alt": true, "aria-label": true, "placeholder": true, "label": true, "content": true}

// isolates are elements in which the direction of a text touches nothing around it.
var isolates = map[string]bool{"bdi": true, "code": true, "pre": true, "textarea": true, "title": true, "article": true}

// checkHarmless holds that a page has nothing in it that came out of a text, that each
// text can be seen, and that those written from right to left turn nothing around.
func checkHarmless(t *testing.T, path string, p paper) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		switch n.Type {
		case html.ElementNode:
			checkElement(t, path, n)
		case html.CommentNode:
			if strings.Contains(n.Data, sign) {
				t.Errorf("%s: a text became a comment: %.200q", path, n.Data)
			}
		case html.TextNode:
			if n.Parent.Data == "textarea" {
				continue // it is written there as it is, to be written on
			}
			if n.Data != visible.Text(n.Data) {
				t.Errorf("%s: something hides in <%s>: %.200q", path, n.Parent.Data, n.Data)
			}
			if strings.ContainsFunc(n.Data, func(c rune) bool { return unicode.In(c, unicode.Hebrew, unicode.Arabic) }) && !isolated(n) {
				t.Errorf("%s: a text in <%s> turns around what is beside it: %.200q", path, n.Parent.Data, n.Data)
			}
		}
	}
}

// isolated reports whether a text stands by itself: in such an element, or alone in a
// block.
func isolated(n *html.Node) bool {
	if blocks := n.Parent; n.PrevSibling == nil && n.NextSibling == nil && strings.Contains(" h1 h2 h3 p td th dd li option text ", " "+blocks.Data+" ") {
		return true
	}
	for above := n.Parent; above != nil; above = above.Parent {
		if isolates[above.Data] {
			return true
		}
	}
	return false
}

func checkElement(t *testing.T, path string, n *html.Node) {
	t.Helper()
	attributes := map[string]string{}
	for _, a := range n.Attr {
		attributes[a.Key] = a.Val
	}
	byPerson := strings.Contains(attributes["rel"], "nofollow") // a link in what people write in Markdown
	for name, value := range attributes {
		leads := name == "src" || name == "href" || name == "action" || name == "formaction"
		switch {
		case strings.Contains(name, sign) || strings.HasPrefix(name, "on") || name == "style" || name == "srcdoc":
			t.Errorf("%s: a text became <%s %s=%q>", path, n.Data, name, value)
		case leads && !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "#") && !byPerson, leads && (strings.HasPrefix(value, "//") || strings.HasPrefix(value, `/\`)):
			t.Errorf("%s: <%s> has %s=%q, which is elsewhere", path, n.Data, name, value)
		case byPerson && name == "href" && !strings.HasPrefix(value, "http"):
			t.Errorf("%s: a link leads to %q", path, value)
		case (shows[name] || name == "value" && attributes["type"] != "hidden") && value != visible.Text(value):
			t.Errorf("%s: something hides in %s of <%s>: %.200q", path, name, n.Data, value)
		}
	}
	if strings.Contains(n.Data, sign) || n.Data == "img" && !strings.HasPrefix(attributes["src"], "/assets/") || n.Data == "iframe" || n.Data == "base" || n.Data == "object" {
		t.Errorf("%s: a text became <%s %v>", path, n.Data, attributes)
	}
}

// checkTable holds that no cell of a table is a formula or hides anything, wherever
// cells end with a comma or with a semicolon.
func checkTable(t *testing.T, name, text string, atLeast int) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) < atLeast {
		t.Fatalf("%s has %d rows: %v", name, len(rows), err)
	}
	if lines := strings.Count(text, "\n"); lines != len(rows) {
		t.Errorf("%s has %d rows in %d lines", name, len(rows), lines)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != visible.Line(cell) {
				t.Errorf("%s: something hides in %.100q", name, cell)
			}
			if strings.Trim(cell, "-0123456789") == "" {
				continue // an amount
			}
			for _, part := range strings.Split(cell, ";") {
				if strings.IndexAny(strings.TrimLeft(part, ` "`), "=+-@\uff1d\uff0b\uff0d\uff20") == 0 {
					t.Errorf("%s: a cell is a formula: %.100q", name, cell)
				}
			}
		}
	}
}

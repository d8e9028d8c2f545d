package coe

import (
	"bytes"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/makegood/makegood/remediator/visible"
)

// Embedding is how a text stands in a page of somebody else.
type Embedding struct {
	// LedgerPath is what a link to a fact begins with; empty: facts are named and not
	// linked.
	LedgerPath string
	// Lower is by how many levels headings are lowered, below those of the page. Tables
	// are captioned then, and can be scrolled.
	Lower int
}

// Fragment renders a text as HTML for a page. Raw HTML is left out, links lead to
// http, https and mailto alone, images are drawn from the facts or left out, and a
// number carries its query as its title. Nothing in it has a style of its own, and
// nothing hides.
func Fragment(d *Document, b *Book, e Embedding) (string, error) {
	md := goldmark.New(goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(&linkRenderer{d: d, b: b, e: e}, 1))))
	var out bytes.Buffer
	root := md.Parser().Parse(text.NewReader(d.source))
	if err := md.Renderer().Render(&out, d.source, root); err != nil {
		return "", fmt.Errorf("render COE: %w", err)
	}
	return visible.Text(out.String()), nil
}

// printed is how a COE looks alone, on a screen and on paper.
const printed = `body{font:16px/1.5 Georgia,serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff;overflow-wrap:break-word}
h1,h2,h3{font-family:system-ui,sans-serif;line-height:1.25}h2{margin-top:2rem;border-bottom:1px solid #bbb}
table{border-collapse:collapse;width:100%;font-size:.9em}th,td{border:1px solid #999;padding:.25rem .4rem;text-align:left;vertical-align:top}td{overflow-wrap:anywhere;min-width:4em}
pre{white-space:pre-wrap;background:#f4f4f4;padding:.6rem;font-size:.8em}svg{max-width:100%;height:auto}
.number{border-bottom:1px dotted #555}.fact{color:#444;font-size:.85em}
@media print{body{margin:0;max-width:none;font-size:11pt}h2,h3{break-after:avoid}svg,tr,pre{break-inside:avoid}p,li{orphans:3;widows:3}@page{margin:18mm}
a[href]{color:inherit}a[href^="http"]::after{content:" <" attr(href) ">";font-size:.8em;overflow-wrap:anywhere}}`

// HTML renders a text as a page of its own that needs nothing from elsewhere.
func HTML(d *Document, b *Book) (string, error) {
	body, err := Fragment(d, b, Embedding{})
	if err != nil {
		return "", err
	}
	return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + html.EscapeString(visible.Text(d.Title)) +
		"</title>\n<meta name=\"viewport\" content=\"width=device-width\">\n<style>\n" + printed + "\n</style></head><body>\n" + body + "</body></html>\n", nil
}

// linkRenderer renders links and images, and within a page headings and tables; the rest
// is goldmark's.
type linkRenderer struct {
	d *Document
	b *Book
	e Embedding

	drawn int // graphs
}

// RegisterFuncs implements renderer.NodeRenderer.
func (r *linkRenderer) RegisterFuncs(to renderer.NodeRendererFuncRegisterer) {
	to.Register(ast.KindLink, r.link)
	to.Register(ast.KindAutoLink, r.autoLink)
	to.Register(ast.KindImage, r.image)
	if r.e.Lower > 0 {
		to.Register(ast.KindHeading, r.heading)
		to.Register(east.KindTable, r.table)
	}
}

// lowest is the lowest level of a heading.
const lowest = 6

func (r *linkRenderer) heading(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	tag := "</h%d>\n"
	if entering {
		tag = "<h%d>"
	}
	_, err := fmt.Fprintf(w, tag, min(n.(*ast.Heading).Level+r.e.Lower, lowest))
	return ast.WalkContinue, err
}

// table is captioned by the heading above it.
func (r *linkRenderer) table(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		_, err := w.WriteString("</table></div>\n")
		return ast.WalkContinue, err
	}
	title := "Table"
	for above := n.PreviousSibling(); above != nil; above = above.PreviousSibling() {
		if h, ok := above.(*ast.Heading); ok {
			title = html.EscapeString(clipped(r.d.textOf(h), 100))
			break
		}
	}
	_, err := fmt.Fprintf(w, `<div class="wide" tabindex="0" role="group" aria-label="%s"><table><caption>%[1]s</caption>`+"\n", title)
	return ast.WalkContinue, err
}

// safeSchemes are where a link may lead.
var safeSchemes = []string{"http", "https", "mailto"}

func safeURL(destination string) bool {
	u, err := url.Parse(destination)
	return err == nil && slices.Contains(safeSchemes, u.Scheme)
}

func (r *linkRenderer) link(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	destination := string(n.(*ast.Link).Destination)
	scheme, rest, _ := strings.Cut(destination, ":")
	open, end := "<span>", "</span>"
	switch {
	case scheme == schemeQuery:
		open = `<span class="number" title="` + html.EscapeString(rest) + `">`
	case scheme == schemeLedger && r.e.LedgerPath == "":
		open = `<span class="fact">`
	case scheme == schemeLedger:
		open, end = `<a class="fact" href="`+html.EscapeString(r.e.LedgerPath+url.PathEscape(rest))+`">`, "</a>"
	case safeURL(destination):
		open, end = `<a rel="noopener noreferrer nofollow" href="`+html.EscapeString(destination)+`">`, "</a>"
	}
	if !entering {
		open = end
	}
	_, err := w.WriteString(open)
	return ast.WalkContinue, err
}

func (r *linkRenderer) autoLink(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	label := html.EscapeString(string(n.(*ast.AutoLink).Label(source)))
	if u := string(n.(*ast.AutoLink).URL(source)); safeURL(u) {
		label = `<a rel="noopener noreferrer nofollow" href="` + html.EscapeString(u) + `">` + label + "</a>"
	}
	_, err := w.WriteString(label)
	return ast.WalkSkipChildren, err
}

// image draws a graph. Other images would be asked for elsewhere, and tell who reads.
func (r *linkRenderer) image(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	title := r.d.textOf(n)
	text := "<em>" + html.EscapeString(title) + "</em>"
	if rest, ok := strings.CutPrefix(string(n.(*ast.Image).Destination), schemeGraph+":"); ok && r.drawn < maxGraphs {
		r.drawn++
		if q, err := ParseQuery(rest, true); err == nil && q.Step > 0 {
			text = SVG(title, q, r.b.Points(q))
		}
	}
	_, err := w.WriteString(text)
	return ast.WalkSkipChildren, err
}

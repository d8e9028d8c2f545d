package coe_test

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/makegood/makegood/remediator/coe"
	"github.com/makegood/makegood/remediator/visible"
)

// shape is the elements of a page, without the words.
func shape(t *testing.T, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			b.WriteString(n.Data + "\n")
		}
	}
	return b.String()
}

// TestHostileTitle holds that whatever somebody calls a COE, its draft has the shape of
// every other, and that nothing hides in the page, the pictures and the names of its
// bundle.
func TestHostileTitle(t *testing.T) {
	t.Parallel()
	f := story(t)
	made := func(title string) (text, page string, packed []byte) {
		ask := coe.Ask{Rule: "late", Title: title, Since: begin, Until: begin.Add(3 * time.Hour), Size: uint64(len(f.rows))}
		b, err := coe.ReadBook(t.Context(), f, ask.Scope())
		if err != nil {
			t.Fatal(err)
		}
		text = coe.Draft(b, ask)
		d := coe.Read(text)
		if page, err = coe.HTML(d, b); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := coe.WriteBundle(&out, coe.Bundle{Name: "7", Status: "draft", Text: text, Document: d, Book: b}); err != nil {
			t.Fatal(err)
		}
		return text, page, out.Bytes()
	}
	_, plain, _ := made("Parcels came late")
	for _, title := range []string{
		"</h1><script>alert(1)</script>", "[a](http://elsewhere.example) ![b](http://elsewhere.example/i.png) <http://elsewhere.example>",
		"a\n# b\n\n## Summary\n\n---\n| c |\n|---|\n", "`a` *b* __c__ ~~d~~ &lt; \\", "[q]: query:x", "\u202egnorw\u2066 \x1b[31m\x00\u2028 #", "= + - 1. > a",
	} {
		text, page, packed := made(title)
		if shape(t, page) != shape(t, plain) {
			t.Errorf("%q changes the page: %s", title, page)
		}
		files, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
		if err != nil {
			t.Fatal(err)
		}
		read := map[string]string{"the draft": text, "the page": page}
		for _, file := range files.File {
			part, err := file.Open()
			if err != nil {
				t.Fatal(err)
			}
			inside, err := io.ReadAll(part)
			if err != nil {
				t.Fatal(err)
			}
			read[file.Name] = string(inside)
		}
		if len(read) < 6 {
			t.Errorf("the bundle has %d files", len(read)-2)
		}
		for name, inside := range read {
			if inside != visible.Text(inside) {
				t.Errorf("%q: something hides in %s: %q", title, name, inside)
			}
		}
	}
}

// TestHiddenIsFound holds that a check says where in a text something hides, once for a
// line, and that a page of it shows that.
func TestHiddenIsFound(t *testing.T) {
	t.Parallel()
	f := story(t)
	d := coe.Read("# Late\r\n\r\nIt was \u202eton\u202c so.\nKäse \u0645\u06cc\u200c\u062e\n\tpay\u200cpal\n")
	b, err := coe.ReadBook(t.Context(), f, d.Scope())
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, finding := range checked(t, d, b, 1) {
		if strings.Contains(finding.Problem, "cannot be seen") {
			found = append(found, finding.String())
		}
	}
	const want = "3:8: warning: U+202E cannot be seen: take it out, unless the language needs it|5:5: warning: U+200C cannot be seen: take it out, unless the language needs it"
	if got := strings.Join(found, "|"); got != want {
		t.Errorf("found is %s, want %s", got, want)
	}
	page, err := coe.HTML(d, b)
	if err != nil || page != visible.Text(page) || !strings.Contains(page, "It was \ufffdton\ufffd so.") {
		t.Errorf("the page is %q, %v", page, err)
	}
}

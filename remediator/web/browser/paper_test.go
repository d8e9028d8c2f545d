package browser

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/api"
)

const (
	sheet     = 658 // pixels of CSS between the margins of A4
	mostSheet = 6   // of the COE of the test, which has a graph, six tables and two pages of text
)

// furtherText is what people write below a draft that is hard to print: a long link, a
// long word, and a table with more than fits.
const furtherText = `
The supplier [answered](https://supplier.example/tickets/2026/11/27/THE-CABLE-OF-THE-LAMP-IS-LOOSE?thread=0123456789abcdef0123456789abcdef).

| Batch | SHA-256 of the certificate | Inspected | Found | By | Where | Remark |
|---|---|---|---|---|---|---|
| 7 | 3b5d5c3712955042212316173ccf37be8e0d3b0a8f8c4a1b0d9f0f2a4f2a8c11 | yes | no | ann | Oslo | nothing |
| 8 | 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 | no | yes | abe | Bergen | loose |
`

// brokenOnPaper finds what is cut off at the edge of a sheet, and short words of tables
// that are broken into lines.
const brokenOnPaper = `[...document.querySelectorAll("body *")].filter((e) => e.checkVisibility()).filter((e) => {
	const words = document.createRange();
	words.selectNodeContents(e);
	const short = e.matches("td, th") && e.textContent.trim().length < 7;
	return e.getBoundingClientRect().right > %d + 1 || e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== "visible" || short && new Set([...words.getClientRects()].map((r) => Math.round(r.bottom / 8))).size > 1;
}).map((e) => e.tagName + " " + e.className + ": " + e.textContent.slice(0, 40))`

// TestPaper prints a COE: nothing of a screen is on paper, nothing is cut off at its edge,
// and a link says where it leads.
func TestPaper(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	c.furnish()
	var opened api.COEs
	c.get("admin", "/v1/coes", &opened)
	if len(opened.COEs) == 0 {
		t.Fatal("there is no COE after a cord turned red")
	}
	path := "/coes/" + opened.COEs[0].COE.String()
	draft := c.coe(path)
	c.post("ann", "/v1"+path+"/revisions", map[string]any{"revision": 0, "text": draft.Document.Text + furtherText}, nil)
	b := c.enter(browser, "ann", window{})
	b.look(path)
	b.click("text=Print")
	b.wait("h1")
	b.onPaper("coe-print")
	b.look(path)
	b.onPaper("coe-on-paper")
}

// onPaper prints the page, and looks at it as it is laid out on paper.
func (b *tab) onPaper(name string) {
	b.t.Helper()
	file, err := filepath.Abs(filepath.Join(pictures, name+".pdf"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.tell(nil, "paper", "file", file)
	printed, err := os.ReadFile(file)
	if err != nil {
		b.t.Fatal(err)
	}
	if n := bytes.Count(printed, []byte("/Type /Page\n")); n < 1 || n > mostSheet {
		b.t.Errorf("%s is printed on %d sheets", name, n)
	}
	b.tell(nil, "lay", "media", "print", "width", sheet)
	var cut []string
	b.evaluate(fmt.Sprintf(brokenOnPaper, sheet), &cut)
	for _, e := range cut {
		b.t.Errorf("%s is cut off or broken on paper: %s", name, e)
	}
	if pressed := b.texts("header:visible, button:visible, form:visible, a.button:visible"); len(pressed) > 0 {
		b.t.Errorf("%s has on paper what can be pressed: %q", name, pressed)
	}
	var leads string
	b.evaluate(`getComputedStyle(document.querySelector("a[href^='https://supplier.example']"), "::after").content`, &leads)
	if !strings.Contains(leads, "https://supplier.example/tickets") {
		b.t.Errorf("%s does not say where a link leads: %q", name, leads)
	}
	b.picture(name, true)
	b.tell(nil, "lay", "media", "screen", "width", 1280)
}

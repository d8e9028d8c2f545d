package browser

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/integrity"
	"github.com/makegood/makegood/remediator/store/views"
)

const (
	pictures  = "../../../build/screenshots" // where the pages are as pictures
	maxWeight = 150 << 10                    // bytes of a page and all that comes with it
	phone     = 360                          // pixels of CSS
	mostTabs  = 200                          // stops of a page, on the way by keyboard
)

// figures are what the API says that each page of the navigation must show.
var figures = map[string]func(c *town) []string{
	"/": func(c *town) []string {
		var today api.Today
		c.get("admin", "/v1/today", &today)
		n := today.Counts
		return []string{fmt.Sprint(n.Pulls, " cords pulled"), fmt.Sprint(n.Held, " remedies wait"), fmt.Sprint(n.Brakes, " brakes set")}
	},
	"/andon": board,
	"/coes":  corrections,
	"/approvals": func(c *town) []string {
		var today views.Today
		c.get("admin", "/v1/today", &today)
		var shown []string
		for _, h := range today.Holds {
			shown = append(shown, h.Rule)
			for _, m := range h.Money {
				shown = append(shown, m.String())
			}
		}
		return shown
	},
	"/rules": func(c *town) []string {
		var rules struct {
			Rules []struct{ Name, Rule string }
		}
		c.get("admin", "/v1/rules", &rules)
		var shown []string
		for _, r := range rules.Rules {
			shown = append(shown, cmp.Or(r.Rule, r.Name))
		}
		return shown
	},
	"/adoption": func(c *town) []string {
		var rules api.Rules
		c.get("admin", "/v1/rules", &rules)
		return []string{fmt.Sprint(len(rules.Rules), " rules in force")}
	},
	"/customers": func(*town) []string { return []string{"Write the id of a customer"} }, // nobody is asked for yet
	"/integrity": reliance,
	"/refunds": func(c *town) []string {
		var list api.Refunds
		c.get("admin", "/v1/refunds", &list)
		var sums []string
		for _, total := range list.Totals {
			sums = append(sums, total.Amount.String())
		}
		return sums
	},
}

// reliance is what the page of integrity must show.
func reliance(c *town) []string {
	var state integrity.State
	c.get("admin", "/v1/integrity", &state)
	var list api.Reconciliations
	c.get("admin", "/v1/reconciliations", &list)
	if state.Checkpoint == nil {
		c.t.Fatal("nothing is sealed yet")
	}
	return []string{fmt.Sprint(state.Checkpoint.Size, " entries in the tree"), state.Checkpoint.Origin, fmt.Sprint(len(state.Kept), " places keep checkpoints"),
		fmt.Sprint(len(list.Differences), " differences open"), fmt.Sprint(len(state.Stored), " stored states")}
}

// corrections is what the list of COEs must show.
func corrections(c *town) []string {
	var list api.COEs
	c.get("admin", "/v1/coes", &list)
	var shown []string
	for _, found := range list.COEs {
		shown = append(shown, cmp.Or(found.Cord, found.Rule))
	}
	return shown
}

// board is what the andon board must show.
func board(c *town) []string {
	var list api.Cords
	c.get("admin", "/v1/andon", &list)
	var shown []string
	for _, s := range list.Cords {
		if s.Level != cord.Open {
			shown = append(shown, s.Cord)
		}
	}
	return shown
}

// TestPages looks at each page of the navigation, and at those that others lead to, in light and dark,
// on a desk and on a phone, by keyboard and without JavaScript.
func TestPages(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	c.furnish()
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	day := c.enter(browser, "admin", window{})
	var paths []string
	day.evaluate(`[...document.querySelectorAll("header nav a")].map((a) => a.getAttribute("href"))`, &paths)
	if len(paths) < 2 {
		t.Fatalf("the navigation leads to %q", paths)
	}
	figures, names := maps.Clone(figures), map[string]string{"/": "today"}
	for _, d := range c.details() {
		figures[d.path], names[d.path] = d.shown, d.name
		paths = append(paths, d.path)
	}
	others := map[string]*tab{
		"dark": c.enter(browser, "admin", window{Dark: true}), "phone": c.enter(browser, "admin", window{Width: phone}),
		"silent": c.enter(browser, "admin", window{Silent: true}),
	}
	for _, path := range paths {
		name := cmp.Or(names[path], strings.Trim(path, "/"))
		t.Run(name, func(t *testing.T) {
			if figures[path] == nil {
				t.Fatalf("figures does not say what %s must show", path)
			}
			b := day.in(t)
			wanted := b.agreed(c, path, figures[path])
			if len(wanted) == 0 {
				t.Fatal("nothing is compared")
			}
			has(t, b.text("main"), wanted...)
			b.light()
			b.unhindered()
			b.picture(name+"-light", true)
			b.picture(name+"-top", false)
			b.byKeyboard()
			dark, small, silent := others["dark"].in(t), others["phone"].in(t), others["silent"].in(t)
			for _, other := range []*tab{dark, small, silent} {
				other.look(path)
			}
			dark.unhindered()
			dark.picture(name+"-dark", true)
			small.narrow()
			small.unhindered()
			small.picture(name+"-phone", true)
			has(t, silent.text("main"), wanted...)
			if with, without := b.texts("main h1, main h2"), silent.texts("main h1, main h2"); !slices.Equal(with, without) {
				t.Errorf("without JavaScript are %q, not %q", without, with)
			}
			for _, each := range []*tab{b, dark, small, silent} {
				each.calm()
			}
		})
	}
}

// agreed looks at a path, and returns what the API says that the page must show: the same
// before and after, for the service seals something every minute.
func (b *tab) agreed(c *town, path string, figures func(c *town) []string) []string {
	b.t.Helper()
	for {
		before := figures(c)
		b.look(path)
		if slices.Equal(before, figures(c)) {
			return before
		}
	}
}

// in is the same page, in another test.
func (b *tab) in(t *testing.T) *tab {
	other := *b
	other.t = t
	return &other
}

// light holds what the page and all that came with it weigh, into an empty cache.
func (b *tab) light() {
	b.t.Helper()
	var path string
	b.evaluate(`location.pathname + location.search`, &path)
	b.tell(nil, "forget")
	b.look(path)
	var weight float64
	b.tell(&weight, "bytes")
	b.t.Logf("%s weighs %.1f KB", path, weight/(1<<10))
	if weight < 1<<10 || weight > maxWeight {
		b.t.Errorf("%s weighs %.0f bytes, at most %d are right", path, weight, maxWeight)
	}
}

// unhindered holds that axe-core finds nothing that hinders people.
func (b *tab) unhindered() {
	b.t.Helper()
	var hindrances []string
	b.tell(&hindrances, "hindrances")
	for _, h := range hindrances {
		b.t.Error(h)
	}
}

// narrow holds that nobody must scroll to the side.
func (b *tab) narrow() {
	b.t.Helper()
	var width int
	if b.evaluate(`document.documentElement.scrollWidth`, &width); width > phone {
		b.t.Errorf("it is %d pixels wide on a phone of %d", width, phone)
	}
}

// picture keeps the page as a picture: the whole of it, or what the window shows.
func (b *tab) picture(name string, whole bool) {
	b.t.Helper()
	file, err := filepath.Abs(filepath.Join(pictures, name+".png"))
	if err != nil {
		b.t.Fatal(err)
	}
	b.tell(nil, "picture", "file", file, "whole", whole)
}

// stop is where the keyboard is: the place of the element among all of the page, and
// whether it can be seen that it is there.
type stop struct {
	Place int
	Seen  bool
	Text  string
}

const whereKeyboardIs = `(() => {
	const e = document.activeElement, s = getComputedStyle(e);
	const place = e === document.body ? -1 : [...document.querySelectorAll("*")].indexOf(e);
	return {place, seen: s.outlineStyle !== "none" && s.outlineWidth !== "0px", text: (e.innerText || e.name || e.tagName).slice(0, 40)};
})()`

// byKeyboard holds that the first stop skips to the content, and that the others come
// in the order in which people read, each to be seen, until the page is at its end.
func (b *tab) byKeyboard() {
	b.t.Helper()
	var at stop
	b.evaluate(`document.activeElement.blur(); scrollTo(0, 0)`, nil)
	b.press("Tab")
	if b.evaluate(whereKeyboardIs, &at); !strings.HasPrefix(at.Text, "Skip") {
		b.t.Errorf("the first stop is %+v, not the way to the content", at)
	}
	before, stops := at.Place, 1
	for ; stops < mostTabs; stops++ {
		b.press("Tab")
		if b.evaluate(whereKeyboardIs, &at); at.Place <= 0 || strings.HasPrefix(at.Text, "Skip") {
			break // round the whole page
		}
		if at.Place <= before || !at.Seen {
			b.t.Errorf("stop %d is %+v, after the place %d", stops, at, before)
		}
		before = at.Place
	}
	if stops < 3 || stops == mostTabs {
		b.t.Errorf("the keyboard comes to %d places", stops)
	}
	b.evaluate(`document.querySelector(".skip").focus()`, nil)
	b.press("Enter")
	var main bool
	if b.evaluate(`document.activeElement.id === "main"`, &main); !main {
		b.t.Error("the way to the content does not lead there")
	}
}

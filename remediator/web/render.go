package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/makegood/makegood/remediator/access"
)

//go:embed templates/*.html
var templateFiles embed.FS

// fetched is the header with which a page fetches its own content again.
const fetched = "HX-Request"

// look is a page's template with the layout around it.
type look struct{ whole *template.Template }

// frame is what the layout shows around a page, and the page's own value.
type frame struct {
	Nav     []link
	Who     access.Principal // its name is empty when nobody is signed in
	Session bool             // who it is, a session says: they can sign out
	URL     string           // of the page, to fetch its content again
	Done    string           // the command of the form that led here; empty: none did
	Trigger string           // what has the content fetched again; empty: nothing
	Stream  string           // the address of the words that do
	Value   any
}

// link leads to a page.
type link struct {
	Path, Name string
	Here       bool
}

// readTemplates makes the look of each template.
func (c *Console) readTemplates() (map[string]look, error) {
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("read templates: there are %d (%v)", len(files), err)
	}
	looks := map[string]look{}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" {
			continue
		}
		whole, err := template.New("layout.html").Funcs(c.functions()).ParseFS(templateFiles, "templates/layout.html", file)
		if err != nil {
			return nil, fmt.Errorf("read template %s: %w", name, err)
		}
		looks[name] = look{whole}
	}
	for _, p := range c.pages {
		if looks[p.template].whole == nil {
			return nil, fmt.Errorf("read templates: page %s has no template %q", p.path, p.template)
		}
	}
	return looks, nil
}

// watch is what has the content of a page fetched again, of which the zero value is
// nothing.
type watch struct {
	topics []string
	stream string // the address of the words about them since the page's value was loaded
}

// render answers with a template: whole, or its content alone when the page that
// is open fetches that again. Nothing is sent before all of it is made.
func (c *Console) render(w http.ResponseWriter, r *http.Request, status int, name string, of watch, value any) {
	part := "layout.html"
	if r.Header.Get(fetched) != "" {
		part = "content"
	}
	f := frame{Nav: c.navigation(r), Who: access.From(r.Context()), Session: c.cfg.Guard.ShowsSession(r), URL: r.URL.RequestURI(), Done: done(r), Trigger: trigger(of.topics), Stream: of.stream, Value: value}
	var page bytes.Buffer
	if err := c.looks[name].whole.ExecuteTemplate(&page, part, f); err != nil {
		if name == "failure" {
			http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
			return
		}
		c.fail(w, r, fmt.Errorf("make page %s: %w", name, err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Add("Vary", fetched)
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // an error here means that nobody reads the page any more
}

// navigation lists the pages that somebody may see.
func (c *Console) navigation(r *http.Request) []link {
	p := access.From(r.Context())
	var links []link
	for _, page := range c.pages {
		if page.name == "" || p.Name == "" || !mayRead(p, page.roles) {
			continue
		}
		at := strings.TrimSuffix(page.path, "{$}")
		here := r.URL.Path == at || at != "/" && strings.HasPrefix(r.URL.Path, at+"/")
		links = append(links, link{Path: at, Name: page.name, Here: here})
	}
	return links
}

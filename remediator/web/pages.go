package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/store/views"
)

// page is one page of the console.
type page struct {
	path     string   // pattern of net/http, without a method
	name     string   // in the navigation; empty: it is not there
	template string   // file below templates, without .html: it defines "title" and "content"
	roles    []string // who may see it, administrators besides; nil: everybody but mere emitters
	topics   []string // of which a change has the content fetched again; see live.go
	asks     bool     // it takes a form too, which asks something and changes nothing
	form     int64    // how many bytes that may have; 0: maxForm
	query    []string // the parameters that it reads; a value that it cannot read is unclear
	// load returns what the template shows. A *Failure is shown as it is; any other
	// error is logged, and the page says where to find it.
	load func(c *Console, r *http.Request) (any, error)
}

// pages lists every page, in the order of the navigation.
func pages() []page {
	return []page{
		{path: "/{$}", name: "Today", template: "today", topics: []string{TopicRemedies, TopicCords, TopicApprovals}, load: loadToday},
		{path: "/refunds", name: "Refunds", template: "refunds", topics: []string{TopicRemedies}, query: append(refundFields(), "after"), load: loadRefunds},
		{path: "/remedies/{remedy}", template: "remedy", topics: []string{TopicRemedies, TopicApprovals}, query: []string{"verify"}, load: loadRemedy},
		{path: "/remedies/{remedy}/why", template: "why", roles: decide.EvidenceReaders(), load: loadWhy},
		{path: "/customers", name: "Customers", template: "customers", topics: []string{TopicRemedies, TopicApprovals}, query: []string{"customer", "after"}, load: loadCustomer},
		{path: "/approvals", name: "Approvals", template: "approvals", topics: []string{TopicApprovals, TopicRemedies}, query: []string{"rule", "after"}, load: loadApprovals},
		{path: "/andon", name: "Andon", template: "andon", topics: []string{TopicCords, TopicRemedies}, query: []string{"cord"}, load: loadBoard},
		{path: "/rules", name: "Rules", template: "rules", topics: []string{TopicRemedies, TopicApprovals}, load: loadRules},
		{path: "/rules/{rule}", template: "rule", topics: []string{TopicRemedies, TopicApprovals}, load: loadRule},
		{path: "/rules/{rule}/near", template: "near", roles: decide.EvidenceReaders(), query: []string{"since"}, load: loadNear},
		{path: "/why-not", template: "whynot", roles: decide.EvidenceReaders(), asks: true, form: whyNotForm, load: loadWhyNot},
		{path: "/coes", name: "COEs", template: "coes", topics: []string{TopicCOEs}, query: []string{"status", "about", "before"}, load: loadCOEs},
		{path: "/coes/{coe}", template: "coe", query: []string{"revision"}, load: loadCOE},
		{path: "/coes/{coe}/edit", template: "coeedit", load: loadCOEEdit},
		{path: "/coes/{coe}/changes", template: "coechanges", query: []string{"from", "to"}, load: loadCOEChanges},
		{path: "/integrity", name: "Integrity", template: "integrity", topics: []string{TopicLedger}, load: loadIntegrity},
		{path: "/facts/{sequence}", template: "fact", roles: []string{decide.RoleAuditor}, load: loadFact},
		{path: "/adoption", name: "Adoption", template: "adoption", topics: []string{TopicRemedies}, load: loadAdoption},
	}
}

// mayRead reports whether somebody may see a page for these roles.
func mayRead(p access.Principal, roles []string) bool {
	if roles == nil {
		for _, role := range decide.Roles() {
			if role != decide.RoleEmitter {
				roles = append(roles, role)
			}
		}
	}
	return p.Has(roles...)
}

// asked is the address of a request with the parameters alone that the page reads, and
// the one that a form adds which led there. It ignores all others. Nothing has a name
// that is longer than an attribute of an event, and the page would repeat it.
func (p page) asked(r *http.Request) (*url.URL, error) {
	all, read := r.URL.Query(), url.Values{}
	for _, name := range append([]string{"done"}, p.query...) {
		for _, value := range all[name] {
			if len(value) > event.MaxText {
				return nil, unclear(views.AskError(fmt.Sprintf("%s %.80q has %d bytes, and nothing has a name of more than %d", name, value, len(value), event.MaxText)))
			}
			read.Add(name, value)
		}
	}
	at := *r.URL
	at.RawQuery = read.Encode()
	return &at, nil
}

// who says in whose name a request comes. Who is nobody yet is led to the sign-in,
// and back from there.
func (c *Console) who(w http.ResponseWriter, r *http.Request) (p access.Principal, ok bool) {
	p, err := c.cfg.Guard.Principal(r)
	switch {
	case err == nil:
		return p, true
	case !errors.Is(err, access.ErrMissing) && !errors.Is(err, access.ErrUnknown):
		c.fail(w, r, err)
	case r.Header.Get(fetched) != "":
		// A part of a page cannot show a sign-in: the whole page is fetched anew.
		w.Header().Set("HX-Refresh", "true")
		w.WriteHeader(http.StatusUnauthorized)
	case errors.Is(err, access.ErrMissing) && c.renews(r):
		http.Redirect(w, r, c.cfg.OpenID.PublicURL()+openIDBegin+"?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
	case r.Method == http.MethodGet && r.URL.Path != "/":
		http.Redirect(w, r, "/sign-in?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
	default:
		http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
	}
	return p, false
}

// show answers with a page.
func (c *Console) show(p page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, ok := c.who(w, r)
		if !ok || !c.mayAsk(w, r, who) {
			return
		}
		r = r.WithContext(access.With(r.Context(), who))
		if !mayRead(who, p.roles) {
			c.fail(w, r, lacking(who, p.roles))
			return
		}
		at, err := p.asked(r)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		r.URL = at
		if r.Method == http.MethodPost {
			if err := readForm(w, r, cmp.Or(p.form, maxForm)); err != nil {
				c.fail(w, r, err)
				return
			}
		}
		answersLate(w)
		of := watch{p.topics, c.live.address()} // before the load, which may be overtaken
		value, err := p.load(c, r)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		c.render(w, r, http.StatusOK, p.template, of, value)
	})
}

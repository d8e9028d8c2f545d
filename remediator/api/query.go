package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/rule/document"
)

// parameters are the names that the query of each read may have, by its route.
func parameters() map[string][]string {
	known := map[string][]string{}
	for _, o := range Operations() {
		if strings.HasPrefix(o.Route, http.MethodGet+" /v1/") {
			known[o.Route] = []string{}
			for _, p := range o.Query {
				known[o.Route] = append(known[o.Route], p.Name)
			}
		}
	}
	return known
}

// asksOnly reports whether a query has only parameters that a route knows, and else
// answers. A filter with a wrong name would filter nothing, and the answer would be
// taken for what was asked.
func asksOnly(w http.ResponseWriter, r *http.Request, known []string) bool {
	for name := range r.URL.Query() {
		if !slices.Contains(known, name) {
			hint := "none is taken"
			if len(known) > 0 {
				hint = document.DidYouMean(name, known)
			}
			problem.Write(w, http.StatusBadRequest, "parameter", fmt.Sprintf("there is no parameter %.80q: %s", name, hint))
			return false
		}
	}
	return true
}

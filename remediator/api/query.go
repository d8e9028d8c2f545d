package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/api/openapi"
	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/store/views"
)

// parameters are those that the query of each read may have, by its route.
func parameters() map[string][]openapi.Parameter {
	known := map[string][]openapi.Parameter{}
	for _, o := range Operations() {
		if strings.HasPrefix(o.Route, http.MethodGet+" /v1/") {
			known[o.Route] = o.Query
		}
	}
	return known
}

// asksOnly reports whether a query has only parameters that a route knows, with values
// that they may have, and else answers. A filter with a wrong name would filter nothing and
// one with a wrong value find nothing, and the answer would be taken for what was asked.
func asksOnly(w http.ResponseWriter, r *http.Request, known []openapi.Parameter) bool {
	q, names := r.URL.Query(), []string{}
	for _, p := range known {
		names = append(names, p.Name)
		if len(p.Values) == 0 {
			continue
		}
		if err := views.OneOf(q, p.Name, p.Values); err != nil {
			problem.Write(w, http.StatusBadRequest, "parameter", err.Error())
			return false
		}
	}
	for name := range q {
		if !slices.Contains(names, name) {
			hint := "none is taken"
			if len(names) > 0 {
				hint = document.DidYouMean(name, names)
			}
			problem.Write(w, http.StatusBadRequest, "parameter", fmt.Sprintf("there is no parameter %.80q: %s", name, hint))
			return false
		}
	}
	return true
}

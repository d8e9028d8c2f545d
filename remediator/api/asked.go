package api

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/problem"
	"github.com/makegood/makegood/remediator/store/views"
)

// pathID reads the id in a path, or answers that it is none. what says of which kind it
// is to be, as "remedy id".
func pathID(w http.ResponseWriter, r *http.Request, name, what string) (uuid.UUID, bool) {
	return parseID(w, r.PathValue(name), what)
}

// parseID is pathID for a text from elsewhere.
func parseID(w http.ResponseWriter, text, what string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	if err != nil || id == uuid.Nil {
		problem.Write(w, http.StatusBadRequest, "parameter", fmt.Sprintf("%.80q is no %s", text, what))
		return uuid.Nil, false
	}
	return id, true
}

// limit reads how many are asked for, or answers why it is no limit.
func limit(w http.ResponseWriter, q url.Values, into *int) bool {
	text := q.Get("limit")
	if text == "" {
		return true
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		problem.Write(w, http.StatusBadRequest, "parameter", fmt.Sprintf("limit %.80q is no number from 1 to %d", text, maxPage))
		return false
	}
	*into = n
	return true
}

// sequence reads a cursor that is a sequence, or answers why it is none.
func sequence(w http.ResponseWriter, q url.Values, name string, into *uint64) bool {
	text := q.Get(name)
	if text == "" {
		return true
	}
	n, err := strconv.ParseUint(text, 10, 62)
	if err != nil {
		problem.Write(w, http.StatusBadRequest, "parameter", fmt.Sprintf("%s %.80q is no sequence: take it from \"next\" of the page before", name, text))
		return false
	}
	*into = n
	return true
}

// pageOf is the page of a whole list that is asked for, and the cursor of the next one.
// of is the cursor of an item, and different for each; they give the order of the pages,
// so that what is new or gone moves no other item to another page.
func pageOf[T any](w http.ResponseWriter, q url.Values, all []T, of func(T) string) (page []T, next string, ok bool) {
	most := views.PageOf
	if !limit(w, q, &most) {
		return nil, "", false
	}
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(of(a), of(b)) })
	if after := q.Get("after"); after != "" {
		from, known := slices.BinarySearchFunc(all, after, func(item T, after string) int { return cmp.Compare(of(item), after) })
		if known {
			from++
		}
		all = all[from:]
	}
	if len(all) > most {
		all = all[:most]
		next = of(all[most-1])
	}
	return all, next, true
}

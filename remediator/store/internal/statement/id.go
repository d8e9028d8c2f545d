package statement

import (
	"iter"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// ID is how an id stands in a table: as text, empty for none.
func ID(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

// ParseID reverses ID.
func ParseID(text string) (uuid.UUID, error) {
	if text == "" {
		return uuid.Nil, nil
	}
	return uuid.Parse(text)
}

// idsAtOnce is how many ids one query asks for, so that there are few different texts.
const idsAtOnce = 25

// Lists yields lists for IN with their parameters, which together name all ids. The
// last list is filled up by repeating an id.
func Lists(ids []uuid.UUID) iter.Seq2[string, []any] {
	text := "(" + strings.TrimSuffix(strings.Repeat("?,", idsAtOnce), ",") + ")"
	return func(yield func(string, []any) bool) {
		for some := range slices.Chunk(ids, idsAtOnce) {
			args := make([]any, idsAtOnce)
			for i := range args {
				args[i] = ID(some[min(i, len(some)-1)])
			}
			if !yield(text, args) {
				return
			}
		}
	}
}

package decide

import (
	"slices"
	"strings"
)

// Same reports whether two names are one person's. A provider of sign-ins may write
// a name in other letters than a token does, and who has both counts once.
func Same(a, b string) bool { return strings.EqualFold(a, b) }

// among reports whether a person is one of some.
func among(names []string, name string) bool {
	return slices.ContainsFunc(names, func(other string) bool { return Same(other, name) })
}

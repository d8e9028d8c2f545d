package decide

import (
	"slices"
	"strings"
)

// Names of who owns the data folder of a service, by the way in: both are in the folder.
const (
	Local = "local" // who uses its socket, or a service that is open to this machine alone
	Admin = "admin" // who shows the administrator's token in it
)

// Same reports whether two names are one person's. A provider of sign-ins may write
// a name in other letters than a token does, and who has both counts once. So does who
// owns the data folder.
func Same(a, b string) bool { return strings.EqualFold(a, b) || owner(a) && owner(b) }

func owner(name string) bool { return strings.EqualFold(name, Local) || strings.EqualFold(name, Admin) }

// among reports whether a person is one of some.
func among(names []string, name string) bool {
	return slices.ContainsFunc(names, func(other string) bool { return Same(other, name) })
}

package web

// RolesOfPages are the roles that may see each page, by its path; nil: all but mere
// emitters.
func RolesOfPages() map[string][]string {
	found := map[string][]string{}
	for _, p := range pages() {
		found[p.path] = p.roles
	}
	return found
}

// QueriesOfPages are the parameters that each page reads, by its path.
func QueriesOfPages() map[string][]string {
	found := map[string][]string{}
	for _, p := range pages() {
		found[p.path] = p.query
	}
	return found
}

// PathsOfForms are the paths that forms are sent to.
func PathsOfForms() []string {
	var found []string
	for _, c := range commands() {
		found = append(found, c.path)
	}
	return found
}

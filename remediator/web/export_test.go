package web

// Pages lists the paths of the pages, as they are routed.
func Pages() (paths []string) {
	for _, p := range pages() {
		paths = append(paths, p.path)
	}
	return paths
}

// Forms lists the paths of what takes forms.
func Forms() (paths []string) {
	for _, d := range commands() {
		paths = append(paths, d.path)
	}
	return paths
}

// MaxReadersEach is how many live pages one person has.
const MaxReadersEach = maxReadersEach

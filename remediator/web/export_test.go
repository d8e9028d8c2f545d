package web

import (
	"strings"

	"github.com/makegood/makegood/remediator/openid"
)

// Routes lists what is routed, with its method: "POST /sign-in". What answers every
// other request has none.
func Routes() (patterns []string, err error) {
	c, err := New(Config{OpenID: new(openid.Provider)})
	if err != nil {
		return nil, err
	}
	for _, r := range c.routes() {
		patterns = append(patterns, r.pattern)
	}
	return patterns, nil
}

// Asset is where a file of the console is served.
func Asset(file string) (string, error) {
	a, err := readAssets()
	if err != nil {
		return "", err
	}
	at, err := a.path(file)
	return strings.TrimPrefix(at, "/assets/"), err
}

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

package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/makegood/makegood/remediator/decide"
)

// TestConsoleGuideSignsIn holds that what docs/console.md shows is a configuration
// with which people sign in by OpenID Connect, whatever the service listens on.
func TestConsoleGuideSignsIn(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "console.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```sh\nmakegood (serve [^`]*--oidc-issuer[^`]*)```").FindSubmatch(text)
	if shown == nil {
		t.Fatal("no configuration is shown")
	}
	secret := filepath.Join(t.TempDir(), "oidc-secret")
	writeFile(t, secret, []byte("the secret\n"))
	words := strings.Fields(strings.ReplaceAll(string(shown[1]), "\\\n", " "))
	for i, word := range words {
		if word == "oidc-secret" {
			words[i] = secret
		}
	}
	var c commands
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(words); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"127.0.0.1", "0.0.0.0"} {
		got, err := c.Serve.openID(&net.TCPAddr{IP: net.ParseIP(at), Port: 8080}, c.Serve.BehindTLS)
		if err != nil {
			t.Fatal(err)
		}
		if got.ClientSecret != "the secret" || got.PublicURL != "https://makegood.example.com" || !slices.Equal(got.Roles["finance"], []string{decide.RoleApprover}) ||
			got.NameClaim != "email" || got.RolesClaim != "groups" || !slices.Equal(got.Scopes, []string{"email", "profile"}) {
			t.Errorf("on %s it is %+v", at, got)
		}
	}
}

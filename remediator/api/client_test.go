package api_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/makegood/makegood/remediator/api"
)

// TestGeneratedClient makes a client in TypeScript from the description, has its types
// checked, and runs it against a service.
func TestGeneratedClient(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it needs what makes clients, which npm installs: make test does")
	}
	tools, err := filepath.Abs(filepath.Join("..", "..", "tools", "openapi-client"))
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(tools, "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "openapi-typescript", "package.json")); err != nil {
		t.Fatal("what makes a client is not there: install Node.js 20 with npm (https://nodejs.org), then run make client")
	}
	dir := t.TempDir()
	description, err := json.Marshal(api.Describe())
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(filepath.Join(tools, "client.ts"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"openapi.json": description, "client.ts": program, "package.json": []byte(`{"type":"module"}`)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	node := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("node", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("node %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	node("node_modules/openapi-typescript/bin/cli.js", "openapi.json", "-o", "api.d.ts")
	node("node_modules/typescript/bin/tsc", "--strict", "--target", "es2022", "--lib", "es2022,dom", "--module", "nodenext", "--skipLibCheck", "client.ts")

	h := newHouse(t, nil)
	for n := range 3 {
		h.late(fmt.Sprint("k", n), "1.00 USD", "done")
	}
	var found struct {
		Sent, Acted, Status int
		Same                bool
		Cords, Remedies     []string
		Problem             string
	}
	out := node("client.js", h.url, adminSecret, emitterSecret)
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if found.Sent != 202 || !found.Same || !slices.Equal(found.Cords, []string{"product/TABLE-7 red", "product/CHAIR-1 open"}) || len(found.Remedies) != 3 ||
		found.Acted != 3 || found.Problem != "urn:makegood:problem:parameter" || found.Status != 400 {
		t.Errorf("the client found %s", out)
	}
}

package web_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVendored holds that the libraries are the files that their makers published:
// htmx.org 2.0.11 dist/htmx.min.js and htmx-ext-sse 2.2.4 dist/sse.min.js, with
// their licences.
func TestVendored(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"htmx.js": "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
		"sse.js":  "98a46496de0c3605fbffdce9167ba427bdd9553184f83f149c261891a92c0136",
	} {
		text, err := os.ReadFile(filepath.Join("assets", name))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%s has digest %s, want %s", name, got, want)
		}
		licence, err := os.ReadFile(filepath.Join("assets", strings.TrimSuffix(name, ".js")+".LICENSE"))
		if err != nil || !bytes.Contains(bytes.ToLower(licence), []byte("permission to use")) {
			t.Errorf("%s has no licence beside it (%v)", name, err)
		}
	}
}

// maxWeight is what a page may weigh with all that it needs, in bytes as they are sent.
const maxWeight = 150 << 10

// TestWeight holds that every page is light with all its assets, which are sent
// compressed, are the same plain, and are never asked for again.
func TestWeight(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.late("1", "c-1", "2.99 USD")
	admin := h.bearer("admin")
	for _, path := range allPages {
		p := admin.get(path)
		weight, files := len(p.body), map[string]bool{}
		for _, e := range p.nodes(t) {
			for _, name := range []string{"src", "href"} {
				if file := e.attributes[name]; strings.HasPrefix(file, "/assets/") {
					files[file] = true
				}
			}
		}
		for file := range files {
			plain, zipped := h.stranger().get(file, "Accept-Encoding", "identity"), h.stranger().get(file, "Accept-Encoding", "br, gzip")
			if plain.status != http.StatusOK || zipped.header.Get("Content-Encoding") != "gzip" ||
				plain.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || plain.header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s: %d %s", file, plain.status, zipped.header)
			}
			reader, err := gzip.NewReader(strings.NewReader(zipped.body))
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(reader); err != nil || string(text) != plain.body {
				t.Errorf("%s is another one compressed (%v)", file, err)
			}
			weight += len(zipped.body)
		}
		if len(files) < 4 || weight > maxWeight {
			t.Errorf("%s weighs %d bytes with %d assets, at most %d", path, weight, len(files), maxWeight)
		}
		t.Logf("%s: %d bytes with %d assets", path, weight, len(files))
	}
	if p := h.stranger().get("/assets/console.css"); p.status != http.StatusNotFound {
		t.Errorf("a name without a digest is answered %d", p.status)
	}
}

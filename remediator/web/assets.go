package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"
)

// The console's own files, and htmx 2 with its extension for server-sent events,
// whose licences stand beside them. A test holds that they are what was published.
//
//go:embed assets/*.css assets/*.js assets/*.svg
var assetFiles embed.FS

// asset is a file that pages use.
type asset struct {
	kind       string // media type
	plain, zip []byte
}

// assets are files by the name under which they are served, which has a digest of
// their contents: a name never means anything else, so that browsers keep it.
type assets struct {
	served map[string]asset
	names  map[string]string // by file
}

// readAssets reads and compresses them.
func readAssets() (assets, error) {
	a := assets{served: map[string]asset{}, names: map[string]string{}}
	files, err := assetFiles.ReadDir("assets")
	if err != nil {
		return a, fmt.Errorf("read assets: %w", err)
	}
	for _, file := range files {
		text, err := assetFiles.ReadFile("assets/" + file.Name())
		if err != nil {
			return a, fmt.Errorf("read assets: %w", err)
		}
		var zipped bytes.Buffer
		z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
		if err == nil {
			_, err = z.Write(text)
		}
		if err == nil {
			err = z.Close()
		}
		if err != nil {
			return a, fmt.Errorf("compress %s: %w", file.Name(), err)
		}
		sum := sha256.Sum256(text)
		end := path.Ext(file.Name())
		name := strings.TrimSuffix(file.Name(), end) + "." + hex.EncodeToString(sum[:8]) + end
		a.names[file.Name()] = name
		a.served[name] = asset{kind: mediaType(end), plain: text, zip: zipped.Bytes()}
	}
	return a, nil
}

// mediaType is the media type of a file by the end of its name, whatever the
// machine's own tables say.
func mediaType(end string) string {
	switch end {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(end)
}

// path returns where a file is served.
func (a *assets) path(file string) (string, error) {
	name, ok := a.names[file]
	if !ok {
		return "", fmt.Errorf("there is no asset %q", file)
	}
	return "/assets/" + name, nil
}

func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	file, ok := a.served[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", file.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := file.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = file.zip
	}
	_, _ = w.Write(body) // an error here means that nobody reads it any more
}

package api_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/makegood/makegood/remediator/ledger"
)

// monitor reads a ledger as anybody with a client of tlog-tiles does: over HTTP,
// trusting nothing but the public key.
type monitor struct {
	url, key, token string
}

// newMonitor returns a monitor of a house's ledger; its token opens the entries.
func newMonitor(h *house) *monitor {
	h.t.Helper()
	key, err := os.ReadFile(filepath.Join(h.config.DataDir, "ledger.pub"))
	if err != nil {
		h.t.Fatal(err)
	}
	return &monitor{url: h.url, key: strings.TrimSpace(string(key)), token: h.secrets["odo"]}
}

func (m *monitor) get(path, token string) ([]byte, *http.Response, error) {
	req, err := http.NewRequest(http.MethodGet, m.url+path, nil)
	if err != nil {
		return nil, nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s is answered %d %s", path, res.StatusCode, body)
	}
	return body, res, err
}

// checkpoint reads the newest checkpoint.
func (m *monitor) checkpoint() (tlog.Tree, error) {
	note, _, err := m.get("/checkpoint", "")
	if err != nil {
		return tlog.Tree{}, err
	}
	c, err := ledger.Open(note, m.key)
	return tlog.Tree{N: int64(c.Size), Hash: c.Root}, err
}

// Height, ReadTiles and SaveTiles are tlog.TileReader.
func (m *monitor) Height() int                         { return 8 }
func (m *monitor) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (m *monitor) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		var err error
		// C2SP leaves the height out.
		if data[i], _, err = m.get("/"+strings.Replace(t.Path(), "tile/8/", "tile/", 1), ""); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// entry reads the bytes of one entry from the bundle that a tree of a size has.
func (m *monitor) entry(size, index int64) ([]byte, error) {
	path := tlog.Tile{H: 8, L: -1, N: index / 256, W: int(min(256, size-index/256*256))}.Path()
	bundle, _, err := m.get("/"+strings.Replace(path, "tile/8/data/", "tile/entries/", 1), m.token)
	if err != nil {
		return nil, err
	}
	var entry []byte
	for range index%256 + 1 {
		if len(bundle) < 2 {
			return nil, fmt.Errorf("%s ends before entry %d", path, index)
		}
		n := int(binary.BigEndian.Uint16(bundle))
		if len(bundle) < 2+n {
			return nil, fmt.Errorf("%s is cut off", path)
		}
		entry, bundle = bundle[2:2+n], bundle[2+n:]
	}
	return entry, nil
}

// includes proves that an entry is in a tree, by both libraries.
func (m *monitor) includes(tree tlog.Tree, index int64) error {
	entry, err := m.entry(tree.N, index)
	if err != nil {
		return err
	}
	p, err := tlog.ProveRecord(tree.N, index, tlog.TileHashReader(tree, m))
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(p, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
		return err
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(entry)
	return proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), uint64(tree.N), leaf, hashLists(p), tree.Hash[:])
}

// extends proves that a tree is a continuation of an older one, by both libraries.
func (m *monitor) extends(tree, older tlog.Tree) error {
	p, err := tlog.ProveTree(tree.N, older.N, tlog.TileHashReader(tree, m))
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(p, tree.N, tree.Hash, older.N, older.Hash); err != nil {
		return err
	}
	return proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(older.N), uint64(tree.N), hashLists(p), older.Hash[:], tree.Hash[:])
}

func hashLists(hashes []tlog.Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}

// A client reads the tree while it grows: every checkpoint is a continuation of the
// one before, and every entry of it is proven.
func TestMonitorOfAGrowingLedger(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"odo": "auditor"})
	m := newMonitor(h)
	grown := make(chan struct{})
	var reading sync.WaitGroup
	seen := make([][]tlog.Tree, 2)
	for reader := range seen {
		reading.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(reader), 7))
			for last := false; !last; {
				select {
				case <-grown:
					last = true
				default:
				}
				tree, err := m.checkpoint()
				if n := len(seen[reader]); err == nil && n > 0 {
					err = m.extends(tree, seen[reader][n-1])
				}
				if err == nil {
					err = m.includes(tree, rng.Int64N(tree.N))
				}
				if err != nil {
					t.Errorf("reader %d: %v", reader, err)
					return
				}
				seen[reader] = append(seen[reader], tree)
			}
		})
	}
	for batch := range 12 {
		var data []string
		for n := range 40 {
			data = append(data, fmt.Sprintf(`{"order":"%d-%d"}`, batch, n))
		}
		h.emit("parcel.broken", "c-1", data...)
	}
	h.until("grown", func() bool { tree, err := m.checkpoint(); return err == nil && tree.N > 1000 })
	close(grown)
	reading.Wait()
	if len(seen[0]) < 2 || len(seen[1]) < 2 {
		t.Fatalf("the readers saw %d and %d checkpoints", len(seen[0]), len(seen[1]))
	}
	anyTwoSizes(t, m)
}

// anyTwoSizes proves between sizes that no checkpoint had: what is served is a tree
// at each of them.
func anyTwoSizes(t *testing.T, m *monitor) {
	t.Helper()
	tree, err := m.checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	at := func(n int64) tlog.Tree {
		root, err := tlog.TreeHash(n, tlog.TileHashReader(tree, m))
		if err != nil {
			t.Fatal(err)
		}
		return tlog.Tree{N: n, Hash: root}
	}
	for range 40 {
		larger := at(1 + rng.Int64N(tree.N))
		smaller := at(1 + rng.Int64N(larger.N))
		if err := m.extends(larger, smaller); err != nil {
			t.Errorf("from %d to %d: %v", smaller.N, larger.N, err)
		}
		if err := m.includes(larger, rng.Int64N(larger.N)); err != nil {
			t.Errorf("in %d: %v", larger.N, err)
		}
	}
}

// What is served says what it is and how long it may be kept; what the newest
// checkpoint does not cover is not there.
func TestTilesOverHTTP(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"odo": "auditor"})
	m := newMonitor(h)
	var data []string
	for n := range 100 {
		data = append(data, fmt.Sprintf(`{"order":"%d"}`, n))
	}
	h.emit("parcel.broken", "c-1", data...)
	h.until("grown", func() bool { tree, err := m.checkpoint(); return err == nil && tree.N > 300 })
	h.until("done", func() bool { return len(h.remedies("status=done&limit=1000")) == 100 })
	tree, err := m.checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	const bytes, full, partial = "application/octet-stream", "max-age=31536000, immutable", "max-age=3600"
	for path, want := range map[string][2]string{
		"/checkpoint":                            {"text/plain; charset=utf-8", "no-cache"},
		"/tile/0/000":                            {bytes, "public, " + full},
		"/tile/0/000.p/17":                       {bytes, "public, " + partial},
		"/tile/1/000.p/1":                        {bytes, "public, " + partial},
		"/tile/entries/000":                      {bytes, "private, " + full},
		"/tile/entries/001.p/3":                  {bytes, "private, " + partial},
		"/tile/entries/000.p/255":                {bytes, "private, " + partial},
		fmt.Sprint("/tile/0/001.p/", tree.N-256): {bytes, "public, " + partial},
	} {
		body, res, err := m.get(path, m.token)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got := [2]string{res.Header.Get("Content-Type"), res.Header.Get("Cache-Control")}; got != want || len(body) == 0 {
			t.Errorf("%s is %q of %d bytes, want %q", path, got, len(body), want)
		}
	}
	for _, path := range []string{
		fmt.Sprint("/tile/0/001.p/", tree.N-255), "/tile/0/001", "/tile/0/002.p/1", "/tile/1/000.p/2", "/tile/1/000", "/tile/2/000.p/1", "/tile/63/000.p/1",
		fmt.Sprint("/tile/entries/001.p/", tree.N-255), "/tile/entries/001", "/tile/entries/x001/000", "/tile/entries/x999/x999/x999/x999/x999/999",
		"/tile/0/0", "/tile/0/000.p/0", "/tile/0/000.p/256", "/tile/00/000", "/tile/8/0/000", "/tile/data/000", "/tile/-1/000", "/tile/", "/tile/entries/",
	} {
		if _, res, err := m.get(path, m.token); res == nil || res.StatusCode != http.StatusNotFound {
			t.Errorf("%s is there, %v", path, err)
		}
	}
}

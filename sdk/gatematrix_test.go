//go:build go1.25

package makegood_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/makegood/makegood/sdk"
)

// matrix says how gates of each mode answer when the service cannot be asked.
// docs/gates.md shows it, and TestGateMatrix holds both to what gates do.
var matrix = []struct{ situation, cord, lastKnown, failOpen, failClosed string }{
	{"connected", "red", "closed", "closed", "closed"},
	{"connected", "red above", "closed", "closed", "closed"},
	{"connected", "yellow", "open", "open", "open"},
	{"connected", "open", "open", "open", "open"},
	{"lost, within MaxStale", "red", "closed", "closed", "closed"},
	{"lost, within MaxStale", "red above", "closed", "closed", "closed"},
	{"lost, within MaxStale", "yellow", "open", "open", "open"},
	{"lost, within MaxStale", "open", "open", "open", "open"},
	{"stale: lost for longer than MaxStale", "red", "closed", "closed", "closed"},
	{"stale: lost for longer than MaxStale", "red above", "closed", "closed", "closed"},
	{"stale: lost for longer than MaxStale", "yellow", "open", "open", "closed"},
	{"stale: lost for longer than MaxStale", "open", "open", "open", "closed"},
	{"stale, then heard again", "red", "closed", "closed", "closed"},
	{"stale, then heard again", "open", "open", "open", "open"},
	{"server restarted, the cord is still pulled", "red", "closed", "closed", "closed"},
	{"server restarted, the cord is not pulled any more", "red", "open", "open", "open"},
	{"clock jumped by a day, connected", "red", "closed", "closed", "closed"},
	{"clock jumped by a day, connected", "open", "open", "open", "open"},
	{"clock jumped by a day, lost within MaxStale", "red", "closed", "closed", "closed"},
	{"clock jumped by a day, lost within MaxStale", "open", "open", "open", "open"},
	{"clock jumped by a day, stale", "red", "closed", "closed", "closed"},
	{"clock jumped by a day, stale", "open", "open", "open", "closed"},
	{"never connected, no file", "red", "open", "open", "closed"},
	{"never connected, no file", "open", "open", "open", "closed"},
	{"never connected, a file younger than MaxStale", "red", "closed", "closed", "closed"},
	{"never connected, a file younger than MaxStale", "red above", "closed", "closed", "closed"},
	{"never connected, a file younger than MaxStale", "yellow", "open", "open", "open"},
	{"never connected, a file younger than MaxStale", "open", "open", "open", "open"},
	{"never connected, a file older than MaxStale", "red", "closed", "open", "closed"},
	{"never connected, a file older than MaxStale", "yellow", "open", "open", "closed"},
	{"never connected, a file older than MaxStale", "open", "open", "open", "closed"},
	{"never connected, a file from the future", "red", "closed", "open", "closed"},
	{"never connected, a file from the future", "open", "open", "open", "closed"},
	{"never connected, a corrupt file", "red", "open", "open", "closed"},
	{"never connected, a corrupt file", "open", "open", "open", "closed"},
	{"disabled or nil client", "red", "open", "open", "closed"},
	{"an illegal path", "red", "open", "open", "closed"},
}

// world is a service, a client of it and a gate in each mode.
type world struct {
	*testing.T
	svc    *andon
	client *makegood.Client
	gates  []*makegood.Gate
	path   string
	file   string
	jump   atomic.Int64 // how far the clock on the wall is off, in nanoseconds
}

// paths are those of the gates, which lie side by side because a path has one
// handle.
func (w *world) paths() []string { return []string{w.path + "/a", w.path + "/b", w.path + "/c"} }

func newWorld(t *testing.T, cord string) *world {
	w := &world{T: t, svc: newAndon(), path: "product/TABLE-7", file: filepath.Join(t.TempDir(), "gates")}
	for _, path := range w.paths() {
		w.svc.set(path+"bc", "red") // a neighbour
		w.svc.set(path+"/leg", "red")
		switch cord {
		case "red above":
			w.svc.set(path, "yellow")
		case "open":
			w.svc.set(path, "red")
			w.svc.set(path, "open")
		default:
			w.svc.set(path, cord)
		}
	}
	if cord == "red above" {
		w.svc.set("product", "red")
	}
	return w
}

// start starts the application, again if it runs.
func (w *world) start(opts ...makegood.Option) {
	w.stop()
	w.client = newClient(w, append([]makegood.Option{makegood.Handler(w.svc), makegood.GateFile(w.file)}, opts...)...)
	w.client.SetWall(func() time.Time { return time.Now().Add(time.Duration(w.jump.Load())) })
	w.declare()
	synctest.Wait()
}

func (w *world) declare() {
	w.gates = nil
	for i, mode := range []makegood.Mode{makegood.LastKnown, makegood.FailOpen, makegood.FailClosed} {
		w.gates = append(w.gates, w.client.Gate(w.paths()[i], mode, makegood.MaxStale(time.Minute)))
	}
}

func (w *world) stop() {
	if err := w.client.Close(); err != nil {
		w.Error(err)
	}
}

// saved runs the application once, so that there is a file.
func (w *world) saved() {
	w.start()
	w.stop()
	w.svc.down()
}

// ways leads to each situation, some on several ways.
var ways = map[string]map[string]func(w *world){
	"connected": {
		"by stream": func(w *world) { w.start(); pass(5 * time.Minute) },
		"by poll": func(w *world) {
			w.svc.answer(noStream)
			w.start()
			pass(5 * time.Minute)
		},
	},
	"lost, within MaxStale": {
		"down":  func(w *world) { w.start(); w.svc.down(); pass(59 * time.Second) },
		"hangs": func(w *world) { w.start(); w.svc.answer(hang); pass(59 * time.Second) },
	},
	"stale: lost for longer than MaxStale": {
		"down":    func(w *world) { w.start(); w.svc.down(); pass(61 * time.Second) },
		"hangs":   func(w *world) { w.start(); w.svc.answer(hang); pass(time.Hour) },
		"garbage": func(w *world) { w.start(); w.svc.answer(garbage); pass(time.Hour) },
	},
	"stale, then heard again": {
		"by stream": func(w *world) { w.start(); w.svc.down(); pass(time.Hour); w.svc.answer(nil); pass(20 * time.Second) },
		"by poll": func(w *world) {
			w.start()
			w.svc.down()
			pass(time.Hour)
			w.svc.answer(noStream)
			pass(20 * time.Second)
		},
	},
	"server restarted, the cord is still pulled": {
		"by stream": func(w *world) { w.start(); w.svc.restart(map[string]string{w.path: "red"}); pass(20 * time.Second) },
	},
	"server restarted, the cord is not pulled any more": {
		"by stream": func(w *world) { w.start(); w.svc.restart(nil); pass(20 * time.Second) },
		"by poll":   func(w *world) { w.start(); w.svc.restart(nil); w.svc.answer(noStream); pass(20 * time.Second) },
		"stale":     func(w *world) { w.start(); w.svc.down(); pass(time.Hour); w.svc.restart(nil); pass(20 * time.Second) },
	},
	"clock jumped by a day, connected": {
		"ahead": func(w *world) { w.start(); w.jumps(24 * time.Hour); pass(45 * time.Second) },
		"back":  func(w *world) { w.start(); w.jumps(-24 * time.Hour); pass(45 * time.Second) },
	},
	"clock jumped by a day, lost within MaxStale": {
		"ahead": func(w *world) { w.start(); w.svc.down(); w.jumps(24 * time.Hour); pass(59 * time.Second) },
		"back":  func(w *world) { w.start(); w.svc.down(); w.jumps(-24 * time.Hour); pass(59 * time.Second) },
	},
	"clock jumped by a day, stale": {
		"ahead": func(w *world) { w.start(); w.svc.down(); w.jumps(24 * time.Hour); pass(61 * time.Second) },
		"back":  func(w *world) { w.start(); w.svc.down(); w.jumps(-24 * time.Hour); pass(61 * time.Second) },
	},
	"never connected, no file": {
		"at first": func(w *world) { w.svc.down(); w.start() },
		"for long": func(w *world) { w.svc.down(); w.start(); pass(time.Hour) },
	},
	"never connected, a file younger than MaxStale": {
		"at first": func(w *world) { w.saved(); pass(30 * time.Second); w.start() },
		"a bit":    func(w *world) { w.saved(); pass(30 * time.Second); w.start(); pass(29 * time.Second) },
		"heartbeats": func(w *world) {
			w.start()
			pass(time.Hour)
			w.stop()
			w.svc.down()
			pass(40 * time.Second)
			w.start()
		},
	},
	"never connected, a file older than MaxStale": {
		"at first": func(w *world) { w.saved(); pass(61 * time.Second); w.start() },
		"by now":   func(w *world) { w.saved(); pass(30 * time.Second); w.start(); pass(31 * time.Second) },
		"jumped":   func(w *world) { w.saved(); w.jumps(24 * time.Hour); w.start() },
	},
	"never connected, a file from the future": {
		"a day":      func(w *world) { w.saved(); w.jumps(-24 * time.Hour); w.start() },
		"reached":    func(w *world) { w.saved(); w.jumps(-time.Second); w.start(); pass(10 * time.Second) },
		"overtaken":  func(w *world) { w.saved(); w.jumps(-time.Minute); w.start(); pass(time.Hour) },
		"by a while": func(w *world) { w.jumps(time.Hour); w.saved(); w.jumps(0); w.start() },
	},
	"never connected, a corrupt file": {
		"torn":              func(w *world) { w.corrupt(func(text []byte) []byte { return text[:len(text)-1] }) },
		"empty":             func(w *world) { w.corrupt(func([]byte) []byte { return nil }) },
		"a changed byte":    func(w *world) { w.corrupt(func(text []byte) []byte { text[len(text)-10] ^= 1; return text }) },
		"a changed digest":  func(w *world) { w.corrupt(func(text []byte) []byte { text[20] ^= 1; return text }) },
		"another version":   func(w *world) { w.corrupt(replaced("makegood-gates 1", "makegood-gates 2")) },
		"without cords":     func(w *world) { w.corrupt(func([]byte) []byte { return sealed(`{"at":"2000-01-01T00:00:00Z"}`) }) },
		"without a time":    func(w *world) { w.corrupt(func([]byte) []byte { return sealed(`{"cords":[]}`) }) },
		"of another kind":   func(w *world) { w.corrupt(func([]byte) []byte { return sealed(`[]`) }) },
		"a folder instead":  func(w *world) { w.svc.down(); _ = os.Mkdir(w.file, 0o700); w.start() },
		"no folder for it":  func(w *world) { w.file = filepath.Join(w.file, "no", "gates"); w.saved(); w.start() },
		"a file for folder": func(w *world) { w.saved(); w.file = filepath.Join(w.file, "gates"); w.start() },
	},
	"disabled or nil client": {
		"disabled": func(w *world) { w.client = newClient(w, makegood.URL("")); w.declare(); pass(time.Hour) },
		"nil":      func(w *world) { w.declare() },
	},
	"an illegal path": {
		"two slashes": func(w *world) { w.path = "product//TABLE-7"; w.start(); pass(time.Minute) },
		"with dots":   func(w *world) { w.path = "product/TABLE-7/.."; w.start(); pass(time.Minute) },
	},
}

func (w *world) jumps(by time.Duration) { w.jump.Store(int64(by)) }

// corrupt starts the application with a file that somebody damaged.
func (w *world) corrupt(damage func([]byte) []byte) {
	w.saved()
	text, err := os.ReadFile(w.file)
	if err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(w.file, damage(text), 0o600); err != nil {
		w.Fatal(err)
	}
	w.start()
}

func replaced(old, with string) func([]byte) []byte {
	return func(text []byte) []byte { return bytes.Replace(text, []byte(old), []byte(with), 1) }
}

// sealed is a file of gates with that body and the right checksum.
func sealed(body string) []byte {
	return fmt.Appendf(nil, "makegood-gates 1 %x\n%s", sha256.Sum256([]byte(body)), body)
}

func noStream(w http.ResponseWriter, r *http.Request) bool {
	if strings.HasSuffix(r.URL.Path, "/stream") {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return true
	}
	return false
}

func hang(_ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	return true
}

// garbage is what a page in between may answer to every question.
func garbage(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "{}")
	return true
}

func TestGateMatrix(t *testing.T) {
	t.Parallel()
	checked := map[string]bool{}
	for _, row := range matrix {
		checked[row.situation] = true
		if len(ways[row.situation]) == 0 {
			t.Errorf("no way leads to %q", row.situation)
		}
		for how, lead := range ways[row.situation] {
			t.Run(row.situation+"/"+row.cord+"/"+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, row.cord)
					defer w.stop()
					lead(w)
					for i, want := range []string{row.lastKnown, row.failOpen, row.failClosed} {
						if got := answer(w.gates[i].Closed()); got != want {
							t.Errorf("got %s, want %s; %s", got, want, w.gates[i].State())
						}
					}
				})
			})
		}
	}
	for situation := range ways {
		if !checked[situation] {
			t.Errorf("the matrix has no row for %q", situation)
		}
	}
}

func answer(closed bool) string {
	if closed {
		return "closed"
	}
	return "open"
}

// TestGateMatrixIsDocumented compares the table of docs/gates.md.
func TestGateMatrixIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/gates.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| situation | cord | `LastKnown` | `FailOpen` | `FailClosed` |\n|---|---|---|---|---|\n")
	for _, row := range matrix {
		fmt.Fprintf(&want, "| %s | %s | %s | %s | %s |\n", row.situation, row.cord, row.lastKnown, row.failOpen, row.failClosed)
	}
	_, rest, _ := strings.Cut(string(text), "<!-- the matrix: sdk/gatematrix_test.go checks it -->\n")
	if got, _, _ := strings.Cut(rest, "\n\n"); got+"\n" != want.String() {
		t.Errorf("docs/gates.md has another table after its mark; it should be:\n%s", want.String())
	}
}

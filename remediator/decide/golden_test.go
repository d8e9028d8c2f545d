package decide_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

var update = flag.Bool("update", false, "write the golden log of the current version of the deciding")

// TestGoldenLogs folds committed logs and compares the facts byte for byte. When
// it fails, the same inputs give other facts than they gave before: that is a
// new decide.Version with golden logs of its own, never an update of these. Until
// the first release no ledger holds version 1, and a change writes its logs anew.
func TestGoldenLogs(t *testing.T) {
	t.Parallel()
	current := filepath.Join("testdata", "golden", fmt.Sprintf("v%d", decide.Version))
	if *update {
		writeGolden(t, current)
	}
	logs, err := filepath.Glob(filepath.Join("testdata", "golden", "v*", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no golden logs were found (%v): nothing was checked", err)
	}
	seen, facts := false, []byte{}
	for _, path := range logs {
		seen = seen || filepath.Dir(path) == current
		want, err := os.ReadFile(path + ".facts")
		if err != nil {
			t.Fatal(err)
		}
		facts = append(facts, want...)
		if got := factsOf(t, readLog(t, path)); !bytes.Equal(got, want) {
			t.Errorf("%s: the facts are not those committed; line %d is\n%s", path, firstDifference(got, want), lineAt(got, firstDifference(got, want)))
		}
	}
	for _, kind := range append(slices.Clone(allKinds), decide.KindOrigin) {
		if !bytes.Contains(facts, []byte(`"Kind":"`+kind+`"`)) {
			t.Errorf("no golden log has a fact %q", kind)
		}
	}
	for _, detail := range details {
		if !bytes.Contains(facts, []byte(detail)) {
			t.Errorf("no golden log has %s", detail)
		}
	}
	if !seen {
		t.Errorf("version %d of the deciding has no golden log: run go test ./remediator/decide -run TestGoldenLogs -update once", decide.Version)
	}
}

func firstDifference(a, b []byte) int {
	line := 1
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return line
		}
		if a[i] == '\n' {
			line++
		}
	}
	return line
}

func lineAt(b []byte, n int) []byte {
	lines := bytes.Split(b, []byte("\n"))
	return lines[min(n, len(lines))-1]
}

func factsOf(t *testing.T, inputs []input.Input) []byte {
	var out bytes.Buffer
	memory := decide.NewMemory()
	fold := decide.New(decide.Config{Memory: memory})
	for len(inputs) > 0 {
		n := min(len(inputs), 37)
		folded, err := fold.Apply(inputs[:n])
		if err != nil {
			t.Fatal(err)
		}
		memory.Commit(folded)
		for _, item := range folded.Items {
			if item.Fact == nil {
				continue
			}
			sameDecision(t, item)
			line, err := json.Marshal(item.Fact)
			if err != nil {
				t.Fatal(err)
			}
			out.Write(append(line, '\n'))
		}
		inputs = inputs[n:]
	}
	return out.Bytes()
}

// sameDecision holds that a decision that an item has at hand is what its fact says.
func sameDecision(t *testing.T, item decide.Item) {
	t.Helper()
	if (item.Decision != nil) != (item.Fact.Kind == decide.KindRemedy) {
		t.Fatalf("a fact %s has a decision at hand: %v", item.Fact.Kind, item.Decision != nil)
	}
	if item.Decision == nil {
		return
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(item.Decision); err != nil {
		t.Fatal(err)
	}
	if got := bytes.TrimSpace(text.Bytes()); !bytes.Equal(got, item.Fact.Body) {
		t.Fatalf("the decision at hand is %s, sealed is %s", got, item.Fact.Body)
	}
}

// goldenSeeds are of worlds that have everything in them together.
var goldenSeeds = []uint64{4, 5, 6, 7, 8}

// A golden log is records, each with its length in four bytes before it.
func writeGolden(t *testing.T, dir string) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name string, inputs []input.Input) {
		path := filepath.Join(dir, name+".log")
		if _, err := os.Stat(path); err == nil {
			return
		}
		var out bytes.Buffer
		for from := 0; from < len(inputs); from += 50 {
			record, err := input.EncodeRecord(inputs[from:min(from+50, len(inputs))])
			if err != nil {
				t.Fatal(err)
			}
			out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(record))))
			out.Write(record)
		}
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+".facts", factsOf(t, inputs), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, seed := range goldenSeeds {
		write(fmt.Sprintf("seed-%d", seed), newWorld(t, seed, 1000).inputs)
	}
	write("windows", windowInputs(t))
	write("origin", originInputs(t))
}

func readLog(t *testing.T, path string) []input.Input {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var inputs []input.Input
	r := bufio.NewReader(f)
	for {
		var size [4]byte
		if _, err := io.ReadFull(r, size[:]); err == io.EOF {
			return inputs
		} else if err != nil {
			t.Fatal(err)
		}
		record := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(r, record); err != nil {
			t.Fatal(err)
		}
		decoded, err := input.DecodeRecord(record, 0)
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, decoded...)
	}
}

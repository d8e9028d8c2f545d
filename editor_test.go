package makegood_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// editorServer is the language server for YAML that editors run.
const editorServer = "tools/editor/node_modules/yaml-language-server/bin/yaml-language-server"

// TestEditor opens the samples in the language server that editors run, as they
// do: it must find nothing wrong with them, complete what is being written, and
// underline mistakes. Only files are read; no schema comes from the net.
func TestEditor(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs the language server, which npm installs: make test does")
	}
	t.Parallel()
	if _, err := os.Stat(editorServer); err != nil {
		t.Fatal("the language server is not there: install Node.js 20 with npm (https://nodejs.org), then run make editor")
	}
	e := startEditor(t)
	t.Run("samples", e.testSamples)
	t.Run("completion", e.testCompletion)
	t.Run("hover", e.testHover)
	t.Run("mistakes", e.testMistakes)
}

// TestNPMIsPinned holds that what npm installs is named by hash, and not by the
// registry of whoever wrote the lockfile.
func TestNPMIsPinned(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("tools/*/package-lock.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("found %d lockfiles, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var lock struct {
			Packages map[string]struct{ Version, Integrity, Resolved string }
		}
		if err := json.Unmarshal(text, &lock); err != nil {
			t.Fatal(err)
		}
		delete(lock.Packages, "") // the folder itself
		for name, p := range lock.Packages {
			if p.Version == "" || !strings.HasPrefix(p.Integrity, "sha512-") || p.Resolved != "" {
				t.Errorf("%s: %s: version %q, hash %q, from %q", file, name, p.Version, p.Integrity, p.Resolved)
			}
		}
		if len(lock.Packages) < 2 {
			t.Errorf("%s names %d packages", file, len(lock.Packages))
		}
	}
}

// testSamples opens every sample: none has a mistake for the schema that its
// first line names.
func (e *editor) testSamples(t *testing.T) {
	count := 0
	for _, folder := range []string{"rules", "examples"} {
		err := filepath.WalkDir(folder, func(name string, _ os.DirEntry, err error) error {
			if err != nil || filepath.Ext(name) != ".yaml" {
				return err
			}
			count++
			text, err := os.ReadFile(name)
			if err == nil {
				for _, mistake := range e.mistakes(t, name, string(text)) {
					t.Errorf("%s: %s", name, mistake)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if count < 10 {
		t.Errorf("opened %d samples only", count)
	}
}

const (
	ruleHead = "# yaml-language-server: $schema=../../remediator/rule/schema.json\n"
	testHead = "# yaml-language-server: $schema=../../remediator/rehearse/schema.json\n"
)

// testCompletion asks what can be written where § stands: the keys of the schema
// that are not there yet, or the values. Of its own the server offers to write a
// whole rule, test or object at once.
func (e *editor) testCompletion(t *testing.T) {
	rules, tests := definitions(t, rule.Schema()), definitions(t, rehearse.Schema())
	const begun = "rules:\n  - rule: a\n    event: com.example.a\n"
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"keys of a rule", ruleHead + begun + "    §\n", with(keys(t, rules, "rule"), "rule", "event", "rule")},
		{"keys of limits", ruleHead + begun + "    limits:\n      §\n", keys(t, rules, "rule", "limits")},
		{"keys of a budget", ruleHead + begun + "    limits:\n      budget:\n        §\n", []string{"amount", "object(Makegood rules)", "within"}},
		{"keys of a refund", ruleHead + begun + "    do:\n      - refund:\n          §\n", with(keys(t, rules, "step", "refund"), "object(Makegood rules)")},
		{"modes", ruleHead + begun + "    mode: §\n", []string{"canary 5%", "live", "shadow"}},
		{"levels", ruleHead + begun + "    do:\n      - andon:\n          level: §\n", []string{"red", "yellow"}},
		{"keys of a test", testHead + "tests:\n  - name: a\n    §\n", with(keys(t, tests, "test"), "test", "name")},
		{"decisions", testHead + "tests:\n  - name: a\n    send: [{file: a.json}]\n    expect:\n      - rule: a\n        decision: §\n", []string{"act", "hold", "suppress"}},
	} {
		got := e.complete(t, e.fresh(), c.text)
		t.Logf("%s: %s", c.name, strings.Join(got, ", "))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// testHover points at keys: what the schema says of them is shown.
func (e *editor) testHover(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{ruleHead + "rules:\n  - rule: a\n    event: com.example.a\n    on§ce_per: data.order\n", "What is made good at most once, for ever."},
		{ruleHead + "rules:\n  - rule: a\n    limits: {bud§get: {amount: 1.00 USD, within: 1d}}\n", "The most that the rule pays to all customers"},
		{testHead + "tests:\n  - name: a\n    gol§den: a.golden.json\n", "every decision in full"},
	} {
		got := e.hover(t, e.fresh(), c.text)
		t.Logf("hover: %s", strings.ReplaceAll(got, "\n", " "))
		if !strings.Contains(got, c.want) {
			t.Errorf("got %q, want %q in it", got, c.want)
		}
	}
}

// testMistakes opens files that are wrong.
func (e *editor) testMistakes(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{ruleHead + "rules:\n  - rule: Not A Name\n    event: com.example.a\n    once_pre: data.order\n    window: {by: data.a}\n    mode: alive\n    do:\n      - andon: {pull: a/b, level: orange, reason: r}\n", []string{
			"3:11 Write small letters, digits and hyphens, at most 64, like refund-late-order.",
			"5:5 Property once_pre is not allowed.",
			`6:5 Missing property "within".`,
			"7:11 Write shadow, live, or canary and a share, like canary 5%.",
			`9:35 Value is not accepted. Valid values: "yellow", "red".`,
		}},
		{ruleHead + "rules:\n  - rule: a\n    event: com.example.a\n", []string{`3:5 Missing property "do".`}},
		{testHead + "tests:\n  - name: a\n    send: [{fil: a.json, repeat: 0}]\n    expect: [{rule: a, decision: acts}]\n", []string{
			`4:12 Missing property "event".`,
			"4:13 Property fil is not allowed.",
			"4:34 Value is below the minimum of 1.",
			`5:34 Value is not accepted. Valid values: "act", "hold", "suppress".`,
		}},
		{ruleHead + "rules:\n  - rule: a\n    event: a\n    do: [{credit: {customer: c, amount: 5 bucks, expires: 3 weeks}}]\n", []string{
			"5:59 Write a number and a unit: 30s, 10m, 6h, 7d.",
		}},
		{ruleHead + "rules:\n  - rule: a\n\t event: b\n", []string{
			`3:5 Missing property "do".`, `3:5 Missing property "event".`, "4:1 Tabs are not allowed as indentation", "4:3 Property event is not allowed.",
		}},
	} {
		got := e.mistakes(t, e.fresh(), c.text)
		for _, mistake := range got {
			t.Log(mistake)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// definitions returns those of a schema.
func definitions(t *testing.T, schema []byte) map[string]any {
	t.Helper()
	var root struct{ Definitions map[string]any }
	if err := json.Unmarshal(schema, &root); err != nil {
		t.Fatal(err)
	}
	return root.Definitions
}

// keys lists the keys of an object of a schema, by its definition and the keys
// that lead to it.
func keys(t *testing.T, definitions map[string]any, definition string, of ...string) []string {
	t.Helper()
	object := definitions[definition].(map[string]any)
	for _, name := range of {
		object = object["properties"].(map[string]any)[name].(map[string]any)
		if ref, ok := object["$ref"].(string); ok {
			object = definitions[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
		}
	}
	properties, _ := object["properties"].(map[string]any)
	if len(properties) == 0 {
		t.Fatalf("%s %v has no keys", definition, of)
	}
	return slices.Sorted(maps.Keys(properties))
}

// with returns names with another one and without those that are written already.
func with(names []string, offered string, written ...string) []string {
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(written, name) })
	return slices.Sorted(slices.Values(append(names, offered)))
}

// editor speaks to a language server as an editor does, by the Language Server
// Protocol over its standard input and output.
type editor struct {
	in       io.Writer
	messages chan message
	asked    int
	written  int
}

type message struct {
	ID     json.RawMessage `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  json.RawMessage `json:"error,omitempty"`
}

// editorSettings turn off what would come from the net.
var editorSettings = map[string]any{
	"validate": true, "completion": true, "hover": true, "schemaStore": map[string]any{"enable": false, "url": ""},
	"kubernetesCRDStore": map[string]any{"enable": false},
}

func startEditor(t *testing.T) *editor {
	t.Helper()
	server := exec.Command("node", editorServer, "--stdio")
	in, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		t.Fatalf("start node: %v", err)
	}
	e := &editor{in: in, messages: make(chan message, 1000)}
	go e.read(out)
	t.Cleanup(func() {
		server.Process.Kill() //nolint:errcheck // it has nothing to lose
		server.Wait()         //nolint:errcheck // it was killed
	})
	e.ask(t, "initialize", map[string]any{"processId": os.Getpid(), "rootUri": nil, "capabilities": map[string]any{
		"workspace": map[string]any{"configuration": true},
		"textDocument": map[string]any{
			"completion":         map[string]any{"completionItem": map[string]any{"snippetSupport": true}},
			"hover":              map[string]any{"contentFormat": []string{"plaintext"}},
			"publishDiagnostics": map[string]any{},
		},
	}})
	e.tell(t, "initialized", map[string]any{})
	e.tell(t, "workspace/didChangeConfiguration", map[string]any{"settings": map[string]any{"yaml": editorSettings}})
	return e
}

// read takes messages apart until the server ends.
func (e *editor) read(out io.Reader) {
	defer close(e.messages)
	reader := bufio.NewReader(out)
	for {
		head, err := textproto.NewReader(reader).ReadMIMEHeader()
		if err != nil {
			return
		}
		length, err := strconv.Atoi(head.Get("Content-Length"))
		if err != nil {
			return
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(reader, body); err != nil {
			return
		}
		var m message
		if json.Unmarshal(body, &m) == nil {
			e.messages <- m
		}
	}
}

func (e *editor) send(t *testing.T, m any) {
	t.Helper()
	body, err := json.Marshal(m)
	if err == nil {
		_, err = fmt.Fprintf(e.in, "Content-Length: %d\r\n\r\n%s", len(body), body)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (e *editor) tell(t *testing.T, method string, params any) {
	t.Helper()
	e.send(t, map[string]any{"jsonrpc": "2.0", "method": method, "params": params})
}

// ask sends a request and returns its answer.
func (e *editor) ask(t *testing.T, method string, params any) json.RawMessage {
	t.Helper()
	e.asked++
	id := strconv.Itoa(e.asked)
	e.send(t, map[string]any{"jsonrpc": "2.0", "id": e.asked, "method": method, "params": params})
	answer := e.await(t, method, func(m message) bool { return m.Method == "" && string(m.ID) == id })
	if answer.Error != nil {
		t.Fatalf("%s: %s", method, answer.Error)
	}
	return answer.Result
}

// await returns the next message that is wanted, and answers what the server asks
// meanwhile.
func (e *editor) await(t *testing.T, what string, wanted func(message) bool) message {
	t.Helper()
	limit := time.After(2 * time.Minute)
	for {
		select {
		case <-limit:
			t.Fatalf("the language server does not answer: %s", what)
		case m, open := <-e.messages:
			switch {
			case !open:
				t.Fatalf("the language server has ended: %s", what)
			case m.Method != "" && m.ID != nil:
				e.answer(t, m)
			case wanted(m):
				return m
			}
		}
	}
}

// answer answers what the server asks: its settings, and whatever it wants to
// register.
func (e *editor) answer(t *testing.T, m message) {
	t.Helper()
	var result any
	if m.Method == "workspace/configuration" {
		var asked struct{ Items []struct{ Section string } }
		if err := json.Unmarshal(m.Params, &asked); err != nil {
			t.Fatal(err)
		}
		settings := []any{}
		for _, item := range asked.Items {
			settings = append(settings, map[string]any{"yaml": editorSettings}[item.Section])
		}
		result = settings
	}
	e.send(t, map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": result})
}

// fresh names a file beside samples that is not there, another one each time: of
// one that was closed the server says something once more.
func (e *editor) fresh() string {
	e.written++
	return fmt.Sprintf("rules/retail/written-%d.yaml", e.written)
}

// open opens a text under a name, § being where the cursor stands.
func (e *editor) open(t *testing.T, name, text string) map[string]any {
	t.Helper()
	path, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	uri := "file://" + filepath.ToSlash(path)
	before, after, _ := strings.Cut(text, "§")
	document := map[string]any{"uri": uri, "languageId": "yaml", "version": 1, "text": before + after}
	e.tell(t, "textDocument/didOpen", map[string]any{"textDocument": document})
	line := strings.Count(before, "\n")
	return map[string]any{
		"textDocument": map[string]any{"uri": uri},
		"position":     map[string]any{"line": line, "character": len(before) - strings.LastIndex(before, "\n") - 1},
	}
}

func (e *editor) close(t *testing.T, at map[string]any) {
	t.Helper()
	e.tell(t, "textDocument/didClose", map[string]any{"textDocument": at["textDocument"]})
}

// mistakes returns what the server underlines in a text, each with line and column
// from 1.
func (e *editor) mistakes(t *testing.T, name, text string) []string {
	t.Helper()
	at := e.open(t, name, text)
	defer e.close(t, at)
	var published struct {
		URI         string
		Diagnostics []struct {
			Message string
			Range   struct{ Start struct{ Line, Character int } }
		}
	}
	e.await(t, "diagnostics of "+name, func(m message) bool {
		return m.Method == "textDocument/publishDiagnostics" && json.Unmarshal(m.Params, &published) == nil && strings.HasSuffix(published.URI, filepath.ToSlash(name))
	})
	var all []string
	for _, d := range published.Diagnostics {
		all = append(all, fmt.Sprintf("%d:%d %s", d.Range.Start.Line+1, d.Range.Start.Character+1, d.Message))
	}
	slices.Sort(all)
	return all
}

// complete returns the labels that the server offers, sorted.
func (e *editor) complete(t *testing.T, name, text string) []string {
	t.Helper()
	at := e.open(t, name, text)
	defer e.close(t, at)
	var answer struct{ Items []struct{ Label string } }
	if err := json.Unmarshal(e.ask(t, "textDocument/completion", at), &answer); err != nil {
		t.Fatal(err)
	}
	labels := []string{}
	for _, item := range answer.Items {
		labels = append(labels, item.Label)
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// hover returns what the server says where the cursor stands.
func (e *editor) hover(t *testing.T, name, text string) string {
	t.Helper()
	at := e.open(t, name, text)
	defer e.close(t, at)
	var answer struct{ Contents struct{ Value string } }
	if err := json.Unmarshal(e.ask(t, "textDocument/hover", at), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Contents.Value
}

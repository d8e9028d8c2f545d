package makegood_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// block is one fenced block of a document.
type block struct {
	language string
	file     string // the name that the text before it gives it; empty: none
	text     string
}

var (
	fence     = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")
	saveAs    = regexp.MustCompile("(?i)save[^`]* as `([^`]+)`:\\s*$")
	box       = regexp.MustCompile(`│ ([a-z]+) (?:│)`)
	inTheBack = regexp.MustCompile(`(?m)^(.*(127\.0\.0\.1):(\d+).*) &$`)
)

// blocks takes a document apart. Every fence must be one that is understood.
func blocks(t *testing.T, document string) []block {
	t.Helper()
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	var all []block
	for _, at := range fence.FindAllStringSubmatchIndex(text, -1) {
		b := block{language: text[at[2]:at[3]], text: text[at[4]:at[5]]}
		if name := saveAs.FindStringSubmatch(text[:at[0]]); name != nil {
			b.file = name[1]
		}
		all = append(all, b)
	}
	if n := strings.Count(text, "\n```"); n != 2*len(all) {
		t.Fatalf("%s has %d fences, but %d blocks: a fence has no language", document, n, len(all))
	}
	return all
}

// TestReadmePicture checks that each box of the flow is a package of that name.
func TestReadmePicture(t *testing.T) {
	t.Parallel()
	boxes := 0
	for _, b := range blocks(t, "README.md") {
		if b.language != "text" {
			continue
		}
		for _, found := range box.FindAllStringSubmatch(b.text, -1) {
			boxes++
			if !exists(found[1]) && !exists("remediator/"+found[1]) {
				t.Errorf("the picture has a box %q, but there is no such package", found[1])
			}
		}
	}
	if want := 7; boxes != want {
		t.Errorf("found %d boxes in the picture, want %d", boxes, want)
	}
}

// TestReadmeTour does what the README says. `make test`, of which this is a part,
// is not run but looked up.
func TestReadmeTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the demo and installs the program: make test does")
	}
	t.Parallel()
	tour{
		document: "README.md", languages: []string{"sh", "yaml", "json", "go"}, prints: tourPrints,
		after: func(b block) string {
			switch {
			case b.language == "go":
				return untilPaid
			case strings.Contains(b.text, "makegood andon list"):
				return clicks(t, "README.md", b)
			}
			return ""
		},
	}.take(t)
}

// TestAndonTour does what docs/andon.md says.
func TestAndonTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it installs the program: make test does")
	}
	t.Parallel()
	tour{
		document: filepath.Join("docs", "andon.md"), languages: []string{"sh", "yaml", "go"}, prints: andonPrints,
		after: func(b block) string {
			if strings.Contains(b.text, "makegood send") {
				return untilStopped
			}
			return ""
		},
	}.take(t)
}

var (
	listItem = regexp.MustCompile(`(?m)^\d+\. (.*(?:\n   .*)*)`)
	toOpen   = regexp.MustCompile("`(http://[^`]+|makegood open [^`]+)`|\\*\\*([^*]+)\\*\\*")
)

// clicks walks in Chromium through the numbered list that stands after a block, up to
// the next one. Of each point, what stands before a colon is done: addresses are
// opened, the link that a command prints too, and what is in bold is clicked. What is in
// bold behind the colon is then there.
func clicks(t *testing.T, document string, b block) string {
	t.Helper()
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(data), b.text+"```\n")
	text, _, _ = strings.Cut(text, "\n```")
	driver, err := filepath.Abs("tools/browser/drive.mjs")
	if err != nil {
		t.Fatal(err)
	}
	const link = "THE-LINK"
	steps, clicked, read, prints := []string{step(t, "open")}, 0, 0, "true"
	for _, point := range listItem.FindAllStringSubmatch(text, -1) {
		do, see, ok := strings.Cut(point[1], ": ")
		if !ok {
			t.Errorf("%s: no colon says what is there after %q", document, do)
		}
		for _, found := range toOpen.FindAllStringSubmatch(do, -1) {
			if strings.HasPrefix(found[1], "makegood") {
				prints, found[1] = "MAKEGOOD_CONSOLE=http://127.0.0.1:8080 "+found[1], link
			}
			if found[1] != "" {
				steps = append(steps, step(t, "go", "url", found[1]))
				continue
			}
			steps = append(steps, step(t, "click", "at", fmt.Sprintf("main :is(a, button, summary):visible:has-text(%q), nav a:has-text(%[1]q)", found[2])))
			clicked++
		}
		for _, found := range toOpen.FindAllStringSubmatch(see, -1) {
			steps = append(steps, step(t, "wait", "at", fmt.Sprintf("main:has-text(%q)", found[2])))
			read++
		}
	}
	if clicked == 0 || read == 0 {
		t.Errorf("%s has a reader click %d times after %q, and read %d texts", document, clicked, b.text, read)
	}
	return fmt.Sprintf("link=$(%s)\nsed \"s|%s|$link|\" <<'STEPS' | CHROMIUM=\"${CHROMIUM:-$(command -v chromium)}\" node '%s' --in-order\n%s\nSTEPS",
		prints, link, driver, strings.Join(steps, "\n"))
}

// step is a command of the driver of Chromium, in the first page.
func step(t *testing.T, command string, arguments ...string) string {
	t.Helper()
	all := map[string]any{"command": command, "page": 0}
	for i := 0; i < len(arguments); i += 2 {
		all[arguments[i]] = arguments[i+1]
	}
	line, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

// tour is a document whose blocks a reader goes through.
type tour struct {
	document  string
	languages []string             // of which there must be a block
	after     func(b block) string // what a reader waits for after a block
	prints    []string             // what a reader must have seen
	instead   map[string]string    // what stands for a line that would fetch something
}

// take does what the document says, in its order, in one shell: files are saved,
// programs compiled and run, commands run. Only the addresses and the folder are
// others.
func (d tour) take(t *testing.T) {
	t.Helper()
	shop, bin := t.TempDir(), t.TempDir()
	script := []string{"set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT"}
	count := map[string]int{}
	for i, b := range blocks(t, d.document) {
		count[b.language]++
		switch {
		case b.file != "":
			writeBlock(t, filepath.Join(shop, b.file), b.text)
		case b.language == "go":
			program := filepath.Join(bin, fmt.Sprintf("program-%d", i))
			compile(t, b.text, program)
			script = append(script, "MAKEGOOD_URL=http://127.0.0.1:8080 "+program)
		case b.language == "sh":
			script = append(script, b.text)
		case b.language != "text":
			t.Errorf("a %s block has no file name, so nothing checks it", b.language)
		}
		script = append(script, d.after(b))
	}
	for _, language := range d.languages {
		if count[language] == 0 {
			t.Errorf("%s has no %s block: nothing was checked", d.document, language)
		}
	}
	text := strings.Join(script, "\n")
	for line, other := range d.instead {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%s does not say %q", d.document, line)
		}
		text = strings.ReplaceAll(text, line+"\n", other+"\n")
	}
	out, err := shell(t, localise(t, text, shop), bin)
	if err != nil {
		t.Fatalf("the tour of %s ends with %v:\n%s", d.document, err, out)
	}
	for _, want := range d.prints {
		if !strings.Contains(out, want) {
			t.Errorf("the tour of %s does not print %q; it prints:\n%s", d.document, want, out)
		}
	}
}

// untilPaid waits as a reader does who goes on reading: until both refunds of the
// tour have arrived.
const untilPaid = `for i in $(seq 600); do
	if [ "$(makegood remedies list --data-dir data | grep -c ' done ')" = 2 ]; then break; fi
	sleep 0.1
done`

// untilStopped waits until the events were decided.
const untilStopped = `for i in $(seq 600); do
	if [ "$(makegood andon list --data-dir data | grep -c rule)" = 2 ]; then break; fi
	sleep 0.1
done`

// andonPrints are what a reader of docs/andon.md must have seen.
var andonPrints = []string{
	"rule stop-damaged-product",
	"inherited from product/TABLE-7",
	"supplier/acme         yellow  direct",
	"chair                 open",
	"not for sale: product/TABLE-7 is closed (fail open): cord product/TABLE-7 is red, direct",
	"exit code 3",
	"a call stops nothing",
	"supplier/acme is acknowledged; its clock stands",
	"pipeline/prod is released",
}

// tourPrints are what a reader of the tour must have seen.
var tourPrints = []string{
	"and the provider agrees to the cent", // demo
	"2 of 2 tests passed",
	"7.59 USD",                     // backtest: a tenth of 24.90 and of 51.00
	"5.49 USD",                     // status: a tenth of 24.90 and of 30.00
	"data.late_min >= 60 is false", // explain
	"another person has to look",   // resume by who paused
	"is approved: acting",
	"verified",
}

// localise gives the tour a folder and addresses of its own, and has it wait
// until what runs in the background can be reached.
func localise(t *testing.T, script, shop string) string {
	t.Helper()
	script = strings.ReplaceAll(script, "/tmp/shop", shop)
	script = strings.ReplaceAll(script, "make test", "make --dry-run test")
	script = inTheBack.ReplaceAllStringFunc(script, func(line string) string {
		address := regexp.MustCompile(`--listen (\S+):(\d+)`).FindStringSubmatch(line)
		if address == nil {
			t.Fatalf("%q runs in the background and does not say where it listens", line)
		}
		return line + fmt.Sprintf("\nuntil (exec 3<>/dev/tcp/%s/%s) 2>/dev/null; do sleep 0.05; done", address[1], address[2])
	})
	for _, port := range []string{"127.0.0.1:8080", "127.0.0.1:8090"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		free := listener.Addr().(*net.TCPAddr)
		listener.Close()
		script = strings.ReplaceAll(script, port, free.String())
		script = strings.ReplaceAll(script, strings.ReplaceAll(port, ":", "/"), fmt.Sprintf("%s/%d", free.IP, free.Port))
	}
	return script
}

// shell runs a script in the root of the repository; what it installs goes to bin.
func shell(t *testing.T, script, bin string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Env = append(os.Environ(), "GOBIN="+bin, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	return out.String(), err
}

func writeBlock(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// compile compiles a program in a module of its own, which sees the SDK as an
// application does, with the SDK's own requirements and nothing else.
func compile(t *testing.T, text, binary string) {
	t.Helper()
	dir := t.TempDir()
	sdk, err := filepath.Abs("sdk")
	if err != nil {
		t.Fatal(err)
	}
	requirements, err := os.ReadFile("sdk/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile("sdk/go.sum")
	if err != nil {
		t.Fatal(err)
	}
	mod := strings.Replace(string(requirements), "module "+module+"/sdk", "module example.com/shop", 1) +
		fmt.Sprintf("\nrequire %s/sdk v0.0.0\n\nreplace %[1]s/sdk => %s\n", module, sdk)
	writeBlock(t, filepath.Join(dir, "go.mod"), mod)
	writeBlock(t, filepath.Join(dir, "go.sum"), string(sums))
	writeBlock(t, filepath.Join(dir, "main.go"), text)
	cmd := exec.Command("go", "build", "-mod=mod", "-o", binary, ".")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("a program of README.md does not compile: %v\n%s", err, out)
	}
}

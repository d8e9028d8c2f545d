package browser

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// drivers is the folder of what drives Chromium.
const drivers = "../../../tools/browser"

// chromium is a browser that does what it is told. It is safe for concurrent use.
type chromium struct {
	process *exec.Cmd
	in      io.WriteCloser

	mu      sync.Mutex
	last    int
	waiting map[int]chan answer
	why     error // it answers no more
}

// answer is one line of the driver.
type answer struct {
	ID    int             `json:"id"`
	Value json.RawMessage `json:"value"`
	Error string          `json:"error"`
}

// shared is the browser of all tests. Their pages know nothing of each other.
var shared struct {
	once    sync.Once
	browser *chromium
	err     error
}

// TestMain ends the browser after the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	if shared.browser != nil {
		if err := shared.browser.end(); err != nil {
			fmt.Fprintln(os.Stderr, "end Chromium:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// inChromium returns the browser, and skips where tests should be short.
func inChromium(t *testing.T) *chromium {
	t.Helper()
	if testing.Short() {
		t.Skip("it needs Chromium, which make chromium installs: make test does")
	}
	shared.once.Do(func() { shared.browser, shared.err = startChromium() })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.browser
}

func startChromium() (*chromium, error) {
	program := os.Getenv("CHROMIUM")
	if program == "" {
		program = "chromium"
	}
	program, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("find Chromium: %w: run make chromium, or name one with CHROMIUM=PATH", err)
	}
	if _, err := os.Stat(filepath.Join(drivers, "node_modules", "playwright-core")); err != nil {
		return nil, fmt.Errorf("find what drives Chromium: %w: install Node.js 20 with npm (https://nodejs.org), then run make chromium", err)
	}
	c := &chromium{process: exec.Command("node", "drive.mjs"), waiting: map[int]chan answer{}}
	c.process.Dir, c.process.Stderr = drivers, os.Stderr
	c.process.Env = append(os.Environ(), "CHROMIUM="+program)
	if c.in, err = c.process.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start Chromium: %w", err)
	}
	out, err := c.process.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start Chromium: %w", err)
	}
	if err := c.process.Start(); err != nil {
		return nil, fmt.Errorf("start Chromium: %w", err)
	}
	go c.listen(out)
	return c, nil
}

// listen hands answers to who waits for them.
func (c *chromium) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			a = answer{Error: fmt.Sprintf("%v in %q", err, lines.Text())}
		}
		c.mu.Lock()
		waiting := c.waiting[a.ID]
		delete(c.waiting, a.ID)
		c.mu.Unlock()
		if waiting != nil {
			waiting <- a
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.why = errors.Join(errors.New("the browser has ended"), lines.Err())
	for _, waiting := range c.waiting {
		waiting <- answer{Error: c.why.Error()}
	}
	clear(c.waiting)
}

// do has a command done, and reads the value of the answer into it.
func (c *chromium) do(command map[string]any, value any) error {
	c.mu.Lock()
	if c.why != nil {
		defer c.mu.Unlock()
		return c.why
	}
	c.last++
	command["id"] = c.last
	answered := make(chan answer, 1)
	c.waiting[c.last] = answered
	line, err := json.Marshal(command)
	if err == nil {
		_, err = c.in.Write(append(line, '\n'))
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	a := <-answered
	switch {
	case a.Error != "":
		return errors.New(a.Error)
	case value == nil:
		return nil
	}
	return json.Unmarshal(a.Value, value)
}

// end ends the browser and waits for it.
func (c *chromium) end() error { return errors.Join(c.in.Close(), c.process.Wait()) }

// tab is a page of the browser that shares nothing with others.
type tab struct {
	t       *testing.T
	browser *chromium
	number  int
	site    string // before each path
}

// window is how a page is looked at. The zero value is a desk with daylight.
type window struct {
	Dark   bool
	Width  int  // pixels of CSS; 0: 1280
	Silent bool // without JavaScript
}

// open opens a page that looks at a site.
func (c *chromium) open(t *testing.T, site string, w window) *tab {
	t.Helper()
	command := map[string]any{"command": "open", "javascript": !w.Silent}
	if w.Dark {
		command["scheme"] = "dark"
	}
	if w.Width > 0 {
		command["width"] = w.Width
	}
	b := &tab{t: t, browser: c, site: site}
	if err := c.do(command, &b.number); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.do(map[string]any{"command": "close", "page": b.number}, nil); err != nil {
			t.Error(err)
		}
	})
	return b
}

// tell has a command done in the page. Arguments are names and values.
func (b *tab) tell(value any, command string, arguments ...any) {
	b.t.Helper()
	all := map[string]any{"command": command, "page": b.number}
	for i := 0; i < len(arguments); i += 2 {
		all[arguments[i].(string)] = arguments[i+1]
	}
	if err := b.browser.do(all, value); err != nil {
		b.t.Fatalf("%s %v: %v\nat %s", command, arguments, err, b.where())
	}
}

// where is what the page shows, for who reads a failure.
func (b *tab) where() string {
	var url string
	var texts []string
	err := errors.Join(b.browser.do(map[string]any{"command": "url", "page": b.number}, &url),
		b.browser.do(map[string]any{"command": "texts", "page": b.number, "at": "main"}, &texts))
	return fmt.Sprint(url, " ", strings.Join(texts, "\n"), " ", err)
}

// look goes to a path, which answers with 200.
func (b *tab) look(path string) {
	b.t.Helper()
	var status int
	if b.tell(&status, "go", "url", b.site+path); status != 200 {
		b.t.Fatalf("%s is answered %d", path, status)
	}
}

func (b *tab) click(at string)              { b.t.Helper(); b.tell(nil, "click", "at", at) }
func (b *tab) fill(at, text string)         { b.t.Helper(); b.tell(nil, "fill", "at", at, "text", text) }
func (b *tab) press(key string)             { b.t.Helper(); b.tell(nil, "press", "text", key) }
func (b *tab) wait(at string)               { b.t.Helper(); b.tell(nil, "wait", "at", at) }
func (b *tab) evaluate(js string, into any) { b.t.Helper(); b.tell(into, "evaluate", "text", js) }

// texts are what people read in the elements that a selector finds.
func (b *tab) texts(at string) []string {
	b.t.Helper()
	var texts []string
	b.tell(&texts, "texts", "at", at)
	for i := range texts {
		texts[i] = strings.Join(strings.Fields(texts[i]), " ")
	}
	return texts
}

// text is what people read in the one element that a selector finds.
func (b *tab) text(at string) string {
	b.t.Helper()
	texts := b.texts(at)
	if len(texts) != 1 {
		b.t.Fatalf("%s finds %q\nat %s", at, texts, b.where())
	}
	return texts[0]
}

// done waits until the page says that a form led there which gave a command.
func (b *tab) done(command string) {
	b.t.Helper()
	b.wait(fmt.Sprintf("#done[data-done=%s]", command))
}

// calm holds that the browser's console heard of no trouble.
func (b *tab) calm() {
	b.t.Helper()
	var troubles []string
	if b.tell(&troubles, "troubles"); len(troubles) > 0 {
		b.t.Errorf("the browser says %q at %s", troubles, b.where())
	}
}

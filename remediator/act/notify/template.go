package notify

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
	"unicode"
)

// DefaultLocale is the language that every template has.
const DefaultLocale = "en"

const (
	// maxFile and maxFiles bound a folder of templates.
	maxFile  = 64 << 10
	maxFiles = 4096
	// maxText bounds what a template writes in bytes: text and HTML of a message
	// are sealed together.
	maxText = 12 << 10
	// maxSubject bounds a subject in characters: mail clients show fewer.
	maxSubject = 200
)

// Templates are the templates of a folder.
type Templates struct {
	byName map[string]map[string]*variant // name, then locale in small letters
}

// variant is a template in one language.
type variant struct {
	locale  string
	subject *texttemplate.Template
	text    *texttemplate.Template
	html    *htmltemplate.Template // nil: there is only text
	uses    uses
}

var fileForm = regexp.MustCompile(`^([a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?)\.([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\.(txt|html)$`)

// Load reads the templates of a folder: NAME.LOCALE.txt, whose first line is
// "Subject: …", and beside it NAME.LOCALE.html if there is one. Every template has
// a text in DefaultLocale. Each is tried on a sample, so that a field that the
// page does not have is an error here. The error joins all that is wrong, each
// with file and line.
func Load(folder fs.FS) (*Templates, error) {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return nil, fmt.Errorf("read templates: %w", err)
	}
	if len(entries) > maxFiles {
		return nil, fmt.Errorf("read templates: the folder has more than %d files", maxFiles)
	}
	t := &Templates{byName: map[string]map[string]*variant{}}
	var wrong []error
	for _, ending := range []string{"txt", "html"} { // every HTML finds its text
		for _, entry := range entries {
			if entry.IsDir() || strings.HasPrefix(entry.Name(), ".") || !strings.HasSuffix(entry.Name(), "."+ending) {
				continue
			}
			if err := t.read(folder, entry.Name()); err != nil {
				wrong = append(wrong, err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.byName)) {
		if t.byName[name][DefaultLocale] == nil {
			wrong = append(wrong, fmt.Errorf("%s.%s.txt: the template %s has no text in the language that everybody gets who has no other: write it", name, DefaultLocale, name))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	if len(t.byName) == 0 {
		return nil, errors.New("read templates: the folder has none: a template is a file like late-delivery.en.txt")
	}
	return t, nil
}

// read reads one file.
func (t *Templates) read(folder fs.FS, file string) error {
	found := fileForm.FindStringSubmatch(file)
	if found == nil {
		return fmt.Errorf("%s: the file is not named NAME.LOCALE.txt or NAME.LOCALE.html, like late-delivery.pt-BR.txt", file)
	}
	content, err := fs.ReadFile(folder, path.Clean(file))
	if err != nil {
		return fmt.Errorf("read template: %w", err)
	}
	if len(content) > maxFile {
		return fmt.Errorf("%s: the file has more than %d bytes", file, maxFile)
	}
	name, locale, text := found[1], found[2], strings.ReplaceAll(string(content), "\r\n", "\n")
	if t.byName[name] == nil {
		t.byName[name] = map[string]*variant{}
	}
	v := t.byName[name][strings.ToLower(locale)]
	if found[3] == "txt" {
		if v != nil {
			return fmt.Errorf("%s: the template has another text in this language", file)
		}
		v = &variant{locale: locale, uses: uses{lets: map[string]any{}, steps: map[string]bool{}}}
		t.byName[name][strings.ToLower(locale)] = v
		return v.readText(file, text)
	}
	if v == nil || v.locale != locale {
		return fmt.Errorf("%s: there is no %s.%s.txt beside it, for readers without HTML", file, name, locale)
	}
	if v.text == nil {
		return nil // what is wrong with the text is reported already
	}
	return v.readHTML(file, text)
}

func (v *variant) readText(file, text string) error {
	first, rest, _ := strings.Cut(text, "\n")
	subject, ok := strings.CutPrefix(first, "Subject: ")
	if !ok || strings.TrimSpace(subject) == "" {
		return fmt.Errorf("%s:1: the first line is not the subject: begin it with \"Subject: \"", file)
	}
	var err error
	if v.subject, err = texttemplate.New(file).Option("missingkey=error").Parse(subject); err != nil {
		return located(file, err)
	}
	// The empty line in front keeps the numbers of lines in errors right.
	if v.text, err = texttemplate.New(file).Option("missingkey=error").Parse("\n" + rest); err != nil {
		return located(file, err)
	}
	for _, one := range append(v.text.Templates(), v.subject) {
		v.look(one.Tree)
	}
	return v.try(func(p Page) error { _, err := v.write(p, false); return err })
}

func (v *variant) readHTML(file, text string) error {
	html, err := htmltemplate.New(file).Option("missingkey=error").Parse(text)
	if err != nil {
		return located(file, err)
	}
	for _, one := range html.Templates() {
		v.look(one.Tree)
	}
	v.html = html
	return v.try(func(p Page) error { _, err := v.write(p, true); return err })
}

func (v *variant) look(tree *parse.Tree) {
	if tree != nil {
		v.uses.look(tree.Root)
	}
}

// try writes a message on pages that have all and nothing.
func (v *variant) try(write func(Page) error) error {
	for _, p := range []Page{v.uses.full(), v.uses.empty()} {
		if err := write(p); err != nil {
			return err
		}
	}
	return nil
}

// located begins an error with file and line, where package template writes words
// of its own, and with the file alone when the error is not from there.
func located(file string, err error) error {
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "html/"), "template: ")
	if text = strings.TrimPrefix(text, "template:"); !strings.HasPrefix(text, file) {
		text = file + ": " + text
	}
	return errors.New(text)
}

// Message is a template that was written.
type Message struct {
	Locale  string
	Subject string
	Text    string
	HTML    string // empty: there is only text
}

// Has reports whether there is a template of the name.
func (t *Templates) Has(name string) bool { return t.byName[name] != nil }

// Lets returns the lets that a template needs, in any of its languages, in order.
func (t *Templates) Lets(name string) []string {
	all := map[string]bool{}
	for _, v := range t.byName[name] {
		for let := range v.uses.lets {
			all[let] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Sample returns a page on which a template says everything that it can.
func (t *Templates) Sample(name, locale string) Page {
	if v := t.choose(name, locale); v != nil {
		return v.uses.full()
	}
	return Page{}
}

// Write writes a template in the language of the page's customer, or in the
// nearest to it that there is: pt-BR, then pt, then DefaultLocale.
func (t *Templates) Write(name string, p Page) (Message, error) {
	v := t.choose(name, p.Customer.Locale)
	if v == nil {
		return Message{}, fmt.Errorf("write template: there is none called %q", name)
	}
	return v.write(p, true)
}

func (t *Templates) choose(name, locale string) *variant {
	locale = strings.ToLower(strings.ReplaceAll(locale, "_", "-"))
	for locale != "" {
		if v := t.byName[name][locale]; v != nil {
			return v
		}
		locale = locale[:max(strings.LastIndexByte(locale, '-'), 0)]
	}
	return t.byName[name][DefaultLocale]
}

func (v *variant) write(p Page, html bool) (Message, error) {
	m := Message{Locale: v.locale}
	var subject, text, page strings.Builder
	if err := v.subject.Execute(&bounded{to: &subject, left: maxText}, p); err != nil {
		return m, located(v.text.Name(), err)
	}
	if err := v.text.Execute(&bounded{to: &text, left: maxText}, p); err != nil {
		return m, located(v.text.Name(), err)
	}
	if v.html != nil && html {
		if err := v.html.Execute(&bounded{to: &page, left: maxText}, p); err != nil {
			return m, located(v.html.Name(), err)
		}
	}
	m.Subject, m.Text, m.HTML = oneLine(subject.String()), strings.TrimLeft(text.String(), "\n"), page.String()
	return m, nil
}

// oneLine makes a text one line without control characters: a subject is a header,
// and what comes from an event must not begin another one.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	runes := []rune(strings.Join(strings.Fields(text), " "))
	return string(runes[:min(len(runes), maxSubject)])
}

// bounded takes a bounded number of bytes: a list in an event may be long.
type bounded struct {
	to   io.Writer
	left int
}

// Write writes what still fits, or nothing.
func (b *bounded) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return 0, fmt.Errorf("it writes more than %d bytes", maxText)
	}
	b.left -= len(p)
	return b.to.Write(p)
}

package notify

import (
	"strings"
	"testing"
	"testing/fstest"
)

func folder(files map[string]string) fstest.MapFS {
	f := fstest.MapFS{}
	for name, text := range files {
		f[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return f
}

func load(t testing.TB, files map[string]string) *Templates {
	t.Helper()
	templates, err := Load(folder(files))
	if err != nil {
		t.Fatal(err)
	}
	return templates
}

var sorry = map[string]string{
	"sorry.en.txt": "Subject: We are sorry about {{.Let.title}}\n\nDear {{or .Customer.Name \"customer\"}},\n" +
		"{{if .Refunded}}we paid {{.Refunded}} back{{else}}we owe you an apology{{end}}.\n",
	"sorry.en.html":   "<p>Dear {{.Customer.Name}}, we paid <b>{{.Refunded}}</b> back for {{.Let.title}}.</p>",
	"sorry.pt.txt":    "Subject: Desculpe\n\nOlá {{.Customer.Name}}\n",
	"sorry.pt-PT.txt": "Subject: Desculpe lá\n\nOlá {{.Customer.Name}}\n",
	".hidden":         "no template",
}

func TestWrite(t *testing.T) {
	t.Parallel()
	templates := load(t, sorry)
	m, err := templates.Write("sorry", Page{Customer: Customer{Name: "Ada <3"}, Let: map[string]any{"title": "Casablanca"}, Refunded: "2.99 USD"})
	want := Message{Locale: "en", Subject: "We are sorry about Casablanca", Text: "Dear Ada <3,\nwe paid 2.99 USD back.\n",
		HTML: "<p>Dear Ada &lt;3, we paid <b>2.99 USD</b> back for Casablanca.</p>"}
	if err != nil || m != want {
		t.Errorf("got %+v, %v\nwant %+v", m, err, want)
	}
	if _, err := templates.Write("sorry", Page{Let: map[string]any{}}); err == nil || !strings.Contains(err.Error(), "sorry.en.txt:1:") || !strings.Contains(err.Error(), "title") {
		t.Errorf("a let that is missing: %v", err)
	}
	if _, err := templates.Write("other", Page{}); err == nil {
		t.Error("a template that is none was written")
	}
}

func TestLocales(t *testing.T) {
	t.Parallel()
	templates := load(t, sorry)
	for locale, want := range map[string]string{
		"": "en", "en": "en", "en-GB": "en", "pt": "pt", "pt-BR": "pt", "pt_BR": "pt", "PT-br": "pt", "pt-PT": "pt-PT", "pt-PT-x": "pt-PT", "de": "en", "-": "en", "../en": "en",
	} {
		m, err := templates.Write("sorry", Page{Customer: Customer{Locale: locale}, Let: map[string]any{"title": "x"}})
		if err != nil || m.Locale != want {
			t.Errorf("%q: got %s, %v; want %s", locale, m.Locale, err, want)
		}
	}
}

// What comes from an event never begins a header, nor grows without bound.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	templates := load(t, sorry)
	page := func(title string) Page { return Page{Let: map[string]any{"title": title}} }
	for _, title := range []string{"a\r\nBcc: all@shop.example", "a\nBcc: x", "a\rBcc: x", "a\x00b", "a\u2028b", "\xff\xfe"} {
		m, err := templates.Write("sorry", page(title))
		if err != nil || strings.ContainsAny(m.Subject, "\r\n\x00\u2028") || !strings.HasPrefix(m.Subject, "We are sorry about") {
			t.Errorf("%q: subject %q, %v", title, m.Subject, err)
		}
	}
	if m, err := templates.Write("sorry", page(strings.Repeat("ä", 500))); err != nil || len([]rune(m.Subject)) != maxSubject {
		t.Errorf("a long subject: %d characters, %v", len([]rune(m.Subject)), err)
	}
	if _, err := templates.Write("sorry", page(strings.Repeat("a", maxText))); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a huge one: %v", err)
	}
	if m, err := templates.Write("sorry", page(`<script>alert(1)</script>`)); err != nil || strings.Contains(m.HTML, "<script>") {
		t.Errorf("HTML %s, %v", m.HTML, err)
	}
}

func TestMistakesOfTemplates(t *testing.T) {
	t.Parallel()
	const good = "Subject: Sorry\n\nSorry.\n"
	for _, c := range []struct {
		files map[string]string
		says  []string
	}{
		{nil, []string{"the folder has none"}},
		{map[string]string{"Sorry.en.txt": good}, []string{"Sorry.en.txt: the file is not named"}},
		{map[string]string{"sorry.txt": good}, []string{"sorry.txt: the file is not named"}},
		{map[string]string{"sorry.de.txt": good}, []string{"sorry.en.txt: the template sorry has no text"}},
		{map[string]string{"sorry.en.txt": good, "sorry.EN.txt": good}, []string{"another text in this language"}},
		{map[string]string{"sorry.en.txt": good, "sorry.de.html": "a"}, []string{"no sorry.de.txt beside it"}},
		{map[string]string{"sorry.en.txt": "Sorry."}, []string{"sorry.en.txt:1: the first line is not the subject"}},
		{map[string]string{"sorry.en.txt": "Subject: \n"}, []string{"sorry.en.txt:1: the first line is not the subject"}},
		{map[string]string{"sorry.en.txt": "Subject: {{.Let.a"}, []string{"sorry.en.txt:1:"}},
		{map[string]string{"sorry.en.txt": "Subject: a\n\nb\n{{if}}\n"}, []string{"sorry.en.txt:4: missing value for if"}},
		{map[string]string{"sorry.en.txt": "Subject: a\n\n{{nowhere}}\n"}, []string{"sorry.en.txt:3: function \"nowhere\" not defined"}},
		{map[string]string{"sorry.en.txt": "Subject: a\n\nb\n{{.Costumer.Name}}\n"}, []string{"sorry.en.txt:4:", "Costumer"}},
		{map[string]string{"sorry.en.txt": "Subject: {{.Customer.Nmae}}\n"}, []string{"sorry.en.txt:1:", "Nmae"}},
		{map[string]string{"sorry.en.txt": "Subject: a\n{{.Steps.refund.Amuont}}\n"}, []string{"sorry.en.txt:2:", "Amuont"}},
		{map[string]string{"sorry.en.txt": "Subject: a\n{{if .Refunded}}x{{else}}{{.Refnuded}}{{end}}\n"}, []string{"sorry.en.txt:2:", "Refnuded"}},
		{map[string]string{"sorry.en.txt": "Subject: a\n{{if eq .Let.kind 1}}{{end}}"}, []string{"sorry.en.txt:2:", "incompatible types"}},
		{map[string]string{"sorry.en.txt": good, "sorry.en.html": "<p>\n{{.Nobody}}"}, []string{"sorry.en.html:2:", "Nobody"}},
		{map[string]string{"sorry.en.txt": good, "sorry.en.html": "<a href='{{if .Refunded}}x\"{{end}}>"}, []string{"sorry.en.html"}},
		{map[string]string{"sorry.en.txt": "Subject: a\n{{range 100000}}{{.}}{{end}}"}, []string{"sorry.en.txt: it writes more than 12288 bytes"}},
		{map[string]string{"a.en.txt": "no", "b.en.txt": "no"}, []string{"a.en.txt:1:", "b.en.txt:1:"}},
	} {
		_, err := Load(folder(c.files))
		for _, want := range c.says {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %v, want %q in it", c.files, err, want)
			}
		}
	}
}

// Names that only the rule knows are fine, in whatever way they are used.
func TestSampleFitsItsUse(t *testing.T) {
	t.Parallel()
	text := "Subject: {{.Let.title}}\n{{if gt .Let.count 2.5}}{{.Let.count}}{{end}}{{if eq .Let.kind \"a\"}}a{{end}}{{if eq .Let.on true}}on{{end}}" +
		"{{range .Let.items}}{{.}} {{$.Let.other}}{{end}}{{.Let.order.id}}{{.Let.order.paid}}{{with .Steps.refund}}{{.Amount}}{{end}}" +
		"{{define \"foot\"}}{{.Let.foot}}{{end}}{{template \"foot\" .}}{{printf \"%v\" .Let.late}}{{(index .Steps \"second-refund\").Amount}}\n"
	templates := load(t, map[string]string{"a.en.txt": text})
	want := []string{"count", "foot", "items", "kind", "late", "on", "order", "other", "title"}
	if got := templates.Lets("a"); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("it needs %v, want %v", got, want)
	}
	if m, err := templates.Write("a", templates.Sample("a", "")); err != nil || !strings.Contains(m.Text, "2.99 USD") {
		t.Errorf("the sample gives %+v, %v", m, err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("Subject: {{.Let.a}}\n{{if gt .Let.n 2.5}}{{range .Let.items}}{{.}}{{end}}{{end}}", "<p>{{.Customer.Name}}</p>")
	f.Add("Subject: a\n{{with $x := .Steps.refund}}{{$x.Amount}}{{end}}", "{{.Steps.refund.Ref}}")
	f.Fuzz(func(t *testing.T, text, html string) {
		templates, err := Load(folder(map[string]string{"a.en.txt": text, "a.en.html": html}))
		if err != nil {
			return
		}
		m, err := templates.Write("a", templates.Sample("a", "pt"))
		if err != nil || strings.ContainsAny(m.Subject, "\r\n") || len(m.Text) > maxText || len(m.HTML) > maxText {
			t.Errorf("loaded, but writes %q, %v", m.Subject, err)
		}
	})
}

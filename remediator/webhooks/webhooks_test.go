package webhooks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule/document"
)

const secretText = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"

func parse(text string) (File, error) {
	return Parse("webhooks.yaml", text, func(name string) ([]byte, error) {
		switch name {
		case "a", "b":
			return []byte(secretText), nil
		case "bad":
			return []byte("hunter2"), nil
		}
		return nil, os.ErrNotExist
	})
}

func TestLoad(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text := `endpoints:
  - name: crm
    url: https://crm.example/hooks
    secret_files: [new.secret, old.secret]
  - {name: erp, url: "http://erp.internal:8080/in", secret_files: [` + filepath.ToSlash(filepath.Join(folder, "old.secret")) + `], allow_private: true}
sources:
  - name: crm # a source may have the name of an endpoint
    secret_files: [new.secret]
    customer: customer_id
`
	for name, content := range map[string]string{"webhooks.yaml": text, "new.secret": secretText, "old.secret": secretText} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Load(filepath.Join(folder, "webhooks.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Endpoints) != 2 || len(f.Endpoints[0].Secrets) != 2 || f.Endpoints[0].AllowPrivate || !f.Endpoints[1].AllowPrivate ||
		f.Endpoints[0].URL != "https://crm.example/hooks" || len(f.Sources) != 1 || f.Sources[0].Customer != "customer_id" || f.Sources[0].Name != "crm" {
		t.Errorf("read %+v", f)
	}
	if text := fmt.Sprintf("%+v", f); strings.Contains(text, "MfKQ") {
		t.Errorf("the secret is printed: %s", text)
	}
	if _, err := Load(filepath.Join(folder, "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	endpoint := func(lines string) string { return "endpoints:\n  - " + strings.ReplaceAll(lines, "\n", "\n    ") }
	for _, c := range []struct{ text, at, code, says, hint string }{
		{"", "1:1", "empty", "no webhooks", "endpoints:"},
		{"endpoint: []", "1:1", "unknown-key", "endpoint", "did you mean endpoints?"},
		{"endpoints: crm", "1:12", "type", "list of endpoints", "a dash"},
		{"endpoints: [crm]", "1:13", "type", "an endpoint is the text", ""},
		{endpoint("name: CRM\nurl: https://a.example\nsecret_files: [a]"), "2:11", "name", "CRM", "small letters"},
		{endpoint("name: crm\nurl: https://a.example"), "2:5", "missing", "no secret_files", "secret_files: ["},
		{endpoint("name: crm\nsecret_files: [a]"), "2:5", "missing", "no url", "https://"},
		{endpoint("name: crm\nurll: https://a.example\nsecret_files: [a]"), "3:5", "unknown-key", "urll", "did you mean url?"},
		{endpoint("name: crm\nurl: crm.example\nsecret_files: [a]"), "3:10", "url", "no https address", ""},
		{endpoint("name: crm\nurl: ftp://crm.example\nsecret_files: [a]"), "3:10", "url", "no https address", ""},
		{endpoint("name: crm\nurl: http://crm.example\nsecret_files: [a]"), "3:10", "url", "not encrypted", "allow_private: true"},
		{endpoint("name: crm\nurl: https://u:p@crm.example\nsecret_files: [a]"), "3:10", "url", "password", ""},
		{endpoint("name: crm\nurl: https://crm.example\nsecret_files: a"), "4:19", "type", "no list", "secret_files: ["},
		{endpoint("name: crm\nurl: https://crm.example\nsecret_files: [a, b, a]"), "4:19", "type", "no list of 1 or 2", ""},
		{endpoint("name: crm\nurl: https://crm.example\nsecret_files: [none]"), "4:20", "secret", "not exist", ""},
		{endpoint("name: crm\nurl: https://crm.example\nsecret_files: [bad]"), "4:20", "secret", "base64", ""},
		{endpoint("name: crm\nurl: https://crm.example\nsecret_files: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]"), "4:20", "secret", "in the file itself", "a file of its own"},
		{endpoint("name: crm\nurl: https://crm.example\nsecret_files: [a]\nallow_private: maybe"), "5:20", "type", "neither true nor false", ""},
		{"sources:\n  - {name: a, secret_files: [a]}\n  - {name: a, secret_files: [a]}", "3:12", "duplicate", "twice", ""},
		{"sources:\n  - {name: a, secret_files: [a], customer: [a]}", "2:44", "type", "customer", ""},
		{"sources:\n  - {name: a, secret_files: [a], url: x}", "2:34", "unknown-key", "url", ""},
	} {
		_, err := parse(c.text)
		var found *document.Problems
		if !errors.As(err, &found) || len(*found) != 1 {
			t.Errorf("%s\ngot %v", c.text, err)
			continue
		}
		p := (*found)[0]
		if at := fmt.Sprintf("%d:%d", p.Line, p.Col); at != c.at || p.Code != c.code || !strings.Contains(p.Message, c.says) || !strings.Contains(p.Hint, c.hint) {
			t.Errorf("%s\ngot %s\nwant %s [%s] with %q and hint %q", c.text, p, c.at, c.code, c.says, c.hint)
		}
		if strings.Contains(err.Error(), "MfKQ9r8GKY") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells a secret: %v", err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("endpoints:\n  - name: crm\n    url: https://crm.example/hooks\n    secret_files: [a, b]\n")
	f.Add("sources:\n  - {name: a, secret_files: [a], customer: id}\n")
	f.Add("endpoints: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := parse(text)
		if err != nil {
			return
		}
		for _, e := range file.Endpoints {
			if e.Name == "" || len(e.Secrets) == 0 || !strings.HasPrefix(e.URL, "https://") && !e.AllowPrivate {
				t.Errorf("accepted %+v of\n%s", e, text)
			}
		}
		for _, s := range file.Sources {
			if s.Name == "" || len(s.Secrets) == 0 {
				t.Errorf("accepted %+v of\n%s", s, text)
			}
		}
	})
}

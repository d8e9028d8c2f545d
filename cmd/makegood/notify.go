package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/makegood/makegood/remediator/act/notify"
)

type notifyCommands struct {
	Preview previewCommand `cmd:"" help:"Write a template as it would be sent, and send nothing."`
}

type previewCommand struct {
	Template  string `arg:"" help:"Name of the template."`
	Templates string `required:"" env:"MAKEGOOD_TEMPLATES" type:"path" help:"Folder of templates."`
	Locale    string `help:"Language of the reader, like pt-BR."`
	Values    string `type:"path" help:"JSON file with what the template sees, like {\"customer\":{\"name\":\"Ada\"},\"let\":{\"title\":\"Casablanca\"},\"refunded\":\"2.99 USD\"}. Without it, samples."`
	HTML      bool   `help:"Write the HTML instead of the text."`
}

// Run writes a template.
func (c *previewCommand) Run(p *program) error {
	templates, err := notify.Load(os.DirFS(c.Templates))
	if err != nil {
		return fmt.Errorf("templates in %s:\n%w", c.Templates, err)
	}
	page := templates.Sample(c.Template, c.Locale)
	if c.Values != "" {
		text, err := os.ReadFile(c.Values)
		if err != nil {
			return fmt.Errorf("read values: %w", err)
		}
		page = notify.Page{Let: map[string]any{}, Steps: map[string]notify.Step{}}
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&page); err != nil {
			return fmt.Errorf("read values in %s: %w", c.Values, err)
		}
	}
	if c.Locale != "" {
		page.Customer.Locale = c.Locale
	}
	m, err := templates.Write(c.Template, page)
	if err != nil {
		return err
	}
	if c.HTML {
		_, err = fmt.Fprint(p.stdout, m.HTML)
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "Locale: %s\nSubject: %s\n\n%s", m.Locale, m.Subject, m.Text)
	return err
}

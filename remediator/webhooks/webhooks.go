// Package webhooks reads the file that says which systems are told by webhook,
// and which may tell us something:
//
//	endpoints:
//	  - name: crm                       # as rules name it: webhook: {to: crm}
//	    url: https://crm.example/hooks
//	    secret_files: [crm.secret]      # the current one first; two while it changes
//	sources:
//	  - name: billing                   # posts to /v1/webhooks/billing
//	    secret_files: [billing.secret, billing-old.secret]
//	    customer: customer_id           # field of its data that is the customer
//
// Secrets stand in files of their own, beside this one, each as "whsec_" and
// base64. The file is read strictly: what is wrong is said with line, column and
// what was probably meant. Package act/webhook sends to the endpoints, package
// ingest/webhook receives from the sources.
package webhooks

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/webhooks/signature"
)

// File is what a file of webhooks says.
type File struct {
	Endpoints []Endpoint
	Sources   []Source
}

// Endpoint is a system that is told.
type Endpoint struct {
	Name    string
	URL     string
	Secrets []signature.Secret // messages are signed with each
	// AllowPrivate lets the endpoint be in a private network or on this machine,
	// and be spoken to without TLS. Otherwise its address must be public.
	AllowPrivate bool
}

// Source is a system that tells us something.
type Source struct {
	Name    string
	Secrets []signature.Secret // one must fit
	// Customer names the field of a message's data that is the customer's id.
	// Empty: its events are about nobody.
	Customer string
}

const (
	// maxFile and maxSecretFile bound the files in bytes.
	maxFile       = 1 << 20
	maxSecretFile = 4 << 10
	// maxEntries bounds the endpoints and the sources of a file.
	maxEntries = 1000
	// maxSecrets is how many secrets one side may have: the current one and,
	// while it changes, the one before.
	maxSecrets = 2
)

// Load reads the file at a path. An error about what is written in it is a
// *document.Problems that names everything found.
func Load(path string) (File, error) {
	text, err := readBounded(path, maxFile)
	if err != nil {
		return File{}, fmt.Errorf("read webhooks: %w", err)
	}
	folder := filepath.Dir(path)
	return Parse(path, string(text), func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(folder, name)
		}
		return readBounded(name, maxSecretFile)
	})
}

func readBounded(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() || info.Size() > most {
		return nil, fmt.Errorf("%s is a folder or larger than %d bytes", path, most)
	}
	return os.ReadFile(path)
}

// Parse reads the text of a file; path names it in messages, and readSecret reads
// the files of secrets that it names.
func Parse(path, text string, readSecret func(name string) ([]byte, error)) (File, error) {
	p := parser{Source: document.NewSource(path, text), readSecret: readSecret, named: map[string]bool{}}
	root := p.Parse()
	var f File
	if root == nil {
		if len(p.Problems) == 0 {
			p.Errorf(document.Place{Line: 1, Col: 1}, "empty", "begin it with endpoints: or sources: and a list below", "the file names no webhooks")
		}
	} else if m := p.Mapping(root, "the file", "endpoints", "sources"); m != nil {
		p.list(m.Get("endpoints"), "endpoint", func(n *yaml.Node) { f.Endpoints = append(f.Endpoints, p.endpoint(n)) })
		p.named = map[string]bool{}
		p.list(m.Get("sources"), "source", func(n *yaml.Node) { f.Sources = append(f.Sources, p.source(n)) })
	}
	if p.Problems.Failed() {
		p.Problems.Sort()
		return File{}, &p.Problems
	}
	return f, nil
}

type parser struct {
	*document.Source
	readSecret func(name string) ([]byte, error)
	named      map[string]bool // names of the list being read
}

func (p *parser) list(n *yaml.Node, what string, read func(*yaml.Node)) {
	switch {
	case n == nil:
	case n.Kind != yaml.SequenceNode:
		p.Errorf(document.At(n), "type", "begin each "+what+" with a dash: - name: …", "expected a list of %ss", what)
	case len(n.Content) > maxEntries:
		p.Errorf(document.At(n), "type", "remove those that are not used", "the list has %d %ss; at most %d are allowed", len(n.Content), what, maxEntries)
	default:
		for _, item := range n.Content {
			read(item)
		}
	}
}

func (p *parser) endpoint(n *yaml.Node) (e Endpoint) {
	m := p.Mapping(n, "an endpoint", "name", "url", "secret_files", "allow_private")
	if m == nil {
		return e
	}
	e.Name = p.name(m)
	if n := m.Get("allow_private"); n != nil {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
			p.Errorf(document.At(n), "type", "write true or false", "allow_private is neither true nor false")
		}
		e.AllowPrivate = n.Value == "true"
	}
	if n := m.Need("url", "write where to send: url: https://crm.example/hooks"); n != nil {
		e.URL = p.url(n, e.AllowPrivate)
	}
	e.Secrets = p.secrets(m)
	return e
}

func (p *parser) source(n *yaml.Node) (s Source) {
	m := p.Mapping(n, "a source", "name", "secret_files", "customer")
	if m == nil {
		return s
	}
	s.Name, s.Secrets = p.name(m), p.secrets(m)
	if n := m.Get("customer"); n != nil {
		s.Customer, _ = p.Scalar(n, "customer", "name the field of the data that is the customer's id: customer: customer_id")
	}
	return s
}

// nameForm is the form of a name in a rule, since rules name endpoints.
var nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)

func (p *parser) name(m *document.Mapping) string {
	const hint = "small letters, digits and hyphens, at most 64, like crm"
	n := m.Need("name", "name it: "+hint)
	if n == nil {
		return ""
	}
	name, ok := p.Scalar(n, "name", hint)
	switch {
	case !ok:
	case !nameForm.MatchString(name):
		p.Errorf(document.At(n), "name", hint, "%q is not a name", name)
	case p.named[name]:
		p.Errorf(document.At(n), "duplicate", "give one of them another name", "the name %s is given twice", name)
	}
	p.named[name] = true
	return name
}

func (p *parser) url(n *yaml.Node, private bool) string {
	const hint = "write an address like https://crm.example/hooks"
	text, ok := p.Scalar(n, "url", hint)
	if !ok {
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		p.Errorf(document.At(n), "url", hint, "url is no https address")
	case u.User != nil || u.Fragment != "":
		p.Errorf(document.At(n), "url", "the signature shows who sends; keep passwords out of the file", "url has a user, password or fragment")
	case u.Scheme == "http" && !private:
		p.Errorf(document.At(n), "url", "write https, or allow_private: true for a system in your own network", "url is not encrypted")
	}
	return text
}

func (p *parser) secrets(m *document.Mapping) []signature.Secret {
	const hint = "name one file with a secret, and while it changes two, the current one first: secret_files: [crm.secret]"
	n := m.Need("secret_files", hint)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 || len(n.Content) > maxSecrets {
		p.Errorf(document.At(n), "type", hint, "secret_files is no list of 1 or %d files", maxSecrets)
		return nil
	}
	var secrets []signature.Secret
	for _, item := range n.Content {
		name, ok := p.Scalar(item, "a file", hint)
		if !ok {
			continue
		}
		if strings.HasPrefix(name, "whsec_") {
			p.Errorf(document.At(item), "secret", "put it into a file of its own, readable by the service only, and name the file here", "a secret stands in the file itself")
			p.Problems[len(p.Problems)-1].Frame = "" // it would show the secret
			continue
		}
		text, err := p.readSecret(name)
		if err == nil {
			var secret signature.Secret
			secret, err = signature.ParseSecret(string(text))
			secrets = append(secrets, secret)
		}
		if err != nil {
			p.Errorf(document.At(item), "secret", hint, "read secret: %v", err)
		}
	}
	return secrets
}

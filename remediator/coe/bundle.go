package coe

import (
	"archive/zip"
	"fmt"
	"io"
	"strings"

	"github.com/makegood/makegood/remediator/ledger"
)

// Bundle is a COE with all that shows that it is true.
type Bundle struct {
	Name     string // its id
	Status   string
	Text     string
	Document *Document
	Book     *Book
	// Receipt proves the facts that the numbers were counted from. nil: there are none.
	Receipt *ledger.Receipt
	// Missing is how many more facts were counted than Facts returned.
	Missing int
}

// WriteBundle writes a zip file. The same COE gives the same bytes.
func WriteBundle(w io.Writer, b Bundle) error {
	page, err := HTML(b.Document, b.Book)
	if err != nil {
		return err
	}
	files := []struct{ name, text string }{{"README.md", b.readme()}, {"coe.md", b.Text}, {"coe.html", page}}
	if b.Receipt != nil {
		var facts strings.Builder
		for _, e := range b.Receipt.Entries {
			facts.WriteString(e.Entry + "\n")
		}
		files = append(files, []struct{ name, text string }{
			{"facts.jsonl", facts.String()}, {"receipt.json", string(b.Receipt.Encode())}, {"checkpoint", b.Receipt.Checkpoint}}...)
	}
	archive := zip.NewWriter(w)
	for i, g := range b.Document.Graphs {
		if g.Err == nil && g.Query.Step > 0 {
			files = append(files, struct{ name, text string }{fmt.Sprintf("graphs/%02d.svg", i+1), SVG(g.Title, g.Query, b.Book.Points(g.Query))})
		}
	}
	for _, file := range files {
		part, err := archive.CreateHeader(&zip.FileHeader{Name: file.name, Method: zip.Deflate})
		if err == nil {
			_, err = io.WriteString(part, file.text)
		}
		if err != nil {
			return fmt.Errorf("write bundle: %w", err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}

// readme says how to verify the bundle.
func (b Bundle) readme() string {
	facts := "There are no facts behind it."
	if b.Receipt != nil {
		facts = fmt.Sprintf(`%d facts of the ledger %s stand behind it, proven at %d entries.

With the program and the ledger's public key alone, kept elsewhere and not in this bundle:

    makegood audit verify-bundle FILE.zip --key ledger.pub

That holds the checkpoint against the key, each fact against the checkpoint, and
facts.jsonl against the receipt; it covers neither coe.html nor graphs/, nor this file. Unpacked, the receipt can be checked by itself:

    makegood audit verify-receipt receipt.json --key ledger.pub

What this proves is that these facts are in the ledger as they were sealed. That there
are no others, and that the numbers in coe.md are those of their queries, shows the
ledger: makegood coes check coe.md, and makegood audit verify.
`, len(b.Receipt.Entries), b.Receipt.Origin, b.Receipt.Size)
	}
	missing := "."
	if b.Missing > 0 {
		missing = fmt.Sprintf(`; of these
%d are missing, because a bundle has at most %d, so that not every number can be
counted from it`, b.Missing, MaxFacts) + missing
	}
	return fmt.Sprintf(`# COE %s

Its status is %s; the SHA-256 of coe.md, which a fact of the ledger names, is
%s.

coe.md is the text, coe.html the same for reading and printing, graphs/ its graphs,
receipt.json the proof of facts.jsonl, and checkpoint the signed head of the ledger.
facts.jsonl are the facts of the COE's life and of its timeline, and those that its
numbers and graphs were counted from%s

%s
`, b.Name, b.Status, digest(b.Text), missing, facts)
}

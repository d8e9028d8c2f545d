package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

type verifyBundleCommand struct {
	File string `arg:"" type:"existingfile" help:"Zip file that coes bundle wrote."`
	Key  string `required:"" type:"path" help:"File with the ledger's public key, kept elsewhere."`
}

// Run checks a bundle. It exits with 1 when something is wrong with it.
func (c *verifyBundleCommand) Run(p *program) error {
	key, err := readKept(c.Key, maxKey)
	if err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	archive, err := zip.OpenReader(c.File)
	if err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	defer archive.Close()
	part := func(name string) []byte {
		if err != nil {
			return nil
		}
		var text []byte
		text, err = readPart(archive, name)
		return text
	}
	text, facts, proof, checkpoint := part("coe.md"), part("facts.jsonl"), part("receipt.json"), part("checkpoint")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read bundle: %w: it is no bundle of a COE, or one without facts, which proves nothing", err)
	}
	if err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	receipt, err := ledger.DecodeReceipt(proof)
	if err != nil {
		return err
	}
	var found []string
	for _, f := range receipt.Check(strings.TrimSpace(string(key)), uuid.Nil) {
		found = append(found, f.String())
	}
	var lines bytes.Buffer
	for _, e := range receipt.Entries {
		lines.WriteString(e.Entry + "\n")
	}
	if !bytes.Equal(lines.Bytes(), facts) {
		found = append(found, "facts.jsonl: its lines are not the entries that are proven")
	}
	if string(checkpoint) != receipt.Checkpoint {
		found = append(found, "checkpoint: it is not the one of the receipt")
	}
	if err := c.say(p, receipt, found, text); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, notCovered(archive))
	return err
}

// notCovered says which files of a bundle were not verified. What is made for reading is
// drawn from more than the facts in it, so that it cannot be made again from them.
func notCovered(archive *zip.ReadCloser) string {
	others := 0
	for _, f := range archive.File {
		made := f.Name == "README.md" || f.Name == "coe.html" || strings.HasPrefix(f.Name, "graphs/")
		if verified := []string{"coe.md", "facts.jsonl", "receipt.json", "checkpoint"}; !made && !slices.Contains(verified, f.Name) {
			others++
		}
	}
	said := "not covered: README.md, coe.html and graphs/*.svg, which were made of coe.md and the ledger for reading"
	if others > 0 {
		said += fmt.Sprintf("; %d other files, which no bundle has", others)
	}
	return said
}

// maxPart bounds a file of a bundle: its receipt is the largest.
const maxPart = ledger.MaxReceipt

func readPart(archive *zip.ReadCloser, name string) ([]byte, error) {
	f, err := archive.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPart+1))
	if err == nil && len(text) > maxPart {
		err = fmt.Errorf("%s has more than %d bytes", name, maxPart)
	}
	return text, err
}

// say says what was proven, or what is wrong: then nothing is.
func (c *verifyBundleCommand) say(p *program, r *ledger.Receipt, found []string, text []byte) error {
	if len(found) > 0 {
		for _, f := range found {
			fmt.Fprintf(p.stdout, "FOUND  %s\n", plain(f))
		}
		fmt.Fprintf(p.stdout, "NOT VERIFIED, findings: %d\n", len(found))
		return errChecked
	}
	sum := sha256.Sum256(text)
	digest := hex.EncodeToString(sum[:])
	fmt.Fprintf(p.stdout, "verified: %d facts are in the ledger %s of %d entries\n", len(r.Entries), plain(r.Origin), r.Size)
	if by, seq, ok := namedBy(r, digest); ok {
		_, err := fmt.Fprintf(p.stdout, "coe.md is the text that %s wrote, by fact %d\n", plain(by), seq)
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "coe.md has the SHA-256 %s, which no fact in the bundle names: it is a draft\n", digest)
	return err
}

// namedBy finds the fact by which a text was written.
func namedBy(r *ledger.Receipt, digest string) (by string, seq uint64, found bool) {
	for _, proven := range r.Entries {
		e, err := ledger.DecodeEntry([]byte(proven.Entry))
		if err != nil || e.Kind != decide.KindCOE {
			continue
		}
		var f decide.COEFact
		if json.Unmarshal(e.Body, &f) == nil && f.Change == decide.COERevised && f.Digest == digest {
			return f.By, e.Seq, true
		}
	}
	return "", 0, false
}

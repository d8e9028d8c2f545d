package ledger

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/makegood/makegood/remediator/decide"
)

// Origin returns the origin of a log's checkpoints, which is also the name of
// its key.
func Origin(logID string) string { return "makegood/" + logID }

// NewKey makes a key that signs for origin: the private half as a signer reads
// it, the public half as the genesis fact and auditors keep it.
func NewKey(random io.Reader, origin string) (private, public string, err error) {
	private, public, err = note.GenerateKey(random, origin)
	if err != nil {
		return "", "", fmt.Errorf("make ledger key: %w", err)
	}
	// The package note accepts names here that it refuses when it reads them.
	if _, err := note.NewSigner(private); err != nil {
		return "", "", fmt.Errorf("make ledger key for origin %q: no spaces and no plus signs are allowed", origin)
	}
	return private, public, nil
}

// Checkpoint is a tree head.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   [32]byte
}

// text returns the three lines that are signed.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// Sign returns the checkpoint as a signed note. The signer is a note.NewSigner
// of the private key.
func Sign(c Checkpoint, signer note.Signer) ([]byte, error) {
	if c.Origin != signer.Name() {
		return nil, fmt.Errorf("sign checkpoint: the key signs for %q, not for %q", signer.Name(), c.Origin)
	}
	signed, err := note.Sign(&note.Note{Text: c.text()}, signer)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return signed, nil
}

// Open returns the checkpoint of a signed note if one of the public keys signed
// it and that key is the origin's.
func Open(signed []byte, keys ...string) (Checkpoint, error) {
	name, text, err := openNote(signed, keys)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
	}
	c, err := parseCheckpoint(text)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
	}
	if c.Origin != name {
		return Checkpoint{}, fmt.Errorf("open checkpoint: origin %q is signed by the key of %q", c.Origin, name)
	}
	return c, nil
}

// openNote returns the text of a signed note and the name of the key, one of
// keys, that signed it.
func openNote(signed []byte, keys []string) (name, text string, err error) {
	var verifiers []note.Verifier
	for _, key := range keys {
		v, err := note.NewVerifier(strings.TrimSpace(key))
		if err != nil {
			return "", "", fmt.Errorf("read public key %q: %w", key, err)
		}
		verifiers = append(verifiers, v)
	}
	n, err := note.Open(signed, note.VerifierList(verifiers...))
	if err != nil {
		return "", "", err
	}
	return n.Sigs[0].Name, n.Text, nil
}

// checkOwn refuses a stored note with anything beside its text and one signature
// in its only encoding. Readers of notes pass over the rest, so that witnesses can
// sign too; but what the store holds was written by one signer, byte for byte.
func checkOwn(signed []byte, text string) error {
	line, one := strings.CutSuffix(strings.TrimPrefix(string(signed), text+"\n"), "\n")
	if !one || strings.Contains(line, "\n") {
		return errors.New("it holds more than its text and one signature")
	}
	signature := line[strings.LastIndexByte(line, ' ')+1:]
	if _, err := base64.StdEncoding.Strict().DecodeString(signature); err != nil {
		return fmt.Errorf("read signature %q: %w", signature, err)
	}
	return nil
}

// parseCheckpoint accepts exactly what text writes.
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return Checkpoint{}, errors.New("want three lines: origin, size, root")
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read size %q: %w", lines[1], err)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != hashSize {
		return Checkpoint{}, fmt.Errorf("root %q is not 32 bytes in base64", lines[2])
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: [32]byte(root)}
	if c.text() != text {
		return Checkpoint{}, errors.New("not in canonical form")
	}
	return c, nil
}

// Applied is how far a log was folded into a ledger.
type Applied struct {
	decide.Position
	Size uint64 // of the tree, in entries
}

// text returns the lines that are signed.
func (a Applied) text() string {
	return fmt.Sprintf("%s applied\nrecord %d\nordinal %d\nat %d\ndigest %s\nversion %d\nsize %d\n",
		Origin(a.LogID), a.Record, a.Ordinal, a.At, hex.EncodeToString(a.Digest[:]), a.Version, a.Size)
}

// SignApplied returns the position as a signed note, which the store keeps
// beside its columns.
func SignApplied(a Applied, signer note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: a.text()}, signer)
	if err != nil {
		return nil, fmt.Errorf("sign applied position: %w", err)
	}
	return signed, nil
}

// CheckApplied reports whether the note is the position, signed by one of keys.
func CheckApplied(a Applied, signed []byte, keys ...string) error {
	_, text, err := openNote(signed, keys)
	if err == nil {
		err = checkOwn(signed, text)
	}
	if err != nil {
		return fmt.Errorf("open applied position: %w", err)
	}
	if text != a.text() {
		return errors.New("applied position differs from what was signed")
	}
	return nil
}

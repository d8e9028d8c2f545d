package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// receiptFormat is the first thing that a receipt says.
const receiptFormat = "makegood-receipt/v1"

// MaxReceipt is the size of the largest receipt in bytes: a remedy that was retried
// as often as is allowed, with its evidence, stays far below.
const MaxReceipt = 16 << 20

// Receipt proves what the ledger holds about one remedy to whoever has the ledger's
// public key and nothing else. It proves that its entries stand in the ledger, at
// their places and as they were sealed; that there are no others, only the whole
// ledger shows.
//
// Its bytes are JSON with the fields in the order below, no space between them but
// the line ends that Encode writes, strings escaped as RFC 8785 says, hashes in
// base64. There is one way to write a receipt, so that no byte of it can be changed
// unseen. An entry is a string that holds the entry's bytes: the SHA-256 of a zero
// byte and these is its leaf.
type Receipt struct {
	Format     string        `json:"format"`     // makegood-receipt/v1
	Origin     string        `json:"origin"`     // of the checkpoint
	Key        string        `json:"key"`        // that signed it: its name, a plus, and its hash in hexadecimal
	Remedy     uuid.UUID     `json:"remedy"`     // that all entries are about; uuid.Nil: about several
	Size       uint64        `json:"size"`       // of the tree, in entries
	Checkpoint string        `json:"checkpoint"` // the signed note
	Entries    []ProvenEntry `json:"entries"`    // in the order of the ledger
}

// ProvenEntry is an entry with the proof that it is in the tree of the checkpoint.
type ProvenEntry struct {
	Index uint64      `json:"index"` // of its leaf, which is its sequence
	Leaf  tlog.Hash   `json:"leaf"`
	Entry string      `json:"entry"` // its bytes
	Proof []tlog.Hash `json:"proof"` // RFC 6962's audit path, from the leaf up
}

// Prove makes the receipt of a remedy, or, with uuid.Nil, of entries of any. Checkpoint is a signed note of the tree that
// the tiles are of, or of an earlier size of it, entries are those of the remedy;
// what the checkpoint does not cover is left out. Every proof is checked before it
// is handed out, so that a ledger that was changed gives none.
func Prove(checkpoint []byte, remedy uuid.UUID, entries []Entry, tiles StoredTiles) (*Receipt, error) {
	head, key, err := readNote(checkpoint)
	if err != nil {
		return nil, fmt.Errorf("prove remedy %s: %w", remedy, err)
	}
	hashes := newTreeHashes(tiles)
	root, err := tlog.TreeHash(int64(head.Size), hashes)
	if err != nil {
		return nil, fmt.Errorf("prove remedy %s: %w", remedy, err)
	}
	if root != head.Root {
		return nil, fmt.Errorf("prove remedy %s: the tiles do not give the root of the checkpoint; find out with: makegood audit verify", remedy)
	}
	r := &Receipt{Format: receiptFormat, Origin: head.Origin, Key: key, Remedy: remedy, Size: head.Size, Checkpoint: string(checkpoint)}
	for _, e := range entries {
		if e.Seq >= head.Size {
			continue
		}
		encoded := e.Encode()
		proven := ProvenEntry{Index: e.Seq, Leaf: LeafHash(encoded), Entry: string(encoded)}
		if proven.Proof, err = tlog.ProveRecord(int64(head.Size), int64(e.Seq), hashes); err == nil {
			err = tlog.CheckRecord(proven.Proof, int64(head.Size), head.Root, int64(e.Seq), proven.Leaf)
		}
		if err != nil {
			return nil, fmt.Errorf("prove entry %d: it is not what was sealed (%w); find out with: makegood audit verify", e.Seq, err)
		}
		r.Entries = append(r.Entries, proven)
	}
	if len(r.Entries) == 0 {
		return nil, fmt.Errorf("prove remedy %s: the checkpoint covers no entry about it", remedy)
	}
	return r, nil
}

// readNote reads a checkpoint and the name of the key that it says signed it,
// without knowing that key.
func readNote(signed []byte) (c Checkpoint, key string, err error) {
	var unverified *note.UnverifiedNoteError
	if _, err := note.Open(signed, note.VerifierList()); !errors.As(err, &unverified) {
		return c, "", fmt.Errorf("read checkpoint: %w", err)
	}
	n := unverified.Note
	if c, err = parseCheckpoint(n.Text); err != nil {
		return c, "", fmt.Errorf("read checkpoint: %w", err)
	}
	if c.Size > maxSize {
		return c, "", fmt.Errorf("read checkpoint: %d entries are too many", c.Size)
	}
	return c, keyName(n.UnverifiedSigs[0].Name, n.UnverifiedSigs[0].Hash), nil
}

// ReadCheckpoint reads what a checkpoint says, whoever signed it.
func ReadCheckpoint(signed []byte) (Checkpoint, error) {
	c, _, err := readNote(signed)
	return c, err
}

// keyName names a key as the two first parts of its public text do.
func keyName(name string, hash uint32) string { return fmt.Sprintf("%s+%08x", name, hash) }

// Encode returns the bytes of a receipt. They are written by hand, like those of an
// entry, so that they are the same in every release.
func (r *Receipt) Encode() []byte {
	b := append([]byte(nil), "{\n"...)
	for _, field := range [][2]string{{"format", r.Format}, {"origin", r.Origin}, {"key", r.Key}, {"remedy", r.Remedy.String()}} {
		b = append(appendString(append(appendString(b, field[0]), ':'), field[1]), ",\n"...)
	}
	b = append(b, `"size":`...)
	b = strconv.AppendUint(b, r.Size, 10)
	b = append(b, ",\n\"checkpoint\":"...)
	b = appendString(b, r.Checkpoint)
	b = append(b, ",\n\"entries\":["...)
	for i, e := range r.Entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, "\n{\"index\":"...)
		b = strconv.AppendUint(b, e.Index, 10)
		b = append(b, `,"leaf":`...)
		b = appendHash(b, e.Leaf)
		b = append(b, ",\n \"entry\":"...)
		b = appendString(b, e.Entry)
		b = append(b, ",\n \"proof\":["...)
		for i, hash := range e.Proof {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendHash(b, hash)
		}
		b = append(b, "]}"...)
	}
	return append(b, "\n]}\n"...)
}

func appendHash(b []byte, hash tlog.Hash) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, hash[:])
	return append(b, '"')
}

// DecodeReceipt reads a receipt from its bytes. It accepts exactly what Encode
// writes; whether that is true, Check says.
func DecodeReceipt(data []byte) (*Receipt, error) {
	if len(data) > MaxReceipt {
		return nil, fmt.Errorf("decode receipt: more than %d bytes", MaxReceipt)
	}
	var r Receipt
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it ends too early")
		}
		return nil, fmt.Errorf("decode receipt: %w", err)
	}
	if r.Format != receiptFormat {
		return nil, fmt.Errorf("decode receipt: its format is %q, not %q", r.Format, receiptFormat)
	}
	if !bytes.Equal(r.Encode(), data) {
		return nil, errors.New("decode receipt: it is not written as receipts are: it was changed, or written again by another program")
	}
	return &r, nil
}

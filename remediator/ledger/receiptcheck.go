package ledger

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The parts of a receipt that can be wrong.
const (
	PartKey        = "key"        // another key signed, or what was given is none
	PartSignature  = "signature"  // the checkpoint is not what the key signed
	PartCheckpoint = "checkpoint" // the receipt says otherwise than its checkpoint
	PartRemedy     = "remedy"     // it is about another remedy
	PartEntry      = "entry"      // an entry is not what its leaf says
	PartProof      = "proof"      // a leaf is not in the tree that was signed
)

// Fault is something wrong with a receipt.
type Fault struct {
	Part    string  `json:"part"`
	Index   *uint64 `json:"index,omitempty"` // of the entry; nil when it is none's
	Problem string  `json:"problem"`
}

// String says it in one line.
func (f Fault) String() string {
	if f.Index != nil {
		return fmt.Sprintf("%s %d: %s", f.Part, *f.Index, f.Problem)
	}
	return f.Part + ": " + f.Problem
}

// receiptCheck is the checking of one receipt.
type receiptCheck struct {
	*Receipt
	faults []Fault
}

func (c *receiptCheck) find(part, format string, args ...any) {
	c.faults = append(c.faults, Fault{Part: part, Problem: fmt.Sprintf(format, args...)})
}

func (c *receiptCheck) findEntry(part string, index uint64, format string, args ...any) {
	c.faults = append(c.faults, Fault{Part: part, Index: &index, Problem: fmt.Sprintf(format, args...)})
}

// Check says what is wrong with a receipt, by the public key that must have signed
// its checkpoint and by the remedy that it should be about, uuid.Nil for any. Only
// when it says nothing is what the receipt claims proven.
func (r *Receipt) Check(key string, remedy uuid.UUID) []Fault {
	c := &receiptCheck{Receipt: r}
	if remedy != uuid.Nil && remedy != r.Remedy {
		c.find(PartRemedy, "it is a receipt of remedy %s, not of %s", r.Remedy, remedy)
	}
	root, signed := c.checkHead(key)
	if len(r.Entries) == 0 {
		c.find(PartEntry, "it has none, and proves nothing")
	}
	for i, e := range r.Entries {
		if i > 0 && e.Index <= r.Entries[i-1].Index {
			c.findEntry(PartEntry, e.Index, "it comes after entry %d: each stands once, in the order of the ledger", r.Entries[i-1].Index)
		}
		c.checkEntry(e)
		if !signed {
			continue
		}
		if err := checkInclusion(e, r.Size, root); err != nil {
			c.findEntry(PartProof, e.Index, "its leaf is not in the tree of %d entries that was signed: %v", r.Size, err)
		}
	}
	return c.faults
}

// checkHead holds the receipt's head against its checkpoint and that against the
// key. It returns the root that was signed.
func (c *receiptCheck) checkHead(key string) (root [32]byte, signed bool) {
	verifier, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		c.find(PartKey, "what was given is no public key: %v", err)
		return root, false
	}
	if name := keyName(verifier.Name(), verifier.KeyHash()); name != c.Key {
		c.find(PartKey, "it says that %s signed, the key given is %s", c.Key, name)
		return root, false
	}
	head, err := Open([]byte(c.Checkpoint), key)
	if err == nil {
		err = checkOwn([]byte(c.Checkpoint), head.text())
	}
	if err != nil {
		c.find(PartSignature, "%v", err)
		return root, false
	}
	if head.Origin != c.Origin || head.Size != c.Size {
		c.find(PartCheckpoint, "the receipt says %d entries of %s, its checkpoint %d of %s", c.Size, c.Origin, head.Size, head.Origin)
		return root, false
	}
	return head.Root, true
}

// checkEntry holds that an entry is the one of its leaf, and about the remedy.
func (c *receiptCheck) checkEntry(e ProvenEntry) {
	decoded, err := DecodeEntry([]byte(e.Entry))
	switch {
	case LeafHash([]byte(e.Entry)) != e.Leaf:
		c.findEntry(PartEntry, e.Index, "its bytes have another leaf than the receipt says: one of the two was changed")
	case err != nil:
		c.findEntry(PartEntry, e.Index, "%v", err)
	case decoded.Seq != e.Index:
		c.findEntry(PartEntry, e.Index, "it says itself that it is entry %d", decoded.Seq)
	case decoded.Remedy != c.Remedy && c.Remedy != uuid.Nil:
		c.findEntry(PartRemedy, e.Index, "it is about remedy %s, the receipt about %s", decoded.Remedy, c.Remedy)
	}
}

// checkInclusion holds that a leaf is in a tree.
func checkInclusion(e ProvenEntry, size uint64, root [32]byte) error {
	if size > maxSize || e.Index >= size {
		return fmt.Errorf("there is no place %d in it", e.Index)
	}
	return tlog.CheckRecord(e.Proof, int64(size), root, int64(e.Index), e.Leaf)
}

package integrity

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/ledger"
)

// Entries is what is read of the ledger's store to check what it says of one remedy.
type Entries interface {
	// Receipt returns nil when nothing is sealed about the remedy.
	Receipt(ctx context.Context, remedy uuid.UUID) (*ledger.Receipt, error)
	History(ctx context.Context, remedy uuid.UUID) ([]ledger.Entry, error)
	// Key returns the public key of the checkpoints.
	Key(ctx context.Context) (string, error)
}

// Proof is what checking a remedy's entries against the newest checkpoint came to.
type Proof struct {
	Verified bool      `json:"verified"` // all that is sealed about it is proven, and something is
	At       time.Time `json:"at"`
	Entries  int       `json:"entries"` // that are proven to be in the tree
	Missing  int       `json:"missing"` // that the checkpoint does not cover yet
	Size     uint64    `json:"size"`    // of the tree of the checkpoint
	Root     string    `json:"root"`
	Origin   string    `json:"origin"`
	Key      string    `json:"key"`   // that signed it
	Wrong    []string  `json:"wrong"` // what does not fit
}

// Prove checks the entries of a remedy again: each against its leaf, its leaf against
// the tree, and the tree's head against its signature.
func Prove(ctx context.Context, from Entries, remedy uuid.UUID, now time.Time) (*Proof, error) {
	found := &Proof{At: now.UTC(), Wrong: []string{}}
	receipt, err := from.Receipt(ctx, remedy)
	if err != nil {
		// A ledger that was changed gives no proof: that is what is to be found out.
		found.Wrong = append(found.Wrong, err.Error())
		return found, nil
	}
	if receipt == nil {
		return found, nil
	}
	entries, err := from.History(ctx, remedy)
	if err != nil {
		return nil, err
	}
	key, err := from.Key(ctx)
	if err != nil {
		return nil, err
	}
	head, err := ledger.ReadCheckpoint([]byte(receipt.Checkpoint))
	if err != nil {
		return nil, err
	}
	for _, fault := range receipt.Check(key, remedy) {
		found.Wrong = append(found.Wrong, fault.String())
	}
	found.Entries, found.Size, found.Root, found.Origin, found.Key = len(receipt.Entries), head.Size, hex.EncodeToString(head.Root[:]), receipt.Origin, receipt.Key
	found.Missing = max(0, len(entries)-len(receipt.Entries))
	found.Verified = len(found.Wrong) == 0 && found.Missing == 0 && found.Entries > 0
	return found, nil
}

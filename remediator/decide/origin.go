package decide

import "github.com/makegood/makegood/remediator/input"

// OriginFact says that the ledger goes on under a new origin, with a key of its own,
// because its end was lost: what the old origin signed beyond Kept is not in it. It is
// also the body of an origin input, in JSON.
type OriginFact struct {
	LedgerKey string  `json:"ledger_key"` // note verifier key of the checkpoints from now on
	Kept      uint64  `json:"kept"`       // entries of the old origin that are left, the first ones
	Old       OldHead `json:"old"`
	// Endorsement is all of this, signed with the key of the old origin.
	Endorsement string `json:"endorsement"`
}

// OldHead is the last checkpoint of an old origin that is known.
type OldHead struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"` // in entries
	Root   string `json:"root"` // in base64
}

// foldOrigin seals that a new origin begins. Nothing is decided by it.
func (f *Fold) foldOrigin(in input.Input) error {
	var o OriginFact
	if err := decodeBody(in, &o); err != nil {
		return err
	}
	return f.add(KindOrigin, Fact{}, o)
}

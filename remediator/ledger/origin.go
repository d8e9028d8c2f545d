package ledger

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/makegood/makegood/remediator/decide"
)

// NewOrigin makes the key of a new origin of a ledger that lost its end, and the fact
// with which it begins. Kept is how many entries are left, old the last checkpoint
// that is known, and signer signs for the old origin: who has no key of it cannot
// take a ledger over. Mark tells the new origin from others of the same log.
func NewOrigin(random io.Reader, signer note.Signer, logID, mark string, kept uint64, old Checkpoint) (private string, fact decide.OriginFact, err error) {
	private, public, err := NewKey(random, Origin(logID)+"/"+mark)
	if err != nil {
		return "", fact, err
	}
	fact = decide.OriginFact{LedgerKey: public, Kept: kept,
		Old: decide.OldHead{Origin: old.Origin, Size: old.Size, Root: base64.StdEncoding.EncodeToString(old.Root[:])}}
	signed, err := note.Sign(&note.Note{Text: endorsed(fact)}, signer)
	if err != nil {
		return "", fact, fmt.Errorf("endorse new origin: %w", err)
	}
	fact.Endorsement = string(signed)
	return private, fact, nil
}

// endorsed returns the lines that the key of the old origin signs.
func endorsed(o decide.OriginFact) string {
	return fmt.Sprintf("%s succeeded\nkey %s\nkept %d\nsize %d\nroot %s\n", o.Old.Origin, o.LedgerKey, o.Kept, o.Old.Size, o.Old.Root)
}

// checkEndorsed reports why a fact does not begin a new origin after that of key.
// It returns the name of the new one.
func checkEndorsed(o decide.OriginFact, logID, key string) (name string, err error) {
	next, err := note.NewVerifier(o.LedgerKey)
	if err != nil {
		return "", fmt.Errorf("read its key %q: %w", o.LedgerKey, err)
	}
	if !strings.HasPrefix(next.Name(), Origin(logID)+"/") {
		return "", fmt.Errorf("its key is of %q, which is no origin of this log", next.Name())
	}
	signer, text, err := openNote([]byte(o.Endorsement), []string{key})
	switch {
	case err != nil:
		return "", fmt.Errorf("the key of the origin before did not endorse it: %w", err)
	case signer != o.Old.Origin || text != endorsed(o):
		return "", errors.New("the key of the origin before endorsed something else")
	}
	return next.Name(), nil
}

// PastOrigin is an origin under which a ledger was kept before its end was lost.
type PastOrigin struct {
	Origin  string `json:"origin"`
	Kept    uint64 `json:"kept"`    // entries, the first ones
	Size    uint64 `json:"size"`    // of its last checkpoint that was known, in entries
	Root    string `json:"root"`    // of that, in base64
	Entry   uint64 `json:"entry"`   // that says so
	Current string `json:"current"` // the origin that came next
}

// maxOrigins bounds how many origins are followed: a ledger is seldom lost.
const maxOrigins = 100

// meet remembers a row that begins a new origin.
func (v *verifier) meet(row *Row) {
	if row.Kind == decide.KindOrigin && len(v.met) < maxOrigins {
		v.met = append(v.met, *row)
	}
}

// followOrigins follows the ledger from the key of its first entry to the newest that
// it names. Whether the entries are those that were sealed is found out by the scan.
func (v *verifier) followOrigins(first string) {
	v.heads.chain = []string{first}
	for _, row := range v.origins {
		var o decide.OriginFact
		if err := json.Unmarshal(row.Body, &o); err != nil {
			v.findEntry(row.Seq, "it begins no new origin: %v", err)
			continue
		}
		name, err := checkEndorsed(o, v.heads.logID, v.heads.chain[len(v.heads.chain)-1])
		if err == nil && (row.Seq < 0 || uint64(row.Seq) < o.Kept) {
			err = fmt.Errorf("it says that %d entries were kept, and comes before them", o.Kept)
		}
		if err != nil {
			v.findEntry(row.Seq, "it begins no new origin: %v", err)
			continue
		}
		v.heads.chain = append(v.heads.chain, o.LedgerKey)
		v.report.Past = append(v.report.Past, PastOrigin{Origin: o.Old.Origin, Kept: o.Kept, Size: o.Old.Size, Root: o.Old.Root,
			Entry: uint64(row.Seq), Current: name})
		v.report.Origin = name
	}
}

// lostWith says of a checkpoint of an earlier origin what of it was lost; empty when
// the ledger must still be a continuation of it. It is false when the ledger never had
// that origin.
func (v *verifier) lostWith(c Checkpoint) (lost string, known bool) {
	for _, past := range v.report.Past {
		if past.Origin != c.Origin {
			continue
		}
		if c.Size <= past.Kept {
			return "", true
		}
		lost = fmt.Sprintf("was made of %d entries of %s, of which %d are left: those after them were lost, as entry %d says, and the ledger went on as %s",
			c.Size, c.Origin, past.Kept, past.Entry, past.Current)
		root := base64.StdEncoding.EncodeToString(c.Root[:])
		switch {
		case c.Size > past.Size:
			lost += fmt.Sprintf("; that entry knows of %d only", past.Size)
		case c.Size == past.Size && root != past.Root:
			lost += "; that entry names another checkpoint of as many"
		}
		return lost, true
	}
	return "", c.Origin == v.report.Origin
}

package ledgerdb

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/store/internal/statement"
)

// Succession is the keys of an origin that ends and of the one that follows it, both
// private halves.
type Succession struct{ Own, Next string }

// resealed is what the key of a new origin signs of the end of a ledger.
type resealed struct{ checkpoint, position []byte }

// Reseal has the end of the ledger in a file signed by the key of a new origin
// instead of its own, after it was found to be what its own has signed. The fact that
// begins the new origin must come next.
func Reseal(ctx context.Context, path string, s Succession) (err error) {
	d, err := Open(ctx, path, Options{Key: s.Own})
	if err != nil {
		return err
	}
	defer func() {
		if closing := d.Close(); err == nil {
			err = closing
		}
	}()
	d.committing.Lock()
	defer d.committing.Unlock()
	end, err := d.tip.reseal(s.Next)
	if err != nil {
		return err
	}
	tx, err := d.commits.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := end.write(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// resealFile returns what the key of a new origin signs of the end of the ledger in a
// file, which stays as it is.
func resealFile(ctx context.Context, file *engine, s Succession) (resealed, error) {
	own, err := note.NewSigner(s.Own)
	if err != nil {
		return resealed{}, fmt.Errorf("read ledger key: %w", err)
	}
	end, err := (&DB{db: file, signer: own}).readTip(ctx)
	if err != nil {
		return resealed{}, err
	}
	return end.reseal(s.Next)
}

// reseal signs the end of a ledger with the key of a new origin.
func (t *tip) reseal(next string) (r resealed, err error) {
	signer, err := note.NewSigner(next)
	if err != nil {
		return r, fmt.Errorf("read new ledger key: %w", err)
	}
	_, root, err := ledger.Append(t.applied.Size, t, nil)
	if err != nil {
		return r, fmt.Errorf("seal under new origin: %w", err)
	}
	if r.checkpoint, err = ledger.Sign(ledger.Checkpoint{Origin: signer.Name(), Size: t.applied.Size, Root: root}, signer); err != nil {
		return r, err
	}
	r.position, err = ledger.SignApplied(t.applied, signer)
	return r, err
}

func (r resealed) write(tx *statement.Tx) error {
	if _, err := tx.Exec(`UPDATE checkpoint SET note = ?`, r.checkpoint); err != nil {
		return fmt.Errorf("store checkpoint: %w", err)
	}
	if _, err := tx.Exec(`UPDATE applied SET note = ?`, r.position); err != nil {
		return fmt.Errorf("store applied position: %w", err)
	}
	return nil
}

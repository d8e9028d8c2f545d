package learn

import (
	"context"
	"errors"

	"github.com/makegood/makegood/remediator/coe"
	"github.com/makegood/makegood/remediator/rule"
)

// addRules has a draft quote the rules as they decided, by what the ledger seals of them:
// those of today may be others, and often are because of what the draft is about.
func (s *Shelf) addRules(ctx context.Context, book *coe.Book, ask *coe.Ask) error {
	ask.Sets = map[string]*rule.Set{}
	for _, digest := range book.Deciding(*ask) {
		set, err := s.ruleSet(ctx, digest)
		if err != nil {
			return err
		}
		if set != nil {
			ask.Sets[digest] = set
		}
	}
	standing, err := s.cfg.Ledger.RuleSetBefore(ctx, ask.Until)
	if err == nil && standing == "" {
		ask.Later = true
		standing, err = s.cfg.Ledger.RuleSetBefore(ctx, s.cfg.Now())
	}
	if err == nil {
		ask.Standing, err = s.ruleSet(ctx, standing)
	}
	return err
}

// ruleSet reads a rule set that was in force, nil when there was none, or none that this
// version reads.
func (s *Shelf) ruleSet(ctx context.Context, digest string) (*rule.Set, error) {
	files, err := s.cfg.Ledger.RuleFiles(ctx, digest)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	set, err := rule.Load(files)
	var unread *rule.Problems
	if errors.As(err, &unread) {
		return nil, nil
	}
	return set, err
}

// known is what a check must know of the ledger, of a size, besides its facts.
func (s *Shelf) known(ctx context.Context, d *coe.Document, size uint64) (coe.Known, error) {
	var digests []string
	for _, q := range d.Quoted {
		digests = append(digests, q.Digest)
	}
	files, err := s.cfg.Ledger.KnownRuleFiles(ctx, digests)
	return coe.Known{Size: size, RuleFiles: files}, err
}

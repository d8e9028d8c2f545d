package remediator

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/rule"
)

// Reload puts rule files in force while the service runs, as Config.Rules does
// at its start, and reports whether that changed anything: it returns when the
// activation is in the log, and events from then on are judged by the new rules.
// Files that were put in force before are waited for until they are: against them the
// new ones are judged. On a database it puts nothing in force: the files are compared
// with what is.
// Files with errors (a *rule.Problems), rules that name templates or receivers
// which the service has not, and rules that would pay again what was paid under
// another name are refused whole, and the rules in force stay.
func (s *Service) Reload(ctx context.Context, files []rule.File) (changed bool, err error) {
	if err := s.started(); err != nil {
		return false, fmt.Errorf("reload rules: %w", err)
	}
	set, err := rule.Load(files)
	if err != nil {
		return false, err
	}
	if err := s.fitsAll(set); err != nil {
		return false, err
	}
	if s.shared() { // it is for a person to put them in force
		s.files.Store(set)
		return false, nil
	}
	select {
	case s.reloading <- struct{}{}:
		defer func() { <-s.reloading }()
	case <-ctx.Done():
		return false, fmt.Errorf("reload rules: %w", ctx.Err())
	}
	if err := s.awaitActivated(ctx); err != nil {
		return false, fmt.Errorf("reload rules: wait for those before to be in force: %w", err)
	}
	return s.activate(ctx, s.inForce().Set, set)
}

// awaitActivated waits until the last activation of files is decided. What is compared
// with the rules before it would be taken for unchanged when it takes the activation
// back, and a rule that the activation brought would pay again under another name.
func (s *Service) awaitActivated(ctx context.Context) error {
	if !s.activated {
		return nil
	}
	head, err := s.log.Head(ctx)
	if err != nil {
		return fmt.Errorf("read the log's head: %w", err)
	}
	err = every(ctx, decidedPoll, func() (bool, error) { return s.decider.record.Load() >= head, s.started() })
	s.activated = err != nil
	return err
}

// fitsAll says why rules do not fit what the service has: templates, receivers.
func (s *Service) fitsAll(set *rule.Set) error {
	for _, fits := range s.fits {
		if err := fits(set); err != nil {
			return err
		}
	}
	return nil
}

// inForce returns the rules in force, as far as committed.
func (s *Service) inForce() decide.InForce {
	if in := s.decider.rules.Load(); in != nil {
		return *in
	}
	return decide.InForce{}
}

// checkRules says why rule files cannot be put in force, and which of their rules must pay
// nothing if others have paid until then.
func (s *Service) checkRules(ctx context.Context, files []rule.File) ([]decide.Renamed, error) {
	set, err := rule.Load(files)
	if err != nil {
		return nil, err
	}
	if err := s.fitsAll(set); err != nil {
		return nil, err
	}
	return s.refuseRenames(ctx, s.inForce().Set, set)
}

// committed tells those who wait for what a commit changed, of this node or another.
func (s *Service) committed(out *decide.Output) {
	s.console.Changed(topics(out)...)
	if out == nil { // it may be anything
		s.hub.Changed()
		s.guard.Forget()
		s.desk.Answered()
		return
	}
	if len(out.Cords)+len(out.Brakes)+len(out.Answers) > 0 { // an answer may lift a brake that nothing else tells of
		s.hub.Changed()
	}
	if len(out.Tokens) > 0 {
		s.guard.Forget()
	}
	if len(out.Answers) > 0 {
		s.desk.Answered()
	}
}

// activate appends the activation of a rule set, unless it is in force.
func (s *Service) activate(ctx context.Context, inForce, set *rule.Set) (bool, error) {
	if inForce != nil && inForce.Digest == set.Digest {
		return false, nil
	}
	renamed, err := s.refuseRenames(ctx, inForce, set)
	if err != nil {
		return false, err
	}
	if err := s.tellOtherKeys(ctx, inForce, set); err != nil {
		return false, err
	}
	body, err := json.Marshal(decide.ActivateBody{Files: set.Files, Author: s.cfg.Author, Renamed: renamed})
	if err != nil {
		return false, fmt.Errorf("encode rules: %w", err)
	}
	activation := input.Input{ID: "activate/" + uuid.NewString(), Kind: input.Activate, At: s.stamp(), Body: body}
	s.activated = true // also after an error: it may be in the log
	if err := s.appendSaid(ctx, []input.Input{activation}); err != nil {
		return false, fmt.Errorf("activate rules: %w", err)
	}
	return true, nil
}

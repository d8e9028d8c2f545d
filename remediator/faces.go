package remediator

import (
	"context"
	"time"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/adoption"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/integrity"
	"github.com/makegood/makegood/remediator/learn"
	"github.com/makegood/makegood/remediator/openid"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule/lint"
	"github.com/makegood/makegood/remediator/store/views"
	"github.com/makegood/makegood/remediator/web"
)

// todayLooksBack is the period that the console's first page sums up.
const todayLooksBack = 24 * time.Hour

// face puts the API and the console before the service. What both show, they read
// by the same functions.
func (s *Service) face(faces api.Config) error {
	s.integrity = integrity.New(integrity.Config{Ledger: s.ledger, Kept: s.kept, Retention: s.cfg.Retention,
		Changed: func() { s.console.Changed(web.TopicLedger) }, Now: s.cfg.Now, Logger: s.cfg.Logger})
	faces.Today, faces.Integrity, faces.Adoption = s.today, s.integrity, s.adoption
	if s.cfg.RuleTests != nil {
		faces.RuleTests = rehearse.NewBeside(s.cfg.RuleTests)
	}
	faces.Shelf = learn.New(learn.Config{Ledger: s.ledger, Now: s.cfg.Now})
	faces.Findings = &lint.Memory{}
	pages := web.Config{
		Findings:  faces.Findings,
		RuleTests: faces.RuleTests,
		Integrity: s.integrity,
		Adoption:  s.adoption,
		Shelf:     faces.Shelf,
		Guard:     s.guard, Desk: s.desk, Ledger: s.ledger, InForce: s.inForce, Lateness: s.lateness,
		Explain: faces.History.Explain, Near: faces.History.Near, Today: s.today, Pace: faces.Pace, Now: s.cfg.Now, Logger: s.cfg.Logger,
	}
	var err error
	if s.cfg.OpenID != nil {
		provider := *s.cfg.OpenID
		provider.Now = s.cfg.Now
		if pages.OpenID, err = openid.New(provider); err != nil {
			return err
		}
	}
	if s.console, err = web.New(pages); err != nil {
		return err
	}
	faces.Console = s.console
	s.handler = api.New(faces)
	if s.cfg.LocalNames {
		s.handler = access.OnThisMachine(s.handler)
	}
	return nil
}

// adoption tells what is covered, with what this node has heard up to now.
func (s *Service) adoption(ctx context.Context) (adoption.Adoption, error) {
	s.ear.Note(ctx)
	return adoption.Read(ctx, s.ledger, s.inForce().Set, s.cfg.Now())
}

// today tells how things stand, and what the last day was like. Where events are
// the clock, the day ends with the last of them.
func (s *Service) today(ctx context.Context) (views.Today, error) {
	until := s.cfg.Now()
	if s.cfg.EventClock {
		at, err := s.ledger.Position(ctx)
		if err != nil {
			return views.Today{}, err
		}
		until = time.Unix(0, at.At)
	}
	t, err := s.ledger.Today(ctx, until.Add(-todayLooksBack), until)
	if err != nil {
		return t, err
	}
	self, err := s.self(ctx)
	t.Behind = self.Behind
	return t, err
}

// topics are what a commit changed, for the pages that are open.
func topics(out *decide.Output) []string {
	if out == nil { // it may be anything
		return []string{web.TopicRemedies, web.TopicCords, web.TopicApprovals, web.TopicLedger, web.TopicCOEs}
	}
	var found []string
	if len(out.Items) > 0 {
		found = append(found, web.TopicLedger)
	}
	remedies, coes, approvals := false, false, len(out.Bulks) > 0 || out.Proposal != nil
	for _, item := range out.Items {
		if item.Fact == nil {
			continue
		}
		switch item.Fact.Kind {
		case decide.KindRemedy, decide.KindEnd:
			remedies, approvals = true, true // it may be held, or no longer be
		case decide.KindAction, decide.KindSeen:
			remedies = true
		case decide.KindApproval:
			approvals = true
		case decide.KindCOE:
			coes = true
		}
	}
	if coes {
		found = append(found, web.TopicCOEs)
	}
	if remedies {
		found = append(found, web.TopicRemedies)
	}
	if approvals {
		found = append(found, web.TopicApprovals)
	}
	if len(out.Cords)+len(out.Brakes) > 0 {
		found = append(found, web.TopicCords)
	}
	return found
}

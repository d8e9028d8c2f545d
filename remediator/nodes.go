package remediator

import (
	"context"
	"fmt"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/store/ledgerdb"
	"github.com/makegood/makegood/remediator/store/views"
)

const (
	// stopsPoll is how often a node looks for stops of others when it hears of none.
	stopsPoll = time.Second
	// seenEvery is how often a node says that it is there.
	seenEvery = 2 * time.Second
)

// sharedClaim is for how long a node claims an action, when others may claim it
// after its death: ten seconds longer than a call may take, for what comes between.
const sharedClaim = 30 * time.Second

// claimLease is for how long a worker claims an action; 0 for its default.
func (s *Service) claimLease() time.Duration {
	if s.shared() {
		return sharedClaim
	}
	return 0
}

// shared reports whether this is one node of several on a database.
func (s *Service) shared() bool { return s.cfg.Database != "" }

// restore brings the fold to where the ledger is. A database that goes away meanwhile
// is waited for when the node runs.
func (s *Service) restore(ctx context.Context) error {
	err := s.decider.restore(ctx)
	if s.shared() && passing(err) {
		s.cfg.Logger.Warn("restore state later", "error", err)
		return nil
	}
	return err
}

// follow brings the fold to where the ledger is, however long the database is away.
func (s *Service) follow(ctx context.Context) error {
	for {
		err := s.decider.catchUp(ctx)
		if err == nil || !passing(err) || ctx.Err() != nil {
			return err
		}
		s.cfg.Logger.Warn("follow the ledger again", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(leadAgainAfter):
		}
	}
}

// hearStops has gates told of what others stopped, until the context ends.
func (s *Service) hearStops(ctx context.Context) {
	poll := time.NewTicker(stopsPoll)
	defer poll.Stop()
	for {
		stopped := s.ledger.News(ledgerdb.Braked)
		s.hub.Changed()
		select {
		case <-ctx.Done():
			return
		case <-stopped:
		case <-poll.C:
		}
	}
}

// beSeen says that this node is there until the context ends, and warns when its
// rule files are not what is in force.
func (s *Service) beSeen(ctx context.Context) {
	poll := time.NewTicker(seenEvery)
	defer poll.Stop()
	for {
		s.warnOfRules()
		if err := s.ledger.SeeNode(ctx, s.describe()); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("tell other nodes of this one", "error", err)
		}
		select {
		case <-ctx.Done():
			leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
			defer cancel()
			if err := s.ledger.LeaveNode(leaving); err != nil {
				s.cfg.Logger.Warn("tell other nodes that this one goes", "error", err) // it is forgotten in the end
			}
			return
		case <-poll.C:
		}
	}
}

// describe is this node as others see it.
func (s *Service) describe() views.Node {
	return views.Node{Name: s.cfg.Node, Version: s.cfg.Version, Decide: s.decider.version, Rules: s.ownRules(), Ordinal: s.decider.folded.Load()}
}

// ownRules is the digest of the rule files of this node, empty when it has none.
func (s *Service) ownRules() string {
	if set := s.files.Load(); set != nil {
		return set.Digest
	}
	return ""
}

// warnOfRules says, once for each pair, that this node's rule files are not those
// in force: on a database only a person puts rules in force.
func (s *Service) warnOfRules() {
	own, inForce := s.ownRules(), s.inForce()
	digest := ""
	if inForce.Set != nil {
		digest = inForce.Set.Digest
	}
	pair := own + " " + digest
	if own == "" || own == digest || s.warned == pair {
		return
	}
	s.warned = pair
	s.cfg.Logger.Warn("the rule files of this node are not the rules in force; look with: makegood rules status, put them in force with: makegood rules activate DIR",
		"files", short(own), "in_force", short(digest), "by", inForce.Author)
}

// short is the beginning of a digest, enough for people to tell it from others.
func short(digest string) string {
	const enough = 12
	return fmt.Sprintf("%.*s", enough, digest)
}

// self is this node for the API.
func (s *Service) self(ctx context.Context) (api.Self, error) {
	self := api.Self{Node: s.cfg.Node, Role: api.Leader, Ordinal: s.decider.folded.Load(), Files: s.ownRules(), Log: s.engine, LatenessS: int64(s.lateness / time.Second)}
	switch {
	case s.decider.outdated():
		self.Role = api.Outdated
	case s.shared() && !s.decider.leads.Load():
		self.Role = api.Follower
	}
	head, err := s.log.Head(ctx)
	if err != nil {
		return self, fmt.Errorf("read the log's head: %w", err)
	}
	self.Record = s.decider.record.Load()
	self.Behind = head - min(head, self.Record)
	return self, nil
}

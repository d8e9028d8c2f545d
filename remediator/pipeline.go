// Package remediator is the service: it takes events in, decides once what is to
// be made good, has it carried out, and seals every step.
//
// This file shows the way of an event:
//
//	ingest ──▶ log ──▶ match ──▶ decide ──▶ ledger ──▶ act ──▶ provider
//	            ▲                                       │
//	            └────────── outcomes of actions ────────┘
//
// An application can run it as it is (cmd/makegood) or embed it: Start runs it on an
// address. Or step by step: New makes a Service, which is an http.Handler; Run works
// until its context ends; Close gives everything back.
package remediator

import (
	"fmt"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/act/credit"
	"github.com/makegood/makegood/remediator/adoption"
	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/ingest"
	"github.com/makegood/makegood/remediator/log"
	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/people"
)

// pipeline puts the parts of a service together, in the order of the flow.
func (s *Service) pipeline() error {
	// log: requests are merged into records; a record is durable before its
	// requests are answered.
	s.batcher = log.NewBatcher(watchedLog{s.log, s.noteStored}, log.Options{})

	// access: in whose name a request comes.
	s.guard = access.New(access.Config{
		Emitter: s.cfg.Token, Admin: s.cfg.AdminToken, Open: s.cfg.AdminToken == "", OpenToPrograms: s.cfg.OpenToPrograms, Tokens: s.ledger,
		Sessions: s.ledger, BehindTLS: s.cfg.BehindTLS, Now: s.cfg.Now,
	})

	// ingest: an HTTP request becomes inputs. Who sends what is noted beside that.
	s.ear = adoption.NewEar(s.ledger, s.cfg.Node, s.cfg.Now, s.cfg.Logger)
	events := ingest.New(ingest.Config{
		Log: appender(s.appendEvents), Allow: api.MayEmit(s.guard), EventClock: s.cfg.EventClock, Heard: s.hear,
	})

	// match, decide, ledger: one decider folds the log and commits facts, outbox
	// and tree in one transaction; andon tells the gates what that stopped.
	s.hub = andon.New(andon.Config{Store: s.ledger, Logger: s.cfg.Logger, Now: s.cfg.Now, Listens: s.ear.Listens})
	memory := decide.NewAhead(s.ledger)
	s.decider = &decider{
		log: s.log, store: s.ledger, append: s.append, wake: s.wakeWorkers, tell: s.committed, memory: memory, aheadOf: s.cfg.FoldAhead,
		config: decide.Config{Memory: memory, NewMatcher: match.New, Matchers: s.cfg.Matchers},
		onStep: s.cfg.OnStep, note: s.noteDecided, logger: s.cfg.Logger, shared: s.cfg.Database != "", version: decide.Version,
	}
	if !s.cfg.EventClock {
		s.decider.clock = s.cfg.Now
	}

	// act: one worker for each connector claims from the outbox; outcomes go
	// back into the log.
	if err := s.connect("credit", credit.New(s.ledger, s.cfg.Now)); err != nil {
		return err
	}
	if err := s.connectProvider(); err != nil {
		return err
	}

	// people: what they say is appended, and its answer brought back.
	s.desk = people.NewDesk(people.Config{Append: s.appendSaid, Store: s.ledger, Stamp: s.stamp, Now: s.cfg.Now, Braked: s.braked})

	// faces: what people and programs see of it.
	faces := api.Config{
		Providers: s.providers(), Books: s.books(), Self: s.self,
		Events: s.observed(events), Metrics: s.metrics(events), Stream: s.hub.Stream(), Gates: s.hub.Gates(), Ledger: s.ledger, Ready: s.readiness,
		Balance:      credit.BalanceHandler(s.ledger, s.cfg.Now, s.cfg.Logger),
		Redeem:       credit.RedeemHandler(s.ledger, s.cfg.Now, s.cfg.Logger),
		ConfirmClock: s.confirmClock, Guard: s.guard, Desk: s.desk, History: history.New(s.log, s.ledger), InForce: s.inForce, Lateness: s.lateness, CheckRules: s.checkRules, Pace: access.RequestPace(s.cfg.Requests), Now: s.cfg.Now, Logger: s.cfg.Logger,
	}
	if err := s.connectTelling(&faces); err != nil {
		return err
	}
	return s.face(faces)
}

// connect adds the worker of a connector.
func (s *Service) connect(name string, c act.Connector) error {
	worker, err := act.NewWorker(act.Config{
		Lease: s.claimLease(), Name: name, Connector: c, Outbox: s.ledger, Log: appender(s.append), EventClock: s.cfg.EventClock,
		Now: s.cfg.Now, OnStep: s.cfg.OnStep, Claimed: s.noteDamage, Logger: s.cfg.Logger,
	})
	if err != nil {
		return fmt.Errorf("connect %s: %w", name, err)
	}
	s.workers = append(s.workers, worker)
	return nil
}

package remediator

import (
	"net/http"

	"github.com/makegood/makegood/remediator/act"
	"github.com/makegood/makegood/remediator/act/stripe"
)

// connectProvider connects the provider of refunds, and what follows up how refunds
// stand there: the door for its events, and the look at what stays pending.
func (s *Service) connectProvider() error {
	if s.cfg.Provider == "" {
		return nil
	}
	const name = "stripe"
	refunds, err := stripe.New(stripe.Config{URL: s.cfg.Provider, Key: s.cfg.ProviderKey})
	if err != nil {
		return err
	}
	if err := s.connect(name, refunds); err != nil {
		return err
	}
	witness := &act.Witness{
		Name: name, Observer: refunds, Known: s.ledger, Log: appender(s.appendSaid), EventClock: s.cfg.EventClock, Now: s.cfg.Now,
	}
	s.witness = witness
	s.follower = &act.Follower{Witness: witness, Pending: s.ledger.Pending, Logger: s.cfg.Logger}
	return nil
}

// providers are the doors for events of providers, by the provider's name. Without a
// secret nobody could be believed, and there is none.
func (s *Service) providers() map[string]http.Handler {
	if s.witness == nil || len(s.cfg.ProviderHooks) == 0 {
		return nil
	}
	return map[string]http.Handler{
		s.witness.Name: stripe.Hook(stripe.HookConfig{Secrets: s.cfg.ProviderHooks, See: s.witness.See, Logger: s.cfg.Logger}),
	}
}

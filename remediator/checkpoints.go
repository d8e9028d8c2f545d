package remediator

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/act/webhook"
	"github.com/makegood/makegood/remediator/integrity"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/publish"
)

// Keeping says where checkpoints are kept besides the ledger.
type Keeping struct {
	// File is a file to which they are appended. A ledger that is no continuation of
	// the last one in it does not start. Defaults to none.
	File string
	// Endpoint is the name of an endpoint in the file of webhooks that is told of
	// them. Defaults to none.
	Endpoint string
}

// keepCheckpoints sets up who keeps checkpoints. It refuses a ledger that lost
// entries, or had others, since one was kept.
func (s *Service) keepCheckpoints(ctx context.Context, hooks *webhook.Connector) error {
	var keepers []publish.Keeper
	if path := s.cfg.Keep.File; path != "" {
		file, err := publish.OpenFile(path)
		if err != nil {
			return err
		}
		if last := file.Last(); last != nil {
			if err := s.ledger.CheckKept(ctx, last); err != nil {
				return fmt.Errorf("the ledger does not continue the last checkpoint in %s: %w", path, err)
			}
		}
		keepers = append(keepers, file)
	}
	if name := s.cfg.Keep.Endpoint; name != "" {
		if hooks == nil {
			return errors.New("configure checkpoints: an endpoint is named that is to keep them, and no file of webhooks")
		}
		if _, known := hooks.Endpoints()[name]; !known {
			return fmt.Errorf("configure checkpoints: %s has no endpoint %s", s.cfg.Telling.Webhooks, name)
		}
		keepers = append(keepers, hook{hooks, name})
	}
	s.publisher = publish.New(publish.Config{Ledger: s.ledger, Keepers: keepers, Now: s.cfg.Now, Logger: s.cfg.Logger})
	return nil
}

// kept says where checkpoints are kept, and up to which.
func (s *Service) kept() []integrity.Kept {
	var all []integrity.Kept
	for _, k := range s.publisher.Kept() {
		one := integrity.Kept{Where: k.Where, Failing: k.Failing}
		if head, err := ledger.ReadCheckpoint(k.Checkpoint); k.Checkpoint != nil && err == nil {
			one.Size, one.At = head.Size, k.At.UTC()
		}
		all = append(all, one)
	}
	return all
}

// hook is an endpoint that keeps checkpoints.
type hook struct {
	*webhook.Connector
	endpoint string
}

// Name implements publish.Keeper.
func (h hook) Name() string { return "webhook " + h.endpoint }

// checkpointMessage is the data of a webhook that tells of a checkpoint.
type checkpointMessage struct {
	Origin     string `json:"origin"`
	Checkpoint string `json:"checkpoint"` // the signed note
}

// Keep implements publish.Keeper. The same checkpoint has the same id, so that who
// was told twice knows it.
func (h hook) Keep(ctx context.Context, checkpoint []byte) error {
	origin, _, _ := strings.Cut(string(checkpoint), "\n")
	leaf := ledger.LeafHash(checkpoint)
	return h.Announce(ctx, h.endpoint, uuid.NewSHA1(uuid.NameSpaceURL, leaf[:]), "makegood.checkpoint", checkpointMessage{origin, string(checkpoint)})
}

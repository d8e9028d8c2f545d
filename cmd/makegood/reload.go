package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/rule"
)

// rulesPoll is how often the folder of the rules is read again.
const rulesPoll = time.Second

// unreadLooks is after how many looks in a row a folder that cannot be read is
// reported: who replaces it takes it away for a moment, and one look may fall there.
const unreadLooks = 2

// watchRules puts the rules of a folder in force again when a file changes, and
// at once on SIGHUP, until the context ends. Bad rules are printed, and the ones
// in force stay.
func watchRules(ctx context.Context, p *program, dir string, loaded []rule.File, service *remediator.Service, logger *slog.Logger) {
	hangUp := make(chan os.Signal, 1)
	signal.Notify(hangUp, syscall.SIGHUP)
	defer signal.Stop(hangUp)
	poll := time.NewTicker(rulesPoll)
	defer poll.Stop()
	files := polled{read: func() ([]rule.File, error) { return readRules(dir) }, taken: loaded, seen: loaded}
	w := rulesWatch{p: p, dir: dir, service: service, logger: logger, files: files}
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangUp:
			w.load(ctx, true)
		case <-poll.C:
			w.load(ctx, false)
		}
	}
}

// rulesWatch remembers what was read, so that a change is tried once.
type rulesWatch struct {
	p       *program
	dir     string
	service *remediator.Service
	logger  *slog.Logger

	files polled
	told  string // why they were not put in force, said once

	unread int // looks in a row at a folder that could not be read
}

// load tries what is new.
func (w *rulesWatch) load(ctx context.Context, asked bool) {
	files, changed, err := w.files.look(asked)
	if err != nil {
		if w.unread++; asked || w.unread == unreadLooks {
			w.logger.Error("read rules again; the rules in force stay", slog.Any("error", err))
		}
		return
	}
	w.unread = 0
	if !changed {
		return
	}
	if err := checkRules(w.p, w.dir, files); err != nil {
		w.logger.Error("read rules again: they have errors; the rules in force stay")
		return
	}
	switch changed, err := w.service.Reload(ctx, files); {
	case errors.Is(err, context.Canceled):
	case err != nil:
		if asked || err.Error() != w.told {
			w.logger.Error("put rules in force; those before stay", slog.Any("error", err))
		}
		w.files.taken, w.told = nil, err.Error() // what kept them out may pass
	case changed:
		w.logger.Info("new rules are in force", slog.String("folder", w.dir))
	case asked:
		w.logger.Info("the rules are in force as they are", slog.String("folder", w.dir))
	}
}

package remediator

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
)

// give appends a command.
func (s *Service) give(ctx context.Context, id string, command decide.CommandBody) error {
	body, err := json.Marshal(command)
	if err != nil {
		return err
	}
	return s.append(ctx, []input.Input{{ID: id, Kind: input.Command, At: s.stamp(), Body: body}})
}

// listen opens a stream once the service is ready, and reads its snapshot.
func listen(ctx context.Context, url string) (*andon.Reader, error) {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/andon/stream", nil)
		if err != nil {
			return nil, err
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		if answer.StatusCode == http.StatusOK {
			listener := andon.NewReader(answer.Body)
			_, err := listener.Next()
			return listener, err
		}
		answer.Body.Close()
	}
}

// TestStopBeforeItIsDecided holds that a person's stop reaches gates while the
// decider does nothing, and is confirmed, or taken back, once it does.
func TestStopBeforeItIsDecided(t *testing.T) { engines(t, testStopBeforeItIsDecided) }

func testStopBeforeItIsDecided(t *testing.T) {
	for _, c := range []struct{ name, reason, level string }{
		{"confirmed", "broken", cord.Red},
		{"taken back", "", cord.Open},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var holding sync.Mutex // held: the decider stands still
			s, err := New(Config{DataDir: t.TempDir(), Database: database(t), Logger: slog.New(slog.DiscardHandler), OnStep: func(step string) {
				if step == StepFolded {
					holding.Lock()
					defer holding.Unlock()
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx) }()
			defer func() {
				stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}()
			server := httptest.NewServer(s)
			defer server.Close()
			listener, err := listen(ctx, server.URL)
			if err != nil {
				t.Fatal(err)
			}
			hears := func(level string, confirmed bool) {
				t.Helper()
				news, err := listener.Next()
				for err == nil && news.Cord == nil {
					news, err = listener.Next()
				}
				if err != nil || news.Cord.Level != level || (news.Cord.Pull != uuid.Nil) != confirmed {
					t.Fatalf("it is told %+v, %v, want %s, confirmed: %v", news.Cord, err, level, confirmed)
				}
			}
			holding.Lock()
			pull := decide.CommandBody{Command: decide.CommandPull, By: "ada", Roles: []string{decide.RoleOperator},
				Cord: "product/TABLE-7", Level: cord.Red, Reason: c.reason}
			if err := s.give(ctx, "command/1", pull); err != nil {
				t.Fatal(err)
			}
			if err := s.ledger.Brake(ctx, decide.TargetCord(pull.Cord), "command/1", pull.By, time.Now()); err != nil {
				t.Fatal(err)
			}
			s.hub.Changed()
			hears(cord.Red, false)
			holding.Unlock()
			hears(c.level, c.level == cord.Red)
			stop()
		})
	}
}

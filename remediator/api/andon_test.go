package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/access"
	"github.com/makegood/makegood/remediator/andon"
	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/cord"
)

// board holds cords and stops; nothing else of the ledger is asked for here.
type board struct {
	api.Ledger
	cords []cord.State
	stops []andon.Stop
}

func (b board) Cords(context.Context) ([]cord.State, error) { return b.cords, nil }

func (b board) Stopped(context.Context) ([]cord.State, []andon.Stop, error) {
	open := func(s cord.State) bool { return s.Level == cord.Open }
	return slices.DeleteFunc(slices.Clone(b.cords), open), b.stops, nil
}

func (b board) Cord(_ context.Context, path string) (*cord.State, error) {
	at := slices.IndexFunc(b.cords, func(s cord.State) bool { return s.Cord == path })
	if at < 0 {
		return nil, nil
	}
	return &b.cords[at], nil
}

// serve serves the API of a board whose hub has its first picture.
func serve(t *testing.T, b board, admin, emitter string) *httptest.Server {
	t.Helper()
	hub := andon.New(andon.Config{Store: b, Logger: slog.New(slog.DiscardHandler)})
	if err := hub.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	nowhere := http.NotFoundHandler()
	server := httptest.NewServer(api.New(api.Config{
		Events: nowhere, Balance: nowhere, Redeem: nowhere, Stream: hub.Stream(), Gates: hub.Gates(),
		Ledger: b, Ready: func() error { return nil }, Guard: access.New(access.Config{Admin: admin, Emitter: emitter, Open: admin == ""}), Logger: slog.New(slog.DiscardHandler),
	}))
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, url, token string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// TestGatesNeedAnyToken holds who may ask gates: everybody who shows any token of
// the service, and everybody at all where it has none.
func TestGatesNeedAnyToken(t *testing.T) {
	t.Parallel()
	guarded, loopback := serve(t, board{}, "admin-secret", "emitter-secret"), serve(t, board{}, "", "")
	for _, path := range []string{"/v1/andon/stream", "/v1/andon/gates"} {
		for token, want := range map[string]int{"": 401, "wrong": 401, "admin-secret": 200, "emitter-secret": 200} {
			res := get(t, guarded.URL+path, token)
			if res.StatusCode != want {
				t.Errorf("%s with token %q: %s, want %d", path, token, res.Status, want)
			}
			if kind := res.Header.Get("Content-Type"); want == 401 && (kind != "application/problem+json" || res.Header.Get("WWW-Authenticate") == "") {
				t.Errorf("%s with token %q: the refusal is %s", path, token, kind)
			}
		}
		if res := get(t, loopback.URL+path, ""); res.StatusCode != 200 {
			t.Errorf("%s of a service without tokens: %s", path, res.Status)
		}
	}
	if res := get(t, guarded.URL+"/v1/andon", "emitter-secret"); res.StatusCode != 403 {
		t.Errorf("who pulled what is told to an emitter: %s", res.Status)
	}
}

// TestCords holds that every answer says how a path stands: by itself, or because
// of what lies above it.
func TestCords(t *testing.T) {
	t.Parallel()
	pull := uuid.New()
	server := serve(t, board{
		cords: []cord.State{
			{Cord: "product", Level: cord.Yellow, Since: 1, By: "ada"},
			{Cord: "product/1", Level: cord.Open, Pull: pull, Since: 2},
			{Cord: "product/2", Level: cord.Red, Pull: pull, Since: 3, By: "bob"},
		},
		stops: []andon.Stop{{Cord: "product/3", By: "eve", At: 4}},
	}, "", "")
	cases := []struct{ name, query, want string }{
		{"all that were ever pulled, or are stopped before the fold knows",
			"", "product yellow: yellow direct product|product/1 open: yellow inherited product|product/2 red: red direct product/2|product/3 red: red direct product/3"},
		{"one that stands under another", "?cord=product/2/left", "product/2/left open: red inherited product/2"},
		{"one that nothing is known of", "?cord=airport", "airport open: open  "},
		{"several, in the order of the question", "?cord=product/3&cord=product/1", "product/3 red: red direct product/3|product/1 open: yellow inherited product"},
	}
	for _, c := range cases {
		var answer api.Cords
		if err := json.NewDecoder(get(t, server.URL+"/v1/andon"+c.query, "").Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range answer.Cords {
			got = append(got, s.Cord+" "+s.Level+": "+s.Standing.Level+" "+s.Standing.How+" "+s.Standing.From)
		}
		if got := strings.Join(got, "|"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	for _, query := range []string{"?cord=", "?cord=a//b", "?cord=a/../b", "?cord=" + strings.Repeat("a&cord=", 100) + "a"} {
		if res := get(t, server.URL+"/v1/andon"+query, ""); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%.40s: %s, want 400", query, res.Status)
		}
	}
}

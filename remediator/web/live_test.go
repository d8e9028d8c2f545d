package web_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/web"
)

// stream is the address at which a page listens that is made now.
func (v *visitor) stream() string {
	v.house.t.Helper()
	for _, e := range v.get("/").nodes(v.house.t) {
		if address := e.attributes["sse-connect"]; address != "" {
			return address
		}
	}
	v.house.t.Fatal("the page listens nowhere")
	return ""
}

// listen opens a stream for a browser and returns its events as they come. The
// channel is closed when the stream ends.
func (v *visitor) listen(ctx context.Context, address string) <-chan string {
	v.house.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.house.url+address, nil)
	if err != nil {
		v.house.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := v.client.Do(req)
	if err != nil {
		v.house.t.Fatal(err)
	}
	v.house.t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		text, _ := io.ReadAll(res.Body)
		v.house.t.Fatalf("the stream is answered %s %s %s", res.Status, res.Header, text)
	}
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() { // its first line says that it has begun
		v.house.t.Fatal(lines.Err())
	}
	events := make(chan string, 100)
	go func() {
		defer close(events)
		for lines.Scan() {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				events <- name
			}
		}
	}()
	return events
}

// TestLive holds that open pages are told what changed, by topic, and that who is
// nobody any more is told nothing.
func TestLive(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"ann": "agent", "abe": "agent"})
	ann, abe := h.signedIn("ann"), h.signedIn("abe")
	toAnn, toAbe := ann.listen(t.Context(), ann.stream()), abe.listen(t.Context(), abe.stream())
	h.bearer("admin").post("/v1/andon/pull", `{"cord":"product/7","level":"red","reason":"it breaks"}`)
	heard := func(events <-chan string, topic string) {
		t.Helper()
		for event := range events {
			if !slices.Contains([]string{"remedies", "cords", "approvals", "ledger", "coes"}, event) {
				t.Errorf("there is a topic %q", event)
			}
			if event == topic {
				return
			}
		}
		t.Errorf("the stream ends without %s", topic)
	}
	heard(toAnn, "cords")
	heard(toAbe, "cords")
	h.late("1", "c-1", "20.00 USD")
	heard(toAnn, "remedies")
	heard(toAbe, "approvals")
	var listed api.Tokens
	h.bearer("admin").get("/v1/tokens").into(t, &listed)
	for _, token := range listed.Tokens {
		if token.Name == "ann" {
			h.bearer("admin").post("/v1/tokens/"+token.ID.String()+"/revoke", "")
		}
	}
	for range toAnn { // until it ends
	}
	h.bearer("admin").post("/v1/andon/pull", `{"cord":"product/8","level":"red","reason":"it breaks"}`)
	heard(toAbe, "cords")
	if p := ann.get("/live"); p.status != http.StatusNoContent {
		t.Errorf("ann, whose token was revoked, is answered %d", p.status)
	}
	if p := h.bearer("emitter").get("/live"); p.status != http.StatusNoContent {
		t.Errorf("an emitter is answered %d", p.status)
	}
}

// TestNothingIsMissed holds that a page is told at once what changed after it was made
// and before it listened, and all there is when it comes from another process.
func TestNothingIsMissed(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	v := h.signedIn("admin")
	before := v.stream()
	h.bearer("admin").post("/v1/andon/pull", `{"cord":"product/7","level":"red","reason":"it breaks"}`)
	h.idle()
	const all = "remedies cords approvals ledger coes"
	for address, want := range map[string]string{before: "cords", "/live": all, "/live?since=0&of=another": all, "/live?since=x": all} {
		ctx, leave := context.WithCancel(t.Context())
		var got []string
		for event := range v.listen(ctx, address) {
			if got = append(got, event); event == want || strings.Join(got, " ") == want {
				break
			}
		}
		leave()
		if text := strings.Join(got, " "); !strings.HasSuffix(text, want) {
			t.Errorf("%s says first %q, want %q", address, text, want)
		}
	}
}

// TestFetched holds what an open page gets that fetches its content again: the
// content alone, and a whole new page when nobody is signed in any more.
func TestFetched(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	v := h.signedIn("admin")
	whole, part := v.get("/"), v.get("/", "HX-Request", "true")
	if part.status != http.StatusOK || strings.Contains(part.body, "<html") || !strings.Contains(part.body, "<h1>Today</h1>") || len(part.body) >= len(whole.body) {
		t.Errorf("fetched is %d %s", part.status, part.body)
	}
	for _, attribute := range []string{`sse-connect="/live?of=`, `hx-get="/"`, `hx-trigger="sse:remedies, sse:cords, sse:approvals"`} {
		if !strings.Contains(whole.body, attribute) {
			t.Errorf("the page has no %s", attribute)
		}
	}
	if p := h.stranger().get("/", "HX-Request", "true"); p.status != http.StatusUnauthorized || p.header.Get("HX-Refresh") != "true" {
		t.Errorf("a stranger's page is answered %d %s", p.status, p.header)
	}
	if p := v.get("/nowhere", "HX-Request", "true"); p.status != http.StatusNotFound || p.body != "" {
		t.Errorf("a page that is nowhere is answered %d %s", p.status, p.body)
	}
}

// TestLiveHasRoomForAll holds that one person has no more than some of the live pages,
// while others still get one, and that a page that is closed makes room.
func TestLiveHasRoomForAll(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.hire(map[string]string{"ann": "agent", "abe": "agent"})
	ann := h.signedIn("ann")
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var streams []<-chan string
	for range web.MaxReadersEach {
		streams = append(streams, ann.listen(ctx, "/live"))
	}
	if p := h.bearer("ann").get("/live"); p.status != http.StatusServiceUnavailable {
		t.Errorf("one more is answered %d", p.status)
	}
	abe := h.signedIn("abe").listen(t.Context(), "/live")
	h.bearer("admin").post("/v1/andon/pull", `{"cord":"product/7","level":"red","reason":"it breaks"}`)
	for _, events := range append(streams, abe) {
		if event, ok := <-events; !ok {
			t.Fatalf("a stream ends after %q", event)
		}
	}
	leave()
	h.until("room again", func() bool {
		again, leave := context.WithCancel(t.Context())
		defer leave()
		req, err := http.NewRequestWithContext(again, http.MethodGet, h.url+"/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+h.secrets["ann"])
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

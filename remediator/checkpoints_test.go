package remediator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/webhooks/signature"
)

// serveParcels runs a service while parcels break, and ends it. It returns what
// verification by options says of the ledger then.
func serveParcels(t *testing.T, cfg remediator.Config, parcels []string, options ledger.Options) ledger.Report {
	t.Helper()
	cfg.Rules = []rule.File{{Path: "r.yaml", Text: strings.Split(tellingRules, "      - notify")[0] + strings.Split(tellingRules, "{order: \"${{ data.order }}\"}}\n")[1]}}
	cfg.Logger = slog.New(slog.DiscardHandler)
	service, err := remediator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- service.Run(ctx) }()
	for _, parcel := range parcels {
		body := fmt.Sprintf(`{"specversion":"1.0","id":"%s","source":"/shop","type":"parcel.broken","customer":"c-%[1]s","data":{"order":"%[1]s"}}`, parcel)
		for code := 0; code != http.StatusAccepted; { // until it has started
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/events", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/cloudevents+json")
			w := httptest.NewRecorder()
			service.ServeHTTP(w, r)
			if code = w.Code; code != http.StatusAccepted && code != http.StatusServiceUnavailable {
				t.Fatalf("parcel %s is answered %d %s", parcel, code, w.Body)
			}
		}
	}
	err = service.WaitIdle(t.Context())
	stop()
	report, verifyErr := service.Verify(t.Context(), options)
	if err := errors.Join(err, verifyErr, <-ran, service.Close()); err != nil {
		t.Fatal(err)
	}
	return report
}

// keptIn reads the checkpoints of a file.
func keptIn(t *testing.T, path string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	notes, err := ledger.SplitNotes(text)
	if err != nil || len(notes) == 0 {
		t.Fatalf("%s holds %d checkpoints, %v", path, len(notes), err)
	}
	return notes
}

// What is sealed is kept elsewhere before the service has ended: in a file, and by
// who is told of it, signed.
func TestCheckpointsAreKeptElsewhere(t *testing.T) {
	t.Parallel()
	secret, err := signature.ParseSecret(hookSecret)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	told := map[string]string{} // checkpoints by the ids of their messages
	auditor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, err := io.ReadAll(r.Body)
		message, signed := signature.Verify([]signature.Secret{secret}, r.Header, body, time.Now())
		var said struct {
			Type string
			Data struct{ Origin, Checkpoint string }
		}
		if err := errors.Join(err, signed, json.Unmarshal(body, &said)); err != nil || said.Type != "makegood.checkpoint" ||
			!strings.HasPrefix(said.Data.Checkpoint, said.Data.Origin+"\n") || said.Data.Origin == "" {
			t.Errorf("told %s, %v", body, err)
		}
		told[message.ID] = said.Data.Checkpoint
		w.WriteHeader(http.StatusNoContent)
	}))
	defer auditor.Close()
	folder := t.TempDir()
	write(t, folder, map[string]string{"secret": hookSecret,
		"webhooks.yaml": "endpoints:\n  - {name: auditor, url: \"" + auditor.URL + "\", secret_files: [secret], allow_private: true}\n"})
	kept := filepath.Join(folder, "kept")
	report := serveParcels(t, remediator.Config{
		DataDir: filepath.Join(folder, "data"), Keep: remediator.Keeping{File: kept, Endpoint: "auditor"},
		Telling: remediator.Telling{Webhooks: filepath.Join(folder, "webhooks.yaml")},
	}, []string{"1", "2", "3"}, ledger.Options{})
	notes := keptIn(t, kept)
	last, err := ledger.Open(notes[len(notes)-1], report.Key)
	if err != nil || last.Size != report.Size || last.Size < 10 {
		t.Errorf("kept last is %+v, %v, the ledger has %d entries", last, err, report.Size)
	}
	mu.Lock()
	defer mu.Unlock()
	newest := false
	for _, checkpoint := range told {
		newest = newest || checkpoint == string(notes[len(notes)-1])
	}
	if !newest {
		t.Errorf("the auditor was told %q, and not the last", told)
	}
}

// copyFolder copies the files of a folder that nobody serves.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// A ledger that lost its end, or whose history went another way under the same key,
// verifies by itself. By what was kept elsewhere it is found, and is not gone on with.
func TestForkedAndCutLedgersAreFound(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	serve := func(name string, kept string, parcels ...string) ledger.Report {
		var options ledger.Options
		if report := serveParcels(t, remediator.Config{DataDir: at(name), Keep: remediator.Keeping{File: kept}}, parcels, options); !report.Verified {
			t.Fatalf("%s: %+v", name, report)
		} else {
			return report
		}
		panic("unreachable")
	}
	serve("true", at("kept"), "1", "2")
	copyFolder(t, at("true"), at("cut"))
	copyFolder(t, at("true"), at("fork"))
	honest := serve("true", at("kept"), "3", "4")
	forked := serve("fork", "", "5", "6", "7", "8")
	if honest.Key != forked.Key || honest.Size >= forked.Size {
		t.Fatalf("the fork has %d entries, the ledger %d", forked.Size, honest.Size)
	}
	for name, want := range map[string][2]string{
		"true": {}, "cut": {"were lost", "its end was cut off"}, "fork": {"they went apart", "is not a continuation of the checkpoint given"},
	} {
		cfg := remediator.Config{DataDir: at(name), Logger: slog.New(slog.DiscardHandler)}
		service, err := remediator.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		alone, err := service.Verify(t.Context(), ledger.Options{Key: honest.Key})
		pinned, pinnedErr := service.Verify(t.Context(), ledger.Options{Key: honest.Key, Checkpoints: keptIn(t, at("kept"))})
		if err := errors.Join(err, pinnedErr, service.Close()); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		if err := pinned.WriteText(&said); err != nil {
			t.Fatal(err)
		}
		if !alone.Verified || alone.Covered != 0 || pinned.Verified != (want[1] == "") || !strings.Contains(said.String(), want[1]) {
			t.Errorf("%s: alone verified %t, with what was kept:\n%s", name, alone.Verified, said.String())
		}
		if want[1] == "" && pinned.Covered != honest.Size {
			t.Errorf("%s: checkpoints cover %d of %d entries", name, pinned.Covered, honest.Size)
		}
		cfg.Keep.File = at("kept")
		service, err = remediator.New(cfg)
		if err == nil {
			err = service.Close()
		}
		if want[0] == "" && err != nil || want[0] != "" && (err == nil || !strings.Contains(err.Error(), want[0])) {
			t.Errorf("%s starts with what was kept: %v, want %q", name, err, want[0])
		}
	}
}

// Who is to keep checkpoints must be there, before anything is begun.
func TestKeepersAreCheckedAtStart(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, folder, map[string]string{"webhooks.yaml": "sources: []\n", "other": "a diary\n"})
	for name, c := range map[string]struct {
		keep  remediator.Keeping
		hooks string
		want  string
	}{
		"no webhooks": {remediator.Keeping{Endpoint: "auditor"}, "", "no file of webhooks"},
		"no endpoint": {remediator.Keeping{Endpoint: "auditor"}, filepath.Join(folder, "webhooks.yaml"), "has no endpoint auditor"},
		"other file":  {remediator.Keeping{File: filepath.Join(folder, "other")}, "", "holds something else"},
		"no folder":   {remediator.Keeping{File: filepath.Join(folder, "none", "kept")}, "", "open checkpoints"},
	} {
		service, err := remediator.New(remediator.Config{DataDir: t.TempDir(), Keep: c.keep, Telling: remediator.Telling{Webhooks: c.hooks}})
		if err == nil {
			_ = service.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

package speed

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/store/postgrestest"
	"github.com/makegood/makegood/remediator/store/views"
)

var (
	remedies = flag.Int("pages.remedies", 600, "remedies that the pages choose from; make bench-pages has 1,000,000")
	requests = flag.Int("pages.requests", 5, "requests of each page, cold and warm; make bench-pages has 500")
	keep     = flag.String("pages.keep", "", "folder in which the databases stay for the next run; make bench-pages has build/pages")
)

const adminSecret = "admin-secret"

// wantPage is within which a page is answered.
const wantPage = 100 * time.Millisecond

// maxPage is how many bytes it has at the most.
const maxPage = 150 << 10

// town is a service with a crowd, and what was made of it beside that.
type town struct {
	config           remediator.Config
	Remedy           string
	OfCrowd          string    // a remedy in the middle of it
	Written, Drafted string    // COEs
	Filled           time.Time // when the crowd was made, which is now for the service
	DSN              string    // in PostgreSQL
	Of               string    // what it was made by: a change makes it anew
}

// found returns a town: the one of the run before, if towns are kept and it is there.
func found(t *testing.T, e engine) town {
	t.Helper()
	made := town{Filled: time.Now().UTC(), Of: fmt.Sprintf("%x %d", sha256.Sum256([]byte(views.Schema+views.Sums+rulesOfTown()+started)), *remedies)}
	folder, note := t.TempDir(), ""
	if *keep != "" {
		folder = filepath.Join(*keep, e.name)
		note = filepath.Join(folder, "town.json")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		var last town
		if text, err := os.ReadFile(note); err == nil && json.Unmarshal(text, &last) == nil && last.Of == made.Of && (last.DSN == "" || postgrestest.There(t, last.DSN)) {
			last.config = configOf(folder, last)
			return last
		}
		if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	if e.name == "postgres" {
		made.DSN = postgrestest.New(t)
		if *keep != "" {
			made.DSN = postgrestest.Kept(t, "pages")
		}
	}
	made.config = configOf(folder, made)
	began := time.Now()
	made.gather(t, e, *remedies)
	made.begin(t)
	made.know(t)
	t.Logf("%d remedies in %s", *remedies, time.Since(began).Round(time.Second))
	if note != "" {
		text, err := json.Marshal(made)
		if err == nil {
			err = os.WriteFile(note, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return made
}

// configOf is the service of a town, whose clock goes on where the crowd ends. Nothing
// of it pays: what came of each refund is in the log.
func configOf(folder string, of town) remediator.Config {
	began := time.Now()
	return remediator.Config{DataDir: folder, Database: of.DSN, AdminToken: adminSecret, Requests: -1, Logger: slog.New(slog.DiscardHandler),
		EventClock: true,
		Now:        func() time.Time { return of.Filled.Add(time.Since(began)) }}
}

// started is what happened in a town, by the number of the last change to it.
const started = `1`

// begin has people ask for a refund, pull a cord, which opens a COE by itself, and open
// another one, after the crowd came.
func (w *town) begin(t *testing.T) {
	t.Helper()
	running(t, w.config, func(s *remediator.Running) {
		if err := s.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		var answer struct{ Remedy, COE string }
		for _, c := range [][2]string{
			{"/v1/refunds", `{"payment":"pi_1","amount":"2.99 USD","customer":"customer-1","reason":"It came late"}`},
			{"/v1/andon/pull", `{"cord":"product/TABLE-7","level":"red","reason":"It may hurt somebody"}`},
			{"/v1/coes", `{"rule":"rule-3","title":"The third rule"}`},
		} {
			status, body, _ := ask(t, http.MethodPost, s.URL+c[0], c[1])
			if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK {
				t.Fatalf("%s is answered %d %s", c[0], status, body)
			}
			w.Remedy, w.Written = cmp.Or(w.Remedy, answer.Remedy), cmp.Or(answer.COE, w.Written)
		}
		// A red cord opens a COE by itself, which nobody has written yet.
		var list struct{ COEs []struct{ COE string } }
		if _, body, _ := ask(t, http.MethodGet, s.URL+"/v1/coes?about=product/TABLE-7", ""); json.Unmarshal([]byte(body), &list) != nil || len(list.COEs) != 1 {
			t.Fatalf("the COEs about the cord are %s", body)
		}
		w.Drafted = list.COEs[0].COE
		var paid struct{ Refunds []struct{ Remedy string } }
		if _, body, _ := ask(t, http.MethodGet, fmt.Sprintf("%s/v1/refunds?payment=pi_c%d", s.URL, *remedies/2+2), ""); json.Unmarshal([]byte(body), &paid) != nil || len(paid.Refunds) != 1 {
			t.Fatalf("the refunds of one of the crowd are %s", body)
		}
		w.OfCrowd = paid.Refunds[0].Remedy
	})
}

// TestPages measures the pages of the console with many remedies, cold after a start
// and warm. In make test the crowd is small, so that it is known to run. A target that
// is missed shows in the table alone: a busy machine is no fault.
func TestPages(t *testing.T) {
	var all [][]string
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { all = append(all, measurePages(t, e.name, found(t, e))...) })
	}
	if *prints {
		printPages(all)
	}
}

// printPages writes what was measured as a table.
func printPages(rows [][]string) {
	fmt.Printf("%s, %s/%s, %d processors, load %s; %d remedies, %d requests of each page, cold after a start and warm\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), load(), *remedies, *requests)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "engine\tpage\tKB\tfirst\tcold p50\tcold p99\twarm p50\twarm p99\twanted\treached")
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
}

// load is how busy the machine was in the last minute, where it tells.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// running does something with a service while it runs.
func running(t *testing.T, config remediator.Config, do func(*remediator.Running)) {
	t.Helper()
	s, err := remediator.Start(context.WithoutCancel(t.Context()), config, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	do(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// measurePages asks for each page of the navigation, for what it can be narrowed down
// to, and for the pages that these lead to.
func measurePages(t *testing.T, engine string, of town) (rows [][]string) {
	t.Helper()
	var paths []string
	running(t, of.config, func(s *remediator.Running) {
		_, body, _ := ask(t, http.MethodGet, s.URL+"/", "")
		_, nav, _ := strings.Cut(body, "<nav")
		nav, _, _ = strings.Cut(nav, "</nav>")
		for _, found := range regexp.MustCompile(`href="([^"]+)"`).FindAllStringSubmatch(nav, -1) {
			paths = append(paths, found[1])
		}
	})
	if len(paths) < 2 {
		t.Fatalf("the navigation leads to %q", paths)
	}
	crowds := "/remedies/" + of.OfCrowd
	paths = append(paths, "/refunds?customer=customer-7919", "/refunds?payment=pi_c77", "/refunds?status=failed", "/refunds?rule=rule-3&account=403",
		fmt.Sprint("/refunds?after=", 64**remedies), "/remedies/"+of.Remedy, crowds, crowds+"?verify=now", "/customers?customer=customer-7919", "/approvals?rule=rule-0",
		"/rules/rule-3", "/why-not", "/coes/"+of.Written, "/coes/"+of.Drafted, "/coes/"+of.Written+"/edit", "/facts/1")
	// A page that shows less than it would of a remedy that was decided from an event is no measure.
	words := map[string][]string{crowds: {"parcel.late", "weight_g", "rule-", "data.hours", "approve_above"}, crowds + "?verify=now": {"entries are in the tree"}}
	for _, path := range paths {
		running(t, of.config, func(s *remediator.Running) {
			cold, warm := timed(t, s.URL+path), timed(t, s.URL+path)
			_, body, _ := ask(t, http.MethodGet, s.URL+path, "")
			for _, word := range words[path] {
				if !strings.Contains(body, word) {
					t.Errorf("%s does not say %q", path, word)
				}
			}
			first := cold[0]
			slices.Sort(cold)
			slices.Sort(warm)
			row := []string{engine, path, fmt.Sprintf("%.1f", float64(len(body))/(1<<10)), shown(first)}
			worst := time.Duration(0)
			for _, took := range [][]time.Duration{cold, warm} {
				p99 := took[len(took)*99/100]
				row = append(row, shown(took[len(took)/2]), shown(p99))
				worst = max(worst, p99)
			}
			rows = append(rows, append(row, "< "+wantPage.String(), verdict(worst < wantPage && len(body) < maxPage)))
		})
	}
	return rows
}

// timed asks for a page as often as wanted, and returns how long each answer took.
func timed(t *testing.T, address string) (took []time.Duration) {
	t.Helper()
	for range *requests {
		status, body, d := ask(t, http.MethodGet, address, "")
		if status != http.StatusOK {
			t.Fatalf("%s is answered %d %s", address, status, body)
		}
		took = append(took, d)
	}
	return took
}

func shown(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }

// ask makes a request and returns what is answered, and how long that took.
func ask(t *testing.T, method, url, body string) (status int, text string, took time.Duration) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+adminSecret)
	r.Header.Set("Content-Type", "application/json")
	began := time.Now()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(all), time.Since(began)
}

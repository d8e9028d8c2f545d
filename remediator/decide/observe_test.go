package decide_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
)

// TestObserve: whoever observes a rehearsal is told what a ledger would have been
// given, and no more is made of it.
func TestObserve(t *testing.T) {
	t.Parallel()
	logs, err := filepath.Glob(filepath.Join("testdata", "golden", "v*", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no golden logs were found (%v): nothing was checked", err)
	}
	for _, path := range logs {
		inputs := readLog(t, path)
		sealed, err := decide.New(decide.Config{Memory: decide.NewMemory(), Rehearsal: true}).Apply(inputs)
		if err != nil {
			t.Fatal(err)
		}
		var observed []decide.Fact
		watched, err := decide.New(decide.Config{Memory: decide.NewMemory(), Rehearsal: true, Observe: func(f decide.Fact, body any) {
			f.Body = plainJSON(t, body)
			observed = append(observed, f)
		}}).Apply(inputs)
		if err != nil {
			t.Fatal(err)
		}
		if len(watched.Items) > 0 {
			t.Errorf("%s: there are %d items to seal beside what was observed", path, len(watched.Items))
		}
		remedies := 0
		wantErrors(t, path, observed, sealed.Items)
		for _, item := range sealed.Items {
			if item.Fact == nil || item.Fact.Kind == decide.KindProgress {
				continue
			}
			for len(observed) > 0 && again(observed[0], *item.Fact) {
				observed = observed[1:]
			}
			if len(observed) == 0 {
				t.Fatalf("%s: a fact %s of input %d was not observed", path, item.Fact.Kind, item.Fact.Ordinal)
			}
			if got, want := encode(t, observed[0]), encode(t, *item.Fact); !bytes.Equal(got, want) {
				t.Fatalf("%s: observed\n%s\nsealed\n%s", path, got, want)
			}
			if item.Fact.Kind == decide.KindRemedy {
				remedies++
			}
			observed = observed[1:]
		}
		observed = slices.DeleteFunc(observed, func(f decide.Fact) bool { return f.Kind == decide.KindError })
		if remedies == 0 || len(observed) > 0 {
			t.Errorf("%s: %d remedies were compared, and %d facts were observed that are not sealed", path, remedies, len(observed))
		}
	}
}

// again reports whether an error that was observed is not the one that is sealed next: of
// a rule, only the first since a progress is sealed, which counts the others.
func again(observed, sealed decide.Fact) bool {
	return observed.Kind == decide.KindError && (sealed.Kind != decide.KindError || sealed.Ordinal != observed.Ordinal || sealed.Rule != observed.Rule)
}

// wantErrors checks that as many errors of rules were observed as progress counts.
func wantErrors(t *testing.T, path string, observed []decide.Fact, sealed []decide.Item) {
	t.Helper()
	counted, through := map[string]int{}, uint64(0)
	for _, item := range sealed {
		if item.Fact == nil || item.Fact.Kind != decide.KindProgress {
			continue
		}
		var body decide.ProgressFact
		if err := json.Unmarshal(item.Fact.Body, &body); err != nil {
			t.Fatal(err)
		}
		for _, e := range body.RuleErrors {
			counted[e.Rule] += int(e.Errors)
		}
		through = body.Through
	}
	for _, f := range observed {
		if f.Kind == decide.KindError && f.Ordinal <= through {
			counted[f.Rule]--
		}
	}
	for rule, left := range counted {
		if left != 0 {
			t.Errorf("%s: of rule %s %d errors more are counted than observed", path, rule, left)
		}
	}
}

// plainJSON writes a body as facts have it.
func plainJSON(t *testing.T, body any) []byte {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(out.Bytes())
}

// TestARehearsalRemembers: what it took counts in every later call of Apply, though it
// is given no Memory.
func TestARehearsalRemembers(t *testing.T) {
	t.Parallel()
	logs, err := filepath.Glob(filepath.Join("testdata", "golden", "v*", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no golden logs were found (%v): nothing was checked", err)
	}
	repeated := 0
	for _, path := range logs {
		inputs := readLog(t, path)
		rehearse := func(size int) (observed [][]byte) {
			fold := decide.New(decide.Config{Rehearsal: true, Observe: func(f decide.Fact, body any) {
				f.Body = plainJSON(t, body)
				observed = append(observed, encode(t, f))
			}})
			for part := range slices.Chunk(inputs, size) {
				if _, err := fold.Apply(part); err != nil {
					t.Fatal(err)
				}
			}
			return observed
		}
		want := rehearse(len(inputs))
		if got := rehearse(1); !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%s: input by input it observes\n%s\nat once\n%s", path, bytes.Join(got, []byte("\n")), bytes.Join(want, []byte("\n")))
		}
		for _, fact := range want {
			if bytes.Contains(fact, []byte(`"`+decide.KindDuplicate+`"`)) {
				repeated++
			}
		}
	}
	if repeated == 0 {
		t.Error("no key came a second time: nothing was checked")
	}
}

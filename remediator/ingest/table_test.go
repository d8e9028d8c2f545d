package ingest_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/ingest"
)

// row is one request of the table in testdata/requests.txt and its answer.
type row struct {
	line    int
	name    string
	headers []string
	body    string
	want    string // status, accepted, problem type, index:code of the rejected
}

// TestRequests sends every request of the table; after each the door still
// takes a good event.
func TestRequests(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	rows := table(t)
	if len(rows) < 100 {
		t.Fatalf("the table has %d rows: it was not read whole", len(rows))
	}
	taken := 0
	for _, r := range rows {
		a := d.post(strings.NewReader(r.body), r.headers...)
		if got := describe(a); got != r.want {
			t.Errorf("testdata/requests.txt:%d: %s\ngot  %s (%s)\nwant %s", r.line, r.name, got, a.Detail, r.want)
		}
		if a.Accepted != nil {
			taken += *a.Accepted
		}
		taken += d.takesGood()
	}
	if stored := d.stored(); len(stored) != taken {
		t.Errorf("%d events are in the log, %d were accepted", len(stored), taken)
	}
}

// takesGood sends one good event and returns how many were accepted.
func (d *door) takesGood() int {
	d.t.Helper()
	a := d.post(strings.NewReader(good), "Content-Type", "application/cloudevents+json")
	if a.status != 202 || a.Accepted == nil || *a.Accepted != 1 {
		d.t.Fatalf("a good event gets %s (%s), want 202", describe(a), a.Detail)
	}
	return 1
}

// describe writes an answer as the table does.
func describe(a answer) string {
	text := strconv.Itoa(a.status)
	if a.Accepted != nil {
		text += fmt.Sprintf(" accepted=%d", *a.Accepted)
	}
	if a.Type != "" {
		text += " " + strings.TrimPrefix(a.Type, "urn:makegood:problem:")
	}
	for _, r := range a.Rejected {
		text += fmt.Sprintf(" %d:%s", r.Index, r.Code)
	}
	return text
}

// table reads the rows: a line "# name", lines "Header: value", a line "body
// TEXT" with TEXT a Go string or, after %, an abbreviation, and "= ANSWER".
func table(t testing.TB) []row {
	t.Helper()
	file, err := os.ReadFile("testdata/requests.txt")
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	var headers []string
	name := ""
	for i, line := range strings.Split(string(file), "\n") {
		header, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "" || strings.HasPrefix(line, "//"):
		case strings.HasPrefix(line, "# "):
			name, headers = line[2:], nil
		case strings.HasPrefix(line, "body "):
			body, want, found := strings.Cut(line[5:], " = ")
			if !found {
				t.Fatalf("testdata/requests.txt:%d: no answer", i+1)
			}
			rows = append(rows, row{line: i + 1, name: name, headers: headers, body: expand(t, strings.TrimSpace(body)), want: want})
		default:
			headers = append(headers, header, value)
		}
	}
	return rows
}

// expand turns the body of a row into bytes. GOOD stands for a good event.
func expand(t testing.TB, text string) string {
	t.Helper()
	body := text
	if strings.HasPrefix(text, `"`) {
		unquoted, err := strconv.Unquote(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		body = unquoted
	}
	return strings.ReplaceAll(body, "GOOD", good)
}

// TestJSONBodies sends each text of the event package's list as a whole body,
// as a batch and as the data of an event, in three modes.
func TestJSONBodies(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	file, err := os.ReadFile("../event/testdata/json.txt")
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for line := range strings.Lines(string(file)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		text, err := strconv.Unquote(line)
		if err != nil {
			t.Fatal(err)
		}
		inData := strings.Replace(good, `{"paid":"2.99 USD"}`, text, 1)
		want := 202
		if _, err := event.Decode([]byte(inData)); err != nil {
			want = 400
		}
		for name, a := range map[string]answer{
			"structured":  d.post(strings.NewReader(inData), "Content-Type", "application/cloudevents+json"),
			"whole event": d.post(strings.NewReader(text), "Content-Type", "application/cloudevents+json"),
		} {
			if wanted := map[string]int{"structured": want, "whole event": 400}[name]; a.status != wanted {
				t.Errorf("%s %s: %d (%s), want %d", name, line, a.status, a.Detail, wanted)
			}
		}
		batch := d.post(strings.NewReader("["+good+","+inData+"]"), "Content-Type", "application/cloudevents-batch+json")
		switch {
		case want == 202 && batch.status != 202,
			want == 400 && batch.status != 400 && !strings.Contains(text, "}"): // a bracket may end the event and begin another
			t.Errorf("batch %s: %d (%s), want %d", line, batch.status, batch.Detail, want)
		case batch.Accepted == nil:
			t.Errorf("batch %s: %s has no number of accepted events", line, describe(batch))
		}
		sent += d.takesGood()
	}
	if sent < 150 {
		t.Errorf("sent %d texts, the list has more", sent)
	}
}

// TestLargeBodies sends what is too large to stand in the table.
func TestLargeBodies(t *testing.T) {
	t.Parallel()
	d := open(t, ingest.Config{})
	event10MB := strings.Replace(good, "2.99 USD", strings.Repeat("x", 10<<20), 1)
	event65KB := strings.Replace(good, "2.99 USD", strings.Repeat("x", 65<<10), 1)
	bomb := "[" + strings.Repeat(" ", 64<<20) + "]"
	million := "[" + strings.Repeat("{},", 1_000_000) + "{}]"
	thousand := "[" + strings.Repeat(good+",", 999) + good + "]"
	deep := strings.Replace(good, `"2.99 USD"`, strings.Repeat("[", 1_000_000)+strings.Repeat("]", 1_000_000), 1)
	const structured, batch = "application/cloudevents+json", "application/cloudevents-batch+json"
	tests := []struct {
		name, contentType, encoding string
		body                        io.Reader
		want                        string
	}{
		{"10 MB event", structured, "", strings.NewReader(event10MB), "413 too-large"},
		{"10 MB event, chunked", structured, "", io.MultiReader(strings.NewReader(event10MB)), "413 too-large"},
		{"10 MB event in a batch", batch, "", strings.NewReader("[" + event10MB + "]"), "413 too-large"},
		{"10 MB event, gzip", structured, "gzip", gzipped(t, event10MB), "413 too-large"},
		{"10 MB event, zstd", structured, "zstd", zstded(t, event10MB), "413 too-large"},
		{"10 MB event, zstd of unknown size", structured, "zstd", zstdStream(t, event10MB), "413 too-large"},
		{"zip bomb, gzip", batch, "gzip", gzipped(t, bomb), "413 too-large"},
		{"zip bomb, gzip members", batch, "gzip", io.MultiReader(gzipped(t, bomb), gzipped(t, bomb)), "413 too-large"},
		{"zip bomb, zstd", batch, "zstd", zstded(t, bomb), "413 too-large"},
		{"zip bomb, zstd of unknown size", batch, "zstd", zstdStream(t, bomb), "413 too-large"},
		{"65 KB event", structured, "", strings.NewReader(event65KB), "400 accepted=0 events-rejected 0:too-large"},
		{"65 KB event in a batch", batch, "", strings.NewReader("[" + good + "," + event65KB + "," + good + "]"), "400 accepted=2 events-rejected 1:too-large"},
		{"a million tiny events", batch, "", strings.NewReader(million), "413 too-large"},
		{"1,000 events", batch, "", strings.NewReader(thousand), "202 accepted=1000"},
		{"1,000 events, gzip", batch, "gzip", gzipped(t, thousand), "202 accepted=1000"},
		{"1,000 events, zstd of unknown size", batch, "zstd", zstdStream(t, thousand), "202 accepted=1000"},
		{"1,000 events, chunked", batch, "", io.MultiReader(strings.NewReader(thousand)), "202 accepted=1000"},
		{"1,001 events", batch, "", strings.NewReader("[" + good + "," + thousand[1:]), "413 too-large"},
		{"a million brackets", structured, "", strings.NewReader(deep), "400 accepted=0 events-rejected 0:too-large"},
		{"a million brackets in a batch", batch, "", strings.NewReader("[" + good + "," + deep + "]"), "400 accepted=1 events-rejected 1:too-large"},
		{"four million brackets", batch, "", strings.NewReader(strings.Repeat("[", 4<<20)), "400 accepted=0 malformed 0:syntax"},
		{"32,000 names in an event", structured, "", strings.NewReader(names(6000)), "202 accepted=1"},
		{"gzip cut off", batch, "gzip", io.LimitReader(gzipped(t, thousand), 500), "400 unreadable-body"},
		{"zstd cut off", batch, "zstd", io.LimitReader(zstded(t, thousand), 100), "400 unreadable-body"},
	}
	for _, test := range tests {
		headers := []string{"Content-Type", test.contentType}
		if test.encoding != "" {
			headers = append(headers, "Content-Encoding", test.encoding)
		}
		if a := d.post(test.body, headers...); describe(a) != test.want {
			t.Errorf("%s: %s (%s), want %s", test.name, describe(a), a.Detail, test.want)
		}
		d.takesGood()
	}
}

// names returns an event with many different names in its data.
func names(n int) string {
	var data strings.Builder
	for i := range n {
		fmt.Fprintf(&data, `"%d":1,`, i)
	}
	return strings.Replace(good, `"paid"`, data.String()+`"paid"`, 1)
}

func gzipped(t testing.TB, body string) io.Reader {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.WriteString(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &out
}

func zstded(t testing.TB, body string) io.Reader {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return bytes.NewReader(w.EncodeAll([]byte(body), nil))
}

func zstdStream(t testing.TB, body string) io.Reader {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &out
}

package rehearse_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rehearse"
)

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*event.MaxBytes)
	for _, c := range []struct {
		name, text string
		want       []string
		fails      bool
	}{
		{"none", "", nil, false},
		{"empty ones", "\n\r\n  \n", nil, false},
		{"no end of line", "a\nb", []string{"a", "b"}, false},
		{"line ends of another system", "a\r\nb\r\n", []string{"a", "b"}, false},
		{"a byte order mark", "\xef\xbb\xbfa\n\xef\xbb\xbf\n", []string{"a", "\xef\xbb\xbf"}, false},
		{"zipped", zipped(t, "a\n\nb\n"), []string{"a", "b"}, false},
		{"zipped nothing", zipped(t, ""), nil, false},
		{"cut zip", zipped(t, "a\nb\n")[:20], nil, true},
		{"no zip", "\x1f\x8b", nil, true},
		{"a line that is too long", "a\n" + long + "\nb\n", []string{"a", long[:event.MaxBytes+2], "b"}, false},
		{"a line that is just long enough", long[:event.MaxBytes] + "\r\nb", []string{long[:event.MaxBytes], "b"}, false},
		{"a line of too many spaces hides nothing", strings.Repeat(" ", 3*event.MaxBytes) + "a\nb", []string{strings.Repeat(" ", event.MaxBytes+2), "b"}, false},
		{"only a line that is too long", long, []string{long[:event.MaxBytes+2]}, false},
	} {
		for _, reader := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text))} {
			got, failed := rehearse.Lines(reader)
			if failed != nil && !strings.Contains(failed.Error(), "the gzip file is cut off") {
				t.Errorf("%s: %v", c.name, failed)
			}
			if (failed != nil) != c.fails || !c.fails && !slices.Equal(got, c.want) {
				t.Errorf("%s: got %d lines and error %v, want %d", c.name, len(got), failed, len(c.want))
			}
		}
	}
}

func TestLinesEndWhereTheReaderStops(t *testing.T) {
	t.Parallel()
	for _, broken := range []error{errors.New("the disk is gone"), io.ErrUnexpectedEOF} { // the latter is how a download ends that broke off
		_, err := rehearse.Lines(io.MultiReader(strings.NewReader("a\n\nb"), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "read events at line 3: ") {
			t.Errorf("got %v, want %v at line 3", err, broken)
		}
	}
}

func TestReportForProgramsAndPeople(t *testing.T) {
	t.Parallel()
	events := strings.Join([]string{
		string(shopEvent(`"type":"com.example.contact.closed","customer":"c-1","time":"2026-03-01T08:00:00Z"`, `"order":7,"sku":"T-7","reason":"broken","units":2,"payment":"pi_1","paid":"9.99 USD"`)),
		`{"specversion":"1.0"}`,
		string(bytes.Replace(shopEvent(`"type":"com.example.contact.thanked","customer":"c-1"`, ``), []byte("e-1"), []byte("e-2"), 1)),
		string(bytes.Replace(shopEvent(`"type":"com.example.contact.thanked"`, ``), []byte("e-1"), []byte("e-3"), 1)),
	}, "\n")
	report, err := rehearse.Backtest(shop(t), strings.NewReader(events))
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := report.WriteTable(&text); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.golden", string(encoded)+"\n\n"+text.String())
	for range 20 {
		if err := report.WriteTable(brokenWriter{}); err == nil {
			t.Fatal("a report that could not be written was")
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestLinesOfAllSizes: every line comes whole, or cut where it is too long, whatever
// the reader gives at once.
func TestLinesOfAllSizes(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	var want []string
	for i := range 4000 {
		line := strings.Repeat(string(rune('a'+i%26)), i*7919%700+1)
		if i%1000 == 999 {
			line = strings.Repeat("z", i*event.MaxBytes/500)
		}
		text.WriteString(line + "\n")
		want = append(want, line[:min(len(line), event.MaxBytes+2)])
	}
	for _, reader := range []io.Reader{strings.NewReader(text.String()), iotest.HalfReader(strings.NewReader(text.String())), iotest.DataErrReader(strings.NewReader(text.String()))} {
		got, err := rehearse.Lines(reader)
		if err != nil || len(got) != len(want) {
			t.Fatalf("got %d lines (%v), want %d", len(got), err, len(want))
		}
		for n := range want {
			if got[n] != want[n] {
				t.Fatalf("line %d has %d bytes: %.20q…", n, len(got[n]), got[n])
			}
		}
	}
}

// TestFilesOfSomethingElse holds that a file which is JSON and not lines of it is named as
// what it is, and that one in which nothing is an event is no history of nothing.
func TestFilesOfSomethingElse(t *testing.T) {
	t.Parallel()
	const one = `{"specversion":"1.0","id":"e-1","source":"/s","type":"com.example.x","time":"2026-03-01T08:00:00Z"}`
	const array, several, none = "one JSON array", "on several lines", "no line is an event"
	for text, want := range map[string]string{
		"[" + one + "]": array, "\ufeff\n [\n  " + one + ",\n" + one + "]": array, "[]": array, "[\n": array,
		"{\n  \"id\": 1\n}\n": several, zipped(t, "["+one+"]"): array,
		"id,type\n1,x\n": none, `{"id":1}`: none, "[info] began\n": none,
		"[info] began\n" + one: "", one + "\n{\n": "", one: "", "": "", "\n\n": "",
	} {
		report, err := rehearse.Backtest(shop(t), strings.NewReader(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %q", text, err, want)
		}
		if want == none && (report == nil || len(report.Rejections) == 0) {
			t.Errorf("%.40q: nothing says why", text)
		}
	}
}

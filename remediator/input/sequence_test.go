package input

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

const aClient = "0190a1b2-7e4f-7c3a-9d5e-4f1a2b3c4d5e"

func TestSequencesHaveOneForm(t *testing.T) {
	t.Parallel()
	for name, number := range map[string]uint64{".1": 1, ".500": 500, ".1125899906842624": MaxNumber} {
		s, ok := ParseSequence(aClient + name)
		if !ok || s.Number != number || s.Client.String() != aClient {
			t.Errorf("%s is %+v, %v", name, s, ok)
		}
	}
	for _, name := range []string{
		"", aClient, aClient + ".", aClient + ".0", aClient + ".01", aClient + ".+1", aClient + ".-1", aClient + ".1_0", aClient + ".1 ",
		aClient + ".1/0", aClient + "/1", aClient + ".1125899906842625", aClient + ".99999999999999999999",
		strings.ToUpper(aClient) + ".1", strings.ReplaceAll(aClient, "-", "") + ".1", "urn:uuid:" + aClient + ".1", "{" + aClient[1:35] + "}.1",
		"x190a1b2-7e4f-7c3a-9d5e-4f1a2b3c4d5e.1",
	} {
		if s, ok := ParseSequence(name); ok {
			t.Errorf("%q is %+v", name, s)
		}
	}
}

func TestIDsSayTheSequence(t *testing.T) {
	t.Parallel()
	if s, ok := SequenceOf(EventPrefix(aClient+".7", true) + "9"); !ok || s.Number != 9 || s.Client.String() != aClient {
		t.Errorf("a numbered event: %+v, %v", s, ok)
	}
	for _, id := range []string{EventPrefix(aClient+".7", false) + "9", aClient + ".7", "webhook/" + aClient + ".7", ""} {
		if s, ok := SequenceOf(id); ok {
			t.Errorf("%q is %+v", id, s)
		}
	}
}

// TestSkippedNumbersComeBack writes any numbers and reads the same ones.
func TestSkippedNumbersComeBack(t *testing.T) {
	t.Parallel()
	split := 0
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.SampledFrom([]uint64{20, 4 * MaxRanges}).Draw(t, "most")
		step := rapid.Uint64Range(1, 2).Draw(t, "step")
		var numbers []uint64
		for n := rapid.Uint64Range(1, 9).Draw(t, "first"); n < most; n += step {
			numbers = append(numbers, n)
		}
		var got []uint64
		inputs := SkippedInputs(uuid.MustParse(aClient), numbers, 5)
		for _, in := range inputs {
			s, err := DecodeSkipped(in.Body)
			if err != nil || in.Kind != Skipped || in.ID != "" || in.At != 5 || s.Client.String() != aClient || len(in.Body) > MaxRecord/2 {
				t.Fatalf("%d bytes: %v", len(in.Body), err)
			}
			for _, r := range s.Ranges {
				for n := r.First; n <= r.Last; n++ {
					got = append(got, n)
				}
			}
		}
		if !slices.Equal(got, numbers) {
			t.Fatalf("%d numbers came back of %d", len(got), len(numbers))
		}
		split = max(split, len(inputs))
	})
	if split < 2 {
		t.Error("never were there more ranges than one input names")
	}
}

// FuzzSkipped reads any body. One that is read is written and read the same again.
func FuzzSkipped(f *testing.F) {
	for _, body := range []string{
		`{"client":"` + aClient + `","ranges":[[1,1]]}`, `{"client":"` + aClient + `","ranges":[[3,5],[7,1125899906842624]]}`,
		`{"client":"` + aClient + `","ranges":[]}`, `{"client":"` + aClient + `","ranges":[[5,3]]}`, `{"client":"` + aClient + `","ranges":[[0,3]]}`,
		`{"client":"` + aClient + `","ranges":[[1,2],[3,4]]}`, `{"client":"` + aClient + `","ranges":[[1,2,3]]}`, `{"client":"x","ranges":[[1,2]]}`,
		`{"client":"` + aClient + `","ranges":[[1,18446744073709551615]]}`, `null`, ``,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := DecodeSkipped(body)
		if err != nil {
			return
		}
		for i, r := range s.Ranges {
			if r.First < 1 || r.First > r.Last || r.Last > MaxNumber || i > 0 && r.First <= s.Ranges[i-1].Last+1 {
				t.Fatalf("range %d is %v", i, r)
			}
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeSkipped(text)
		if err != nil || again.Client != s.Client || !slices.Equal(again.Ranges, s.Ranges) {
			t.Fatalf("written and read again: %v, %v", again, err)
		}
		if canonical, _ := json.Marshal(again); !bytes.Equal(canonical, text) {
			t.Fatalf("%s became %s", text, canonical)
		}
	})
}

// FuzzSequence reads any name of a request. One that is read is the only way to write
// it, and the ids of its events say what it says.
func FuzzSequence(f *testing.F) {
	for _, name := range []string{aClient + ".1", aClient + ".1125899906842624", aClient + ".007", aClient + ".1.1", aClient, "b-7", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		s, ok := ParseSequence(name)
		if !ok {
			return
		}
		number := strconv.FormatUint(s.Number, 10)
		if written := s.Client.String() + "." + number; written != name || s.Number < 1 || s.Number > MaxNumber {
			t.Fatalf("%q is read as %q", name, written)
		}
		if got, ok := SequenceOf(EventPrefix(name, true) + number); !ok || got != s {
			t.Fatalf("the id of %q says %+v", name, got)
		}
		if got, ok := SequenceOf(EventPrefix(name, false) + number); ok {
			t.Fatalf("the id of an event that is not numbered says %+v", got)
		}
	})
}

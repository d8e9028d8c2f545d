package input

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

// goldenInputs and goldenRaw fix the form of records: logs hold them for ever.
var goldenInputs = []Input{
	{ID: "g", Kind: Genesis, At: 1, Body: []byte(`{}`)},
	{ID: "batch-7", Kind: Event, At: StampRecord, Body: []byte(`{"id":"1"}`)},
	{Kind: Tick, At: -1},
	{Kind: Outcome, At: StampPrevious, Body: []byte{0xff, 0}},
	{Kind: Version, At: math.MaxInt64},
}

const goldenRaw = "0105" +
	"0102" + "0167" + "027b7d" +
	"0200" + "0762617463682d37" + "0a7b226964223a2231227d" +
	"0601" + "00" + "00" +
	"05ffffffffffffffffff01" + "00" + "02ff00" +
	"07feffffffffffffffff01" + "00" + "00"

// goldenBlob is goldenRaw as one zstd frame made by the first release.
const goldenBlob = "28b52ffd0400f10100010501020167027b7d02000762617463682d370a7b226964223a2231227d0601000005ffffffffffffffffff010002ff0007feffffffffffffffff0100002c7036ac"

func TestRecordBytesAreForEver(t *testing.T) {
	t.Parallel()
	parts, err := Split(goldenInputs)
	if err != nil || len(parts) != 1 {
		t.Fatalf("Split = %d parts, %v; want 1", len(parts), err)
	}
	blob, err := EncodeParts(parts)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := decompress(blob)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(raw); got != goldenRaw {
		t.Errorf("encoded form\n got %s\nwant %s", got, goldenRaw)
	}
	stored, err := hex.DecodeString(goldenBlob)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeRecord(stored, 99)
	if err != nil {
		t.Fatal(err)
	}
	want := append([]Input(nil), goldenInputs...)
	want[1].At = 99
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded\n got %+v\nwant %+v", got, want)
	}
}

// TestDigestIsForEver fixes the running digest over the golden inputs: ledgers
// and snapshots name it.
func TestDigestIsForEver(t *testing.T) {
	t.Parallel()
	var d [32]byte
	for _, in := range goldenInputs {
		d = Digest(d, in)
	}
	const want = "3f07c4bac49d410e7c06cc8628f721ead104382062c56993a43adeccff521541"
	if got := hex.EncodeToString(d[:]); got != want {
		t.Errorf("digest = %s, want %s", got, want)
	}
}

func TestRecordRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		inputs := make([]Input, rapid.IntRange(1, 40).Draw(t, "n"))
		for i := range inputs {
			inputs[i] = Input{
				ID:   rapid.String().Draw(t, "id"),
				Kind: Kind(rapid.IntRange(1, int(lastKind)).Draw(t, "kind")),
				At:   rapid.Int64().Draw(t, "at"),
			}
			if body := rapid.SliceOf(rapid.Byte()).Draw(t, "body"); len(body) > 0 {
				inputs[i].Body = body
			}
		}
		blob, err := EncodeRecord(inputs)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeRecord(blob, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, inputs) {
			t.Fatalf("got %+v, want %+v", got, inputs)
		}
	})
}

func TestSplitKeepsOrderAndBounds(t *testing.T) {
	t.Parallel()
	var inputs []Input
	for i := range 40 {
		inputs = append(inputs, Input{ID: strings.Repeat("i", i+1), Kind: Event, Body: bytes.Repeat([]byte{byte(i)}, 60<<10)})
	}
	parts, err := Split(inputs)
	if err != nil {
		t.Fatal(err)
	}
	if want := 5; len(parts) != want {
		t.Errorf("Split made %d parts, want %d", len(parts), want)
	}
	var got []Input
	for _, p := range parts {
		if p.Size() > MaxRecord {
			t.Errorf("part of %d bytes", p.Size())
		}
		blob, err := EncodeParts([]*Part{p})
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeRecord(blob, 0)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, back...)
	}
	if !reflect.DeepEqual(got, inputs) {
		t.Error("the parts do not add up to the inputs")
	}
	if _, err := EncodeRecord(inputs); !errors.Is(err, ErrTooLarge) {
		t.Errorf("EncodeRecord of 2.4 MB = %v, want ErrTooLarge", err)
	}
}

func TestLargestInput(t *testing.T) {
	t.Parallel()
	in := Input{Kind: Activate, At: StampPrevious, Body: make([]byte, MaxRecord)}
	in.Body = in.Body[:MaxRecord-recordHead-size(Input{})]
	blob, err := EncodeRecord([]Input{in})
	if err != nil {
		t.Fatalf("an input that fits: %v", err)
	}
	if _, err := DecodeRecord(blob, 0); err != nil {
		t.Fatalf("decode the largest record: %v", err)
	}
	in.Body = append(in.Body, 0)
	if _, err := EncodeRecord([]Input{in}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more = %v, want ErrTooLarge", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	frame := func(raw string) []byte {
		b, err := hex.DecodeString(raw)
		if err != nil {
			t.Fatal(err)
		}
		return compress(b)
	}
	big, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	bomb := big.EncodeAll(make([]byte, 64<<20), nil)
	var many []byte
	for range 3 {
		many = append(many, compress(make([]byte, MaxRecord/2))...)
	}
	for name, c := range map[string]struct {
		blob []byte
		want string
	}{
		"nothing":              {nil, "unknown version"},
		"not zstd":             {[]byte("hello"), "decompress"},
		"another version":      {frame("0201060000" + "00"), "unknown version 02"},
		"no inputs":            {frame("0100"), "0 inputs"},
		"count beyond bytes":   {frame("01ffffffff0f06000000"), "inputs in"},
		"count cut":            {frame("0180"), "inputs in"},
		"body cut":             {frame("010102000005aabb"), "cut short"},
		"id longer than bytes": {frame("0101020009610000"), "cut short"},
		"trailing bytes":       {frame("010106000000" + "00"), "1 bytes after"},
		"kind 0":               {frame("010100000000"), "unknown kind 0"},
		"kind of the future":   {frame("01010b000000"), "unknown kind 11"},
		"long-winded varint":   {frame("018100" + "06000000"), "inputs in"},
		"long-winded time":     {frame("010106800000" + "00"), "malformed"},
		"bomb":                 {bomb, "decompress"},
		"many frames":          {many, "decompress"},
	} {
		if _, err := DecodeRecord(c.blob, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	if _, err := EncodeRecord(nil); err == nil {
		t.Error("a record without inputs was encoded")
	}
}

// FuzzDecodeRecord holds that no bytes make the decoder panic and that whatever
// it accepts is exactly what the encoder makes of the result.
func FuzzDecodeRecord(f *testing.F) {
	golden, err := hex.DecodeString(goldenBlob)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden, false)
	raw, err := hex.DecodeString(goldenRaw)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw, true)
	f.Fuzz(func(t *testing.T, blob []byte, uncompressed bool) {
		if uncompressed {
			blob = compress(blob)
		}
		inputs, err := DecodeRecord(blob, StampRecord)
		if err != nil {
			return
		}
		again, err := EncodeRecord(inputs)
		if errors.Is(err, ErrTooLarge) {
			return // within the few bytes by which the encoder bounds itself more tightly
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := decompress(again)
		if err != nil {
			t.Fatal(err)
		}
		want, err := decompress(blob)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("re-encoded form\n got %x\nwant %x", got, want)
		}
	})
}

func BenchmarkRecord500(b *testing.B) {
	var inputs []Input
	for i := range 500 {
		inputs = append(inputs, Input{Kind: Event, Body: []byte(strings.Repeat(`{"specversion":"1.0","n":`+string(rune('a'+i%26))+`}`, 20))})
	}
	blob, err := EncodeRecord(inputs)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := EncodeRecord(inputs); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeRecord(blob, 1); err != nil {
				b.Fatal(err)
			}
		}
	})
}

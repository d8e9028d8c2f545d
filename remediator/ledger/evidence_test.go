package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

func testKey(name string) [32]byte { return sha256.Sum256([]byte(name)) }

func TestSealComesBackAndIsDeterministic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := testKey(rapid.String().Draw(t, "key"))
		aad := rapid.SliceOf(rapid.Byte()).Draw(t, "aad")
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		sealed := ledger.Seal(key, aad, plain)
		if !bytes.Equal(sealed, ledger.Seal(key, aad, plain)) {
			t.Fatal("sealed twice, the bytes differ")
		}
		got, err := ledger.OpenSealed(key, aad, sealed)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, plain) {
			t.Fatalf("got %x, want %x", got, plain)
		}
		if _, err := ledger.OpenSealed(testKey("another"), aad, sealed); err == nil {
			t.Fatal("opened with another key")
		}
		if _, err := ledger.OpenSealed(key, append(aad, 0), sealed); err == nil {
			t.Fatal("opened in another context")
		}
		sealed[rapid.IntRange(0, len(sealed)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := ledger.OpenSealed(key, aad, sealed); err == nil {
			t.Fatal("opened after a bit was turned")
		}
	})
	if _, err := ledger.OpenSealed(testKey("k"), nil, []byte("short")); err == nil {
		t.Error("opened what is shorter than a nonce")
	}
}

// TestNoncesDiffer seals many contents: each has a nonce of its own.
func TestNoncesDiffer(t *testing.T) {
	t.Parallel()
	key, seen := testKey("k"), map[string]string{}
	for _, context := range []string{"", "a", "ab"} {
		for _, plain := range []string{"", "a", "b", "ab", "ba", strings.Repeat("x", 1000)} {
			nonce := string(ledger.Seal(key, []byte(context), []byte(plain))[:12])
			if other, ok := seen[nonce]; ok {
				t.Errorf("%q in %q has the nonce of %q", plain, context, other)
			}
			seen[nonce] = plain + " in " + context
		}
	}
}

// TestEvidenceOfAnySizeFits seals contents up to more than the largest event
// that is accepted, which is 64 KiB and need not be compressible.
func TestEvidenceOfAnySizeFits(t *testing.T) {
	t.Parallel()
	key := testKey("customer")
	for _, size := range []int{0, 1, 46_079, 46_080, 46_081, 64 << 10, 200_000} {
		plain := make([]byte, size)
		for i := range plain {
			plain[i] = byte(i * 7 / 3)
		}
		ev := decide.Evidence{Customer: "c", Remedy: uuid.Max, Rule: "r", Kind: "event", At: 5, Ordinal: 9, Plain: plain}
		facts, err := ledger.SealEvidence(key, 1, ev)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range facts {
			if err := (ledger.Entry{Seq: uint64(i), Fact: f}).Check(); err != nil {
				t.Errorf("%d bytes, part %d: %v", size, i+1, err)
			}
			if size > 10 && bytes.Contains(f.Body, plain[:10]) {
				t.Errorf("%d bytes, part %d: the content is in clear", size, i+1)
			}
		}
		kind, got, err := ledger.OpenEvidence(key, facts)
		if err != nil {
			t.Fatal(err)
		}
		if kind != "event" || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: got %q of %d bytes back", size, kind, len(got))
		}
	}
}

func TestEvidenceOpensOnlyInItsPlace(t *testing.T) {
	t.Parallel()
	key := testKey("customer")
	seal := func(remedy string, kind string) []decide.Fact {
		facts, err := ledger.SealEvidence(key, 1, decide.Evidence{
			Remedy: uuid.NewSHA1(uuid.Nil, []byte(remedy)), Kind: kind, Plain: bytes.Repeat([]byte("x"), 100_000),
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(facts) != 3 {
			t.Fatalf("sealed in %d parts, want 3", len(facts))
		}
		return facts
	}
	good, other := seal("one", "event"), seal("two", "event")
	moved := append([]decide.Fact{}, good...)
	moved[1].Body = other[1].Body
	var body ledger.EvidenceBody
	if err := json.Unmarshal(good[0].Body, &body); err != nil {
		t.Fatal(err)
	}
	body.Kind = "reason"
	renamed := append([]decide.Fact{}, good...)
	renamed[0].Body, _ = json.Marshal(body)
	for name, facts := range map[string][]decide.Fact{
		"none": {}, "truncated": good[:2], "doubled": {good[0], good[0], good[2]}, "swapped": {good[1], good[0], good[2]},
		"moved": moved, "renamed": renamed,
	} {
		if _, _, err := ledger.OpenEvidence(key, facts); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	if _, _, err := ledger.OpenEvidence(testKey("another"), good); err == nil || !strings.Contains(err.Error(), ledger.KeyID(key)) {
		t.Errorf("another key: got %v, want an error that names the right key", err)
	}
}

func TestEntriesGiveItemsTheirPlaces(t *testing.T) {
	t.Parallel()
	fact := func(kind string, version int) decide.Item {
		return decide.Item{Fact: &decide.Fact{Kind: kind, Ordinal: 1, Version: version, Body: json.RawMessage(`{}`)}}
	}
	evidence := decide.Item{Evidence: &decide.Evidence{Customer: "c", Kind: "event", Ordinal: 1, Plain: make([]byte, 64<<10)}}
	asked := ""
	keyFor := func(customer string) ([32]byte, error) { asked += customer; return testKey(customer), nil }
	entries, err := ledger.Entries(10, []decide.Item{evidence, fact("pull", 1), fact("version", 2), evidence}, keysOf(keyFor))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for i, e := range entries {
		if e.Seq != uint64(10+i) {
			t.Errorf("entry %d has sequence %d", i, e.Seq)
		}
		got += e.Kind + string(rune('0'+e.Version)) + " "
	}
	if want := "evidence1 evidence1 pull1 version2 evidence2 evidence2 "; got != want || asked != "cc" {
		t.Errorf("got %q with keys of %q, want %q with keys of cc", got, asked, want)
	}
	if _, err := ledger.Entries(0, []decide.Item{evidence, fact("pull", 1)}, keysOf(func(string) ([32]byte, error) { return [32]byte{}, errors.New("erased") })); err == nil {
		t.Error("sealed evidence without a key")
	}
	if _, err := ledger.Entries(0, []decide.Item{fact("Bad kind", 1)}, keysOf(keyFor)); err == nil {
		t.Error("sealed a fact that cannot be read back")
	}
}

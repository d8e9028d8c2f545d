package ledger_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

// seeded makes the keys of tests the same in every run.
func seeded(seed uint64) io.Reader {
	var s [32]byte
	s[0] = byte(seed)
	return rand.NewChaCha8(s)
}

func newSigner(t testing.TB, seed uint64, origin string) (note.Signer, string) {
	t.Helper()
	private, public, err := ledger.NewKey(seeded(seed), origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, public
}

func TestCheckpointIsThreeSignedLines(t *testing.T) {
	t.Parallel()
	origin := ledger.Origin("abc")
	signer, public := newSigner(t, 1, origin)
	want := ledger.Checkpoint{Origin: origin, Size: 31678, Root: testLeaf(1)}
	signed, err := ledger.Sign(want, signer)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(signed), "\n")
	if len(lines) != 6 || lines[0] != "makegood/abc" || lines[1] != "31678" || len(lines[2]) != 44 || lines[3] != "" || !strings.HasPrefix(lines[4], "— makegood/abc ") {
		t.Errorf("got\n%s", signed)
	}
	again, err := ledger.Sign(want, signer)
	if err != nil || !bytes.Equal(again, signed) {
		t.Errorf("signed again: got %q, %v, want the same", again, err)
	}
	got, err := ledger.Open(signed, public+"\n")
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	want.Origin = "elsewhere"
	if _, err := ledger.Sign(want, signer); err == nil {
		t.Error("signed for another origin")
	}
}

func TestOpenRefusesOthers(t *testing.T) {
	t.Parallel()
	origin := ledger.Origin("abc")
	signer, public := newSigner(t, 1, origin)
	_, swapped := newSigner(t, 2, origin)
	signed, err := ledger.Sign(ledger.Checkpoint{Origin: origin, Size: 5, Root: testLeaf(1)}, signer)
	if err != nil {
		t.Fatal(err)
	}
	text := func(text string) []byte {
		n, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	root := strings.Split(string(signed), "\n")[2]
	for name, c := range map[string]struct {
		signed []byte
		key    string
	}{
		"no key":                {signed, ""},
		"another key":           {signed, swapped},
		"another size":          {bytes.Replace(signed, []byte("\n5\n"), []byte("\n6\n"), 1), public},
		"no signature":          {[]byte(strings.Split(string(signed), "—")[0]), public},
		"origin of another key": {text("elsewhere\n5\n" + root + "\n"), public},
		"a line more":           {text(origin + "\n5\n" + root + "\nmore\n"), public},
		"a line less":           {text(origin + "\n5\n"), public},
		"size with a zero":      {text(origin + "\n05\n" + root + "\n"), public},
		"size with a sign":      {text(origin + "\n-5\n" + root + "\n"), public},
		"root too short":        {text(origin + "\n5\n" + root[4:] + "\n"), public},
	} {
		if got, err := ledger.Open(c.signed, c.key); err == nil {
			t.Errorf("%s: opened as %+v", name, got)
		}
	}
}

func TestNewKeyRefusesNamesThatNotesCannotHave(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"", "with space", "a+b"} {
		if _, _, err := ledger.NewKey(seeded(1), origin); err == nil {
			t.Errorf("made a key for %q", origin)
		}
	}
	if _, _, err := ledger.NewKey(strings.NewReader(""), "a"); err == nil {
		t.Error("made a key without randomness")
	}
}

func TestAppliedIsSigned(t *testing.T) {
	t.Parallel()
	signer, public := newSigner(t, 1, ledger.Origin("abc"))
	position := ledger.Applied{Position: decide.Position{LogID: "abc", Record: 3, Ordinal: 70, At: 12, Digest: testLeaf(1), Version: 1}, Size: 9}
	signed, err := ledger.SignApplied(position, signer)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.CheckApplied(position, signed, public); err != nil {
		t.Error(err)
	}
	for i, change := range []func(*ledger.Applied){
		func(a *ledger.Applied) { a.LogID = "abd" }, func(a *ledger.Applied) { a.Record++ },
		func(a *ledger.Applied) { a.Ordinal++ }, func(a *ledger.Applied) { a.At++ },
		func(a *ledger.Applied) { a.Digest[31]++ }, func(a *ledger.Applied) { a.Version++ },
		func(a *ledger.Applied) { a.Size++ },
	} {
		changed := position
		change(&changed)
		if err := ledger.CheckApplied(changed, signed, public); err == nil {
			t.Errorf("change %d was not noticed: %+v", i, changed)
		}
	}
	if _, err := ledger.Open(signed, public); err == nil {
		t.Error("a position passes as a checkpoint")
	}
	_, other := newSigner(t, 2, ledger.Origin("abc"))
	if err := ledger.CheckApplied(position, signed, other); err == nil {
		t.Error("accepted another key")
	}
}

func BenchmarkSign(b *testing.B) {
	signer, _ := newSigner(b, 1, ledger.Origin("abc"))
	for i := 0; b.Loop(); i++ {
		if _, err := ledger.Sign(ledger.Checkpoint{Origin: ledger.Origin("abc"), Size: uint64(i)}, signer); err != nil {
			b.Fatal(fmt.Errorf("sign: %w", err))
		}
	}
}

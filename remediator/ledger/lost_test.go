package ledger_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
)

// TestReportTellsOfLostWindows seals a progress fact of a period in which windows
// were forgotten: nothing is wrong with it, and the report says so to people.
func TestReportTellsOfLostWindows(t *testing.T) {
	t.Parallel()
	signer, public := newSigner(t, 1, ledger.Origin(testLog))
	h := newHistory(t, 6, testLog, public)
	for range 200 {
		h.input()
	}
	lost := 0
	for _, item := range h.out.Items {
		if f := item.Fact; f != nil && f.Kind == decide.KindProgress {
			f.Body = append(bytes.TrimSuffix(f.Body, []byte("}")),
				`,"windows_lost":[{"rule":"a","windows":7},{"rule":"b","windows":1,"parts":5}],"events_forgotten":2}`...)
			lost++
		}
	}
	if lost == 0 {
		t.Fatal("nothing was lost")
	}
	m := &memory{tiles: tileMap{}}
	m.commit(t, commit{h.out, h.pos}, signer)
	report := verify(t, m, ledger.Options{Key: public})
	if total := report.Total(); !report.Verified || total.LostWindows != uint64(8*lost) || total.LostParts != uint64(5*lost) || total.ForgottenEvents != uint64(2*lost) {
		t.Errorf("verified is %v, %d windows and %d parts were lost", report.Verified, total.LostWindows, total.LostParts)
	}
	if got := text(t, report); !strings.Contains(got, "forgotten before their time") || !strings.Contains(got, "no longer known should they come again") {
		t.Errorf("the report does not tell of it:\n%s", got)
	}
}

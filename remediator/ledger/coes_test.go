package ledger_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/ledger"
)

// lesson is a COE from its draft to its end.
func lesson(t *testing.T, public string) *desk {
	d := newDesk(t, public)
	d.says(decide.CommandBody{Command: decide.CommandDraft, By: "ann", COE: &decide.COE{
		Rule: "late", Since: "2001-01-01T00:00:00Z", Until: "2001-01-02T00:00:00Z", Text: "# Late\n"}})
	_, opened := d.fact(decide.KindCOE, `"opened"`)
	var coe decide.COEFact
	if err := json.Unmarshal(opened.Body, &coe); err != nil {
		t.Fatal(err)
	}
	say := func(by, command string, c decide.COE) {
		c.ID = coe.COE
		d.says(decide.CommandBody{Command: command, By: by, COE: &c})
	}
	say("bob", decide.CommandRevise, decide.COE{Revision: 1, Text: "# Late\n\nIt was late.\n"})
	say("ann", decide.CommandSubmit, decide.COE{Revision: 2})
	say("cem", decide.CommandPublish, decide.COE{Revision: 2, TreeSize: 5, Weeks: 1})
	d.at = d.at.Add(8 * 24 * time.Hour)
	d.gives(input.Tick, []byte{})
	say("ann", decide.CommandShelve, decide.COE{Revision: 2})
	d.at = d.at.Add(2 * time.Minute)
	d.gives(input.Tick, []byte{})
	return d
}

func TestVerifyReadsTheLifeOfACOE(t *testing.T) {
	t.Parallel()
	_, public := newSigner(t, 1, ledger.Origin(testLog))
	report := verify(t, lesson(t, public).seal(t), ledger.Options{Key: public})
	if !report.Verified || report.Entries[decide.KindCOE] != 7 {
		t.Errorf("%d facts about it:\n%s", report.Entries[decide.KindCOE], text(t, report))
	}
	for name, c := range map[string]struct {
		change func(d *desk)
		want   string
	}{
		"published by an author":         {replaceIn(decide.KindCOE, `"published"`, `"by":"cem"`, `"by":"bob"`), "published by bob, who wrote it"},
		"another text":                   {replaceIn(decide.KindCOE, `"change":"published"`, `"digest":"`, `"digest":"0`), "another text"},
		"a revision left out":            {replaceIn(decide.KindCOE, `"revision":2`, `"revision":2`, `"revision":3`), "it is revision 3"},
		"published without a review":     {replaceIn(decide.KindCOE, `"change":"review"`, `"status":"review"`, `"status":"draft"`), "is published, and it was draft"},
		"checked at a size to come":      {replaceIn(decide.KindCOE, `"tree_size"`, `"tree_size":5`, `"tree_size":500`), "which were not there yet"},
		"effective at another time":      {replaceIn(decide.KindCOE, `"hold_until"`, `"hold_until":"2001-0`, `"hold_until":"2002-0`), "effective at another time"},
		"about one that was never there": {replaceIn(decide.KindCOE, `"opened"`, `{"coe":"`, `{"coe":"`+uuid.Nil.String()+`","x":"`), "opened before, or never"},
		"a change that is none":          {replaceIn(decide.KindCOE, `"change":"review"`, `"change":"review"`, `"change":"praise"`), "is praise, and it was draft"},
	} {
		d := lesson(t, public)
		c.change(d)
		report := verify(t, d.seal(t), ledger.Options{Key: public})
		if got := text(t, report); report.Verified || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q is not in\n%s", name, c.want, got)
		}
	}
}

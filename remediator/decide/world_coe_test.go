package decide_test

import (
	"encoding/json"
	"fmt"

	"github.com/makegood/makegood/remediator/decide"
)

// learn remembers how the COEs of the world stand.
func (w *world) learn(f *decide.Fact) {
	var c decide.COEFact
	if err := json.Unmarshal(f.Body, &c); err != nil {
		w.t.Fatal(err)
	}
	for i := range w.coes {
		if w.coes[i].COE == c.COE {
			c.Revision = max(c.Revision, w.coes[i].Revision)
			w.coes[i] = c
			return
		}
	}
	w.coes = append(w.coes, c)
}

// aboutCOE opens a COE, or does with one of those there are what may come next.
func (w *world) aboutCOE(c decide.CommandBody) decide.CommandBody {
	c.COE = &decide.COE{Text: fmt.Sprintf("# What we learnt\n\nFrom %d inputs.\n", len(w.inputs))}
	if len(w.coes) == 0 || w.random.IntN(12) == 0 {
		c.Command, c.COE.Since, c.COE.Until = decide.CommandDraft, "2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z"
		if c.COE.Cord = "airport/A2"; w.random.IntN(2) == 0 {
			c.COE.Cord, c.COE.Rule = "", "goodwill"
		}
		return c
	}
	known := w.coes[w.random.IntN(len(w.coes))]
	c.COE.ID, c.COE.Revision = known.COE, known.Revision
	switch {
	case known.Revision == 0 || w.random.IntN(6) == 0:
		c.Command = decide.CommandRevise
	case known.Status == decide.COEDraft:
		c.Command = decide.CommandSubmit
	case known.Status == decide.COEReview:
		c.Command, c.COE.TreeSize, c.COE.Weeks = decide.CommandPublish, uint64(len(w.inputs)), 1
	default:
		c.Command = decide.CommandShelve
	}
	if w.random.IntN(8) == 0 {
		c.Command, c.Reason = decide.CommandShelve, "nothing to learn from"
	}
	return c
}

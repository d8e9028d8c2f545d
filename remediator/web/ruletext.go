package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
)

// ruleText is the text of a rule within its file.
type ruleText struct {
	Name  string
	Why   string
	File  string
	Lines []ruleLine
}

// ruleLine is one of a rule file.
type ruleLine struct {
	Number int
	Text   string
	In     bool // it is one of the rule's
}

const (
	around   = 3   // lines before and after a rule
	maxLines = 200 // of a text that is shown
)

// mostPast is how many rule sets of the past are kept as they were compiled.
const mostPast = 4

// pastSets are rule sets of the past that were looked at last: a page is fetched anew
// whenever something changes, and compiling thousands of rules takes seconds.
type pastSets struct {
	mu   sync.Mutex
	sets []*pastSet // the newest last
}

type pastSet struct {
	digest string
	set    *rule.Set // nil: this program cannot read it any more
}

// of returns a rule set by its digest, nil when it cannot be read any more.
func (p *pastSets) of(ctx context.Context, from Ledger, digest string) (*rule.Set, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, known := range p.sets {
		if known.digest == digest {
			p.sets = append(slices.Delete(p.sets, i, i+1), known)
			return known.set, nil
		}
	}
	files, err := from.RuleFiles(ctx, digest)
	if err != nil {
		return nil, err
	}
	loaded := &pastSet{digest: digest}
	if set, err := rule.Load(files); err == nil {
		loaded.set = set
	}
	p.sets = append(p.sets, loaded)
	p.sets = p.sets[max(0, len(p.sets)-mostPast):]
	return loaded.set, nil
}

// rule finds the text by which the remedy was decided, and what the rule's conditions
// of the event come to. The rules in force have it, unless the rule was edited since;
// then the ledger has it.
func (p *remedyPage) rule(c *Console, r *http.Request, entries []ledger.Entry) error {
	set, was := c.cfg.InForce().Set, p.Decided
	if set == nil || set.Rule(was.Rule) == nil || set.Rule(was.Rule).Digest != was.Digest {
		var err error
		if set, err = c.past.of(r.Context(), c.cfg.Ledger, was.Set); err != nil || set == nil {
			return err // the language may have changed: then the digest tells where it is
		}
		if set.Rule(was.Rule) == nil || set.Rule(was.Rule).Digest != was.Digest {
			return nil
		}
		p.Edited = true
	}
	by := set.Rule(was.Rule)
	p.Rule = textOf(set, by)
	if p.Event == "" {
		return nil
	}
	for _, e := range entries {
		if e.Kind == decide.KindRemedy {
			// What cannot be judged any more is not shown; the explanation says why.
			p.Conditions, _ = rehearse.Conditions(set, by.Name, []byte(p.Event), e.At)
		}
	}
	return nil
}

// textOf cuts a rule out of its file, with a few lines around it.
func textOf(set *rule.Set, r *rule.Rule) *ruleText {
	shown := &ruleText{Name: r.Name, Why: r.Why, File: r.File}
	for _, file := range set.Files {
		if file.Path != r.File {
			continue
		}
		lines := strings.Split(strings.TrimSuffix(file.Text, "\n"), "\n")
		next := len(lines) + 1 // where another rule begins
		for _, other := range set.Rules {
			if other.File == r.File && other.Line > r.Line {
				next = min(next, other.Line)
			}
		}
		for number := max(1, r.Line-around); number < min(next+around, len(lines)+1, r.Line+maxLines); number++ {
			shown.Lines = append(shown.Lines, ruleLine{number, cut(lines[number-1], maxLine), number >= r.Line && number < next})
		}
	}
	return shown
}

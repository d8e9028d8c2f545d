package ledger

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/decide"
)

// maxFindings is how many findings a report lists. A row that was moved
// changes every later one; the first are those that say what happened.
const maxFindings = 100

// Places of a finding.
const (
	PlaceEntry      = "entry"
	PlaceTile       = "tile"
	PlaceCheckpoint = "checkpoint" // the row of the checkpoint
	PlaceApplied    = "applied"    // the row of the applied position
	PlaceGiven      = "given"      // a checkpoint or key from elsewhere
)

// Finding is one thing that is not as it was sealed.
type Finding struct {
	Place    string  `json:"place"`
	Sequence *int64  `json:"sequence,omitempty"` // of the entry, or the first of several
	Level    *int64  `json:"level,omitempty"`    // of the tile
	Index    *int64  `json:"index,omitempty"`    // of the tile
	Problem  string  `json:"problem"`
	weight   weights // findings that explain others come first
}

type weights int

const (
	integrity weights = iota // something was changed
	content                  // what was sealed does not fit together
)

// String names the place and the problem.
func (f Finding) String() string {
	switch {
	case f.Sequence != nil:
		return fmt.Sprintf("%s %d: %s", f.Place, *f.Sequence, f.Problem)
	case f.Level != nil && f.Index != nil:
		return fmt.Sprintf("%s (level %d, index %d): %s", f.Place, *f.Level, *f.Index, f.Problem)
	}
	return f.Place + ": " + f.Problem
}

// Period is what became of the events of one day of log time, in UTC, as far as
// progress facts have counted them.
type Period struct {
	Day    string `json:"day"`
	Inputs uint64 `json:"inputs"`
	decide.Counts
	// What windows forgot because of their bounds, of all rules; progress facts
	// name the rules.
	LostWindows uint64 `json:"lost_windows,omitempty"`
	LostParts   uint64 `json:"lost_parts,omitempty"`
	// ForgottenEvents are no longer known should they come again.
	ForgottenEvents uint64 `json:"forgotten_events,omitempty"`
}

// Report is what Verify found.
type Report struct {
	Verified bool   `json:"verified"` // nothing was found
	Pinned   bool   `json:"pinned"`   // a key or a checkpoint from elsewhere was given
	Covered  uint64 `json:"covered"`  // entries, the first ones, that a checkpoint from elsewhere covers
	Origin   string `json:"origin"`
	Size     uint64 `json:"size"`    // of the tree
	Root     string `json:"root"`    // of the entries as they are, in base64
	Key      string `json:"key"`     // public key that the checkpoint was checked with
	Ordinal  uint64 `json:"ordinal"` // of the last input folded
	// Past are the origins before this one, whose ends were lost.
	Past []PastOrigin `json:"past,omitempty"`

	Entries   map[string]uint64 `json:"entries"` // by kind
	Periods   []Period          `json:"periods"`
	Uncounted uint64            `json:"uncounted_inputs"` // folded since the last progress fact
	Findings  []Finding         `json:"findings"`
	More      int               `json:"more_findings"` // beyond those listed
}

// conclude orders the findings and says what they come to. What the entries say
// is not judged when they were changed: it would only repeat it in other words.
func (r *Report) conclude(findings []Finding, unlisted int) {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.weight, b.weight), cmp.Compare(rank(a), rank(b)), cmp.Compare(value(a.Sequence), value(b.Sequence)),
			cmp.Compare(value(a.Level), value(b.Level)), cmp.Compare(value(a.Index), value(b.Index)))
	})
	if len(findings) > 0 && findings[0].weight == integrity {
		findings = slices.DeleteFunc(findings, func(f Finding) bool { return f.weight == content })
	}
	r.Verified = len(findings) == 0
	r.More = unlisted
	if len(findings) > maxFindings {
		r.More += len(findings) - maxFindings
		findings = findings[:maxFindings]
	}
	r.Findings = append([]Finding{}, findings...) // in JSON an empty list, not null
	r.Periods = append([]Period{}, r.Periods...)
}

func rank(f Finding) int {
	return slices.Index([]string{PlaceEntry, PlaceTile, PlaceCheckpoint, PlaceApplied, PlaceGiven}, f.Place)
}

func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// First returns the sequence of the first entry that was found changed, missing
// or added, and false when none was.
func (r *Report) First() (sequence int64, found bool) {
	for _, f := range r.Findings {
		if f.Sequence != nil {
			return *f.Sequence, true
		}
	}
	return 0, false
}

// Total sums the periods up.
func (r *Report) Total() Period {
	total := Period{Day: "total"}
	for _, p := range r.Periods {
		total.Inputs += p.Inputs
		total.Counts = addCounts(total.Counts, p.Counts)
		total.LostWindows, total.LostParts = total.LostWindows+p.LostWindows, total.LostParts+p.LostParts
		total.ForgottenEvents += p.ForgottenEvents
	}
	return total
}

// WriteJSON writes the report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// WriteText writes the report for a person.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "ledger     %s\nentries    %d\nroot       %s\nkey        %s\n", r.Origin, r.Size, r.Root, r.Key)
	for _, p := range r.Past {
		fmt.Fprintf(&b, "before     %s, of which %d entries were kept; its last known checkpoint is of %d (entry %d)\n", p.Origin, p.Kept, p.Size, p.Entry)
	}
	kinds := make([]string, 0, len(r.Entries))
	for kind, n := range r.Entries {
		kinds = append(kinds, fmt.Sprintf("%d %s", n, kind))
	}
	slices.SortFunc(kinds, func(a, b string) int {
		_, aKind, _ := strings.Cut(a, " ")
		_, bKind, _ := strings.Cut(b, " ")
		return cmp.Compare(aKind, bKind)
	})
	if len(kinds) > 0 {
		fmt.Fprintf(&b, "of these   %s\n", strings.Join(kinds, ", "))
	}
	r.writePeriods(&b)
	b.WriteString("\n")
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "FOUND      %s\n", f)
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "           and %d more\n", r.More)
	}
	switch {
	case !r.Verified:
		fmt.Fprintf(&b, "NOT VERIFIED, findings: %d\n", len(r.Findings)+r.More)
	case r.Pinned:
		fmt.Fprintf(&b, "verified, against what was kept elsewhere: checkpoints cover %d of %d entries\n", r.Covered, r.Size)
		if r.Covered < r.Size {
			b.WriteString("those after them can have been rewritten by who has the ledger's key\n")
		}
	default:
		b.WriteString("verified, self-consistent only: a key or an older checkpoint that was kept\n" +
			"elsewhere would show whether the whole ledger was replaced\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// writePeriods writes what became of the events, one line a day.
func (r *Report) writePeriods(b *strings.Builder) {
	if len(r.Periods) == 0 {
		return
	}
	const line = "%-10s %10v = %10v + %10v + %10v + %10v + %10v + %10v + %10v\n"
	b.WriteString("\n")
	fmt.Fprintf(b, line, "day", "events", "duplicates", "no match", "judged", "remedies", "late", "no key", "errors")
	periods := r.Periods
	if len(periods) > 1 {
		periods = append(slices.Clone(periods), r.Total())
	}
	for _, p := range periods {
		if p.Received == 0 {
			continue // inputs, but no events
		}
		fmt.Fprintf(b, line, p.Day, p.Received, p.Duplicates, p.NoMatch, p.Judged, p.Remedies, p.Late, p.NoKey, p.Errors)
	}
	if total := r.Total(); total.LostWindows+total.LostParts > 0 {
		fmt.Fprintf(b, "Windows of %d keys and %d parts of others were forgotten before their time, because there were too many: a rule may not have fired.\n",
			total.LostWindows, total.LostParts)
	}
	if total := r.Total(); total.ForgottenEvents > 0 {
		fmt.Fprintf(b, "%d events are no longer known should they come again, because there were too many to remember.\n", total.ForgottenEvents)
	}
	if r.Uncounted > 0 {
		fmt.Fprintf(b, "An event counts once, as the most that it came to. The last %d inputs are not counted yet.\n", r.Uncounted)
	}
}

func encodeHash(hash []byte) string { return base64.StdEncoding.EncodeToString(hash) }

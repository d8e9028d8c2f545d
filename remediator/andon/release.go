package andon

import (
	"time"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
)

// Release is what lets go of a cord that is pulled, for who looks at it.
type Release struct {
	Refused  string      `json:"refused,omitempty"` // why who looks may not, whatever holds
	Criteria []Criterion `json:"criteria"`
}

// Criterion is one thing that a release needs.
type Criterion struct {
	Met  bool      `json:"met"`
	Text string    `json:"text"`
	From time.Time `json:"from,omitzero"` // when time alone meets it
}

// Releasing says what the release of a pulled cord needs by a person of some roles. fired
// is when each rule made its last live remedy.
func Releasing(s *cord.State, who string, roles []string, fired map[string]time.Time, now time.Time) Release {
	r := Release{Refused: decide.MayRelease(roles, who, s), Criteria: []Criterion{{Met: s.AcknowledgedBy != "", Text: "somebody has come"}}}
	if s.Level == cord.Red {
		r.Criteria = append(r.Criteria, Criterion{Met: r.Refused == "", Text: "another person than who pulled it looks"})
	}
	if quiet := s.Terms.Quiet; quiet > 0 {
		last, what := time.Unix(0, s.LastAt).UTC(), "the last pull"
		if QuietBy(s) {
			last, what = fired[s.Terms.QuietRule], "rule "+s.Terms.QuietRule+" fired last"
		}
		from := last.Add(quiet)
		text := quiet.String() + " of quiet since " + what + ": from " + from.UTC().Format("2006-01-02 15:04:05 UTC") + " on"
		r.Criteria = append(r.Criteria, Criterion{Met: !now.Before(from), Text: text, From: from})
	}
	r.Criteria = append(r.Criteria, Criterion{Text: "the cause and the fix are known, and are written"})
	return r
}

// QuietBy reports whether the quiet that a cord needs is that of another rule than pulled
// it.
func QuietBy(s *cord.State) bool {
	return s.Terms.Quiet > 0 && s.Terms.QuietRule != "" && s.Terms.QuietRule != s.Rule
}

package match_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/makegood/makegood/remediator/match"
)

func TestUnindexed(t *testing.T) {
	t.Parallel()
	set := load(t, `
rules:
  - {rule: z-late, owner: o, why: w, event: com.example.x, if: data.a == "one" && data.b != 1, do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: y-all, owner: o, why: w, event: com.example.x, do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: c-negated, owner: o, why: w, event: [com.example.x, com.other.*], if: data.a != "one" && data.b * 2 > 3, do: [{andon: {pull: a/b, level: red, reason: r}}]}
  - {rule: b-half, owner: o, why: w, event: [{type: com.example.x, if: data.a == "x"}, com.example.y], if: data.a == "x" || data.b == 1, do: [{andon: {pull: a/b, level: red, reason: r}}]}
`)
	var got []string
	for _, s := range match.Unindexed(set) {
		got = append(got, fmt.Sprintf("%s %s %v %d", s.Rule.Name, s.Event, s.Ends, s.Cost))
		if s.Reason == "" {
			t.Errorf("%s has no reason", s.Rule.Name)
		}
	}
	want := []string{"b-half com.example.y false 1", "c-negated com.example.x false 2", "c-negated com.other.* false 2"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

package main

import (
	"fmt"
	"strings"

	"github.com/makegood/makegood/remediator/match"
	"github.com/makegood/makegood/remediator/rule"
)

// ours goes the way of the service: rule files, the loaded set, the matcher
// over the bytes of an event.
func ours(rules []Rule) (func() (matcher, error), error) {
	set, err := rule.Load(ruleFiles(rules))
	if err != nil {
		return nil, err
	}
	place := make(map[string]int, len(rules))
	for i, r := range rules {
		place[r.Name] = i
	}
	return func() (matcher, error) {
		m := match.New(set)
		return func(raw []byte, hits []int) ([]int, error) {
			result, err := m.Match(raw, 0)
			if err != nil {
				return hits, err
			}
			if len(result.Errors) > 0 {
				return hits, fmt.Errorf("match rule %s: %s", result.Errors[0].Rule.Name, result.Errors[0].Reason())
			}
			for i := range result.Hits {
				hits = append(hits, place[result.Hits[i].Rule.Name])
			}
			return hits, nil
		}, nil
	}, nil
}

// perFile is how many rules a file has.
const perFile = 500

// ruleFiles writes rules as the files that an author would keep.
func ruleFiles(rules []Rule) []rule.File {
	var files []rule.File
	for from := 0; from < len(rules); from += perFile {
		var text strings.Builder
		text.WriteString("rules:\n")
		for i := from; i < min(from+perFile, len(rules)); i++ {
			fmt.Fprintf(&text, "  - rule: %s\n    owner: shop/care\n    why: It is one of many.\n    event: %s\n    if: >-\n      %s\n"+
				"    do: [{andon: {pull: product/table, level: red, reason: one of many}}]\n", rules[i].Name, rules[i].Type, celText(&rules[i]))
		}
		files = append(files, rule.File{Path: fmt.Sprintf("rules-%05d.yaml", from), Text: text.String()})
	}
	return files
}

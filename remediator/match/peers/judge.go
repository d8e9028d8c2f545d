package main

// judge says which rules match each event, by what the conditions mean and
// nothing else: no engine, no JSON, no index.
func judge(rules []Rule, documents []document) [][]int {
	lists, _ := split(rules, func(r *Rule) (*Rule, error) { return r, nil }) // what does nothing cannot fail
	matches := make([][]int, len(documents))
	for i := range documents {
		for _, p := range lists[documents[i].Type] {
			if holdAll(p.program.Conditions, &documents[i]) {
				matches[i] = append(matches[i], p.rule)
			}
		}
	}
	return matches
}

func holdAll(conditions []Condition, d *document) bool {
	for i := range conditions {
		if !conditions[i].holds(d) {
			return false
		}
	}
	return true
}

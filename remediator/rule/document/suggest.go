package document

import "strings"

// Nearest returns the candidate that a mistyped name most likely means, or "". Of two that
// are as near it is the one that begins alike: the first letter is rarely mistyped.
func Nearest(name string, candidates []string) string {
	best, least := "", 1+max(1, min(len(name), 64)/3)
	folded := strings.ToLower(name)
	for _, candidate := range candidates {
		if len(candidate) > 64 || candidate == name {
			continue
		}
		other := strings.ToLower(candidate)
		d := distance(folded, other, least+1)
		if d < least || d == least && best != "" && beginAlike(folded, other) && !beginAlike(folded, strings.ToLower(best)) {
			best, least = candidate, d
		}
	}
	if best == "" {
		return longer(folded, candidates)
	}
	return best
}

// longer returns the only candidate whose first word a name is: once for once_per.
func longer(name string, candidates []string) (found string) {
	for _, candidate := range candidates {
		if !strings.HasPrefix(strings.ToLower(candidate), name+"_") {
			continue
		}
		if found != "" {
			return ""
		}
		found = candidate
	}
	return found
}

func beginAlike(a, b string) bool { return a != "" && b != "" && a[0] == b[0] }

// DidYouMean writes the nearest candidate as a hint; without one it lists what
// is allowed.
func DidYouMean(name string, candidates []string) string {
	if near := Nearest(name, candidates); near != "" {
		return "did you mean " + near + "?"
	}
	return "allowed: " + strings.Join(candidates, ", ")
}

// distance counts the edits between two short texts: insert, delete, replace,
// swap of two neighbours. It stops early at limit.
func distance(a, b string, limit int) int {
	if len(a) > 64 || len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}

package expression_test

import "testing"

// TestHintsSayWhatWasMeant holds what is said of signs at which the parser stops, and of
// functions that others are taken for.
func TestHintsSayWhatWasMeant(t *testing.T) {
	t.Parallel()
	s := scope(t)
	const part, doubled, joint = `a " in a text is written \"`, `a text with ' in it stands in double quotes: "…"`, "put an operator or a comma before it"
	for text, want := range map[string]string{
		`data.text in ["a" "b"]`:                        joint,
		`data.text in ['a' 'b', "c"]`:                   joint,
		`data.text in [data.s "b"]`:                     joint,
		`data.n in [1 2]`:                               joint,
		`data.text == "a" "b`:                           "close the text with the quote it began with",
		`data.text == 'abc"`:                            "close the text with the quote it began with",
		`data.text == 'it's'`:                           doubled,
		`data.text == 'it's here'`:                      doubled,
		`data.text == 'don't'`:                          doubled,
		`data.text == "say "hi" now"`:                   part,
		`data.n > 1,000`:                                "a number is written without commas: 1000",
		`data.n>12,345,678 && data.yes`:                 "a number is written without commas: 12345678",
		`data.n == 1, 2`:                                "a list is written in square brackets: [1, 2]",
		`data.n in (1,2000)`:                            "a list is written in square brackets: [1, 2]",
		`data.n1,000`:                                   "a list is written in square brackets: [1, 2]",
		`data.n > 5 min`:                                `a duration is written duration("5m")`,
		`cidr("10.0.0.0/8").contains(data.text)`:        `write cidr("10.0.0.0/8").containsIP(data.text)`,
		`ip(data.text).contains("10.")`:                 `write data.text.contains("part")`,
		`data.text.contains(duration("1h"))`:            `write data.text.contains("part")`,
		`cidr("10.0.0.0/8").contains(cidr(data.range))`: `write cidr("10.0.0.0/8").containsIP(data.text)`,
	} {
		_, issues := s.Compile(text, nil)
		if len(issues) != 1 || issues[0].Hint != want {
			t.Errorf("%s: got %+v, want %s", text, issues, want)
		}
	}
}

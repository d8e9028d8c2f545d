package expression

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
)

// fromCELIssues turns what CEL found into issues; its messages name CEL's own
// parts, so the common ones are said in the words of a rule author.
func fromCELIssues(text string, found *cel.Issues) []Issue {
	var issues []Issue
	for _, e := range found.Errors() {
		issue := Issue{Offset: offsetAt(text, e.Location.Line(), e.Location.Column()), Message: e.Message}
		explain(text, &issue)
		if issue.Syntax {
			return []Issue{issue} // what follows is only the parser finding its way again
		}
		issues = append(issues, issue)
	}
	// What a mistyped macro would have declared is not worth a word.
	declared := declaredBy(text, issues)
	issues = slices.DeleteFunc(issues, func(i Issue) bool { return !i.Called && declared[i.Unknown] })
	if len(issues) == 0 {
		issues = append(issues, Issue{Message: found.Err().Error()})
	}
	return issues
}

// variable is what stands behind the name of a macro and declares a variable.
var variable = regexp.MustCompile(`^\(\s*([A-Za-z_]\w*)\s*,`)

// declaredBy names the variables of unknown functions, should those be macros.
func declaredBy(text string, issues []Issue) map[string]bool {
	declared := map[string]bool{}
	for _, i := range issues {
		if !i.Called {
			continue
		}
		behind := string([]rune(text)[i.Offset+len([]rune(i.Unknown)):])
		if found := variable.FindStringSubmatch(behind); found != nil {
			declared[found[1]] = true
		}
	}
	return declared
}

func explain(text string, issue *Issue) {
	message := strings.ReplaceAll(issue.Message, " (in container '')", "")
	issue.Message = message
	if syntax, ok := strings.CutPrefix(message, "Syntax error: "); ok {
		issue.Syntax = true
		issue.Message, issue.Hint = explainSyntax(syntax, text, issue.Offset)
	}
	if strings.HasSuffix(message, "invalid int literal") || strings.HasSuffix(message, "invalid double literal") {
		number := numberAt.FindString(string([]rune(text)[min(issue.Offset, len([]rune(text))):]))
		issue.Message, issue.Hint = fmt.Sprintf("the number %s is too large", number), "ids are texts: send and compare them in quotes"
	}
	if name, ok := strings.CutPrefix(message, "undeclared reference to '"); ok {
		issue.Unknown, _, _ = strings.Cut(name, "'")
		issue.Offset = nameStart(text, issue.Offset, issue.Unknown)
		behind := string([]rune(text)[min(issue.Offset+len([]rune(issue.Unknown)), len([]rune(text))):])
		issue.Called = strings.HasPrefix(behind, "(")
		issue.Message = fmt.Sprintf("nothing is called %q", issue.Unknown)
		if issue.Called {
			issue.Message = fmt.Sprintf("no function is called %q", issue.Unknown)
		}
	}
	if types, ok := strings.CutPrefix(message, "expected type '"); ok {
		wanted, found, _ := strings.Cut(strings.TrimSuffix(types, "'"), "' but found '")
		issue.Message = fmt.Sprintf("%s where %s is needed", inWords.Replace(found), inWords.Replace(wanted))
	}
	if applied, ok := strings.CutPrefix(message, "found no matching overload for '"); ok {
		issue.Message, issue.Hint = explainOverload(applied)
	}
}

// habits are signs of other languages at which the parser stops, and how they
// are written here.
var habits = map[string]string{
	"=": "equality is written ==", "is": "equality is written ==", "=>": "it is written >=", "=<": "it is written <=",
	"and": "and is written &&", "&": "and is written &&", "or": "or is written ||", "|": "or is written ||", "not": "not is written !",
	"<>": "inequality is written !=", "$": "write the expression without ${{ }}; they belong in the texts of do", ";": "write one expression",
	"between": "write both comparisons: … >= 1 && … <= 9", "=~": `a pattern is written data.text.matches("…")`, "~": `a pattern is written data.text.matches("…")`,
	"like": `a part of a text is written data.text.contains("…")`, "LIKE": `a part of a text is written data.text.contains("…")`,
	"===": "equality is written ==", "!==": "inequality is written !=", "AND": "and is written &&", "OR": "or is written ||", "NOT": "not is written !", "IN": "in is written in small letters",
	"≥": "it is written >=", "≤": "it is written <=", "≠": "inequality is written !=",
	"“": straight, "”": straight, "„": straight, "‘": straight, "’": straight,
	"if": "one of two values is written condition ? a : b", "then": "one of two values is written condition ? a : b",
}

// joint is what is missing between two operands.
const joint = "put an operator or a comma before it"

const straight = `a text stands in straight quotes: "…"`

var (
	// wrongEscape is a backslash that begins no escape of CEL.
	wrongEscape = regexp.MustCompile("^[\"'](?:[^\\\\]|\\\\[abfnrtv\"'`?\\\\xXuU0-7])*\\\\[^abfnrtv\"'`?\\\\xXuU0-7]")

	numberAt = regexp.MustCompile(`^[-+\w.]*`)
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
	// What ends one operand and begins another, with nothing between them.
	operandEnd   = regexp.MustCompile(`[\w)\]"']$`)
	operandStart = regexp.MustCompile(`^\w`)
	quoteBefore  = regexp.MustCompile(`["']$`)
	timeUnit     = regexp.MustCompile(`^(ms|s|m|h|d|min|hours?|days?)$`)
)

// explainSyntax names the token that the parser stumbled over and, for what
// other languages write differently, how it is written here.
func explainSyntax(message, text string, offset int) (explained, hint string) {
	kind, token, found := strings.Cut(message, "'")
	if !found {
		return message, ""
	}
	if kind == "missing " {
		token, _, _ = strings.Cut(token, "' at '")
		return token + " is missing", "close what was opened"
	}
	end := strings.LastIndex(token, "' expecting")
	if end < 0 {
		end = max(strings.LastIndex(token, "'"), 0)
	}
	after := token[end:]
	if token = token[:end]; unseen(token) {
		return fmt.Sprintf("unexpected %U", []rune(token)[0]), "it cannot be seen: remove it, or write a space"
	}
	token = strings.TrimSpace(token)
	if token == "<EOF>" {
		return "the expression ends too early", "something is missing: an operand, a closing bracket or a quote"
	}
	runes := []rune(text)
	before := strings.TrimSpace(string(runes[:min(offset, len(runes))]))
	last := before[strings.LastIndexAny(before, " (")+1:]
	switch hint = habits[token]; {
	case hint != "":
	case wrongEscape.MatchString(token):
		hint = `a backslash in a text is written \\; in a text with r before it, like r"\d+", it stands for itself`
	case strings.HasPrefix(token, `"`) || strings.HasPrefix(token, "'"):
		hint = "close the text with the quote it began with"
		if len(token) > 1 && token[len(token)-1] == token[0] && operandEnd.MatchString(last) {
			hint = joint
		}
	case usages[token] != "":
		hint = usages[token]
	case habits[last] != "":
		token, hint = last, habits[last]
	case token == ">" && strings.HasSuffix(before, "<"):
		token, hint = "<>", habits["<>"]
	case quoteBefore.MatchString(string(runes[:min(offset, len(runes))])) && operandStart.MatchString(token):
		hint = quoteWithin(before)
	case currency.MatchString(token):
		hint = fmt.Sprintf("an amount is written money(\"%s %s\")", last, token)
	case timeUnit.MatchString(token):
		hint = fmt.Sprintf("a duration is written duration(\"%s%s\")", last, token[:1])
	case token == ",":
		hint = "a list is written in square brackets: [1, 2]"
		if number := thousands(before, string(runes[min(offset, len(runes)):])); number != "" {
			hint = "a number is written without commas: " + number
		}
	case operandEnd.MatchString(last) && operandStart.MatchString(token):
		hint = joint
	case strings.Contains(after, "expecting IDENTIFIER"):
		hint = fmt.Sprintf("a field with a reserved name is written in brackets: [%q]", token)
	}
	return "unexpected " + token, hint
}

// quoteWithin says how to write a text that a quote in it ends.
func quoteWithin(before string) string {
	if strings.HasSuffix(before, "'") {
		return `a text with ' in it stands in double quotes: "…"`
	}
	return `a " in a text is written \"`
}

var (
	firstDigits = regexp.MustCompile(`(?:^|[^\w.])(\d{1,3})$`)
	groups      = regexp.MustCompile(`^(?:,\d{3})+\b`)
)

// thousands returns the number that commas part in groups of three digits; "" when it is none.
func thousands(before, after string) string {
	first, more := firstDigits.FindStringSubmatch(before), groups.FindString(after)
	if first == nil || more == "" {
		return ""
	}
	return first[1] + strings.ReplaceAll(more, ",", "")
}

// unseen reports whether a token is one character that an editor shows as nothing or as a space.
func unseen(token string) bool {
	runes := []rune(token)
	return len(runes) == 1 && !unicode.IsGraphic(runes[0]) || len(runes) == 1 && unicode.IsSpace(runes[0])
}

// explainOverload takes the rest of CEL's message: _*_' applied to '(money, int)'.
func explainOverload(applied string) (message, hint string) {
	name, types, _ := strings.Cut(applied, "' applied to '")
	types = inWords.Replace(strings.TrimSuffix(types, "'"))
	return explainTypes(operator(name), types)
}

var inWords = strings.NewReplacer("string", "text", "double", "number", "int", "whole number", "bool", "boolean", "dyn", "any", "optional_type(dyn)", "optional", "optional_type", "optional")

// usages of functions whose arguments are often mistaken.
var usages = map[string]string{
	"money": `write money("3.00 USD") or money(data.paid)`, "pct": "write pct(amount, percent), like pct(data.fare, 25)",
	"duration": `write duration("30s"), "10m", "6h" or "7d"`, "timestamp": `write timestamp("2026-03-01T08:00:00Z") or timestamp(data.at)`,
	"least": "write least(a, b) of two amounts or two numbers", "greatest": "write greatest(a, b) of two amounts or two numbers",
	"contains": `write data.text.contains("part")`, "startsWith": `write data.text.startsWith("part")`, "endsWith": `write data.text.endsWith("part")`,
	"matches": `write data.text.matches("pattern"), with a pattern of RE2`,
	"cidr":    `write an address and how many of its bits count: cidr("10.0.0.0/8") or cidr("2001:db8::/32")`,
	"ip":      `write ip("192.0.2.1"), ip("2001:db8::1") or ip(data.ip)`, "isCanonical": `write ip.isCanonical(data.ip)`,
	"containsIP": `write cidr("10.0.0.0/8").containsIP(data.ip)`, "containsCIDR": `write cidr("10.0.0.0/8").containsCIDR("10.1.0.0/16")`,
}

// mixes are the operators that people give a text and a number.
var mixes = map[string]bool{"<": true, "<=": true, ">": true, ">=": true, "+": true, "-": true, "*": true, "/": true, "%": true, "==": true, "!=": true}

// orders are the operators that people write one behind the other, as in 1 < x < 5.
var orders = map[string]bool{"<": true, "<=": true, ">": true, ">=": true}

func explainTypes(operator, types string) (message, hint string) {
	message = fmt.Sprintf("%s does not take %s", operator, types)
	switch {
	case operator == "contains" && strings.HasPrefix(types, "net.CIDR."):
		hint = `write cidr("10.0.0.0/8").containsIP(data.text)`
	case usages[operator] != "":
		hint = usages[operator]
	case operator == "in" && (types == "(text, text)" || types == "(any, text)"): // of a list only the elements are named
		hint = `a part of a text is written data.text.contains("…")`
	case strings.Contains(types, "optional"):
		hint = "say what stands for an absent field: data.?x.orValue(0)"
	case strings.Contains(types, "money") && strings.Contains(types, "text"):
		hint = `money is never compared or combined with a text: write money("…") around the text`
	case strings.Contains(types, "money") && (operator == "*" || operator == "/"):
		hint = "a part of an amount is written pct(amount, percent)"
	case strings.Contains(types, "money"):
		hint = "money goes only with money: write money(…) around the other side"
	case strings.Contains(types, "duration") && strings.Contains(types, "number"):
		hint = `a time span is written duration("15m")`
	case strings.Contains(types, "timestamp") && strings.Contains(types, "text"):
		hint = "write timestamp(…) around the text"
	case orders[operator] && strings.HasPrefix(types, "(boolean, "):
		hint = "write both comparisons: … > 1 && … < 9"
	case mixes[operator] && strings.Contains(types, "text") && strings.Contains(types, "number"):
		hint = "texts and numbers are never mixed: write double(…) around the text, or string(…) around the number"
	}
	return message, hint
}

// offsetAt turns a line (from 1) and a column (from 0, in runes) into an offset.
func offsetAt(text string, line, column int) int {
	offset := 0
	for _, r := range text {
		if line <= 1 {
			break
		}
		offset++
		if r == '\n' {
			line--
		}
	}
	return offset + max(column, 0)
}

package rule_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	const messy = "\n\n# The rules.\nrules:\n\n\n  # The first.\n  - rule: a   \n    event: com.x # which\n\tif: data.a ? data.b : data.c\n" +
		"    having: \"data.a == 'x: y'\" # quoted\n    once_per: 'data.order'\n    why: |\n      two  \n\n\n      lines\n" +
		"    let: {n: f(a, b)}\n    do:\n      - refund: {payment: ${{ data.p }}, amount: 5.00 USD}\n  # The second.\n" +
		"  # It goes on.\n  - rule: b\n    if: !data.x\n    window:\n      by: \"data.l[0] # x\"\r\n"
	const neat = `# The rules.
rules:

  # The first.
  - rule: a
    event: com.x # which
    if: >-
      data.a ? data.b : data.c
    having: >- # quoted
      data.a == 'x: y'
    once_per: data.order
    why: |
      two  ` + `


      lines
    let: {n: "f(a, b)"}
    do:
      - refund: {payment: "${{ data.p }}", amount: 5.00 USD}

  # The second.
  # It goes on.
  - rule: b
    if: >-
      !data.x
    window:
      by: >-
        data.l[0] # x
`
	got, err := rule.Format("a.yaml", messy)
	if err != nil {
		t.Fatal(err)
	}
	if got != neat {
		t.Errorf("got\n%s\nwant\n%s", got, neat)
	}
	if again, err := rule.Format("a.yaml", got); err != nil || again != got {
		t.Errorf("a second time: %v\n%s", err, again)
	}
}

// Tests beside rules have the same form: a blank line between them, and conditions
// without quotes.
func TestFormatTests(t *testing.T) {
	t.Parallel()
	const messy = "tests:\n\n\n  - name: a  \n    send: [{event: {type: com.x}}]\n    not:\n      - rule: r\n        because: 'data.n >= 3'\n" +
		"  # The second.\n  - name: b\n    send: [{event: {type: com.x}}]\n    cases:\n      - set: {data.n: 1}\n\t\tnot:\n          - rule: r\n" +
		"            because: \"data.a == 'x: y'\"\n\n\n\n      - set: {data.n: 2}\n        expect: []\n"
	const neat = `tests:

  - name: a
    send: [{event: {type: com.x}}]
    not:
      - rule: r
        because: data.n >= 3

  # The second.
  - name: b
    send: [{event: {type: com.x}}]
    cases:
      - set: {data.n: 1}
        not:
          - rule: r
            because: >-
              data.a == 'x: y'

      - set: {data.n: 2}
        expect: []
`
	got, err := rule.Format("a_test.yaml", messy)
	if err != nil || got != neat {
		t.Errorf("%v: got\n%s\nwant\n%s", err, got, neat)
	}
	if again, err := rule.Format("a_test.yaml", got); err != nil || again != got {
		t.Errorf("a second time: %v\n%s", err, again)
	}
}

// TestFormatKeeps formats files that are neat already.
func TestFormatKeeps(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"../../examples/flights/rules/flights.yaml", "../../examples/flights/rules/flights_test.yaml"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := rule.Format(path, string(text)); err != nil || got != string(text) {
			t.Errorf("%s: %v\n%s", path, err, got)
		}
	}
}

func TestFormatKeepsDefaults(t *testing.T) {
	t.Parallel()
	if got, err := rule.Format("a.yaml", strings.Replace(defaulted, "\n\nrules:", "   \n\n\n\nrules:", 1)); err != nil || got != defaulted {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestFormatChangesNoMeaning(t *testing.T) {
	t.Parallel()
	text := withLines("if: 'data.a ? data.b : data.c'\nonce_per: \"data.order\"\nlet: {n: \"data.x ? 1 : 2\"}\nwindow: {by: \"data.l[0]\", within: 7d}\nhaving: '[1, 2].exists(x, x == count())'")
	formatted, err := rule.Format("a.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	before, after := load(t, text).Rules[0], load(t, formatted).Rules[0]
	if before.Filters[0].If.Text != after.Filters[0].If.Text || before.Having.Text != after.Having.Text || before.Window.Digest != after.Window.Digest {
		t.Errorf("got\n%s", formatted)
	}
	if !strings.Contains(formatted, "if: >-\n      data.a ? data.b : data.c\n") || !strings.Contains(formatted, "once_per: data.order\n") {
		t.Errorf("got\n%s", formatted)
	}
}

// TestFormatKeepsGaps formats texts over several lines that are no blocks: each
// line left blank in them is a line break.
func TestFormatKeepsGaps(t *testing.T) {
	t.Parallel()
	const text = `rules:
  - rule: a
    why: one


      two


    owner: "one \"


      two # three" # four


    account: 'it''s


      two'
    if: data.x

      && data.y


    once_per: 'data.order'


  - rule: b
`
	const want = `rules:
  - rule: a
    why: one


      two

    owner: "one \"


      two # three" # four

    account: 'it''s


      two'
    if: data.x

      && data.y

    once_per: data.order

  - rule: b
`
	got, err := rule.Format("a.yaml", text)
	if err != nil || got != want {
		t.Errorf("got %v\n%s", err, got)
	}
	if again, err := rule.Format("a.yaml", got); err != nil || again != got {
		t.Errorf("a second time: %v\n%s", err, again)
	}
}

func TestFormatRefuses(t *testing.T) {
	t.Parallel()
	var found *rule.Problems
	for _, text := range []string{"rules: [\n", "a: b: c: d\n  - x\n : y", "rules:\n  - a\n b\n", "\xff", "rules: []\n# \x00\n\n\n", withLines("account: \"x\nif: data.a"), withLines("limits: {budget: {amount: 10.00 USD, within: 1d}} x"), withLines("account: &x a"), "rules: []\n# x\r\r\n",
		"\ufeff\ufeff# x\n\n" + withLines("why: |\n  w\nif: \"data.x > 1\"")} {
		if got, err := rule.Format("a.yaml", text); !errors.As(err, &found) {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

func TestFormatRewritesConditionsOfTypes(t *testing.T) {
	t.Parallel()
	text := withEvent("\n      - type: a.b\n        if: 'data.a ? data.b : data.c'\n      - {type: a.c, if: \"data.l[0]\"}\n      - if: \"data.n > 1\"\n        type: a.d", "if: true")
	want := withEvent("\n      - type: a.b\n        if: >-\n          data.a ? data.b : data.c\n      - {type: a.c, if: \"data.l[0]\"}\n      - if: data.n > 1\n        type: a.d", "if: true")
	want = strings.Replace(want, "event: \n", "event:\n", 1)
	if got, err := rule.Format("a.yaml", text); err != nil || got != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
	}
}

// TestFormatKeepsComments formats comments behind and below what becomes a block.
func TestFormatKeepsComments(t *testing.T) {
	t.Parallel()
	const text = `rules:
  - rule: a
    if: !data.x && data.y == " #" # why not
       # below
    having: "data.l[0] > 1"

      # far below
    window: # of it
      by: [data.a, data.b][0] # which
`
	const want = `rules:
  - rule: a
    if: >- # why not
      !data.x && data.y == " #"
    # below
    having: data.l[0] > 1

      # far below
    window: # of it
      by: >- # which
        [data.a, data.b][0]
`
	got, err := rule.Format("a.yaml", text)
	if err != nil || got != want {
		t.Errorf("got %v\n%s", err, got)
	}
	if again, err := rule.Format("a.yaml", got); err != nil || again != got {
		t.Errorf("a second time: %v\n%s", err, again)
	}
}

// TestFormatEndsBlocks formats comments below a block, which are no part of it once they are
// indented less than its text: those above a rule stay with the rule.
func TestFormatEndsBlocks(t *testing.T) {
	t.Parallel()
	const head, next = "rules:\n  - rule: a\n    ", "  - rule: b\n"
	for last, want := range map[string]string{
		"if: '!data.x'\n  # of b\n":                          "if: >-\n      !data.x\n\n  # of b\n",
		"if: >-\n      data.x\n  # of b\n  # again\n":        "if: >-\n      data.x\n\n  # of b\n  # again\n",
		"if: >-\n      data.x\n     # of b\n":                "if: >-\n      data.x\n\n     # of b\n",
		"why: |\n\n      two\n      # three  \n  # of b  \n": "why: |\n\n      two\n      # three  \n\n  # of b\n",
		"why: |1-\n      two\n     # three  \n    # of b\n":  "why: |1-\n      two\n     # three  \n\n    # of b\n",
		"why: |-3 # three  \n         two\n       # three\n": "why: |-3 # three\n         two\n       # three\n\n",
		"why: |+\n      two\n\n\n  # of b\n":                 "why: |+\n      two\n\n\n  # of b\n",
		"why: |+\n      two\n  # of b\n":                     "why: |+\n      two\n  # of b\n",
		"why: >+\n      two\n":                               "why: >+\n      two\n",
		"why: |2+ # three\n      two\n  # of b\n":            "why: |2+ # three\n      two\n  # of b\n",
		"why: |+\n  # of b\n":                                "why: |+\n  # of b\n",
		"why: >-\n    # of b\n":                              "why: >-\n\n    # of b\n",
		"if:\n        >-\n     data.x\n    # of b\n":         "if:\n        >-\n     data.x\n\n    # of b\n",
		"event:\n      - >-\n       x.y\n      # of b\n":     "event:\n      - >-\n       x.y\n\n      # of b\n",
		"why: two\n  - rule: >-\n      c\n    # of b\n":      "why: two\n\n  - rule: >-\n      c\n\n    # of b\n",
	} {
		text, want := head+last+next, head+want+next
		got, err := rule.Format("a.yaml", text)
		if err != nil || got != want {
			t.Errorf("%q: %v: got\n%s", last, err, got)
			continue
		}
		if again, err := rule.Format("a.yaml", got); err != nil || again != got {
			t.Errorf("%q a second time: %v\n%s", last, err, again)
		}
	}
}

// TestFormatKeepsTheEnd formats files that end within a block, whose last white space counts.
func TestFormatKeepsTheEnd(t *testing.T) {
	t.Parallel()
	for end, want := range map[string]string{
		"why: |-\n      two  \n\n":            "why: |-\n      two  \n",
		"why: |+\n      two\n\n\n":            "why: |+\n      two\n\n\n",
		"why: |+\n      two":                  "why: |+\n      two",
		"why: >\n      two":                   "why: >\n      two",
		"why: >-\n      two":                  "why: >-\n      two\n",
		"why: | # one + one\n      two\n\n\n": "why: | # one + one\n      two\n",
	} {
		const head = "rules:\n  - rule: a\n    "
		if got, err := rule.Format("a.yaml", head+end); err != nil || got != head+want {
			t.Errorf("%q: got %q, %v", end, got, err)
		}
	}
}

// TestFormatKeepsTextsThatGoOn formats texts whose further lines look like something of
// YAML: the rules mean the same as before, and are as good.
func TestFormatKeepsTextsThatGoOn(t *testing.T) {
	t.Parallel()
	for _, lines := range []string{
		"if: data.kind in\n  [\"a\", \"b\", data.c[0]]",
		"if: data.n in\n  [size([1, 2]), 3.0]",
		"account: The terms\n  [see (a, b)]",
		"account: \"The terms\n  [f(b, c)]\"",
		"account: 'The terms\n  !f'",
		"account: !!str 4711",
		"if: !!str \"data.n > 1\"",
		"'if': 'data.a\n  == data.b'",
		"\"if\": 'data.a == data.b'",
	} {
		text := withLines(lines)
		load(t, text)
		if got, err := rule.Format("a.yaml", text); err != nil || got != text {
			t.Errorf("%s: %v: got\n%s", lines, err, got)
		}
	}
}

// TestFormatWritesBlocks formats expressions over several lines that YAML does not read.
func TestFormatWritesBlocks(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]string{
		"if: data.late > 60\n  ? data.a\n    : 'b'":          "if: >-\n      data.late > 60\n      ? data.a\n      : 'b'",
		"if:\n     [1, 2].exists(x,\n    x == data.n)":       "if: >-\n         [1, 2].exists(x,\n         x == data.n)",
		"having: [1, 2].exists(x,\n  x == data.n)\n# why\n":  "having: >-\n      [1, 2].exists(x,\n      x == data.n)\n    # why",
		"if: 'data.late\n\t> 60' # why\nmode: !x":            "if: 'data.late\n> 60' # why\nmode: '!x'",
		"limits: {budget: {amount: 10.00 USD, within: 1d}},": "limits: {budget: {amount: 10.00 USD, within: 1d}}",
		"let:\n  n: data.a\n    ? 1 : 2":                     "let:\n      n: >-\n        data.a\n        ? 1 : 2",
	} {
		text, want := withLines(lines), withLines(want)
		want = strings.ReplaceAll(strings.ReplaceAll(want, "\n          ", "\n      "), "\n        # why", "\n    # why")
		got, err := rule.Format("a.yaml", text)
		if err != nil || got != want {
			t.Errorf("%s: %v: got\n%s", lines, err, got)
			continue
		}
		if again, err := rule.Format("a.yaml", got); err != nil || again != got {
			t.Errorf("a second time: %v\n%s", err, again)
		}
	}
}

// TestFormatKeepsEscapes holds that what nobody would see, or what YAML allows only as an
// escape, stays the escape that it is.
func TestFormatKeepsEscapes(t *testing.T) {
	t.Parallel()
	for _, escape := range []string{`\u202E`, `\u200B`, `\uFEFF`, `\u00A0`, `\u2028`, `\u0085`, `\u0007`, `\u3164`, `\uFE0F`, `\_`, `\e`} {
		for _, file := range []string{withLines(`if: "data.a == 'x` + escape + `y'"`), "tests:\n  - name: a\n    not:\n      - rule: a\n        because: \"data.a == 'x" + escape + "y'\"\n"} {
			if got, err := rule.Format("a.yaml", file); err != nil || got != file {
				t.Errorf("%s: got %v\n%s", escape, err, got)
			}
		}
	}
	const umlauts = "if: \"data.a == 'x\\u00e4\U0001f600'\""
	if got, err := rule.Format("a.yaml", withLines(umlauts)); err != nil || !strings.Contains(got, "if: data.a == 'xä\U0001f600'\n") {
		t.Errorf("got %v\n%s", err, got)
	}
}

// TestFormatSaysWhere formats a line that cannot be mended without saying something else:
// it is refused with its place.
func TestFormatSaysWhere(t *testing.T) {
	t.Parallel()
	var found *rule.Problems
	_, err := rule.Format("a.yaml", withLines("let: {n: f(data.a, data.b), m: &c d}"))
	if !errors.As(err, &found) {
		t.Fatalf("got %v", err)
	}
	if last := (*found)[len(*found)-1]; last.Line != 6 || last.Col != 36 || !strings.Contains(last.Message, "something else") {
		t.Errorf("got %s", found.Format())
	}
}

// TestFormatOfTabsInFlow formats lines of { } and [ ] that tabs indent, below one at the
// margin: YAML reads them, and no guess may say otherwise.
func TestFormatOfTabsInFlow(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"tests:\n     - {name: n, send: [\n{event: {type: c,\n\t           data: {v: x}}}],\n       expect: []}\n": "tests:\n     - {name: n, send: [\n{event: {type: c,\n            data: {v: x}}}],\n       expect: []}\n",
		"tests:\n  - {name: n,\n\t  expect: [r]}\n":                                                                "tests:\n  - {name: n,\n    expect: [r]}\n",
	} {
		if got, err := rule.Format("a_test.yaml", text); err != nil || got != want {
			t.Errorf("%v: got\n%s\nwant\n%s", err, got, want)
		}
	}
}

package document_test

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/visible"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	keys := []string{"rule", "owner", "once_per", "window", "having", "if"}
	for name, want := range map[string]string{"once_pre": "once_per", "Once_Per": "once_per", "windwo": "window", "iff": "if", "ruel": "rule",
		"oncer_per": "once_per", "colour": "", "x": "", strings.Repeat("rule", 100): ""} {
		if got := document.Nearest(name, keys); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"once": "once_per", "Once": "once_per", "onc": "", "per": "", "": ""} {
		if got := document.Nearest(name, []string{"once_per", "per_remedy", "per_customer"}); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for _, order := range [][]string{{"at", "set"}, {"set", "at"}} {
		if got := document.Nearest("st", order); got != "set" {
			t.Errorf("of %v: got %q", order, got)
		}
	}
	if got := document.DidYouMean("colour", keys); got != "allowed: rule, owner, once_per, window, having, if" {
		t.Errorf("got %q", got)
	}
}

// TestWithin finds a word of a value in the file, however YAML writes the value.
func TestWithin(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"plain":         "k: some text with WORD in it\n",
		"double quotes": `k: "some \"text\" with\tWORD in it"` + "\n",
		"single quotes": "k: 'some ''text'' with WORD in it'\n",
		"folded":        "k: >-\n  some text\n  with\n  WORD in it\n",
		"folded blanks": "k: >\n\n\n  some text\n\n  with WORD\n",
		"literal":       "k: |\n    some text\n      with WORD\n",
		"comment":       "k: >- # about it\n  some text with WORD\n",
		"plain lines":   "k: some text\n  with\n  WORD\n",
		"umlauts":       "k: 'ä ö ü 漢字 WORD'\n",
		"first":         "k: WORD\n",
		"escapes":       `k: "caf\u00e9 \x41 \U0001F600 \_\t\e \"\n\` + "\n  so\\\n  W WORD, no more\"\n",
		"an escape":     `k: "a \x4eWORD"` + "\n",
		"flow":          "k: {a: 1, b: \"x WORD\"}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := document.NewSource("a.yaml", text)
			node := leaf(source.Parse())
			if node == nil {
				t.Fatalf("got problems %s", source.Problems.Format())
			}
			at := strings.Index(node.Value, "WORD")
			got := source.Within(node, len([]rune(node.Value[:at])))
			for i, line := range strings.Split(text, "\n") {
				if before, _, found := strings.Cut(line, "WORD"); found {
					if want := (document.Place{Line: i + 1, Col: len([]rune(before)) + 1}); got != want {
						t.Errorf("got %v, want %v", got, want)
					}
				}
			}
			if again := source.Within(node, len([]rune(node.Value[:at]))); again != got {
				t.Errorf("a second time: got %v", again)
			}
			if first := source.Within(node, 0); first.Line > got.Line {
				t.Errorf("the first: got %v", first)
			}
			if end := source.Within(node, len([]rune(node.Value))+10); end.Line < 1 {
				t.Errorf("behind the end: %v", end)
			}
		})
	}
}

// TestControl names the place of a character that YAML allows nowhere, and shows it.
func TestControl(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]document.Place{
		"a: b\nc: \"ä\x1b[31m\"\n": {Line: 2, Col: 6}, "\x00": {Line: 1, Col: 1}, "a: b\n# \uffff\n": {Line: 2, Col: 3}, "a: b\r\n\n\x07\r\n": {Line: 3, Col: 1},
	} {
		source := document.NewSource("a.yaml", text)
		root := source.Parse()
		if root != nil || len(source.Problems) != 1 {
			t.Errorf("%q: got %v and %s", text, root, source.Problems.Format())
			continue
		}
		p := source.Problems[0]
		if at := (document.Place{Line: p.Line, Col: p.Col}); at != want || p.Code != "yaml" || strings.ContainsAny(p.String(), "\x00\x07\x1b") {
			t.Errorf("%q: got %q, want it at %v", text, p, want)
		}
	}
	for _, text := range []string{"a: b\tc\r\n", "a: \x7f\n", "a: \"\U0001f600\"\n"} {
		if source := document.NewSource("a.yaml", text); source.Parse() == nil {
			t.Errorf("%q: %s", text, source.Problems.Format())
		}
	}
}

// TestTurnedText refuses what shows a reviewer another text than the one that is read, wherever
// it stands. Escaped, it does not.
func TestTurnedText(t *testing.T) {
	t.Parallel()
	for _, c := range "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" {
		text := "a: ä" + string(c) + "b\n# c\n- d # " + string(c) + "\n"
		source := document.NewSource("a.yaml", text)
		if source.Parse() != nil || len(source.Problems) != 2 {
			t.Errorf("%U: got %s", c, source.Problems.Format())
			continue
		}
		for i, want := range []document.Place{{Line: 1, Col: 5}, {Line: 3, Col: 7}} {
			p := source.Problems[i]
			if at := (document.Place{Line: p.Line, Col: p.Col}); at != want || p.Code != "turned" || !strings.Contains(p.Message, fmt.Sprintf("%U", c)) ||
				!strings.Contains(p.Hint, fmt.Sprintf(`"\u%04x"`, c)) || strings.ContainsRune(p.String(), c) {
				t.Errorf("%U: got %s", c, p)
			}
		}
		escaped := document.NewSource("a.yaml", fmt.Sprintf(`a: "x\u%04xy"`, c))
		if n := leaf(escaped.Parse()); n == nil || n.Value != "x"+string(c)+"y" {
			t.Errorf("%U: escaped: %s", c, escaped.Problems.Format())
		}
	}
	if source := document.NewSource("a.yaml", "a: \u0645\u062b\u0644\u0627 \u200f\n"); source.Parse() == nil {
		t.Errorf("a language from right to left: %s", source.Problems.Format())
	}
}

// TestInvalidUTF8 names the first byte that is no text.
func TestInvalidUTF8(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a: b\nc: äf\xe9 # \xff\n": "2:6 the byte 0xE9", "\xff\xfea\x00": "1:1 the byte 0xFF", "a: \ufffd\r\n\xed\xa0\x80\r\n": "2:1 the byte 0xED",
	} {
		source := document.NewSource("a.yaml", text)
		root := source.Parse()
		if root != nil || len(source.Problems) != 1 {
			t.Errorf("%q: got %v and %s", text, root, source.Problems.Format())
			continue
		}
		p := source.Problems[0]
		if got := fmt.Sprintf("%d:%d %s", p.Line, p.Col, p.Message); got != want+" is not valid UTF-8" || p.Code != "utf8" {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// leaf returns the last scalar of a document.
func leaf(n *yaml.Node) *yaml.Node {
	for n != nil && len(n.Content) > 0 {
		n = n.Content[len(n.Content)-1]
	}
	return n
}

func TestProblemsReadLikeACompiler(t *testing.T) {
	t.Parallel()
	source := document.NewSource("a.yaml", "k: v\nlong: "+strings.Repeat("x", 300)+"\n")
	source.Errorf(document.Place{Line: 1, Col: 4}, "code", "write w", "%s is not w", "v")
	source.Warnf(document.Place{Line: 2, Col: 250}, "code", "", "far right")
	source.Problems.Sort()
	const want = "a.yaml:1:4: error: v is not w [code]\n    1 | k: v\n      |    ^\n    write w\na.yaml:2:250: warning: far right [code]\n"
	text := source.Problems.Error()
	if !strings.HasPrefix(text, want) || !strings.HasSuffix(text, "\n1 error, 1 warning") {
		t.Errorf("got\n%s", text)
	}
	lines := strings.Split(text, "\n")
	frame, mark := lines[len(lines)-3], lines[len(lines)-2]
	if len(frame) > 200 || len(mark) > len(frame) || frame[len(mark)-1] != 'x' {
		t.Errorf("the frame of a long line does not show its place:\n%s\n%s", frame, mark)
	}
	if !source.Problems.Failed() {
		t.Error("an error is no failure")
	}
}

// A character that ends lines for YAML alone would shift every place behind it.
func TestOddLineEndsAreRefused(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\r", "\u0085", "\u2028", "\u2029"} {
		s := document.NewSource("f.yaml", "a: 1\nb: ü "+end+"c: 2\n")
		if s.Parse() != nil || len(s.Problems) != 1 || s.Problems[0].Code != "line-end" || s.Problems[0].Line != 2 || s.Problems[0].Col != 6 {
			t.Errorf("%q: got %s", end, s.Problems.Format())
		}
	}
	if s := document.NewSource("f.yaml", "a: 1\r\nb: 2\r\n"); s.Parse() == nil || len(s.Problems) > 0 {
		t.Errorf("lines of another system: got %s", s.Problems.Format())
	}
}

// TestDirectives holds that a line before the document that only YAML knows is named, and
// what stands behind it is read.
func TestDirectives(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"%YAML 1.2\n---\nk: v\n":         "1:1 %YAML 1.2 is a directive",
		"%YAML 1.2\nk: v\n":              "1:1 %YAML 1.2 is a directive",
		"# x\n\n%TAG ! tag:x\n---\nk: v": "3:1 %TAG ! tag:x is a directive",
		"k: >-\n  a\n  %YAML 1.2\n":      "",
		"---\nk: v\n":                    "",
	} {
		source := document.NewSource("a.yaml", text)
		root, got := source.Parse(), ""
		for _, p := range source.Problems {
			got += fmt.Sprintf("%d:%d %s; %s", p.Line, p.Col, p.Message, p.Hint)
		}
		if want != "" {
			want += " of YAML: it has no use here; leave the line out"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if node := document.Value(root, "k"); node == nil || node.Value == "" {
			t.Errorf("%q: what follows is not read", text)
		}
	}
}

// TestFrameMarksWhatIsMeant holds the mark of a line below its character, whatever room the
// characters before it take, while the column counts characters.
func TestFrameMarksWhatIsMeant(t *testing.T) {
	t.Parallel()
	for before, columns := range map[string]int{
		"k: ": 3, "漢字: ": 6, "u\u0308: ": 3, "k:\t\t": 4, "\U0001f600\u200d\U0001f527: ": 4, "k: \u202e": 4,
	} {
		source := document.NewSource("a.yaml", before+"WRONG\n")
		col := len([]rune(before)) + 1
		source.Errorf(document.Place{Line: 1, Col: col}, "code", "", "it is")
		lines := strings.Split(source.Problems[0].Frame, "\n")
		if want := "      | " + strings.Repeat(" ", columns) + "^"; lines[1] != want || source.Problems[0].Col != col {
			t.Errorf("%q: got column %d and\n%s", before, source.Problems[0].Col, source.Problems[0].Frame)
		}
	}
	far := document.NewSource("a.yaml", strings.Repeat("漢", 300)+"\n")
	far.Errorf(document.Place{Line: 1, Col: 300}, "code", "", "it is")
	lines := strings.Split(far.Problems[0].Frame, "\n")
	if mark := strings.Index(lines[1], "^"); mark+2 != visible.Columns(lines[0]) {
		t.Errorf("the mark of a long line stands in column %d:\n%s", mark, far.Problems[0].Frame)
	}
}

// TestMergeKeys says of a key << what it is, at the key, and that an anchor is not there only
// of one that is not.
func TestMergeKeys(t *testing.T) {
	t.Parallel()
	const refused = "<< merges keys of another place, which is not used here: a rule's text holds all of the rule"
	for text, want := range map[string]string{
		"a: &b {c: 1}\nd:\n  - <<: *b\n    e: 2\n": "1:4 anchors and aliases are not used here: a rule's text holds all of the rule\n3:5 " + refused,
		"d:\n  - <<: *b\n    e: 2\n":               "2:5 " + refused + "; besides, no place is called &b",
		"d: {<<: *b, e: 2}\n":                      "1:5 " + refused + "; besides, no place is called &b",
		"d:\n  <<: [*b, *c]\n":                     "2:3 " + refused + "; besides, no place is called &b",
		"d:\n  <<: {e: 2}\n":                       "2:3 " + refused,
		"d:\n  - e: 2\n    <<:\n      - *b\n":      "4:9 an alias of YAML stands here, and no place has its name\n3:5 " + refused,
	} {
		source, got := document.NewSource("a.yaml", text), []string{}
		if source.Parse() != nil {
			t.Errorf("%q: it is read", text)
		}
		for _, p := range source.Problems {
			got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Col, p.Message))
			if merges := strings.HasPrefix(p.Message, "<<"); (p.Code == "alias") == strings.HasPrefix(p.Message, "an alias") || merges != strings.Contains(p.Hint, "defaults:") {
				t.Errorf("%q: got %s", text, p)
			}
		}
		if said := strings.Join(got, "\n"); said != want {
			t.Errorf("%q: got\n%s\nwant\n%s", text, said, want)
		}
	}
}

// TestByteOrderMarks holds that a mark which does not begin the file is named, once: nobody
// sees it, and it puts the columns out.
func TestByteOrderMarks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\ufeffa: b\n":              "",
		"\ufeff\ufeff# x\n\na: b\n": "1:2",
		"a: b\n\ufeffb: c\n":        "2:1",
		"a: b\nb: \"c\ufeff\"\n":    "2:6",
		"\ufeff\n\ufeff\n\ufeff\n":  "2:1",
	} {
		source := document.NewSource("a.yaml", text)
		root, got := source.Parse(), ""
		for _, p := range source.Problems {
			got += fmt.Sprintf("%d:%d", p.Line, p.Col)
			if !strings.Contains(p.Message, "U+FEFF") || p.Code != "yaml" || p.Hint == "" {
				t.Errorf("%q: got %s", text, p)
			}
		}
		if got != want || (root == nil) != (want != "") {
			t.Errorf("%q: got %s %v, want %q", text, got, root, want)
		}
	}
}

package rule_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule"
)

// TestFormatOfGentleChanges formats the rules and tests of the library and the examples as
// other hands might have written them. What YAML reads in them stays what it reads, a
// second time changes nothing, and what is good is not refused.
func TestFormatOfGentleChanges(t *testing.T) {
	t.Parallel()
	const rounds = 600
	files := library(t)
	random := rand.New(rand.NewPCG(1, 2))
	formatted := 0
	for range rounds {
		text := changedGently(random, files[random.IntN(len(files))])
		before, unread := readYAML(text)
		got, err := rule.Format("a.yaml", text)
		if err != nil {
			if _, found := rule.Check([]rule.File{{Path: "a.yaml", Text: text}}); unread == nil && !found.Failed() {
				t.Fatalf("refused, though it is good: %v\n%s", err, text)
			}
			if problems := (*rule.Problems)(nil); !errors.As(err, &problems) {
				t.Fatalf("refused without a place: %v\n%s", err, text)
			}
			continue
		}
		formatted++
		after, err := readYAML(got)
		if err != nil || unread == nil && before != after {
			t.Fatalf("it says something else (%v):\n%s\nwas\n%s", err, got, text)
		}
		for _, comment := range marked.FindAllString(text, -1) {
			if unread == nil && !strings.Contains(got, comment) {
				t.Fatalf("%s is lost:\n%s\nwas\n%s", comment, got, text)
			}
		}
		if again, err := rule.Format("a.yaml", got); err != nil || again != got {
			t.Fatalf("a second time: %v\n%s\nwas\n%s", err, again, got)
		}
	}
	if formatted < rounds/4 {
		t.Errorf("%d of %d were formatted", formatted, rounds)
	}
}

// library returns the rules and tests that come with the project.
func library(t *testing.T) []string {
	t.Helper()
	var texts []string
	for _, dir := range []string{"../../rules", "../../examples"} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".yaml" {
				return err
			}
			text, err := os.ReadFile(path)
			texts = append(texts, string(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(texts) < 20 {
		t.Fatalf("%d files", len(texts))
	}
	return texts
}

// readYAML returns what YAML reads in a text, in one line.
func readYAML(text string) (string, error) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		return "", err
	}
	var b strings.Builder
	var write func(n *yaml.Node)
	write = func(n *yaml.Node) {
		fmt.Fprintf(&b, "%d %s %q(", n.Kind, n.ShortTag(), n.Value)
		for _, child := range n.Content {
			write(child)
		}
		b.WriteString(")")
	}
	write(&root)
	return b.String(), nil
}

var (
	marked = regexp.MustCompile(`# mark[0-9]+`)
	plain  = regexp.MustCompile(`^(\s*(?:- )?)([a-z_]+): ([^"'>|{\[#&*!%@` + "`" + `].*)$`)
)

// changedGently changes some lines of a file.
func changedGently(random *rand.Rand, text string) string {
	lines := strings.Split(text, "\n")
	for number := range 1 + random.IntN(6) {
		at := random.IntN(len(lines))
		mark := fmt.Sprintf("# mark%d", number)
		lines[at] = changedLine(random, lines[at], mark)
		if parts := plain.FindStringSubmatch(lines[at]); parts != nil {
			lines[at] = changedValue(random, parts[1]+parts[2]+":", strings.Repeat(" ", len(parts[1])), parts[3], mark)
		}
		lines = strings.Split(strings.Join(lines, "\n"), "\n")
	}
	text = strings.Join(lines, "\n")
	switch random.IntN(12) {
	case 0:
		return strings.ReplaceAll(text, "\n", "\r\n")
	case 1:
		return "\ufeff" + text
	case 2:
		return text + pick(random, "\n\n", " ", "# mark99", "...\n", "    \n")
	}
	return text
}

// changedLine adds white space and comments.
func changedLine(random *rand.Rand, line, mark string) string {
	switch random.IntN(8) {
	case 0:
		return strings.Repeat(" ", random.IntN(12)) + mark + "\n" + line
	case 1:
		return strings.Repeat("\n", random.IntN(4)) + line
	case 2:
		return line + " " + mark
	case 3:
		return line + strings.Repeat(" ", random.IntN(4))
	case 4:
		return strings.Replace(line, "  ", "\t", 1)
	}
	return line
}

// changedValue writes the value of a key otherwise, or another value.
func changedValue(random *rand.Rand, head, indent, value, mark string) string {
	comment := pick(random, "", " "+mark)
	first, rest, several := strings.Cut(value, " ")
	switch random.IntN(12) {
	case 0:
		return head + " " + strconv.Quote(value) + comment
	case 1:
		return head + " '" + strings.ReplaceAll(value, "'", "''") + "'" + comment
	case 2:
		return head + " " + pick(random, ">-", ">", "|", "|-", "|+", ">+", ">2-") + comment + "\n" + indent + "  " + value + strings.Repeat("\n", random.IntN(3))
	case 3, 4:
		if several {
			quote := pick(random, "", "'", `"`)
			return head + " " + quote + first + strings.Repeat("\n", random.IntN(3)) + "\n" + indent + "    " + rest + quote
		}
	case 5:
		return head + "\n" + indent + "  " + value
	case 6:
		return head + " 'data.a == \"x: y\" " + pick(random, "", "# z", "&& true", "é界\U0001f600") + "'" + comment
	case 7:
		return head + " \"data.a == 'x" + pick(random, `\u202e`, `\u00a0`, `\u2028`, `\x07`, `\u00e4`, `\\`, `\"`) + "y'\"" + comment
	case 8:
		return head + " " + value + "\n" + indent + "  " + pick(random, "[f(a, b)]", "{a: [b, c[0]]}", "&& [1, 2].exists(x, x == 1)", "!x", "? b")
	case 9:
		return head + " " + pick(random, "{dc:title: x, a b: c}", "{-5: [a, b]}", "!!str x", "[a b: c]") + comment
	}
	return head + " " + value
}

func pick(random *rand.Rand, texts ...string) string { return texts[random.IntN(len(texts))] }

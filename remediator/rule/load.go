package rule

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule/document"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// Problem is one thing wrong with a rule file.
type Problem = document.Problem

// Problems are all that is wrong with a set of rule files; a *Problems is an error.
type Problems = document.Problems

// Limits of a set of rules.
const (
	MaxFiles = 4096
	MaxRules = 20000
)

// Load compiles rule files into a set. When anything is wrong with one of them
// the whole set is refused: the error is a *Problems that names everything
// found. Warnings alone refuse nothing; Check returns them.
func Load(files []File) (*Set, error) {
	set, problems := Check(files)
	if set == nil {
		return nil, &problems
	}
	return set, nil
}

// Check compiles rule files as Load does and returns what there is to say about
// them, warnings included. The set is nil when one of the problems is an error.
func Check(files []File) (*Set, Problems) {
	part, problems := CheckPart(files)
	if problems.Failed() {
		return nil, problems
	}
	return part.Set, problems
}

// CheckPart is Check that returns also of files in which something is wrong the rules
// that are not concerned.
func CheckPart(files []File) (*Part, Problems) {
	set := &Set{Files: slices.Clone(files)}
	part := &Part{Set: set, lost: map[string]bool{}}
	slices.SortFunc(set.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	engine, err := expression.NewEngine()
	if err != nil {
		part.unnamed = true
		return part, Problems{{Severity: document.Error, Code: "engine", Message: err.Error()}}
	}
	l := &loader{engine: engine, named: make(map[string]*Rule), part: part}
	for i, file := range set.Files {
		if i > 0 && set.Files[i-1].Path == file.Path || i >= MaxFiles {
			l.problems = append(l.problems, Problem{File: file.Path, Line: 1, Col: 1, Severity: document.Error, Code: "files",
				Message: fmt.Sprintf("the file is given twice, or is one of more than %d", MaxFiles)})
			part.unnamed = true
			break
		}
		l.file(file)
	}
	l.quietRules()
	l.problems.Sort()
	set.Rules = slices.DeleteFunc(l.rules, func(r *Rule) bool { return part.lost[r.Name] })
	slices.SortFunc(set.Rules, func(a, b *Rule) int { return cmp.Compare(a.Name, b.Name) })
	set.Digest = digestFiles(set.Files)
	set.index()
	return part, l.problems
}

// loader holds what the loading of a set shares.
type loader struct {
	engine   *expression.Engine
	problems Problems
	rules    []*Rule
	named    map[string]*Rule // for names given twice
	quiet    []quietRule
	part     *Part // without its rules, until all files are read
}

// quietRules checks that the rules which cords wait for exist.
func (l *loader) quietRules() {
	for _, q := range l.quiet {
		if l.named[q.name] == nil {
			l.problems = append(l.problems, q.unknown(slices.Sorted(maps.Keys(l.named))))
		}
	}
}

func (l *loader) file(file File) {
	source := document.NewSource(file.Path, file.Text)
	source.Words = otherWords
	listed := false
	defer func() {
		l.problems = append(l.problems, source.Problems...)
		l.part.unnamed = l.part.unnamed || !listed || source.Broken
	}()
	root := source.Parse()
	if root == nil {
		if len(source.Problems) == 0 {
			source.Errorf(document.Place{Line: 1, Col: 1}, "missing", "begin it with rules: and a list below", "the file has no rules")
		}
		return
	}
	if root.Kind == yaml.MappingNode && isTestFile(root) {
		source.Errorf(document.At(root), "type", "name it …_test.yaml, beside the rules that it tests", "the file holds tests, not rules")
		return
	}
	if isOneRule(root) {
		source.Errorf(document.At(root), "type", "put it under rules: as a list item:\nrules:\n  - rule: NAME", "%q begins a rule that stands under no rules:", root.Content[0].Value)
		return
	}
	if root.Kind == yaml.SequenceNode {
		source.Errorf(document.At(root), "type", "begin the file with rules: and indent each rule below it, as an item: - rule: NAME", "the file has no rules: above its rules")
		return
	}
	m := source.Mapping(root, "the file", "rules", "defaults")
	if m == nil {
		return
	}
	defaults := l.defaults(source, m)
	list := m.Need("rules", "begin the file with rules: and a list below")
	if list == nil {
		return
	}
	if list.Kind != yaml.SequenceNode {
		source.Errorf(document.At(list), "type", "write each rule as an item: - rule: NAME", "rules is not a list")
		return
	}
	spoiled := source.Problems.Failed()
	for i, node := range list.Content {
		end := defaults.before(list, source.Lines()+1)
		if i+1 < len(list.Content) {
			end = list.Content[i+1].Line
		}
		if source.Full() {
			return
		}
		if len(l.rules) >= MaxRules {
			source.Errorf(document.At(node), "files", "", "more than %d rules", MaxRules)
			return
		}
		if name := l.rule(source, node, end, defaults); spoiled {
			l.part.lose(name) // it is not known to mean what is written
		}
	}
	listed = true
}

// isOneRule reports whether a file begins with the keys of a rule, or with what these are
// called elsewhere, and has no list of rules.
func isOneRule(root *yaml.Node) bool {
	if root.Kind != yaml.MappingNode || len(root.Content) == 0 || document.Value(root, "rules") != nil {
		return false
	}
	first := root.Content[0].Value
	return slices.Contains(ruleKeys, first) || otherWords[strings.ToLower(first)] != ""
}

func isTestFile(root *yaml.Node) bool {
	return slices.ContainsFunc(root.Content, func(n *yaml.Node) bool { return n.Value == "tests" })
}

// rule reads one rule, and returns its name; its text ends before the line end.
func (l *loader) rule(source *document.Source, node *yaml.Node, end int, defaults *defaults) string {
	b := &builder{Source: source, engine: l.engine, r: &Rule{File: source.Path, Line: node.Line, Mode: Shadow}, defaults: defaults}
	before := source.Errors()
	b.build(node)
	if first, ok := l.named[b.r.Name]; ok && b.r.Name != "" {
		source.Errorf(b.nameAt, "duplicate-rule", "give one of them another name; to keep the keys already taken, set scope: in its once_per",
			"a rule %q is already in %s, line %d", b.r.Name, first.File, first.Line)
	} else {
		l.named[b.r.Name] = b.r
	}
	if source.Errors() > before {
		l.part.lose(b.r.Name)
		return b.r.Name
	}
	b.r.Digest = defaults.digest(ruleText(source, node, end))
	l.quiet = append(l.quiet, b.quiet...)
	l.rules = append(l.rules, b.r)
	return b.r.Name
}

// ruleText returns the lines of a rule as written. Blank lines and comments
// behind it that stand further left than its keys belong to what follows.
func ruleText(source *document.Source, node *yaml.Node, end int) string {
	belongs := func(line string) bool {
		text := strings.TrimLeft(line, " ")
		return strings.TrimSpace(text) != "" && (text[0] != '#' || len(line)-len(text) >= node.Column-1)
	}
	last := max(end-1, node.Line)
	for last > node.Line && !belongs(source.Line(last)) {
		last--
	}
	var lines []string
	for n := node.Line; n <= last; n++ {
		lines = append(lines, source.Line(n))
	}
	return strings.Join(lines, "\n")
}

func digestText(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// digestFiles digests the paths and texts, each after its length.
func digestFiles(files []File) string {
	texts := make([]string, 0, 2*len(files))
	for _, file := range files {
		texts = append(texts, file.Path, file.Text)
	}
	return digestTexts(texts)
}

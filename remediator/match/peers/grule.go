package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/hyperjumptech/grule-rule-engine/ast"
	"github.com/hyperjumptech/grule-rule-engine/builder"
	gruleengine "github.com/hyperjumptech/grule-rule-engine/engine"
	"github.com/hyperjumptech/grule-rule-engine/pkg"
	"github.com/sirupsen/logrus"
)

// grule asks for all rules that match an event's JSON.
func grule(rules []Rule) (matcher, error) {
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	quiet.SetLevel(logrus.PanicLevel)
	for _, set := range []func(any){ast.SetLogger, builder.SetLogger, gruleengine.SetLogger} {
		set(quiet)
	}
	var text strings.Builder
	for i := range rules {
		fmt.Fprintf(&text, "rule R%d \"one of many\" { when %s then Retract(\"R%d\"); }\n", i, gruleText(&rules[i]), i)
	}
	library := ast.NewKnowledgeLibrary()
	if err := builder.NewRuleBuilder(library).BuildRuleFromResource("work", "1", pkg.NewBytesResource([]byte(text.String()))); err != nil {
		return nil, fmt.Errorf("build rules: %w", err)
	}
	knowledge, err := library.NewKnowledgeBaseInstance("work", "1")
	if err != nil {
		return nil, fmt.Errorf("copy rules: %w", err)
	}
	runner := gruleengine.NewGruleEngine()
	runner.ReturnErrOnFailedRuleEvaluation = true
	return func(raw []byte, hits []int) ([]int, error) {
		facts := ast.NewDataContext()
		if err := facts.AddJSON("event", raw); err != nil {
			return hits, fmt.Errorf("decode event: %w", err)
		}
		matching, err := runner.FetchMatchingRules(facts, knowledge)
		if err != nil {
			return hits, err
		}
		for _, r := range matching {
			place, err := strconv.Atoi(strings.TrimPrefix(r.RuleName, "R"))
			if err != nil {
				return hits, err
			}
			hits = append(hits, place)
		}
		return hits, nil
	}, nil
}

// gruleText writes a rule in grule's language. It has no operator that looks
// through a list, so rules that need one are not for it.
func gruleText(r *Rule) string {
	conditions := gruleDialect.text(r)
	if prefix, wild := strings.CutSuffix(r.Type, "*"); wild {
		return fmt.Sprintf("event.type.HasPrefix(%q) && %s", prefix, conditions)
	}
	return fmt.Sprintf("event.type == %q && %s", r.Type, conditions)
}

var gruleDialect = dialect{and: " && ", root: "event.", conditions: map[Operator]string{
	Equal: `%[1]s == %[2]q`, NotEqual: `%[1]s != %[2]q`, In: `%[1]s.In(%[2]s)`,
	Prefix: `%[1]s.HasPrefix(%[2]q)`, NotPrefix: `!%[1]s.HasPrefix(%[2]q)`, Suffix: `%[1]s.HasSuffix(%[2]q)`, Contains: `%[1]s.Contains(%[2]q)`,
	AtLeast: `%[1]s >= %[2]d`, Range: `%[1]s >= %[2]d && %[1]s < %[3]d`, Not: `%[1]s == false`,
}}

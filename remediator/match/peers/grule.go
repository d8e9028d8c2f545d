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
	conditions := joined(r, " && ", func(c *Condition) string {
		path := "event." + strings.TrimPrefix(c.Path, "event.")
		switch c.Operator {
		case Equal:
			return fmt.Sprintf("%s == %q", path, c.Value)
		case NotEqual:
			return fmt.Sprintf("%s != %q", path, c.Value)
		case In:
			return fmt.Sprintf("%s.In(%s)", path, strings.Trim(list(c.Value), "[]"))
		case Prefix:
			return fmt.Sprintf("%s.HasPrefix(%q)", path, c.Value)
		case NotPrefix:
			return fmt.Sprintf("!%s.HasPrefix(%q)", path, c.Value)
		case Suffix:
			return fmt.Sprintf("%s.HasSuffix(%q)", path, c.Value)
		case Contains:
			return fmt.Sprintf("%s.Contains(%q)", path, c.Value)
		case AtLeast:
			return fmt.Sprintf("%s >= %d", path, c.Value)
		case Range:
			bounds := c.Value.([]int)
			return fmt.Sprintf("%s >= %d && %s < %d", path, bounds[0], path, bounds[1])
		case Not:
			return fmt.Sprintf("%s == false", path)
		}
		panic(fmt.Sprintf("no operator %q", c.Operator))
	})
	if prefix, wild := strings.CutSuffix(r.Type, "*"); wild {
		return fmt.Sprintf("event.type.HasPrefix(%q) && %s", prefix, conditions)
	}
	return fmt.Sprintf("event.type == %q && %s", r.Type, conditions)
}

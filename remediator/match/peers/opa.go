package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// opa writes all rules as one partial set and prepares its query. Its compiler
// has an index of its own, which looks at the type first.
func opa(rules []Rule) (matcher, error) {
	var module strings.Builder
	module.WriteString("package work\n\n")
	for i := range rules {
		fmt.Fprintf(&module, "hits contains %d if {\n\t%s\n}\n\n", i, regoText(&rules[i]))
	}
	ctx := context.Background()
	query, err := rego.New(rego.Query("data.work.hits"), rego.Module("work.rego", module.String())).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare query: %w", err)
	}
	return func(raw []byte, hits []int) ([]int, error) {
		event, err := ast.ValueFromReader(bytes.NewReader(raw))
		if err != nil {
			return hits, fmt.Errorf("decode event: %w", err)
		}
		results, err := query.Eval(ctx, rego.EvalParsedInput(event))
		if err != nil {
			return hits, err
		}
		for _, hit := range results[0].Expressions[0].Value.([]any) {
			place, err := hit.(json.Number).Int64()
			if err != nil {
				return hits, err
			}
			hits = append(hits, int(place))
		}
		return hits, nil
	}, nil
}

func regoText(r *Rule) string {
	conditions := joined(r, "\n\t", func(c *Condition) string {
		path := "input." + strings.TrimPrefix(c.Path, "event.")
		switch c.Operator {
		case Equal:
			return fmt.Sprintf("%s == %q", path, c.Value)
		case NotEqual:
			return fmt.Sprintf("%s != %q", path, c.Value)
		case In:
			return fmt.Sprintf("%s in %s", path, list(c.Value))
		case Prefix:
			return fmt.Sprintf("startswith(%s, %q)", path, c.Value)
		case NotPrefix:
			return fmt.Sprintf("not startswith(%s, %q)", path, c.Value)
		case Suffix:
			return fmt.Sprintf("endswith(%s, %q)", path, c.Value)
		case Contains:
			return fmt.Sprintf("contains(%s, %q)", path, c.Value)
		case AtLeast:
			return fmt.Sprintf("%s >= %d", path, c.Value)
		case Range:
			bounds := c.Value.([]int)
			return fmt.Sprintf("%s >= %d\n\t%s < %d", path, bounds[0], path, bounds[1])
		case Not:
			return "not " + path
		case Has:
			return fmt.Sprintf("%q in %s", c.Value, path)
		case Any:
			at := strings.LastIndexByte(path, '.')
			return fmt.Sprintf("%s[_]%s == %q", path[:at], path[at:], c.Value)
		}
		panic(fmt.Sprintf("no operator %q", c.Operator))
	})
	if prefix, wild := strings.CutSuffix(r.Type, "*"); wild {
		return fmt.Sprintf("startswith(input.type, %q)\n\t%s", prefix, conditions)
	}
	return fmt.Sprintf("input.type == %q\n\t%s", r.Type, conditions)
}

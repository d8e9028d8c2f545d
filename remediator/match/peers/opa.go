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
	conditions := regoDialect.text(r)
	if prefix, wild := strings.CutSuffix(r.Type, "*"); wild {
		return fmt.Sprintf("startswith(input.type, %q)\n\t%s", prefix, conditions)
	}
	return fmt.Sprintf("input.type == %q\n\t%s", r.Type, conditions)
}

var regoDialect = dialect{and: "\n\t", root: "input.", conditions: map[Operator]string{
	Equal: `%[1]s == %[2]q`, NotEqual: `%[1]s != %[2]q`, In: `%[1]s in [%[2]s]`,
	Prefix: `startswith(%[1]s, %[2]q)`, NotPrefix: `not startswith(%[1]s, %[2]q)`, Suffix: `endswith(%[1]s, %[2]q)`, Contains: `contains(%[1]s, %[2]q)`,
	AtLeast: `%[1]s >= %[2]d`, Range: "%[1]s >= %[2]d\n\t%[1]s < %[3]d", Not: `not %[1]s`,
	Has: `%[2]q in %[1]s`, Any: `%[1]s[_]%[3]s == %[2]q`,
}}

package main

import (
	"fmt"

	"cel.dev/cel-go/cel"
)

// celGo is the baseline: one decoding of the event into maps, and optimised
// programs, those of the event's type only.
func celGo(rules []Rule) (matcher, error) {
	env, err := cel.NewEnv(cel.Variable("event", cel.MapType(cel.StringType, cel.DynType)), cel.Variable("data", cel.DynType))
	if err != nil {
		return nil, fmt.Errorf("build environment: %w", err)
	}
	lists, err := split(rules, func(r *Rule) (cel.Program, error) { return celProgram(env, celText(r)) })
	if err != nil {
		return nil, err
	}
	return func(raw []byte, hits []int) ([]int, error) {
		event, eventType, err := decode(raw)
		if err != nil {
			return hits, err
		}
		values := map[string]any{"event": event, "data": event["data"]}
		for _, p := range lists[eventType] {
			result, _, err := p.program.Eval(values)
			if err != nil {
				return hits, err
			}
			if result.Value() == true {
				hits = append(hits, p.rule)
			}
		}
		return hits, nil
	}, nil
}

func celProgram(env *cel.Env, text string) (cel.Program, error) {
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	return env.Program(ast, cel.EvalOptions(cel.OptOptimize))
}

// celText writes the conditions of a rule in CEL, for cel-go and for our own rule
// files.
func celText(r *Rule) string { return celDialect.text(r) }

var celDialect = dialect{and: " && ", conditions: map[Operator]string{
	Equal: `%[1]s == %[2]q`, NotEqual: `%[1]s != %[2]q`, In: `%[1]s in [%[2]s]`,
	Prefix: `%[1]s.startsWith(%[2]q)`, NotPrefix: `!%[1]s.startsWith(%[2]q)`, Suffix: `%[1]s.endsWith(%[2]q)`, Contains: `%[1]s.contains(%[2]q)`,
	AtLeast: `%[1]s >= %[2]d`, Range: `%[1]s >= %[2]d && %[1]s < %[3]d`, Not: `!%[1]s`,
	Has: `%[2]q in %[1]s`, Any: `%[1]s.exists(i, i%[3]s == %[2]q)`,
}}

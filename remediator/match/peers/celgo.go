package main

import (
	"fmt"
	"strings"

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

// celText writes a rule in CEL, for cel-go and for our own rule files.
func celText(r *Rule) string {
	return joined(r, " && ", func(c *Condition) string {
		switch c.Operator {
		case Equal:
			return fmt.Sprintf("%s == %q", c.Path, c.Value)
		case NotEqual:
			return fmt.Sprintf("%s != %q", c.Path, c.Value)
		case In:
			return fmt.Sprintf("%s in %s", c.Path, list(c.Value))
		case Prefix:
			return fmt.Sprintf("%s.startsWith(%q)", c.Path, c.Value)
		case NotPrefix:
			return fmt.Sprintf("!%s.startsWith(%q)", c.Path, c.Value)
		case Suffix:
			return fmt.Sprintf("%s.endsWith(%q)", c.Path, c.Value)
		case Contains:
			return fmt.Sprintf("%s.contains(%q)", c.Path, c.Value)
		case AtLeast:
			return fmt.Sprintf("%s >= %d", c.Path, c.Value)
		case Range:
			bounds := c.Value.([]int)
			return fmt.Sprintf("%s >= %d && %s < %d", c.Path, bounds[0], c.Path, bounds[1])
		case Not:
			return "!" + c.Path
		case Has:
			return fmt.Sprintf("%q in %s", c.Value, c.Path)
		case Any:
			at := strings.LastIndexByte(c.Path, '.')
			return fmt.Sprintf("%s.exists(i, i%s == %q)", c.Path[:at], c.Path[at:], c.Value)
		}
		panic(fmt.Sprintf("no operator %q", c.Operator))
	})
}

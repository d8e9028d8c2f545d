package main

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// exprLang does as the baseline does, with the programs of expr and one machine
// that runs them all.
func exprLang(rules []Rule) (matcher, error) {
	env := map[string]any{"event": map[string]any{}, "data": map[string]any{}}
	lists, err := split(rules, func(r *Rule) (*vm.Program, error) {
		return expr.Compile(exprText(r), expr.Env(env), expr.AsBool())
	})
	if err != nil {
		return nil, err
	}
	var machine vm.VM
	return func(raw []byte, hits []int) ([]int, error) {
		event, eventType, err := decode(raw)
		if err != nil {
			return hits, err
		}
		values := map[string]any{"event": event, "data": event["data"]}
		for _, p := range lists[eventType] {
			result, err := machine.Run(p.program, values)
			if err != nil {
				return hits, err
			}
			if result == true {
				hits = append(hits, p.rule)
			}
		}
		return hits, nil
	}, nil
}

func exprText(r *Rule) string {
	return joined(r, " && ", func(c *Condition) string {
		switch c.Operator {
		case Equal:
			return fmt.Sprintf("%s == %q", c.Path, c.Value)
		case NotEqual:
			return fmt.Sprintf("%s != %q", c.Path, c.Value)
		case In:
			return fmt.Sprintf("%s in %s", c.Path, list(c.Value))
		case Prefix:
			return fmt.Sprintf("%s startsWith %q", c.Path, c.Value)
		case NotPrefix:
			return fmt.Sprintf("!(%s startsWith %q)", c.Path, c.Value)
		case Suffix:
			return fmt.Sprintf("%s endsWith %q", c.Path, c.Value)
		case Contains:
			return fmt.Sprintf("%s contains %q", c.Path, c.Value)
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
			return fmt.Sprintf("any(%s, %s == %q)", c.Path[:at], c.Path[at:], c.Value)
		}
		panic(fmt.Sprintf("no operator %q", c.Operator))
	})
}

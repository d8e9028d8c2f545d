package main

import (
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

// exprText writes the conditions of a rule in expr, which spells most as CEL does.
func exprText(r *Rule) string { return exprDialect.text(r) }

var exprDialect = celDialect.with(map[Operator]string{
	Prefix: `%[1]s startsWith %[2]q`, NotPrefix: `!(%[1]s startsWith %[2]q)`, Suffix: `%[1]s endsWith %[2]q`, Contains: `%[1]s contains %[2]q`,
	Any: `any(%[1]s, %[3]s == %[2]q)`,
})

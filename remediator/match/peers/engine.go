package main

import (
	"encoding/json"
	"fmt"
)

// matcher finds the rules that match an event: it appends their places in the
// set that it was built from to hits, in any order.
type matcher func(raw []byte, hits []int) ([]int, error)

// engine is one way to match. load reads rules in the neutral form and returns
// what compiles them, for where the two are worth telling apart.
type engine struct {
	name  string
	load  func(rules []Rule) (compile func() (matcher, error), err error)
	lacks string // the set whose rules it cannot express
}

// engines are measured in this order; the first is what the others are compared
// with.
var engines = []engine{
	{name: "ours", load: ours},
	{name: "cel-go", load: atOnce(celGo)},
	{name: "expr", load: atOnce(exprLang)},
	{name: "OPA", load: atOnce(opa)},
	{name: "grule", load: atOnce(grule), lacks: "array"},
}

// takes reports whether the engine can match by rules of a set.
func (e *engine) takes(set ruleSet) bool { return set.name != e.lacks }

// atOnce is for engines that translate and compile in one go.
func atOnce(build func(rules []Rule) (matcher, error)) func([]Rule) (func() (matcher, error), error) {
	return func(rules []Rule) (func() (matcher, error), error) {
		return func() (matcher, error) { return build(rules) }, nil
	}
}

// byType deals the rules out to the types of the events, as a reader would who
// has an engine without types: an event is then compared with the rules of its
// own type only.
type byType[P any] map[string][]placed[P]

// placed is what an engine made of the rule at a place of the set.
type placed[P any] struct {
	rule    int
	program P
}

// split compiles each rule once and lists it under every type that it covers.
func split[P any](rules []Rule, compile func(*Rule) (P, error)) (byType[P], error) {
	lists := byType[P]{}
	for i := range rules {
		program, err := compile(&rules[i])
		if err != nil {
			return nil, fmt.Errorf("compile rule %s: %w", rules[i].Name, err)
		}
		for _, area := range areas {
			for _, kind := range kinds {
				if name := eventType(area, kind); rules[i].covers(name) {
					lists[name] = append(lists[name], placed[P]{i, program})
				}
			}
		}
	}
	return lists, nil
}

// decode reads an event the way most programs do: once, into maps.
func decode(raw []byte) (map[string]any, string, error) {
	var event map[string]any
	if err := json.Unmarshal(raw, &event); err != nil {
		return nil, "", fmt.Errorf("decode event: %w", err)
	}
	eventType, _ := event["type"].(string)
	return event, eventType, nil
}

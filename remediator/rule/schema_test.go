package rule_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/makegood/makegood/remediator/rule"
)

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(rule.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("rules.schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("rules.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// validate holds a text against the schema as an editor does.
func validate(t *testing.T, compiled *jsonschema.Schema, text string) error {
	t.Helper()
	var value any
	if err := yaml.Load([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(instance)
}

func TestSchemaAccepts(t *testing.T) {
	t.Parallel()
	compiled := compileSchema(t)
	flights, err := os.ReadFile("../../examples/flights/rules/flights.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(flights), counted, defaulted, withLines("if: true"), withEvent("[a.b, {type: a.c, if: data.x}, {type: a.*}]", "if: true"), withEvent("{type: a.c, if: true}", ""),
		withLines("unless: {event: a.b, by: data.order, within: 48h}"), withLines("unless: {event: [{type: a.b, if: data.ok}, c.*], if: true, until: timestamp(data.at)}"),
		withLines("do:\n  - notify: {template: late}\n  - notify: {template: stop, via: chat}\n    name: chat\n" +
			"  - notify: {template: late, via: mail, to: \"${{ data.email }}\", name: other}\n" +
			"  - webhook: {to: crm, data: {order: \"${{ data.order }}\", n: 3, yes: true}}"),
		withLines("once_per: {key: [data.a, data.b], scope: s}\nmode: shadow\nstorm: {remedies: 3, within: 1h30m}\n" +
			"limits: {per_remedy: [1.00 USD, 100 JPY], per_customer: {remedies: 1, within: 3d}, over: suppress, approve_above: 5.00 USD, budget: {amount: 9.00 USD, within: 1d}, coe_above: 4.00 USD}\n" +
			"do:\n  - credit: {customer: c, amount: 1.00 USD, expires: 7d}\n    name: gift\n    after: none\n  - coe: {title: \"late ${{ data.a }}\"}")} {
		load(t, text)
		if err := validate(t, compiled, text); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	compiled := compileSchema(t)
	for _, lines := range []string{
		"iff: data.a", "mode: lice", "mode: canary", "window: {by: data.a}", "window: {within: 7 days}", "window: {within: 7d, after: again}",
		"storm: {remedies: 0, within: 1d}", "storm: {remedies: 3}", "limits: {per_remedy: 10}", "limits: {budget: {amount: 5.00 USD}}",
		"limits: {per_customer: {within: 3d}}", "limits: {over: drop}", "once_per: {scope: s}", "once_per: []", "once_per: {key: a, scope: Old Name}",
		"let: [a]", "let: {a-b: data.a}", "do: []", "do: [{}]", "do: [{coe: {titel: x}}]", "do: [{coe: {}}]", "do: [{notify: {via: mail}}]", "do: [{notify: {template: x, via: fax}}]",
		"do: [{notify: {template: x, via: chat, to: a@b.example}}]", "do: [{webhook: {data: {a: b}}}]", "do: [{webhook: {to: crm, data: {a: [b]}}}]",
		"do: [{webhook: {to: crm, data: {a b: c}}}]", "do: [{refund: {payment: p}}]",
		"do: [{andon: {pull: a, level: orange, reason: r}}]", "do: [{refund: {payment: p, amount: 1.00 USD}, credit: {customer: c, amount: 1.00 USD}}]",
		"unless: {event: x}", "unless: {within: 1d}", "unless: {event: x, within: 1d, until: data.t}", "unless: {event: x, within: 1d, having: true}", "unless: x", "if: [a]",
	} {
		text := withLines(lines)
		if len(problems(t, text)) == 0 {
			t.Errorf("the loader accepts %s", lines)
		}
		if err := validate(t, compiled, text); err == nil {
			t.Errorf("the schema accepts %s", lines)
		}
	}
	for _, text := range []string{"{}", "[]", "rules: {}", "rules: [{rule: a}]", "rules: []\nmore: 1"} {
		if err := validate(t, compiled, text); err == nil {
			t.Errorf("the schema accepts %s", text)
		}
	}
}

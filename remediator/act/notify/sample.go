package notify

import (
	"slices"
	"text/template/parse"
)

// uses are the lets and steps that a template names, with a value of the type
// that it seems to expect. They make the page on which it is tried when it is
// loaded, so that a name that nothing has is found then and not when a customer
// waits for the mail.
type uses struct {
	lets  map[string]any
	steps map[string]bool
}

// full is a page on which everything has a value.
func (u uses) full() Page {
	p := Page{
		Customer: Customer{ID: "c-42", Name: "Ada", Locale: "en"}, Let: u.lets, Steps: map[string]Step{},
		Refunded: "2.99 USD", Credited: "5.00 USD", Rule: "a-rule", Remedy: "8d1f5e0a-0000-4000-8000-000000000000", Subject: "order/77",
	}
	for name := range u.steps {
		p.Steps[name] = Step{Status: "succeeded", Amount: "2.99 USD", Ref: "re_1"}
	}
	return p
}

// empty is a page on which everything is there and says nothing, so that the
// other branch of each condition is tried too.
func (u uses) empty() Page {
	p := Page{Let: map[string]any{}, Steps: map[string]Step{}}
	for name, value := range u.lets {
		p.Let[name] = blank(value)
	}
	for name := range u.steps {
		p.Steps[name] = Step{}
	}
	return p
}

func blank(value any) any {
	switch v := value.(type) {
	case float64:
		return 0.0
	case bool:
		return false
	case []any:
		return []any{}
	case map[string]any:
		object := map[string]any{}
		for name, field := range v {
			object[name] = blank(field)
		}
		return object
	}
	return ""
}

// look collects what a tree of a template names.
func (u uses) look(node parse.Node) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, child := range n.Nodes {
			u.look(child)
		}
	case *parse.ActionNode:
		u.pipe(n.Pipe, nil)
	case *parse.TemplateNode:
		u.pipe(n.Pipe, nil)
	case *parse.IfNode:
		u.branch(&n.BranchNode, nil)
	case *parse.WithNode:
		u.branch(&n.BranchNode, nil)
	case *parse.RangeNode:
		u.branch(&n.BranchNode, []any{"sample"})
	}
}

func (u uses) branch(n *parse.BranchNode, as any) {
	u.pipe(n.Pipe, as)
	u.look(n.List)
	u.look(n.ElseList)
}

// comparisons are the functions whose arguments must have one type.
var comparisons = []string{"eq", "ne", "lt", "le", "gt", "ge"}

// pipe collects the names of a pipe; as is the value that a field must have there,
// nil for a text.
func (u uses) pipe(pipe *parse.PipeNode, as any) {
	if pipe == nil {
		return
	}
	for _, command := range pipe.Cmds {
		value := as
		if f, ok := command.Args[0].(*parse.IdentifierNode); ok && slices.Contains(comparisons, f.Ident) {
			value = literal(command.Args)
		}
		for _, arg := range command.Args {
			switch n := arg.(type) {
			case *parse.FieldNode:
				u.name(n.Ident, value)
			case *parse.VariableNode:
				if n.Ident[0] == "$" {
					u.name(n.Ident[1:], value)
				}
			case *parse.PipeNode:
				u.pipe(n, nil)
			}
		}
	}
}

// literal is a value of the type of the constants that a field is compared with.
func literal(args []parse.Node) any {
	for _, arg := range args {
		switch n := arg.(type) {
		case *parse.NumberNode:
			return n.Float64 + 1
		case *parse.BoolNode:
			return true
		}
	}
	return nil
}

// name notes a field of the page.
func (u uses) name(path []string, value any) {
	if len(path) < 2 {
		return
	}
	switch path[0] {
	case "Steps":
		u.steps[path[1]] = true
	case "Let":
		put(u.lets, path[1:], value)
	}
}

// put notes a field of objects in objects. The first use that says a type counts.
func put(into map[string]any, path []string, value any) {
	if len(path) > 1 {
		inner, ok := into[path[0]].(map[string]any)
		if !ok {
			inner = map[string]any{}
			into[path[0]] = inner
		}
		put(inner, path[1:], value)
		return
	}
	if before, ok := into[path[0]]; ok && before != "sample" {
		return
	}
	if value == nil {
		value = "sample"
	}
	into[path[0]] = value
}

package expression

import (
	"bytes"
	"net/netip"
	"regexp"

	"cel.dev/cel-go/common/ast"
)

// textTest compiles the questions that are put to a text. Of anything else they
// are an error.
func (c *compiler) textTest(call ast.CallExpr) truthFunc {
	name, args := call.FunctionName(), call.Args()
	if name == "containsIP" {
		return c.containsIP(call)
	}
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	if name == "matches" {
		return c.matches(args)
	}
	tests := map[string]func(text, part []byte) bool{"startsWith": bytes.HasPrefix, "endsWith": bytes.HasSuffix, "contains": bytes.Contains}
	text, part, test := c.operand(args[0]), c.operand(args[1]), tests[name]
	if text == nil || part == nil {
		return nil
	}
	if constant, ok := c.constant(args[1]); ok {
		c.cost.texts(1 + len(constant.text)/10)
	} else {
		c.cost.pairs(1)
	}
	return func(f *Frame) Truth {
		a, b := text(f), part(f)
		if no, ok := fault(a, b); ok {
			return no.kind.truth()
		}
		if a.kind != kindText || b.kind != kindText {
			return OtherError
		}
		return truthOf(test(a.text, b.text))
	}
}

// onText makes a test of a text that is a value.
func onText(value operandFunc, test func(text []byte) Truth) truthFunc {
	return func(f *Frame) Truth {
		x := value(f)
		switch {
		case x.kind.faulty():
			return x.kind.truth()
		case x.kind != kindText:
			return OtherError
		}
		return test(x.text)
	}
}

func (c *compiler) matches(args []ast.Expr) truthFunc {
	text := c.operand(args[0])
	pattern, ok := c.constant(args[1])
	if text == nil || !ok || pattern.kind != kindText {
		return nil
	}
	compiled, err := regexp.Compile(string(pattern.text))
	if err != nil {
		return nil
	}
	c.cost.texts(1 + len(pattern.text)/4)
	return onText(text, func(text []byte) Truth { return truthOf(compiled.Match(text)) })
}

// network reads cidr("…") with a constant, as CEL's extension does.
func (c *compiler) network(e ast.Expr) (netip.Prefix, bool) {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != "cidr" || len(e.AsCall().Args()) != 1 {
		return netip.Prefix{}, false
	}
	text, ok := c.constant(e.AsCall().Args()[0])
	if !ok || text.kind != kindText {
		return netip.Prefix{}, false
	}
	return network(string(text.text))
}

func (c *compiler) containsIP(call ast.CallExpr) truthFunc {
	network, ok := c.network(call.Target())
	text := c.operand(call.Args()[0])
	if !ok || text == nil {
		return nil
	}
	c.cost.texts(1)
	return onText(text, func(text []byte) Truth {
		address, ok := Address(text)
		if !ok {
			return OtherError
		}
		return truthOf(network.Contains(address))
	})
}

package rule

import "github.com/makegood/makegood/remediator/rule/expression"

// Comparison is a condition that compares two values, compiled side by side.
type Comparison struct {
	Operator    string // < <= > >= == !=
	Left, Right string // on one line, and a constant on the right
	left, right *expression.Program
}

// comparison returns the comparison that a condition is, nil when it is something else.
func (c *reader) comparison(condition string) (*Comparison, error) {
	left, operator, right, ok := expression.Comparison(condition)
	if !ok {
		return nil, nil
	}
	var sides [2]*expression.Program
	for i, text := range []string{left, right} {
		var err error
		if sides[i], err = c.compile(text); err != nil {
			return nil, err
		}
	}
	left, right = expression.Line(left), expression.Line(right)
	compared := &Comparison{Operator: operator, Left: left, Right: right, left: sides[0], right: sides[1]}
	if p := sides[0]; len(p.Paths)+len(p.Lets)+len(p.Slots) == 0 { // 3 < data.n: what is compared is data.n
		compared = &Comparison{Operator: mirrored[operator], Left: right, Right: left, left: sides[1], right: sides[0]}
	}
	return compared, nil
}

var mirrored = map[string]string{"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}

// Sides evaluates both sides of a comparison, after HavingConditions with its
// aggregates.
func (e *Evaluation) Sides(c *Comparison) (left, right any, err error) {
	if left, err = c.left.Eval(e); err == nil {
		right, err = c.right.Eval(e)
	}
	return left, right, err
}

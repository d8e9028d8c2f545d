package rule

import (
	"slices"

	"github.com/makegood/makegood/remediator/event"
	"github.com/makegood/makegood/remediator/rule/expression"
)

// Bound is a clause with the places that its expressions read in the events of
// one plan. It is immutable.
type Bound struct {
	Clause
	exprs []*Expr
	bound []expression.Bound // of exprs
	lets  []expression.Bound // of the rule's lets
}

// rest are the expressions that may use aggregates, and what the steps tell.
func (r *Rule) rest() []*Expr {
	all := []*Expr{r.Having}
	tells := false
	for i := range r.Steps {
		step := &r.Steps[i]
		tells = tells || step.Kind == Notify
		texts := []template{step.payment, step.customer, step.amount, step.cord, step.reason, step.to}
		for _, f := range step.data {
			texts = append(texts, f.value)
		}
		for _, t := range texts {
			for _, p := range t {
				all = append(all, p.expr)
			}
		}
	}
	if tells {
		for _, let := range r.Lets {
			all = append(all, let.Expr)
		}
	}
	return slices.DeleteFunc(all, func(x *Expr) bool { return x == nil })
}

// Rest binds what is left of a rule when its condition holds, in a plan of its own.
// An evaluation of it has Having and Actions alone. Few events get that far: their
// bytes are read a second time, and the others are not searched for what only the
// steps say.
func (r *Rule) Rest() (*event.Plan, *Bound) {
	plan := event.NewPlan(r.AppendRestReads(nil))
	return plan, r.BindRest(plan)
}

// HavingReads reports whether having asks anything of the event, besides aggregates.
func (r *Rule) HavingReads() bool {
	return r.Having != nil && len(r.appendReads(nil, []*Expr{r.Having})) > 0
}

// AppendRestReads appends the paths that a plan has to have for what is left of the rule.
func (r *Rule) AppendRestReads(paths [][]string) [][]string { return r.appendReads(paths, r.rest()) }

// BindRest binds what is left of the rule in a plan that has what it reads.
func (r *Rule) BindRest(plan *event.Plan) *Bound { return bind(Clause{Rule: r}, r.rest(), plan) }

// exprs are the expressions of a clause that the event alone decides, its
// condition first when it has one.
func (c Clause) exprs() []*Expr {
	all := make([]*Expr, 0, 1+len(c.Rule.OncePer)) // most rules have no more
	add := func(x *Expr) {
		if x != nil {
			all = append(all, x)
		}
	}
	add(c.If)
	add(c.Rule.GroupsBy())
	if c.Ends {
		return all
	}
	all = append(all, c.Rule.OncePer...)
	if c.Rule.Unless != nil {
		add(c.Rule.Unless.Until)
	}
	for _, aggregate := range c.Rule.Aggregates {
		add(aggregate.Arg)
		add(aggregate.If)
	}
	return all
}

// Reads returns what the expressions of the clause read of the event and its data, and what
// those of the rule do that are left when its condition holds: the names of paths, some more
// than once.
func (c Clause) Reads() [][]string {
	exprs := c.exprs()
	if !c.Ends {
		exprs = append(exprs, c.Rule.rest()...)
	}
	for _, let := range c.Rule.letsOf(exprs) {
		exprs = append(exprs, let.Expr)
	}
	var paths [][]string
	for _, x := range exprs {
		for _, path := range x.program.Paths {
			paths = append(paths, append([]string{path.Root}, path.Fields...))
		}
	}
	return paths
}

// AppendReads appends the paths that a plan has to have for the clause.
func (c Clause) AppendReads(paths [][]string) [][]string { return c.Rule.appendReads(paths, c.exprs()) }

// appendReads appends the paths that expressions of the rule read, and those of
// the lets that they name.
func (r *Rule) appendReads(paths [][]string, exprs []*Expr) [][]string {
	var lets []string
	visit := func(x *Expr) {
		paths = x.program.AppendReads(paths)
		lets = append(lets, x.program.Lets...)
	}
	for _, x := range exprs {
		visit(x)
	}
	for i := len(r.Lets) - 1; i >= 0; i-- { // a let names earlier ones only
		if let := r.Lets[i]; slices.Contains(lets, let.Name) {
			visit(let.Expr)
		}
	}
	return paths
}

// Bind gives the clause its places in a plan that has what it reads.
func (c Clause) Bind(plan *event.Plan) *Bound { return bind(c, c.exprs(), plan) }

func bind(c Clause, exprs []*Expr, plan *event.Plan) *Bound {
	b := &Bound{Clause: c, exprs: exprs}
	b.bound = make([]expression.Bound, len(b.exprs))
	for i, x := range b.exprs {
		b.bound[i] = x.program.Bind(plan)
	}
	if len(c.Rule.Lets) > 0 {
		b.lets = make([]expression.Bound, len(c.Rule.Lets))
		for i, let := range c.Rule.Lets {
			b.lets[i] = let.Expr.program.Bind(plan)
		}
	}
	return b
}

// Bind gives a condition its places in a plan that has what its clause reads, to
// be evaluated by itself. It returns false for one that needs lets of its rule.
func (e *Expr) Bind(plan *event.Plan) (expression.Bound, bool) {
	if len(e.program.Lets) > 0 {
		return expression.Bound{}, false
	}
	return e.program.Bind(plan), true
}

// Meets judges the condition of the clause for the event that the frame is
// turned to. Evaluate gives the text of an error.
func (b *Bound) Meets(f *expression.Frame) expression.Truth {
	if b.If == nil {
		return expression.True
	}
	f.Enter(b.lets)
	return b.bound[0].Truth(f)
}

// Evaluate makes e, and returns it as, the evaluation for the event that the frame is
// turned to, good until it is turned to another one. It has what the event alone decides:
// Meets, Key, By, Until and the arguments and predicates of the aggregates.
func (b *Bound) Evaluate(e *Evaluation, f *expression.Frame) *Evaluation {
	*e = Evaluation{rule: b.Rule, bound: b, frame: f}
	return e
}

// turn turns the frame to an expression of the clause, which may use aggregates.
func (b *Bound) turn(f *expression.Frame, x *Expr, aggregates expression.Slots) expression.Bound {
	f.Enter(b.lets)
	f.Aggregate(aggregates)
	return b.bound[slices.Index(b.exprs, x)]
}

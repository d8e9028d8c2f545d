// Package lint warns of rules that can be carried out but are hardly meant: one
// that can never fire, two that pay for the same thing, one that another covers,
// money without a budget.
//
// A warning says the reason and how to mend it. There is no way to silence one
// but to mend the rule. What lint says, it has proved from the rules alone (see
// package logic); where it cannot, it says nothing. `makegood rules check` prints
// its warnings. It is pure.
package lint

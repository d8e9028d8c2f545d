package expression_test

import (
	"testing"

	"github.com/makegood/makegood/remediator/rule/expression"
)

// TestBetween holds of which conditions the bounds of their aggregates say something about
// what lies between.
func TestBetween(t *testing.T) {
	t.Parallel()
	s := scope(t)
	for text, want := range map[string]bool{
		`count() >= 3`:                                           true,
		`count() >= 3 && count() <= 5`:                           true,
		`count() == 3 && sum(data.n) > 5.0`:                      true,
		`sum(data.n) - sum(data.m) > 5.0`:                        true,
		`sum(data.n) / 5.0 > 0.5 * data.n`:                       true,
		`count(data.bad) / count() > 0.5`:                        true,
		`count(data.bad) * 100.0 / count() > 50`:                 true,
		`100.0 / count() < 50.0`:                                 true,
		`2.0 * (sum(data.n) / sum(data.m)) > 5.0`:                true,
		`sum(data.n) / count() > sum(data.m)`:                    false,
		`count(data.bad) / (count() + 1.0) > 0.5`:                false,
		`int(count()) >= 3 && double(count()) > 2`:               true,
		`pct(sum(money(data.paid)), 10) > money("0.50 USD")`:     true,
		`int(count()) >= int(sum(data.n))`:                       false,
		`data.b ? count() >= 3 : count() >= 9`:                   true,
		`data.b ? count() >= 3 : count() != 9`:                   false,
		`!(count() >= 3 || sum(data.n) > 5.0)`:                   true,
		`!(count() >= 3 && sum(data.n) > 5.0)`:                   true,
		`!(count() >= 3 && count() <= 5)`:                        false,
		`!(count() == 3)`:                                        false,
		`!!(count() == 3)`:                                       true,
		`count() - 2.0 * sum(data.n) > 1.0 || sum(data.n) < 3.0`: true,
		`count() + 2.0 * sum(data.n) > 1.0 || sum(data.n) < 3.0`: false,
		`count() - data.m * sum(data.n) > 1.0 || data.b`:         false,
		`sum(data.n) * sum(data.n) > 4.0`:                        false,
		`count() * (8.0 - count()) < 12.0`:                       false,
		`100.0 / (count() - 5.0) < 50.0`:                         false,
		`data.n > 3 || data.n < 2`:                               true,
		`count() >= 3 || count() > 5`:                            true,
		`count() >= 3 || share(data.bad) < 0.5`:                  true,
		`3 <= count() || count() > data.n`:                       true,
		`count() < 3 || count() > 5`:                             false,
		`5 < count() || count() < 3`:                             false,
		`count() != 4`:                                           false,
		`!(count() > 3)`:                                         true,
		`count() > 3 ? count() < 5 : count() > 1`:                false,
		`count() in [1, 3]`:                                      false,
		`count() - sum(data.n) > 1.0 || data.b`:                  true,
		`math.abs(sum(data.n)) > 5.0`:                            false,
		`sum(data.n) > count() || count() > 3`:                   false,
	} {
		program, issues := s.Compile(text, &expression.Calls{})
		if len(issues) > 0 {
			t.Errorf("%s: %v", text, issues)
			continue
		}
		if program.Between != want {
			t.Errorf("%s: %v, want %v", text, program.Between, want)
		}
	}
}

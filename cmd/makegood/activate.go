package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/lint"
)

// ruleChange is how one rule differs from the one in force.
type ruleChange struct {
	Rule   string `json:"rule"`
	Change string `json:"change"` // added, changed or removed
	Mode   string `json:"mode"`
	Pays   bool   `json:"pays"` // live money, from then on or until now
	// OtherKeys says that the rule paid and pays, by a once_per that makes other keys: what
	// was made good under the old ones is made good again when it comes again.
	OtherKeys bool `json:"other_keys,omitempty"`
}

// changesOf lists how a rule set differs from the rules in force, by name.
func (s service) changesOf(ctx context.Context, now api.Rules, set *rule.Set) ([]ruleChange, error) {
	rekeyed, err := s.rekeyed(ctx, now.Digest, set)
	if err != nil {
		return nil, err
	}
	before, changes := map[string]api.RuleInForce{}, map[string]ruleChange{}
	for _, r := range now.Rules {
		before[r.Rule] = r
		changes[r.Rule] = ruleChange{Rule: r.Rule, Change: "removed", Mode: r.Mode, Pays: r.Money && r.Mode != string(rule.Shadow)}
	}
	for _, r := range set.Rules {
		old, known := before[r.Name]
		change := ruleChange{Rule: r.Name, Change: "added", Mode: string(r.Mode), Pays: r.Pays(), OtherKeys: slices.Contains(rekeyed, r)}
		if known {
			change.Change = "changed"
		}
		if changes[r.Name] = change; known && old.Digest == r.Digest {
			delete(changes, r.Name)
		}
	}
	list := []ruleChange{}
	for _, name := range sortedKeys(changes) {
		list = append(list, changes[name])
	}
	return list, nil
}

// rekeyed lists the rules of a set that take other keys than in a set that was put in
// force; none when that cannot be read any more.
func (s service) rekeyed(ctx context.Context, digest string, set *rule.Set) ([]*rule.Rule, error) {
	if digest == "" {
		return nil, nil
	}
	var sealed api.RuleSet
	if err := s.get(ctx, "/v1/rule-sets/"+digest, nil, &sealed); err != nil {
		return nil, err
	}
	before, err := rule.Load(sealed.Files)
	if err != nil {
		return nil, nil
	}
	keys, err := lint.NewKeys()
	if err != nil {
		return nil, err
	}
	return keys.Rekeyed(before, set), nil
}

func printChanges(w io.Writer, changes []ruleChange) error {
	rows := [][]string{}
	for _, c := range changes {
		marks := pays(c.Pays)
		if c.OtherKeys {
			marks += ", other keys"
		}
		rows = append(rows, []string{c.Change, c.Rule, c.Mode, marks})
	}
	return printTable(w, nil, rows)
}

// pays marks a rule that moves real money.
func pays(live bool) string {
	if live {
		return "live money"
	}
	return ""
}

type activateCommand struct {
	service
	Dir    string `arg:"" type:"path" help:"Folder of rule files."`
	Parent string `placeholder:"DIGEST" help:"The rules that they replace. Without it those that are in force now; with it they are refused when others came in between."`
}

// activated is what activate prints as JSON.
type activated struct {
	Changes []ruleChange   `json:"changes"`
	Answer  *decide.Answer `json:"answer"`
}

// Run checks the rules of a folder and their tests as rules check does, says what
// they change, and activates them.
func (c *activateCommand) Run(p *program) error {
	// They are read once: what is activated is what was checked.
	rules, tests, err := readFolder(c.Dir)
	if err != nil {
		return err
	}
	switch checked, err := checkFiles(p.ctx, below(c.Dir, slices.Concat(rules, tests)), []string{c.Dir}); { // live money without tests is for nobody to approve
	case err != nil:
		return err
	case checked.Problems.Failed():
		printProblems(p.stderr, checked.Problems)
		return errChecked
	}
	set, err := rule.Load(rules)
	if err != nil {
		return err
	}
	var now api.Rules
	if err := c.live(p.ctx, "/v1/rules", &now); err != nil {
		return err
	}
	changes, err := c.changesOf(p.ctx, now, set)
	if err != nil {
		return err
	}
	if c.Output != "json" {
		if err := printChanges(p.stdout, changes); err != nil {
			return err
		}
	}
	parent := c.Parent
	if parent == "" {
		parent = now.Digest
	}
	result := activated{Changes: changes, Answer: &decide.Answer{}}
	if err := c.post(p.ctx, "/v1/rules/activate", map[string]any{"files": set.Files, "parent": parent}, result.Answer); err != nil {
		return c.printIfLater(p, c.whose(p, parent, err))
	}
	if c.Output == "json" {
		return printJSON(p.stdout, result)
	}
	if result.Answer.Status == "proposed" {
		_, err = fmt.Fprintf(p.stdout, "proposed; they pay live money, so another person looks at them and says\n\n    makegood rules approve %s\n", set.Digest)
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "in force: %s\n", set.Digest)
	return err
}

// whose adds to a refusal who put the rules in force that are there instead of those
// that were to be replaced.
func (c *activateCommand) whose(p *program, parent string, refused error) error {
	var now api.Rules
	if err := c.live(p.ctx, "/v1/rules", &now); err != nil || now.Digest == parent || now.Author == "" {
		return refused
	}
	return fmt.Errorf("%w; %s put those in force", refused, plain(now.Author))
}

type approveRulesCommand struct {
	service
	Digest string `arg:"" help:"Digest of the proposed rules, as rules status shows it."`
}

// Run approves proposed rules.
func (c *approveRulesCommand) Run(p *program) error {
	return c.tell(p, "/v1/rules/approve", map[string]string{"digest": c.Digest}, func(decide.Answer) string { return "in force: " + c.Digest })
}

type denyRulesCommand struct {
	service
	Digest string `arg:"" help:"Digest of the proposed rules, as rules status shows it."`
}

// Run denies proposed rules.
func (c *denyRulesCommand) Run(p *program) error {
	return c.tell(p, "/v1/rules/deny", map[string]string{"digest": c.Digest}, func(decide.Answer) string { return "denied: " + c.Digest })
}

type rulesStatusCommand struct {
	service
}

// Run says which rules are in force and which wait.
func (c *rulesStatusCommand) Run(p *program) error {
	var now api.Rules
	if err := c.get(p.ctx, "/v1/rules", nil, &now); err != nil {
		return err
	}
	if c.Output == "json" {
		return printJSON(p.stdout, now)
	}
	if now.Digest == "" {
		fmt.Fprintln(p.stdout, "no rules are in force")
	} else {
		fmt.Fprintf(p.stdout, "in force: %s, by %s\n\n", now.Digest, plain(now.Author))
	}
	rows := [][]string{}
	for _, r := range now.Rules {
		rows = append(rows, []string{r.Rule, r.Mode, pays(r.Money && r.Mode != string(rule.Shadow)), r.Owner, fmt.Sprintf("%s:%d", r.File, r.Line)})
	}
	if err := printTable(p.stdout, []string{"RULE", "MODE", "PAYS", "OWNER", "AT"}, rows); err != nil {
		return err
	}
	return c.printProposal(p, now)
}

// printProposal prints what waits for another person, as it differs from what is
// in force.
func (c *rulesStatusCommand) printProposal(p *program, now api.Rules) error {
	waiting := now.Proposal
	if waiting == nil {
		return nil
	}
	fmt.Fprintf(p.stdout, "\nproposed: %s, by %s %s\n\n", waiting.Digest, plain(waiting.By), time.Unix(0, waiting.At).UTC().Format(time.RFC3339))
	set, err := rule.Load(waiting.Files)
	if err != nil {
		return fmt.Errorf("read proposed rules: %w", err)
	}
	changes, err := c.changesOf(p.ctx, now, set)
	if err != nil {
		return err
	}
	return printChanges(p.stdout, changes)
}

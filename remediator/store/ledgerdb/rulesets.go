package ledgerdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/rule"
)

// RuleFiles returns the files of a rule set that was ever in force, by its digest, as
// they are sealed. It returns none when there was no such set.
func (d *DB) RuleFiles(ctx context.Context, digest string) ([]rule.File, error) {
	var files []rule.File
	wanted := map[string][]int{} // places in files, by the digest of the text
	parts := map[int]bool{}
	err := d.ruleFacts(ctx, decide.KindRules, func(body []byte) error {
		var fact decide.RulesFact
		if err := json.Unmarshal(body, &fact); err != nil || fact.Digest != digest || parts[fact.Part] {
			return err
		}
		parts[fact.Part] = true // the same set may have been in force twice
		for _, f := range fact.Files {
			wanted[f.SHA256] = append(wanted[f.SHA256], len(files))
			files = append(files, rule.File{Path: f.Path})
		}
		return nil
	})
	if err != nil || len(files) == 0 {
		return nil, err
	}
	texts := map[string]map[int]string{} // parts, by the digest of the text
	err = d.ruleFacts(ctx, decide.KindRuleText, func(body []byte) error {
		var fact decide.RuleTextFact
		if err := json.Unmarshal(body, &fact); err != nil || wanted[fact.SHA256] == nil {
			return err
		}
		if texts[fact.SHA256] == nil {
			texts[fact.SHA256] = map[int]string{}
		}
		texts[fact.SHA256][fact.Part] = fact.Text
		return nil
	})
	for digest, text := range texts {
		for _, place := range wanted[digest] {
			for part := 1; part <= len(text); part++ {
				files[place].Text += text[part]
			}
		}
	}
	return files, err
}

// RuleSetBefore returns the digest of the rule set that was put in force last before a
// time; empty: none was.
func (d *DB) RuleSetBefore(ctx context.Context, at time.Time) (digest string, err error) {
	var body []byte
	err = d.db.Read.QueryRowContext(ctx, `SELECT body FROM ledger WHERE kind IN ('rules', 'rule-text') AND kind = 'rules' AND at < ? ORDER BY seq DESC LIMIT 1`, at.UnixNano()).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	var fact decide.RulesFact
	if err == nil {
		err = json.Unmarshal(body, &fact)
	}
	if err != nil {
		return "", fmt.Errorf("read rules: %w", err)
	}
	return fact.Digest, nil
}

// PastRule is a rule as it was in force last, in a rule set.
type PastRule struct {
	decide.RuleDigest
	Set string // digest
}

// PastRules returns the rules that were ever in force and not in shadow, each text of them
// once: as each name was in force so last, those of the last sets first, then as each was
// before that, and so on.
func (d *DB) PastRules(ctx context.Context) ([]PastRule, error) {
	var past []PastRule
	err := d.ruleFacts(ctx, decide.KindRules, func(body []byte) error {
		var fact decide.RulesFact
		if err := json.Unmarshal(body, &fact); err != nil {
			return err
		}
		for _, r := range fact.Rules {
			if r.Mode != string(rule.Shadow) {
				past = append(past, PastRule{r, fact.Digest})
			}
		}
		return nil
	})
	slices.Reverse(past)
	seen, versions := map[decide.RuleDigest]bool{}, map[string]int{}
	past = slices.DeleteFunc(past, func(r PastRule) bool {
		text := decide.RuleDigest{Rule: r.Rule, Digest: r.Digest}
		known := seen[text]
		seen[text] = true
		return known
	})
	back := make(map[decide.RuleDigest]int, len(past))
	for _, r := range past {
		back[r.RuleDigest] = versions[r.Rule]
		versions[r.Rule]++
	}
	slices.SortStableFunc(past, func(a, b PastRule) int { return back[a.RuleDigest] - back[b.RuleDigest] })
	return past, err
}

// InForce returns the rules that were put in force last, with who put each in force as it
// is, by what is sealed of them: what a running service knows by itself.
func (d *DB) InForce(ctx context.Context) (in decide.InForce, err error) {
	type known struct{ digest, author string }
	var before, now map[string]known
	digest := ""
	err = d.ruleFacts(ctx, decide.KindRules, func(body []byte) error {
		var fact decide.RulesFact
		if err := json.Unmarshal(body, &fact); err != nil {
			return err
		}
		if fact.Part <= 1 {
			before, now = now, map[string]known{}
		}
		digest, in.Author = fact.Digest, fact.Author
		for _, r := range fact.Rules {
			now[r.Rule] = known{r.Digest, fact.Author}
			if old := before[r.Rule]; old.digest == r.Digest {
				now[r.Rule] = old
			}
		}
		return nil
	})
	if err != nil || digest == "" {
		return in, err
	}
	files, err := d.RuleFiles(ctx, digest)
	if err != nil {
		return in, err
	}
	if in.Set, err = rule.Load(files); err != nil {
		return in, fmt.Errorf("read the rules in force: %w", err)
	}
	in.Authors = map[string]string{}
	for name, r := range now {
		in.Authors[name] = r.author
	}
	return in, nil
}

// KnownRuleFiles returns which of some SHA-256 are of files of rules that were in force
// at some time.
func (d *DB) KnownRuleFiles(ctx context.Context, digests []string) (map[string]bool, error) {
	known := map[string]bool{}
	if len(digests) == 0 {
		return known, nil
	}
	err := d.ruleFacts(ctx, decide.KindRules, func(body []byte) error {
		var fact decide.RulesFact
		if err := json.Unmarshal(body, &fact); err != nil {
			return err
		}
		for _, f := range fact.Files {
			if slices.Contains(digests, f.SHA256) {
				known[f.SHA256] = true
			}
		}
		return nil
	})
	return known, err
}

// ruleFacts reads the bodies of the facts of a kind that is about rules, in order.
func (d *DB) ruleFacts(ctx context.Context, kind string, read func(body []byte) error) error {
	rows, err := d.db.Read.QueryContext(ctx, `SELECT body FROM ledger WHERE kind IN ('rules', 'rule-text') AND kind = ? ORDER BY seq`, kind)
	if err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			return fmt.Errorf("read rules: %w", err)
		}
		if err := read(body); err != nil {
			return fmt.Errorf("read rules: %w", err)
		}
	}
	return rows.Err()
}

package decide

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/input"
	"github.com/makegood/makegood/remediator/missing"
	"github.com/makegood/makegood/remediator/rule"
)

// textPart is how much of a rule file goes into one fact: an entry holds 63 KiB,
// and JSON may need six bytes for one.
const textPart = 10 << 10

// rulesPart is how many files, and how many rules, one fact names: a path has at
// most some hundred bytes, a digest 64.
const rulesPart = 50

// foldGenesis begins a log.
func (f *Fold) foldGenesis(in input.Input) error {
	s := f.state
	if s.Position.LogID != "" {
		return errors.New("the log has a genesis input already")
	}
	var g GenesisBody
	if err := decodeBody(in, &g); err != nil {
		return err
	}
	if len(g.HashKey) != 16 || g.LogID == "" {
		return errors.New("the genesis input has no log id or no hash key of 16 bytes")
	}
	if g.Version > f.cfg.Version {
		return fmt.Errorf("the log begins with version %d of the deciding, this program has %d: install the newer program", g.Version, f.cfg.Version)
	}
	s.Position.LogID, s.HashKey, s.Version = g.LogID, g.HashKey, max(g.Version, 1)
	s.Position.Version = s.Version
	s.Lateness, s.Silent = int64(g.Lateness()), true
	s.SnapshotAt, s.SnapshotOrdinal = f.at, s.Position.Ordinal
	f.hash = newHashKey(g.HashKey)
	f.missing = missing.New(f.at)
	digest := sha256.Sum256(g.HashKey)
	return f.add(KindGenesis, Fact{}, GenesisFact{LogID: g.LogID, LedgerKey: g.LedgerKey, HashKey: hex.EncodeToString(digest[:]), Created: g.Created})
}

// ErrNewer says that an input is of a newer version of the deciding than the program
// knows.
var ErrNewer = errors.New("install the newer program")

// foldVersion begins a new version of the deciding.
func (f *Fold) foldVersion(in input.Input) error {
	var v VersionBody
	if err := decodeBody(in, &v); err != nil {
		return err
	}
	if v.Version > f.cfg.Version {
		return fmt.Errorf("it begins version %d of the deciding, this program has %d: %w", v.Version, f.cfg.Version, ErrNewer)
	}
	if v.Version <= f.state.Version {
		return nil
	}
	from := f.state.Version
	f.state.Version, f.state.Position.Version = v.Version, v.Version
	return f.add(KindVersion, Fact{}, VersionFact{From: from, To: v.Version})
}

// use makes a rule set the one in force.
func (f *Fold) use(set *rule.Set) {
	f.set, f.matcher = set, f.cfg.NewMatcher(set)
	f.rules, f.scopes = make(map[string]*rule.Rule, len(set.Rules)), map[string]uuid.UUID{}
	for _, r := range set.Rules {
		f.rules[r.Name] = r
	}
	f.eventMemory = f.eventMemoryOf(set.Rules)
}

// putInForce seals a rule set and judges by it from the next input on.
func (f *Fold) putInForce(set *rule.Set, author string) error {
	fact := RulesFact{Digest: set.Digest, Parent: f.state.Digest, Author: author}
	before := map[string]string{}
	for _, file := range f.state.Files {
		before[file.Path] = file.Text
	}
	for _, file := range set.Files {
		digest := sha256.Sum256([]byte(file.Text))
		name := hex.EncodeToString(digest[:])
		fact.Files = append(fact.Files, FileDigest{Path: file.Path, SHA256: name})
		if old, ok := before[file.Path]; ok && old == file.Text {
			continue
		}
		if err := f.addText(file, name); err != nil {
			return err
		}
	}
	for _, r := range set.Rules {
		fact.Rules = append(fact.Rules, RuleDigest{Rule: r.Name, Digest: r.Digest, Mode: string(r.Mode)})
	}
	f.state.Authors = f.authors(set, author)
	f.state.Files, f.state.Digest, f.state.Author = set.Files, set.Digest, author
	rulesBefore := f.rules
	f.use(set)
	if err := f.addRules(fact); err != nil {
		return err
	}
	f.changeWindows(rulesBefore)
	f.changeLimits(rulesBefore)
	return f.changeWaiting(rulesBefore)
}

// authorOf returns who put a rule in force as it is: who edits others besides it
// has not written it.
func (f *Fold) authorOf(name string) string {
	if author, ok := f.state.Authors[name]; ok {
		return author
	}
	return f.state.Author
}

// authors returns the authors of the rules of a set that somebody else wrote than
// who puts the set in force.
func (f *Fold) authors(set *rule.Set, author string) map[string]string {
	others := map[string]string{}
	for _, r := range set.Rules {
		if old := f.rules[r.Name]; old != nil && old.Digest == r.Digest && f.authorOf(r.Name) != author {
			others[r.Name] = f.authorOf(r.Name)
		}
	}
	return others
}

// addRules seals what is in force, in as many facts as it needs.
func (f *Fold) addRules(all RulesFact) error {
	files := slices.Collect(slices.Chunk(all.Files, rulesPart))
	rules := slices.Collect(slices.Chunk(all.Rules, rulesPart))
	all.Parts = max(len(files), len(rules))
	for i := range all.Parts {
		part := all
		part.Part, part.Files, part.Rules = i+1, []FileDigest{}, []RuleDigest{}
		if i < len(files) {
			part.Files = files[i]
		}
		if i < len(rules) {
			part.Rules = rules[i]
		}
		if err := f.add(KindRules, Fact{}, part); err != nil {
			return err
		}
	}
	return nil
}

// addText seals the text of a rule file, in parts.
func (f *Fold) addText(file rule.File, digest string) error {
	var parts []string
	for text := file.Text; ; {
		n := min(len(text), textPart)
		for n < len(text) && n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		parts = append(parts, text[:n])
		if text = text[n:]; text == "" {
			break
		}
	}
	for i, part := range parts {
		if err := f.add(KindRuleText, Fact{}, RuleTextFact{Path: file.Path, SHA256: digest, Part: i + 1, Parts: len(parts), Text: part}); err != nil {
			return err
		}
	}
	return nil
}

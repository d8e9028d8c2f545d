package rule

// Part is the rules of files that could be read, of which others could not. Nothing puts
// it in force: it is what more there is to say before these are mended.
type Part struct {
	*Set
	lost    map[string]bool // names of rules that could not be read
	unnamed bool            // there may be others, whose names are not known
}

// Lost reports whether a rule with a name may be one that could not be read.
func (p *Part) Lost(name string) bool {
	return p.lost[name] || p.unnamed && p.Rule(name) == nil
}

// lose notes that a rule could not be read, by its name if it has one.
func (p *Part) lose(name string) {
	if name == "" {
		p.unnamed = true
		return
	}
	p.lost[name] = true
}

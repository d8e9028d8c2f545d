package decide

import (
	"encoding/json"

	"github.com/makegood/makegood/remediator/rule"
)

// maxValues bounds what all steps of a remedy tell together. A rule that makes
// more of an event is held for a person: nobody reads such a mail.
const maxValues = 32 << 10

// addValues keeps what the steps of a remedy will tell, as it was at the
// decision. It is evidence, for texts are never in a fact, and it is sealed with
// the decision, so that what is sent later is what was decided.
func (f *Fold) addValues(v *verdict) {
	plain := []byte{}
	for _, a := range v.actions {
		if a.Values == "" {
			continue
		}
		name, err := json.Marshal(a.Name)
		if err != nil {
			panic("encode the name of a step: " + err.Error()) // a text always encodes
		}
		plain = append(append(append(append(plain, ','), name...), ':'), a.Values...)
	}
	if len(plain) == 0 {
		return
	}
	plain[0] = '{'
	f.addEvidence(v.c.event.Customer, Fact{Remedy: v.c.remedy, Rule: v.c.hit.Rule.Name}, EvidenceValues, append(plain, '}'))
}

// addSent keeps what a step sent. What no step of its kind can have sent, or is
// too much, is left out: the attempt counts all the same.
func (f *Fold) addSent(r *openRemedy, s *openStep, sent []byte) {
	kind := map[string]string{rule.Notify: EvidenceMail, rule.Webhook: EvidenceWebhook}[s.Kind]
	if kind == "" || len(sent) == 0 || len(sent) > MaxSent {
		return
	}
	f.addEvidence(r.Customer, Fact{Remedy: r.Remedy, Rule: r.Rule}, kind, sent)
}

func (f *Fold) addEvidence(customer string, refs Fact, kind string, plain []byte) {
	if f.cfg.Observe != nil {
		return
	}
	f.out.Items = append(f.out.Items, Item{Evidence: &Evidence{
		Customer: customer, Remedy: refs.Remedy, Rule: refs.Rule, Kind: kind,
		At: f.at, Ordinal: f.state.Position.Ordinal, Plain: plain,
	}})
}

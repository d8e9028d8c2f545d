package ledger

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/money"
)

// remedyBody is the part of a decide.RemedyFact that is followed up.
type remedyBody struct {
	Remedy   uuid.UUID      `json:"remedy"`
	Rule     string         `json:"rule"`
	Account  string         `json:"account"`
	Mode     string         `json:"mode"`
	Decision string         `json:"decision"`
	Of       uuid.UUID      `json:"of"`
	Bulk     uuid.UUID      `json:"bulk"`
	Opened   *decide.Opened `json:"opened"`
	Steps    []decide.Step  `json:"steps"`
}

// readRemedy reads what is followed up of the body of a remedy; nothing where it cannot
// be read. Bodies as the decider writes them are read field by field, because every
// second entry is one; whatever is written in another way encoding/json reads.
func readRemedy(body []byte) (remedyBody, error) {
	var r remedyBody
	if r.readPlain(body) {
		return r, nil
	}
	r = remedyBody{}
	if err := json.Unmarshal(body, &r); err != nil {
		return remedyBody{}, err
	}
	return r, nil
}

// readPlain is false where a field is not written as the decider writes it, or a list or
// an object comes twice: encoding/json puts these together.
func (r *remedyBody) readPlain(body []byte) bool {
	return eachMember(body, func(name, value []byte) bool {
		switch string(name) {
		case "remedy":
			return readID(value, &r.Remedy)
		case "rule":
			return readText(value, &r.Rule)
		case "account":
			return readText(value, &r.Account)
		case "mode":
			return readText(value, &r.Mode)
		case "decision":
			return readText(value, &r.Decision)
		case "of":
			return readID(value, &r.Of)
		case "bulk":
			return readID(value, &r.Bulk)
		case "opened":
			return r.Opened == nil && json.Unmarshal(value, &r.Opened) == nil
		case "steps":
			if r.Steps != nil {
				return false
			}
			r.Steps = []decide.Step{}
			return eachElement(value, func(value []byte) bool {
				r.Steps = append(r.Steps, decide.Step{})
				return readStep(value, &r.Steps[len(r.Steps)-1])
			})
		}
		return true
	})
}

func readStep(text []byte, s *decide.Step) bool {
	return eachMember(text, func(name, value []byte) bool {
		switch string(name) {
		case "action":
			return readID(value, &s.Action)
		case "of":
			return readID(value, &s.Of)
		case "name":
			return readText(value, &s.Name)
		case "kind":
			return readText(value, &s.Kind)
		case "after":
			return readText(value, &s.After)
		case "connector":
			return readText(value, &s.Connector)
		case "payment":
			return readText(value, &s.Payment)
		case "customer":
			return readText(value, &s.Customer)
		case "expires_s":
			return readNumber(value, &s.ExpiresS)
		case "amount":
			if s.Amount != nil {
				return false
			}
			s.Amount = &money.Money{}
			return readMoney(value, s.Amount)
		}
		return false // of a step that moves no money
	})
}

func readMoney(text []byte, m *money.Money) bool {
	return eachMember(text, func(name, value []byte) bool {
		switch string(name) {
		case "minor":
			return readNumber(value, &m.Minor)
		case "currency":
			return readText(value, &m.Currency)
		}
		return false
	})
}

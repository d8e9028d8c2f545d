package money

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// FromJSON reads money from a value of decoded JSON: a text like "2.99 USD" or
// an object with exactly the texts amount and currency. A json.RawMessage is
// decoded first. Numbers are refused: JSON's are binary fractions to most who
// write them.
func FromJSON(value any) (Money, error) {
	switch v := value.(type) {
	case Money:
		return v, nil
	case string:
		return Parse(v)
	case json.RawMessage:
		var decoded any
		if err := json.Unmarshal(v, &decoded); err != nil {
			return Money{}, fmt.Errorf("read money: %w", err)
		}
		return FromJSON(decoded)
	case map[string]any:
		return fromObject(v)
	case nil:
		return Money{}, errors.New(`money is null: write "2.99 USD"`)
	case float64, json.Number:
		return Money{}, fmt.Errorf(`money is the number %v: write a text with its currency, like "2.99 USD"`, v)
	}
	return Money{}, fmt.Errorf(`money is of type %T: write a text like "2.99 USD"`, value)
}

func fromObject(object map[string]any) (Money, error) {
	var texts [2]string
	for i, name := range [...]string{"amount", "currency"} {
		value, present := object[name]
		if !present {
			return Money{}, fmt.Errorf(`money has no %q: write {"amount":"2.99","currency":"USD"}`, name)
		}
		text, isText := value.(string)
		if !isText {
			return Money{}, fmt.Errorf(`money's %q is %v: write it as a text, like {"amount":"2.99","currency":"USD"}`, name, value)
		}
		texts[i] = text
	}
	if len(object) > len(texts) {
		var unknown []string
		for name := range object {
			if name != "amount" && name != "currency" {
				unknown = append(unknown, name)
			}
		}
		return Money{}, fmt.Errorf(`money has the unknown field %q: it has amount and currency only`, slices.Min(unknown))
	}
	return New(texts[0], texts[1])
}

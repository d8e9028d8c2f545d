package expression

import (
	"bytes"
	"math"
	"slices"

	"github.com/makegood/makegood/remediator/event"
)

// ask makes a closure of a question: it looks at the field's place and at
// nothing else.
func (c *compiler) ask(a *Access) truthFunc {
	c.cost.step()
	for _, text := range a.Texts {
		c.cost.texts(1 + len(text)/10)
	}
	at := findRead(c.reads, a.Path)
	switch {
	case a.Kind == AccessRange:
		return c.askRange(a, at)
	case a.Kind == AccessEqual && len(a.Texts) == 1 && a.constants() == 1:
		return c.askText(a, at, bytes.Equal)
	case a.Kind == AccessEqual:
		return c.askEqual(a, at)
	case a.Kind == AccessPrefix:
		return c.askText(a, at, bytes.HasPrefix)
	case a.Kind == AccessSuffix:
		return c.askText(a, at, bytes.HasSuffix)
	case a.Kind == AccessPart:
		c.cost.pairs(1)
		return c.askText(a, at, bytes.Contains)
	case a.Kind == AccessFold:
		return c.askText(a, at, equalFold)
	}
	return c.askNetwork(a, at)
}

// constants counts what an equality compares with.
func (a *Access) constants() int {
	n := len(a.Texts) + len(a.Numbers)
	for _, is := range []bool{a.Null, a.True, a.False} {
		if is {
			n++
		}
	}
	return n
}

// absent says what the question is for a field that is not there.
func (a *Access) absent(f *Frame, at int, reads []read) Truth {
	if fault, _ := f.missing(at, reads); fault == kindFailed {
		return OtherError
	}
	return a.WhenAbsent
}

// unfit says what the question is for a field that is no text, or no number, and
// therefore not equal to one; the other questions are errors then.
func (a *Access) unfit(f *Frame, at int, reads []read) Truth {
	slot := int(f.slots[at])
	switch f.view.Kind(slot) {
	case event.Absent:
		return a.absent(f, at, reads)
	case event.Number:
		if _, ok := f.view.Number(slot); !ok {
			return OtherError
		}
	}
	if a.Kind == AccessEqual {
		return False
	}
	return OtherError
}

func (c *compiler) askText(a *Access, at int, test func(text, constant []byte) bool) truthFunc {
	reads, constant := c.reads, []byte(a.Texts[0])
	return func(f *Frame) Truth {
		slot := int(f.slots[at])
		if f.view.Kind(slot) != event.Text {
			return a.unfit(f, at, reads)
		}
		text := f.view.Text(slot)
		if len(text) > f.maxText {
			return unsure
		}
		return truthOf(test(text, constant))
	}
}

// equalFold compares a text with one of small letters, A to Z counting as a to z.
func equalFold(text, lower []byte) bool {
	if len(text) != len(lower) {
		return false
	}
	for i, c := range text {
		if c-'A' < 26 {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func (c *compiler) askNetwork(a *Access, at int) truthFunc {
	reads := c.reads
	return func(f *Frame) Truth {
		slot := int(f.slots[at])
		if f.view.Kind(slot) != event.Text {
			return a.unfit(f, at, reads)
		}
		address, ok := Address(f.view.Text(slot))
		if !ok {
			return OtherError
		}
		return truthOf(a.Network.Contains(address))
	}
}

// askRange closes the bounds that are open by the next number, which no number
// lies between.
func (c *compiler) askRange(a *Access, at int) truthFunc {
	reads, low, high := c.reads, a.Low, a.High
	if a.LowOpen {
		low = math.Nextafter(low, math.Inf(1))
	}
	if a.HighOpen {
		high = math.Nextafter(high, math.Inf(-1))
	}
	return func(f *Frame) Truth {
		if n, ok := f.view.Number(int(f.slots[at])); ok {
			return truthOf(n >= low && n <= high)
		}
		return a.unfit(f, at, reads)
	}
}

// manyConstants is from how many constants on they are looked up rather than
// gone through.
const manyConstants = 8

func (c *compiler) askEqual(a *Access, at int) truthFunc {
	reads := c.reads
	var texts map[string]struct{}
	if len(a.Texts) > manyConstants {
		texts = make(map[string]struct{}, len(a.Texts))
		for _, text := range a.Texts {
			texts[text] = struct{}{}
		}
	}
	numbers := slices.Clone(a.Numbers)
	slices.Sort(numbers)
	return func(f *Frame) Truth {
		slot := int(f.slots[at])
		switch f.view.Kind(slot) {
		case event.Text:
			text := f.view.Text(slot)
			if len(text) > f.maxText {
				return unsure
			}
			if texts != nil {
				_, found := texts[string(text)]
				return truthOf(found)
			}
			for _, one := range a.Texts {
				if string(text) == one {
					return True
				}
			}
			return False
		case event.Number:
			n, ok := f.view.Number(slot)
			if !ok {
				return OtherError
			}
			_, found := slices.BinarySearch(numbers, n)
			return truthOf(found)
		case event.Null:
			return truthOf(a.Null)
		case event.True:
			return truthOf(a.True)
		case event.False:
			return truthOf(a.False)
		case event.Absent:
			return a.absent(f, at, reads)
		}
		return False
	}
}

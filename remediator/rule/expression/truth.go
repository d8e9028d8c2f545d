package expression

// Truth is what a condition says of an event.
type Truth uint8

// The truths. An error is neither: a condition that is one does not hold, and
// its negation does not either. Absent is the error that a field which is not
// there makes; IsAbsent holds for its text.
const (
	False Truth = iota
	True
	AbsentError
	OtherError
	unsure // the closures do not know: CEL has to be asked
)

// Failed reports whether the truth is an error.
func (t Truth) Failed() bool { return t >= AbsentError }

func truthOf(holds bool) Truth {
	if holds {
		return True
	}
	return False
}

// truthFunc is a condition, compiled.
type truthFunc func(*Frame) Truth

// and holds CEL's rule: false wins over errors, and of several errors the first
// one stands. A part that is not known leaves false as the only answer.
func and(parts []truthFunc) truthFunc {
	return func(f *Frame) Truth {
		result := True
		for _, part := range parts {
			switch got := part(f); {
			case got == False:
				return False
			case got > True && (result == True || got == unsure):
				result = got
			}
		}
		return result
	}
}

// or is and's mirror: true wins over errors.
func or(parts []truthFunc) truthFunc {
	return func(f *Frame) Truth {
		result := False
		for _, part := range parts {
			switch got := part(f); {
			case got == True:
				return True
			case got > True && (result == False || got == unsure):
				result = got
			}
		}
		return result
	}
}

func not(of truthFunc) truthFunc {
	return func(f *Frame) Truth {
		switch got := of(f); got {
		case False:
			return True
		case True:
			return False
		default:
			return got
		}
	}
}

func isUnsure(*Frame) Truth { return unsure }

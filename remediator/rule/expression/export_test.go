package expression

// Ours reports whether closures evaluate the program for the event, without
// CEL's help.
func (b Bound) Ours(f *Frame) bool {
	if b.program.truth == nil {
		return false
	}
	f.slots, f.maxText = b.slots, b.program.maxText
	return b.program.truth(f) != unsure
}

package access

// MaxPaced is how many callers are remembered at most.
const MaxPaced = maxPaced

// Remembered is how many callers are.
func (p *Pace) Remembered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.callers)
}

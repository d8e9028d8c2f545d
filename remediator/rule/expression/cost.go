package expression

// cost bounds what CEL would reckon an evaluation to cost, so that closures
// never give an answer where CEL stops at costLimit. It overstates: each step
// costs more than CEL asks, and every text is as long as the longest.
type cost struct {
	steps  float64
	linear float64 // traversals of a text
	square float64 // traversals of a text for each part of another
}

func (c *cost) step() { c.steps += 4 }

func (c *cost) texts(times int) { c.linear += float64(times); c.step() }

func (c *cost) pairs(times int) { c.square += float64(times); c.step() }

// maxText returns up to which length in bytes texts keep the cost well below
// the limit, 0 when none do.
func (c *cost) maxText() int {
	for length := 1 << 20; length >= 64; length /= 4 {
		parts := float64(length) / 10
		if c.steps+c.linear*parts+c.square*parts*parts < costLimit/4 {
			return length
		}
	}
	return 0
}

// maxSearched returns up to which length in bytes a text may be searched for a
// part such that the cost stays well below the limit.
func maxSearched(part []byte) int { return costLimit / 4 / (len(part)/10 + 1) * 10 }

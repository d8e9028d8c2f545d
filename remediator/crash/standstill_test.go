package crash

import (
	"bufio"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/makegood/makegood/remediator"
)

// Orders to a service, on its stdin.
const (
	// orderStand has the decider stand still when it has folded next, which it says.
	orderStand = "stand"
	// orderCommit has it go on from there.
	orderCommit = "commit"
	// orderNotice has it notice that the lease is lost, which it does not after orderStand.
	orderNotice = "notice"
)

// standstill makes of a service one whose machine was suspended between deciding and
// committing: when it wakes, its clock stood still too, and it believes that it still
// holds the lease.
type standstill struct {
	wanted, stood  atomic.Bool // it is to stand, and it stood
	commit, notice chan struct{}
}

func newStandstill() *standstill {
	return &standstill{commit: make(chan struct{}, 1), notice: make(chan struct{}, 1)}
}

// obey takes orders until there are none any more.
func (s *standstill) obey(orders map[string]func()) {
	orders[orderStand] = func() { s.wanted.Store(true); fmt.Println("will stand") }
	orders[orderCommit] = func() { s.commit <- struct{}{} }
	orders[orderNotice] = func() { s.notice <- struct{}{} }
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if do := orders[lines.Text()]; do != nil {
			do()
		}
	}
}

// reached stands still at a step where that was ordered.
func (s *standstill) reached(step string) {
	switch {
	case step == remediator.StepFolded && s.wanted.CompareAndSwap(true, false):
		s.stood.Store(true)
		fmt.Println("stands")
		<-s.commit
	case step == remediator.StepLost && s.stood.CompareAndSwap(true, false):
		<-s.notice
	}
}

// Peers measures the matcher against other engines on the same work: 10,000
// events and up to 10,000 rules of five kinds. It is a module of its own, so
// that the service does not depend on any of them. README.md says what is
// measured and what the rules mean.
//
//	make bench-match
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	rounds := flag.Int("rounds", 7, "how often each engine has its turn")
	flag.Parse()
	if err := run(*rounds); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// run measures every set with every engine and prints the table.
func run(rounds int) error {
	w := generate()
	for _, set := range w.sets {
		var subjects []*subject
		for _, size := range set.sizes {
			want := judge(set.rules[:size], w.documents)
			for _, e := range engines {
				s, err := newSubject(set, size, e, w, want)
				if err != nil {
					return err
				}
				subjects = append(subjects, s)
			}
		}
		if err := measure(subjects, w.events, rounds); err != nil {
			return err
		}
		for _, s := range subjects {
			fmt.Printf("%-9s %6d %-7s %9d ns/event\n", s.set, s.size, s.engine, s.best.Nanoseconds())
		}
	}
	return nil
}

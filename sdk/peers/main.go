// Peers measures what emitting an event and asking a gate cost their caller,
// beside other libraries that an application could use in their place, and prints
// one table: each figure as a multiple of another one of the same run, what is
// wanted of it, and whether that is reached. It is a module of its own, so that
// the SDK depends on none of them.
//
//	make bench-sdk
//
// All subjects of a group have their turns one after the other, again and again,
// and the fastest turn of each counts: in it nobody else used the processor, and
// queues had room. Beside it stands the usual turn, the one in the middle, in
// which others used the processor and queues may have been full. The exit code is not 0 when something could not be measured; a
// target that is missed shows in the table alone.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
)

func main() {
	rounds := flag.Int("rounds", 200, "how often each subject has its turn")
	flag.Parse()
	if err := run(os.Stdout, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// run measures every group and prints the table.
func run(out io.Writer, rounds int) error {
	var t table
	for _, measure := range []func(t *table, rounds int) error{emitting, whenFull, whenDown, asking} {
		if err := measure(&t, rounds); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%s, %s/%s, %d processors, %d rounds\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), rounds)
	return t.print(out)
}

package main

import (
	"fmt"
	"runtime/debug"

	"github.com/makegood/makegood/remediator/decide"
)

type versionCommand struct{}

// Run prints the program's version and that of the deciding.
func (versionCommand) Run(p *program) error {
	version := "development"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	_, err := fmt.Fprintf(p.stdout, "makegood %s, deciding version %d\n", version, decide.Version)
	return err
}

package main

import (
	"fmt"
	"runtime/debug"

	"github.com/makegood/makegood/remediator/decide"
)

type versionCommand struct{}

// Run prints the program's version and that of the deciding.
func (versionCommand) Run(p *program) error {
	_, err := fmt.Fprintf(p.stdout, "makegood %s, deciding version %d\n", programVersion(), decide.Version)
	return err
}

// programVersion is the version of the module that the program was built from.
func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "development"
}

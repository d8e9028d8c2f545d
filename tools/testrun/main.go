// Command testrun runs the tests of several modules and says what became of
// each: failures with their output, skipped tests by name, and a last line with
// the counts. It is for `make check` and `make test`, so that a test that was
// skipped, a package that does not build and a run without tests cannot pass
// unseen.
//
// Usage: testrun [-show REGEXP] [-flags "FLAGS OF GO TEST"] MODULE…
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

func main() {
	show := flag.String("show", "^$", "also print the output of passing tests whose name matches")
	flags := flag.String("flags", "", "flags for go test, separated by blanks")
	flag.Parse()
	if err := run(os.Stdout, flag.Args(), *show, strings.Fields(*flags)); err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, modules []string, show string, flags []string) error {
	shown, err := regexp.Compile(show)
	if err != nil {
		return fmt.Errorf("compile -show: %w", err)
	}
	if len(modules) == 0 {
		return errors.New("name at least one module folder")
	}
	r := newReport(out, shown)
	for _, module := range modules {
		if err := test(r, module, flags); err != nil {
			return fmt.Errorf("test module %s: %w", module, err)
		}
	}
	return r.finish()
}

// test runs the tests of one module. A nonzero exit of go test is no error
// here: the report has counted why, or counts the module itself as failed.
func test(r *report, module string, flags []string) error {
	args := append([]string{"test", "-json"}, flags...)
	cmd := exec.Command("go", append(args, "./...")...)
	cmd.Dir = module
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("pipe go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start go test: %w", err)
	}
	before := r.failed
	if err := r.read(events); err != nil {
		return errors.Join(err, cmd.Wait())
	}
	var exit *exec.ExitError
	err = cmd.Wait()
	if errors.As(err, &exit) && r.failed == before {
		r.fail("go test ./... in module "+module, []string{exit.Error() + "\n"})
		return nil
	}
	if err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("wait for go test: %w", err)
	}
	return nil
}

package crash

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/makegood/makegood/remediator/history"
	"github.com/makegood/makegood/remediator/ledger"
)

// audit has the program itself verify the ledger, with the public key, and reproduce
// all of it from the log, as an auditor does when the service has ended.
func (r *round) audit(f *findings) error {
	var verified ledger.Report
	if err := r.home.ask(&verified, "audit", "verify", "--key", filepath.Join(r.home.dir, publicKeyFile)); err != nil {
		return err
	}
	if !verified.Verified || !verified.Pinned {
		f.add("the ledger does not verify: %+v", verified)
	}
	var again history.Reproduction
	if err := r.home.ask(&again, "audit", "reproduce", "--all"); err != nil {
		return err
	}
	if whole := again.Genesis && again.Older+again.Erased+again.Lost == 0; !again.Reproduced || !whole {
		f.add("the ledger is not reproduced, or not as a whole: %+v, difference %+v", again, again.Difference)
	}
	return nil
}

// ask runs the program on a home and reads the JSON that it prints. Exit code 1 says
// that what was checked is wrong: then it prints what.
func (h home) ask(into any, args ...string) error {
	place := []string{"--data-dir", h.dir}
	if h.database != "" {
		place = []string{"--database", h.database}
	}
	cmd := exec.Command("go", append(append([]string{"run", root + "/cmd/makegood"}, args...), append(place, "--output", "json")...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !(errors.As(err, &exit) && len(out) > 0) {
		return fmt.Errorf("run %v: %w: %s", args, err, &stderr)
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("read what %v prints, %q: %w", args, out, err)
	}
	return nil
}

package makegood_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/decide"
)

// TestPeopleTour does what docs/people.md says.
func TestPeopleTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it installs the program: make test does")
	}
	t.Parallel()
	tour{
		document: filepath.Join("docs", "people.md"), languages: []string{"sh"}, prints: peoplePrints,
		after: func(b block) string {
			if strings.Contains(b.text, "makegood serve") {
				return untilSocket
			}
			return ""
		},
	}.take(t)
}

// untilSocket waits for the service's socket, which is there a little after its
// address.
const untilSocket = `until [ -S data/makegood.sock ]; do sleep 0.05; done`

// peoplePrints are what a reader of docs/people.md must have seen.
var peoplePrints = []string{
	"of ann (operator, agent), until it is revoked",
	"money is stopped", "not by who paused it", "money goes on",
	"held until another person approves it", "is approved: acting",
}

// TestPeopleGuideRoles holds the table of roles to what the fold lets each do.
func TestPeopleGuideRoles(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("docs", "people.md"))
	if err != nil {
		t.Fatal(err)
	}
	var roles, seen []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(line, "| \n"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case cells[0] == "command":
			if roles = cells[1:]; !slices.Equal(roles, decide.Roles()) {
				t.Fatalf("the table has the roles %q, want %q", roles, decide.Roles())
			}
		case len(roles) > 0 && len(cells) == 1+len(roles) && strings.HasPrefix(cells[0], "`"):
			command := strings.Trim(cells[0], "`")
			seen = append(seen, command)
			for i, role := range roles {
				if said, may := cells[i+1] == "yes", decide.MayGive([]string{role}, command) == ""; said != may {
					t.Errorf("the table says %t of %s and %s, the fold says %t", said, role, command, may)
				}
			}
		}
	}
	commands := []string{decide.CommandApprove, decide.CommandDeny, decide.CommandRetry, decide.CommandReverse, decide.CommandRequest, decide.CommandApply, decide.CommandPull,
		decide.CommandAcknowledge, decide.CommandRelease, decide.CommandPause, decide.CommandResume, decide.CommandToken, decide.CommandRevoke}
	if !slices.Equal(seen, commands) {
		t.Errorf("the table has the commands %q, want %q", seen, commands)
	}
}

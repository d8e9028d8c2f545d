package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/makegood/makegood/remediator/rule/document"
)

// What a workflow command would read as its own is written as GitHub's runner
// reads it back.
var (
	githubText  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubValue = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// WriteGitHub writes each problem as one workflow command of GitHub Actions,
// which shows it beside the line of a change.
func WriteGitHub(w io.Writer, problems document.Problems) error {
	for _, p := range problems {
		place := ""
		if p.File != "" {
			place = fmt.Sprintf("file=%s,line=%d,col=%d,", githubValue.Replace(p.File), p.Line, p.Col)
		}
		if _, err := fmt.Fprintf(w, "::%s %stitle=%s::%s\n", p.Severity, place, githubValue.Replace(p.Code), githubText.Replace(advice(p))); err != nil {
			return fmt.Errorf("write workflow commands: %w", err)
		}
	}
	return nil
}

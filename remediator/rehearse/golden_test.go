package rehearse_test

import (
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/rule"
)

// TestAGoldenFileIsOfOneTest refuses a golden file that a test before has, in another file
// too: each would write its own decisions over those of the other one.
func TestAGoldenFileIsOfOneTest(t *testing.T) {
	t.Parallel()
	const again = "tests:\n  - name: again\n    send: [{file: contact.json}]\n    golden: contact.golden.json\n"
	_, tests := runTests(t, append(suiteOf(t, "cases_test.yaml"), rule.File{Path: "shop/z_test.yaml", Text: again}))
	if last := tests.Tests[len(tests.Tests)-1]; last.Passed || last.Golden != nil {
		t.Errorf("passed %v, golden file %v", last.Passed, last.Golden)
	}
	if len(tests.Problems) != 1 {
		t.Fatalf("got\n%s", tests.Problems.Format())
	}
	p := tests.Problems[0]
	if p.File != "shop/z_test.yaml" || p.Line != 4 || p.Col != 13 || p.Code != "golden" || !strings.HasSuffix(p.Message, "has the golden file shop/contact.golden.json already") {
		t.Errorf("got %s", p)
	}
}

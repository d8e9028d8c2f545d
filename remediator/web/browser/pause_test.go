package browser

import (
	"testing"

	"github.com/makegood/makegood/remediator/api"
)

// TestPauseAndResume has one person stop all money on the board, who cannot let it
// flow again: another one does.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	oli := c.enter(browser, "oli", window{})
	oli.look("/andon")
	oli.click("summary:text-is('Stop money')")
	oli.fill("#pause textarea", "The provider says odd things")
	oli.click("#pause button")
	oli.wait("#money ~ * >> text=paused")
	if stopped := c.stopped(); stopped != 1 {
		t.Fatalf("%d are stopped", stopped)
	}
	if n := len(oli.texts("form[action='/andon/resume']")); n != 0 {
		t.Error("who stopped the money may let it flow again")
	}
	c.late("4001", "customer-1", "3.00 USD")
	has(t, oli.text("main"), "money")
	ona := c.enter(browser, "ona", window{})
	ona.look("/andon")
	ona.click("form[action='/andon/resume'] button")
	ona.wait("text=All money flows")
	if stopped := c.stopped(); stopped != 0 {
		t.Errorf("%d are still stopped", stopped)
	}
	c.idle()
	oli.calm()
	ona.calm()
}

// stopped is how much is stopped, as the API says.
func (c *town) stopped() int {
	c.t.Helper()
	var list api.Brakes
	c.get("admin", "/v1/brakes", &list)
	return len(list.Brakes)
}

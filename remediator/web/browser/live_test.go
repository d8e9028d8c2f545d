package browser

import "testing"

// TestLive has something happen while somebody looks at a page: it shows without
// being loaded again.
func TestLive(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	b := c.enter(browser, "oli", window{})
	b.look("/")
	b.wait("#connection.live")
	b.evaluate(`window.sameDocument = true`, nil)
	c.late("3001", "customer-1", "4.00 USD")
	b.wait("strong.sum:text-is('4.00 USD')")
	c.post("ann", "/v1/andon/pull", map[string]any{"cord": "product/TABLE-7", "level": "red", "reason": "A leg is loose"}, nil)
	b.wait("th:has-text('product/TABLE-7')")
	var same bool
	if b.evaluate(`window.sameDocument === true`, &same); !same {
		t.Error("the page was loaded again")
	}
	b.calm()
}

// TestBoardIsLive has another person pull a cord while somebody is about to pull it: it
// shows without being loaded again, and what they began to write stays.
func TestBoardIsLive(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	b := c.enter(browser, "ann", window{})
	b.look("/andon?cord=product/TABLE-7")
	b.wait("#connection.live")
	b.click("summary:text-is('Stop it')")
	b.fill("details[open] input[name=reason]", "A leg is")
	c.post("abe", "/v1/andon/pull", map[string]any{"cord": "product/TABLE-7", "level": "red", "reason": "It wobbles"}, nil)
	b.wait("main >> text=It wobbles")
	var written string
	if b.evaluate(`document.querySelector("details[open] input[name=reason]").value`, &written); written != "A leg is" {
		t.Errorf("what was begun is now %q", written)
	}
	b.calm()
}

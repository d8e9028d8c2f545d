package browser

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/cord"
	"github.com/makegood/makegood/remediator/decide"
	"github.com/makegood/makegood/remediator/store/views"
)

// stopsWithin is how long after the click that pulls a cord a shop may still sell.
const stopsWithin = time.Second

// stoppable are products that an agent stops one after the other until one was stopped in
// time: a machine that does much else may be late, and not with each of them.
var stoppable = []string{"TABLE-7", "CHAIR-2", "LAMP-1"}

// openShop runs the shop of the examples beside the town's service, and returns where
// it is.
func (c *town) openShop() string {
	c.t.Helper()
	program := filepath.Join(c.t.TempDir(), "shop")
	if out, err := exec.Command("go", "build", "-o", program, "../../../examples/shop").CombinedOutput(); err != nil {
		c.t.Fatalf("build the shop: %v: %s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	shop := exec.Command(program, "-listen", address)
	shop.Env = append(os.Environ(), "MAKEGOOD_URL="+c.service.URL, "MAKEGOOD_TOKEN="+c.secrets["emitter"])
	shop.Stderr = os.Stderr
	out, err := shop.StdoutPipe()
	if err == nil {
		err = shop.Start()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := shop.Process.Signal(os.Interrupt); err != nil {
			c.t.Error(err)
		}
		if err := shop.Wait(); err != nil {
			c.t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	at := "http://" + address
	if err != nil || !strings.Contains(line, at) {
		c.t.Fatalf("the shop says %q, %v", line, err)
	}
	until(c.t, "the shop answers", func() bool {
		answer, err := http.Get(at)
		if err != nil {
			return false
		}
		answer.Body.Close()
		return true
	})
	return at
}

// sells reports whether a product's page offers it.
func sells(t *testing.T, page string) bool {
	t.Helper()
	response, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s is answered %d %s, %v", page, response.StatusCode, text, err)
	}
	return strings.Contains(string(text), "Buy")
}

// TestShopStops has an agent pull the cord of a product on the board: its page in the
// shop offers it no more within a second of the click, and a customer reads why.
func TestShopStops(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	shop := c.openShop()
	customer, b := browser.open(t, shop, window{}), c.enter(browser, "ann", window{})
	var took []time.Duration
	for _, sku := range stoppable {
		customer.look("/product/" + sku)
		customer.wait("button:text-is('Buy')")
		took = append(took, c.stop(b, shop, sku))
		customer.look("/product/" + sku)
		has(t, customer.text("body"), "Not for sale")
		b.wait("main >> text=A leg is loose")
		b.calm()
		if took[len(took)-1] <= stopsWithin {
			return
		}
	}
	t.Errorf("the shop sold for %v after the clicks", took)
}

// stop has who uses a page pull the cord of a product, and returns how long after their
// click the shop sold it no more. The click says itself when it was.
func (c *town) stop(b *tab, shop, sku string) time.Duration {
	c.t.Helper()
	b.look("/andon?cord=product/" + sku)
	b.click("summary:text-is('Stop it')")
	b.fill("details[open] input[name=reason]", "A leg is loose")
	b.evaluate(`addEventListener("click", () => sessionStorage.setItem("clicked", Date.now()), true)`, nil)
	b.click("details[open] div button")
	until(c.t, "the shop sells no more", func() bool { return !sells(c.t, shop+"/product/"+sku) })
	stopped := time.Now()
	b.done(decide.CommandPull)
	if !c.red("product/" + sku) {
		c.t.Errorf("the shop does not sell %s, and its cord is not red", sku)
	}
	var clicked int64
	b.evaluate(`Number(sessionStorage.getItem("clicked"))`, &clicked)
	after := stopped.Sub(time.UnixMilli(clicked))
	if after <= 0 {
		c.t.Fatalf("the shop stopped %v before the click", -after)
	}
	c.t.Logf("the shop stopped to sell %s %v after the click", sku, after)
	return after
}

// red reports whether a cord is pulled to red, as the API says.
func (c *town) red(path string) bool {
	c.t.Helper()
	var today views.Today
	c.get("admin", "/v1/today", &today)
	return slices.ContainsFunc(today.Pulls, func(s cord.State) bool { return s.Cord == path && s.Level == cord.Red })
}

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
	"github.com/makegood/makegood/remediator/store/views"
)

// stopsWithin is how long after a pull a shop may still sell.
const stopsWithin = time.Second

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
// shop offers it no more within a second, and a customer reads why.
func TestShopStops(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	shop := c.openShop()
	product := shop + "/product/TABLE-7"
	customer := browser.open(t, shop, window{})
	customer.look("/product/TABLE-7")
	customer.wait("button:text-is('Buy')")
	b := c.enter(browser, "ann", window{})
	b.look("/andon?cord=product/TABLE-7")
	b.click("summary:text-is('Stop it')")
	b.fill("details[open] input[name=reason]", "A leg is loose")
	b.click("details[open] div button")
	pulled := until(t, "the service has the pull", func() bool { return c.red("product/TABLE-7") })
	stopped := until(t, "the shop sells no more", func() bool { return !sells(t, product) })
	t.Logf("the pull was there after %v, and the shop stopped %v later", pulled, stopped)
	if stopped > stopsWithin {
		t.Errorf("the shop sold for %v after the pull", stopped)
	}
	customer.look("/product/TABLE-7")
	has(t, customer.text("body"), "Not for sale")
	b.wait("main >> text=A leg is loose")
	b.calm()
}

// red reports whether a cord is pulled to red, as the API says.
func (c *town) red(path string) bool {
	c.t.Helper()
	var today views.Today
	c.get("admin", "/v1/today", &today)
	return slices.ContainsFunc(today.Pulls, func(s cord.State) bool { return s.Cord == path && s.Level == cord.Red })
}

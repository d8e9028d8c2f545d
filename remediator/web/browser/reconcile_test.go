package browser

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/decide"
)

// TestDifferenceIsClosed has a refund made at the provider by hand: who compares the
// books finds it and may not close it, another person does.
func TestDifferenceIsClosed(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	c.late("6001", "customer-1", "3.00 USD")
	c.refundByHand("pi_6002", "250")
	now := time.Now().UTC().Truncate(time.Second)
	c.post("ona", "/v1/reconciliations", map[string]any{"from": now.Add(-24 * time.Hour), "to": now.Add(24 * time.Hour)}, nil)
	ona := c.enter(browser, "ona", window{})
	ona.look("/integrity")
	has(t, ona.text("main"), "1 differences open", decide.ClassUnknown, "2.50 USD")
	ona.fill("form[action$='/close'] input[name=reason]", "It was me")
	ona.click("form[action$='/close'] button")
	ona.wait("main >> text=It was refused")
	if n := c.differences(); n != 1 {
		t.Errorf("after who opened it closed it, %d are open", n)
	}
	oli := c.enter(browser, "oli", window{})
	oli.look("/integrity")
	oli.fill("form[action$='/close'] input[name=reason]", "The desk refunded it by hand")
	oli.click("form[action$='/close'] button")
	oli.done(decide.CommandClose)
	oli.wait("#differences ~ p:text-is('None is open.')")
	if n := c.differences(); n != 0 {
		t.Errorf("after another person closed it, %d are open", n)
	}
	oli.calm()
}

// differences is how many are open, as the API says.
func (c *town) differences() int {
	c.t.Helper()
	var list api.Reconciliations
	c.get("admin", "/v1/reconciliations", &list)
	return len(list.Differences)
}

// refundByHand refunds cents of a payment at the provider, past the service.
func (c *town) refundByHand(payment, cents string) {
	c.t.Helper()
	form := url.Values{"payment_intent": {payment}, "amount": {cents}}
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.provider+"/v1/refunds", strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	request.SetBasicAuth("sk_test_hand", "")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		c.t.Fatalf("the provider answers %s", response.Status)
	}
}

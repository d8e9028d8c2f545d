package browser

import (
	"encoding/csv"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/money"
)

// TestFindRefund finds a refund by its payment, and all of a customer's: the table to
// download comes to what the page says, to the cent.
func TestFindRefund(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	c.furnish()
	b := c.enter(browser, "odo", window{})
	b.look("/refunds")
	b.fill("input[name=payment]", "pi_1001")
	b.press("Enter")
	b.wait("text=5.00 USD")
	if rows := b.texts("tbody a[href^='/remedies/']"); len(rows) != 1 {
		t.Errorf("payment pi_1001 is found %d times: %q", len(rows), rows)
	}
	b.click("main >> text=All of them >> nth=0")
	b.fill("input[name=customer]", "customer-0")
	b.press("Enter")
	b.wait("text=26.99 USD")
	var table string
	b.tell(&table, "download", "at", "text=(CSV)")
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("the table has %d rows: %v", len(rows), err)
	}
	amount, sum := columnOf(t, rows[0], "amount"), money.Money{Currency: "USD"}
	for _, row := range rows[1:] {
		m, err := money.Parse(row[amount] + " USD")
		if err == nil {
			sum, err = sum.Add(m)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if total := b.text("strong.sum"); total != sum.String() || len(rows)-1 != 2 {
		t.Errorf("the page says %s, the %d rows of the table come to %s", total, len(rows)-1, sum)
	}
	b.calm()
}

// columnOf is the place of a column.
func columnOf(t *testing.T, head []string, name string) int {
	t.Helper()
	for i, column := range head {
		if column == name {
			return i
		}
	}
	t.Fatalf("there is no column %s in %q", name, head)
	return 0
}

// TestAuditorProves takes an auditor from a customer's question to the refund, and on
// to the proof that the ledger has it.
func TestAuditorProves(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	c.late("2001", "customer-7", "3.00 USD")
	b := c.enter(browser, "odo", window{})
	b.look("/refunds")
	b.fill("input[name=customer]", "customer-7")
	b.press("Enter")
	b.click("tbody a[href^='/remedies/']")
	b.wait("h1:text-is('Remedy')")
	has(t, b.text("main"), "customer-7", "3.00 USD", "pi_2001", "data.hours > 2", "succeeded")
	until(t, "a checkpoint covers the remedy", func() bool {
		b.click("text=Verify now")
		b.wait("#proof ~ [role=status]")
		return strings.Contains(b.text("main"), "entries are in the tree")
	})
	said := regexp.MustCompile(`Checked .*: (\d+) entries are in the tree of (\d+) entries`).FindStringSubmatch(b.text("main"))
	if said == nil {
		t.Fatalf("no proof is there: %s", b.where())
	}
	var receipt struct {
		Entries []struct{} `json:"entries"`
	}
	var path string
	b.evaluate("location.pathname", &path)
	c.get("odo", "/v1"+path+"/receipt", &receipt)
	if said[1] != strconv.Itoa(len(receipt.Entries)) || said[1] == "0" {
		t.Errorf("the page proves %s entries, the receipt %d", said[1], len(receipt.Entries))
	}
	b.calm()
}

// TestFourEyes has an approver ask for a refund. They are not offered to approve it,
// and are refused when they send the form all the same; another person can.
func TestFourEyes(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	var asked struct {
		Remedy string `json:"remedy"`
	}
	c.post("pat", "/v1/refunds", map[string]any{"payment": "pi_1", "amount": "5.00 USD", "customer": "customer-1", "reason": "goodwill"}, &asked)
	if asked.Remedy == "" {
		t.Fatalf("nothing is asked for: %+v", asked)
	}
	const form = "form[action$='/approve']"
	asker := c.enter(browser, "pat", window{})
	asker.look("/remedies/" + asked.Remedy)
	has(t, asker.text(form), "You cannot approve it", "another person must", "Deny")
	if strings.Contains(asker.text(form), "Approve") {
		t.Errorf("who asked for it is offered to approve it: %s", asker.text(form))
	}
	asker.fill(form+" input[name=reason]", "It is right")
	asker.evaluate(`document.querySelector("`+form+`").requestSubmit()`, nil)
	asker.wait("main >> text=It was refused")
	has(t, asker.text("main"), "another person must")
	if status := c.status(asked.Remedy); status != "held" {
		t.Errorf("after who asked for it approved it, it is %s", status)
	}
	other := c.enter(browser, "pia", window{})
	other.look("/remedies/" + asked.Remedy)
	other.fill(form+" input[name=reason]", "It is right")
	other.click("button:text-is('Approve')")
	other.wait("main >> text=approve")
	c.idle()
	if status := c.status(asked.Remedy); status == "held" {
		t.Errorf("after another approved it, it is %s", status)
	}
}

// status is what the API says of a remedy.
func (c *town) status(remedy string) string {
	c.t.Helper()
	var r struct {
		Status string `json:"status"`
	}
	c.get("admin", "/v1/remedies/"+remedy, &r)
	return r.Status
}

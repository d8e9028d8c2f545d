package browser

import (
	"encoding/hex"
	"fmt"
	"net/http"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/ledger"
	"github.com/makegood/makegood/remediator/money"
	"github.com/makegood/makegood/remediator/rehearse"
)

// learnt is what people write below the draft of a COE.
const learnt = "A cable was loose."

// detail is a page that others lead to.
type detail struct {
	name, path string
	shown      func(c *town) []string // what the API says that it must show
}

// details are a customer, a remedy and why it was made, a rule, an entry of the ledger,
// the question why not, and a COE that somebody wrote, with its form and its changes.
func (c *town) details() []detail {
	c.t.Helper()
	var paid api.Refunds
	c.get("admin", "/v1/refunds?payment=pi_1000", &paid)
	var opened api.COEs
	c.get("admin", "/v1/coes", &opened)
	if len(paid.Refunds) != 1 || len(opened.COEs) == 0 {
		c.t.Fatalf("%d refunds of one payment, and %d COEs after a cord turned red", len(paid.Refunds), len(opened.COEs))
	}
	one, first := "/remedies/"+paid.Refunds[0].Remedy.String(), "/coes/"+opened.COEs[0].COE.String()
	var draft api.COE
	c.get("admin", "/v1"+first, &draft)
	c.post("ann", "/v1"+first+"/revisions", map[string]any{"revision": 0, "text": draft.Document.Text + "\n" + learnt + "\n"}, nil)
	proven := c.proven(one)
	return []detail{
		{"customer", "/customers?customer=" + paid.Refunds[0].Customer, func(c *town) []string { return customer(c, paid.Refunds[0].Customer) }},
		{"remedy", one, func(c *town) []string { return remedy(c, one) }},
		{"why", one + "/why", func(c *town) []string { return why(c, one) }},
		{"rule", "/rules/late", func(c *town) []string { return oneRule(c, "late") }},
		{"near", "/rules/late/near", func(c *town) []string { return nearMisses(c, "late") }},
		{"fact", fmt.Sprint("/facts/", proven.Index), func(*town) []string {
			return []string{fmt.Sprint("Fact ", proven.Index), hex.EncodeToString(proven.Leaf[:])}
		}},
		{"why-not", "/why-not", func(*town) []string { return []string{"CloudEvent in JSON"} }}, // nobody asked yet
		{"coe", first, func(c *town) []string { return []string{c.coe(first).Cord, c.coe(first).Status, learnt} }},
		{"coe-edit", first + "/edit", func(c *town) []string { return []string{fmt.Sprint("revision ", c.coe(first).Revision)} }},
		{"coe-changes", first + "/changes", func(c *town) []string {
			return []string{fmt.Sprint("revision ", c.coe(first).Revision), "+" + learnt}
		}},
	}
}

// customer is what the page of a customer must show.
func customer(c *town, name string) []string {
	var given api.Refunds
	c.get("admin", "/v1/refunds?status=succeeded&customer="+name, &given)
	var held api.Remedies
	c.get("admin", "/v1/remedies?status=held&customer="+name, &held)
	shown := []string{name, fmt.Sprint(len(held.Remedies), " wait for a person")}
	for _, total := range given.Totals {
		shown = append(shown, fmt.Sprintf("%s refunded, in %d step", total.Amount, total.Steps))
	}
	for _, r := range given.Refunds {
		shown = append(shown, fmt.Sprintf("%s back on payment %s", r.Amount, r.Payment))
	}
	return shown
}

// remedy is what the page of a remedy must show.
func remedy(c *town, path string) []string {
	var r struct {
		Status, Customer, Rule string
		Actions                []struct {
			Amount money.Money `json:"amount"`
		}
	}
	c.get("admin", "/v1"+path, &r)
	shown := []string{r.Status, r.Customer, r.Rule}
	for _, a := range r.Actions {
		shown = append(shown, a.Amount.String())
	}
	return shown
}

// why is what the page that explains a remedy must show.
func why(c *town, path string) []string {
	var x rehearse.Explanation
	c.get("admin", "/v1"+path+"/explanation", &x)
	shown := []string{}
	for _, r := range x.Rules {
		if r.Rule != "late" {
			continue
		}
		for _, condition := range r.Conditions {
			shown = append(shown, r.Rule, r.Decision, condition.Condition, fmt.Sprint(condition.Result))
		}
	}
	return shown
}

// oneRule is what the page of a rule must show.
func oneRule(c *town, name string) []string {
	for _, r := range c.rules().Rules {
		if r.Rule == name {
			return []string{name, r.Owner, r.Digest[:12]}
		}
	}
	c.t.Fatalf("no rule %s is in force", name)
	return nil
}

// nearMisses is what the page of a rule's near misses must show.
func nearMisses(c *town, name string) []string {
	var near rehearse.NearMisses
	c.get("admin", "/v1/rules/"+name+"/near-misses", &near)
	return []string{name, fmt.Sprintf("It judged %d events.", near.Judged)}
}

// coe is a COE as the API tells of it.
func (c *town) coe(path string) (found api.COE) {
	c.t.Helper()
	c.get("admin", "/v1"+path, &found)
	return found
}

// proven is an entry about a remedy that is proved, as the API says.
func (c *town) proven(path string) (e ledger.ProvenEntry) {
	c.t.Helper()
	until(c.t, "a checkpoint covers the remedy", func() bool {
		status, _ := c.ask("odo", http.MethodGet, "/v1"+path+"/receipt", "", nil)
		return status == http.StatusOK
	})
	var receipt ledger.Receipt
	c.get("odo", "/v1"+path+"/receipt", &receipt)
	return receipt.Entries[0]
}

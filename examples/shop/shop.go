package main

import (
	"embed"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/makegood/makegood/sdk"
)

// product is something to sell.
type product struct {
	SKU, Name, Price string
	Sold             int // in the last seven days

	gate *makegood.Gate
}

// ForSale asks the gate of the product: one atomic load, on every request.
func (p product) ForSale() bool { return !p.gate.Closed() }

// Why says for people why the product is not for sale.
func (p product) Why() string { return p.gate.State().String() }

// reasons are why customers write.
var reasons = []string{"damaged_in_transit", "defective", "changed_mind"}

// shop shows products, and takes down what customers say of them.
type shop struct {
	client   *makegood.Client
	products []product
}

// newShop declares a gate for each product. When nobody can be asked the shop goes
// on selling, except what was stopped.
func newShop(client *makegood.Client, products []product) *shop {
	s := &shop{client: client, products: slices.Clone(products)}
	for i := range s.products {
		p := &s.products[i]
		p.gate = client.Gate("product/"+p.SKU, makegood.FailOpen, makegood.MaxStale(time.Minute))
	}
	return s
}

func (s *shop) find(sku string) (product, bool) {
	at := slices.IndexFunc(s.products, func(p product) bool { return p.SKU == sku })
	if at < 0 {
		return product{}, false
	}
	return s.products[at], true
}

//go:embed pages/*.html
var files embed.FS

var pages = template.Must(template.ParseFS(files, "pages/*.html"))

// pages answers customers and agents. A page of somebody else can neither buy nor
// complain.
func (s *shop) pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /product/{sku}", s.product)
	mux.HandleFunc("POST /product/{sku}/buy", s.buy)
	mux.HandleFunc("GET /contact", s.form)
	mux.HandleFunc("POST /contact", s.contact)
	return http.NewCrossOriginProtection().Handler(mux)
}

// page writes one page.
func page(w http.ResponseWriter, status int, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, name, data) // an error here means that nobody reads the answer any more
}

func (s *shop) home(w http.ResponseWriter, _ *http.Request) {
	page(w, http.StatusOK, "home.html", s.products)
}

func (s *shop) product(w http.ResponseWriter, r *http.Request) {
	p, ok := s.find(r.PathValue("sku"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	page(w, http.StatusOK, "product.html", p)
}

// buy sells, unless the gate was closed since the page was shown.
func (s *shop) buy(w http.ResponseWriter, r *http.Request) {
	p, ok := s.find(r.PathValue("sku"))
	switch {
	case !ok:
		http.NotFound(w, r)
	case !p.ForSale():
		page(w, http.StatusConflict, "product.html", p)
	default:
		page(w, http.StatusOK, "bought.html", p)
	}
}

// complaint is what the form shows.
type complaint struct {
	Products []product
	Reasons  []string
	Said     string // what became of the last one
}

func (s *shop) form(w http.ResponseWriter, _ *http.Request) {
	page(w, http.StatusOK, "contact.html", complaint{s.products, reasons, ""})
}

// contact tells what an agent heard from a customer, and answers when the service
// has it.
func (s *shop) contact(w http.ResponseWriter, r *http.Request) {
	p, ok := s.find(r.FormValue("sku"))
	customer, reason := r.FormValue("customer"), r.FormValue("reason")
	if !ok || customer == "" || !slices.Contains(reasons, reason) {
		page(w, http.StatusBadRequest, "contact.html", complaint{s.products, reasons, "Name the product, the customer and the reason."})
		return
	}
	err := s.client.TryEmit(r.Context(), "com.example.contact.closed",
		makegood.Customer(customer), makegood.Subject("product/"+p.SKU),
		makegood.String("sku", p.SKU), makegood.String("reason", reason), makegood.Int("units_7d", p.Sold))
	if err == nil {
		err = s.client.Flush(r.Context())
	}
	if err != nil {
		page(w, http.StatusServiceUnavailable, "contact.html", complaint{s.products, reasons, "Not noted: " + err.Error()})
		return
	}
	page(w, http.StatusOK, "contact.html", complaint{s.products, reasons, "Noted."})
}

// Command shop stops selling what customers complain about, and what cannot be bought: see README.md.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/makegood/makegood/remediator"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/sdk"
	"github.com/makegood/makegood/sdk/makegoodhttp"
)

var (
	//go:embed rules/shop.yaml
	rules string
	//go:embed pages
	files embed.FS
	pages = template.Must(template.ParseFS(files, "pages/*.html"))
)

// product is something to sell while its gate is open: its page asks each time.
type product struct {
	SKU, Name, Price string
	Sold             int  // in the last seven days
	Lost             bool // its warehouse does not answer, so buying it fails
	Gate             *makegood.Gate
}

var catalogue = map[string]*product{
	"TABLE-7": {SKU: "TABLE-7", Name: "Table, oak", Price: "249.00 EUR", Sold: 120},
	"CHAIR-2": {SKU: "CHAIR-2", Name: "Chair, beech", Price: "79.00 EUR", Sold: 96},
	"LAMP-1":  {SKU: "LAMP-1", Name: "Lamp, brass", Price: "59.00 EUR", Sold: 44, Lost: true},
}

// shop answers customers and agents. When nobody can be asked it goes on selling what
// was not stopped. No handler tells of a failure: the middleware does.
func shop(mg *makegood.Client, products map[string]*product) http.Handler {
	for sku, p := range products {
		p.Gate = mg.Gate("product/"+sku, makegood.FailOpen)
	}
	mux := http.NewServeMux()
	each := func(pattern string, answer func(w http.ResponseWriter, r *http.Request, p *product)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if p := products[r.PathValue("sku")]; p != nil {
				answer(w, r, p)
				return
			}
			http.NotFound(w, r)
		})
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { page(w, http.StatusOK, "home.html", products) })
	each("GET /product/{sku}", func(w http.ResponseWriter, _ *http.Request, p *product) { page(w, http.StatusOK, "product.html", p) })
	each("POST /product/{sku}/buy", func(w http.ResponseWriter, _ *http.Request, p *product) {
		switch {
		case p.Gate.Closed(): // since the page was shown
			page(w, http.StatusConflict, "product.html", p)
		case p.Lost:
			http.Error(w, "the warehouse does not answer", http.StatusInternalServerError)
		default:
			page(w, http.StatusOK, "bought.html", p)
		}
	})
	each("POST /product/{sku}/complaint", func(w http.ResponseWriter, r *http.Request, p *product) { // as an agent heard it
		err := mg.TryEmit(r.Context(), "com.example.contact.closed", makegood.Subject("product/"+p.SKU), makegood.String("sku", p.SKU),
			makegood.Customer(r.FormValue("customer")), makegood.String("reason", r.FormValue("reason")), makegood.Int("units_7d", p.Sold))
		if err := errors.Join(err, mg.Flush(r.Context())); err != nil {
			http.Error(w, "Not noted: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		page(w, http.StatusOK, "noted.html", p) // the service has it
	})
	return makegoodhttp.Middleware(mg, "com.example.shop.http", makegoodhttp.PathValues("sku"))(http.NewCrossOriginProtection().Handler(mux)) // no page of somebody else may buy
}

func page(w http.ResponseWriter, status int, name string, data any) {
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, name, data) // an error means that nobody reads it any more
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "address of the shop")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *listen, os.Getenv("MAKEGOOD_URL"), os.Stdout); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

// run sells until the context ends, beside a service of its own when no url names one.
func run(ctx context.Context, listen, url string, out io.Writer) (err error) {
	if url == "" {
		service, err := remediator.Start(ctx, remediator.Config{Rules: []rule.File{{Path: "shop.yaml", Text: rules}}}, "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer service.Close()
		url = service.URL
	}
	mg, err := makegood.New("shop", makegood.URL(url))
	if err != nil {
		return err
	}
	defer mg.Close()
	server := &http.Server{Addr: listen, Handler: shop(mg, catalogue), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	fmt.Fprintf(out, "The shop is at http://%s, the service at %s\n", listen, url)
	return server.ListenAndServe()
}

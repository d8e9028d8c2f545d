package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/gorilla/mux"

	"github.com/makegood/makegood/remediator/integrity"
	"github.com/makegood/makegood/remediator/store/views"
)

// Routes lists every route of the API with its methods, "POST /v1/pause".
func Routes() ([]string, error) {
	nowhere := http.NotFoundHandler()
	h := handler{Config: Config{Events: nowhere, Stream: nowhere, Gates: nowhere, Balance: nowhere, Redeem: nowhere, Receive: nowhere, Desk: noDesk{}, History: noHistory{},
		Integrity: integrity.New(integrity.Config{}), Today: func(context.Context) (views.Today, error) { return views.Today{}, nil }}}
	var routes []string
	err := h.router().Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := route.GetMethods()
		if err != nil {
			methods = []string{http.MethodPost} // its handler tells them apart
		}
		for _, method := range methods {
			routes = append(routes, method+" "+path)
		}
		return nil
	})
	slices.Sort(routes)
	return routes, err
}

type noDesk struct{ Desk }

type noHistory struct{ History }

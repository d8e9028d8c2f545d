package web

import "net/http"

// loadAdoption says what rules cover and what is not heard of, as GET /v1/adoption does.
func loadAdoption(c *Console, r *http.Request) (any, error) { return c.cfg.Adoption(r.Context()) }

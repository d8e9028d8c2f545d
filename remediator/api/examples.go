package api

import (
	_ "embed"
	"encoding/json"
	"sync"

	"github.com/makegood/makegood/remediator/api/openapi"
)

// exchanges are requests to a service and what it answered, by route. A test asks them
// again, and writes them anew with -update.
//
//go:embed examples.json
var exchanges []byte

// examples are those exchanges.
var examples = sync.OnceValue(func() map[string]*openapi.Example {
	all := map[string]*openapi.Example{}
	if err := json.Unmarshal(exchanges, &all); err != nil {
		panic("read examples.json: " + err.Error()) // it was written by the test
	}
	return all
})

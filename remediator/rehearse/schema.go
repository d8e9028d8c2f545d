package rehearse

import (
	_ "embed"
	"slices"
)

// schema is kept by hand beside the reader of tests; a test holds the two together.
//
//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft-07) of files of tests, for editors. It
// sees the shape of a file; Test sees the rest.
func Schema() []byte { return slices.Clone(schema) }

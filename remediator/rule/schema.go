package rule

import (
	_ "embed"
	"slices"
)

// schema is kept by hand beside the loader; a test holds the two together.
//
//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft-07) of rule files, for editors. It sees
// the shape of a file; Check sees the rest.
func Schema() []byte { return slices.Clone(schema) }

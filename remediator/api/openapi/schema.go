package openapi

import (
	"encoding"
	"encoding/json"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"
)

// reference begins a reference to a schema.
const reference = "#/components/schemas/"

// use is what a schema is for: of an answer, all fields are there that are always
// written; of a body, each may be left out, and there are no others.
type use bool

const (
	answer use = false
	body   use = true
)

// schemas makes schemas of Go types as package encoding/json writes them. Structs with
// a name are components.
type schemas struct{ components map[string]any }

func (s *schemas) of(value any, u use) map[string]any { return s.schema(reflect.TypeOf(value), u) }

func (s *schemas) schema(t reflect.Type, u use) map[string]any {
	switch t {
	case reflect.TypeFor[uuid.UUID]():
		return map[string]any{"type": "string", "format": "uuid"}
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	}
	if t.Kind() == reflect.Pointer {
		return s.schema(t.Elem(), u)
	}
	switch {
	case implements(t, reflect.TypeFor[json.Marshaler]()):
		return map[string]any{}
	case implements(t, reflect.TypeFor[encoding.TextMarshaler]()):
		return map[string]any{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return map[string]any{"type": "integer"}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 && t.Kind() == reflect.Slice {
			return map[string]any{"type": "string", "contentEncoding": "base64"}
		}
		return map[string]any{"type": "array", "items": s.schema(t.Elem(), u)}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": s.schema(t.Elem(), u)}
	case reflect.Struct:
		return s.named(t, u)
	}
	return map[string]any{} // anything
}

func implements(t, what reflect.Type) bool {
	return t.Implements(what) || reflect.PointerTo(t).Implements(what)
}

// named is a reference to the schema of a struct, which is made once.
func (s *schemas) named(t reflect.Type, u use) map[string]any {
	if t.Name() == "" {
		return s.object(t, u)
	}
	name := path.Base(t.PkgPath()) + "." + t.Name()
	if _, ok := s.components[name]; !ok {
		s.components[name] = nil // it may refer to itself
		s.components[name] = s.object(t, u)
	}
	return map[string]any{"$ref": reference + name}
}

func (s *schemas) object(t reflect.Type, u use) map[string]any {
	properties, required := map[string]any{}, []string{}
	s.fields(t, u, properties, &required)
	object := map[string]any{"type": "object", "properties": properties}
	if u == body {
		object["additionalProperties"] = false
	} else if len(required) > 0 {
		object["required"] = required
	}
	return object
}

// fields adds the fields of a struct, those of embedded structs among them.
func (s *schemas) fields(t reflect.Type, u use, properties map[string]any, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
			continue
		case f.Anonymous && name == "":
			embedded := f.Type
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			if embedded.Kind() == reflect.Struct {
				s.fields(embedded, u, properties, required)
				continue
			}
		case !f.IsExported():
			continue
		}
		if name == "" {
			name = f.Name
		}
		schema := s.schema(f.Type, u)
		if strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero") {
			properties[name] = schema
			continue
		}
		if f.Type.Kind() == reflect.Pointer {
			schema = map[string]any{"anyOf": []any{schema, map[string]any{"type": "null"}}}
		}
		properties[name] = schema
		*required = append(*required, name)
	}
}

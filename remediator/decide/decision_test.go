package decide

import (
	"reflect"
	"strings"
	"testing"
)

// fill gives every text below a value the given one, and every pointer, list and
// number something to write.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt(-1 << 62)
	case reflect.Uint64:
		v.SetUint(1 << 63)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(0xff)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), text)
			}
		}
	}
}

// TestAtMostIsABound: no text of a decision is forgotten, whatever it takes to write it.
func TestAtMostIsABound(t *testing.T) {
	for _, text := range []string{"", "a", strings.Repeat("\x01", 700), strings.Repeat("\xff", 700), strings.Repeat("\u2028", 200)} {
		var fact RemedyFact
		fill(reflect.ValueOf(&fact).Elem(), text)
		encoded, err := encodeBody(fact)
		if err != nil {
			t.Fatal(err)
		}
		if most := fact.atMost(); len(encoded) > most {
			t.Errorf("a decision of texts of %d bytes takes %d bytes, atMost says %d", len(text), len(encoded), most)
		}
	}
}

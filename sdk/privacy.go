package makegood

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"strings"
	"sync"
	"sync/atomic"
)

// privacy is what a client keeps out of its events, before their bytes leave
// the caller.
type privacy struct {
	denied   map[string]struct{} // keys as fold writes them
	begins   [1 << 10]uint32     // of denied keys: by two letters, which ones may be third
	redact   []func(typ, key, text string) string
	hashes   *sync.Pool // of hash.Hash; nil without a key
	redacted atomic.Int64
}

// denied are fields that no event needs, whatever the application calls them:
// capitals, and the signs between words, do not matter.
var denied = []string{
	"password", "passwd", "passphrase", "pwd", "secret", "client_secret", "private_key", "api_key",
	"authorization", "auth_token", "access_token", "refresh_token", "id_token", "csrf_token", "cookie", "set_cookie", "session_id",
	"card_number", "credit_card", "credit_card_number", "pan", "cvc", "cvv", "cvv2", "iban", "account_number",
	"ssn", "social_security_number", "passport", "passport_number", "tax_id",
	"email", "email_address", "e_mail", "phone", "phone_number", "mobile", "mobile_number",
	"first_name", "last_name", "full_name", "date_of_birth", "birth_date", "birthday", "street", "street_address", "ip_address",
}

func newPrivacy(cfg *config) *privacy {
	p := &privacy{denied: make(map[string]struct{}), redact: cfg.redact}
	for _, list := range [][]string{denied, cfg.denied} {
		for _, key := range list {
			var folded [maxFolded]byte
			word := fold(&folded, key)
			if len(word) < shortestDenied {
				continue // config refuses these
			}
			p.denied[string(word)] = struct{}{}
			p.begins[pair(word[0], word[1])] |= 1 << (word[2] & 31)
		}
	}
	if len(cfg.hashKey) > 0 {
		key := []byte(cfg.hashKey)
		p.hashes = &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}
	}
	return p
}

// Lengths of keys that can be denied.
const (
	shortestDenied = 3
	maxFolded      = 48
)

func pair(a, b byte) int { return int(a&31)<<5 | int(b&31) }

// fold writes the letters and digits of a key in lower case, so that cardNumber,
// card-number and CARD_NUMBER are one. Of a longer key it returns nothing.
func fold(buf *[maxFolded]byte, key string) []byte {
	n := 0
	for i := range len(key) {
		c := key[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c == '_' || c == '-' || c == '.' || c == ' ':
			continue
		}
		if n == maxFolded {
			return nil
		}
		buf[n] = c
		n++
	}
	return buf[:n]
}

// denies reports whether a field is left out of every event.
func (p *privacy) denies(key string) bool {
	// Most keys are told by their first three letters.
	if len(key) >= shortestDenied && isLetter(key[1]) && isLetter(key[2]) && p.begins[pair(key[0], key[1])]&(1<<(key[2]&31)) == 0 {
		return false
	}
	var folded [maxFolded]byte
	_, found := p.denied[string(fold(&folded, key))]
	return found
}

func isLetter(c byte) bool { return c|0x20-'a' < 26 }

// text returns what becomes of the text of a field. What fails to be redacted
// is not emitted.
func (p *privacy) text(typ, key, text string) (string, error) {
	clean := text
	for _, redact := range p.redact {
		var err error
		if clean, err = redactBy(redact, typ, key, clean); err != nil {
			return "", err
		}
	}
	clean = mask(clean)
	if clean != text {
		p.redacted.Add(1)
	}
	return clean, nil
}

// redactBy asks a function of the application, which may do anything.
func redactBy(redact func(typ, key, text string) string, typ, key, text string) (clean string, err error) {
	defer func() {
		if recover() != nil { // with what it says it might tell the text
			clean, err = "", invalid("data field "+quote(key)+" cannot be redacted: a function given to Redact panics")
		}
	}()
	// Copies, so that the caller's own may stay on its stack.
	return redact(strings.Clone(typ), strings.Clone(key), strings.Clone(text)), nil
}

// appendCard appends what stands for a number that is a card's.
func (p *privacy) appendCard(b []byte) []byte {
	p.redacted.Add(1)
	return append(b, `"`+maskedCard+`"`...)
}

// json returns what becomes of a field that is written as JSON already.
func (p *privacy) json(typ, key, raw string) (string, error) {
	var value any
	decoder := json.NewDecoder(strings.NewReader(strings.Clone(raw))) // a copy, as in redactBy
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return "", invalid("data field " + quote(key) + ": " + err.Error())
	}
	w := walk{privacy: p, typ: strings.Clone(typ)}
	if value = w.value(key, value); w.err != nil {
		return "", w.err
	}
	if !w.changed {
		return raw, nil
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", invalid("data field " + quote(key) + ": " + err.Error())
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// walk redacts what lies inside a JSON value, in place.
type walk struct {
	*privacy
	typ     string
	changed bool
	err     error
}

func (w *walk) value(key string, value any) any {
	switch v := value.(type) {
	case string:
		clean, err := w.text(w.typ, key, v)
		if err != nil {
			w.err = err
		}
		w.changed = w.changed || clean != v
		return clean
	case json.Number:
		n, err := v.Int64()
		if f, _ := v.Float64(); err != nil && isCardFloat(f) { // 4.1e15 and 41.0 are whole numbers too
			n = int64(f)
		}
		if isCardNumber(n) {
			w.changed = true
			w.redacted.Add(1)
			return maskedCard
		}
	case []any:
		for i := range v {
			v[i] = w.value(key, v[i])
		}
	case map[string]any:
		for name := range v {
			if w.denies(name) || mask(name) != name { // a map may be by address
				delete(v, name)
				w.changed = true
				w.redacted.Add(1)
				continue
			}
			v[name] = w.value(name, v[name])
		}
	}
	return value
}

// appendHash appends the pseudonym of a text: the first half of its HMAC-SHA-256
// under the application's key, in hexadecimal.
func (p *privacy) appendHash(b []byte, text string) ([]byte, error) {
	if p.hashes == nil {
		return b, invalid("Hash has no key: set HashKey, MAKEGOOD_HASH_KEY or MAKEGOOD_HASH_KEY_FILE")
	}
	h := p.hashes.Get().(hash.Hash)
	defer p.hashes.Put(h)
	h.Reset()
	if _, err := h.Write([]byte(text)); err != nil {
		return b, fmt.Errorf("hash a text: %w", err)
	}
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return hex.AppendEncode(b, sum[:sha256.Size/2]), nil
}

package ledger

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/decide"
)

// maxPart is the most plain bytes in one evidence entry. In base64 and with
// nonce, tag and names around it, it stays below MaxBody. Evidence that is
// larger is sealed in parts, one entry each: any event that was accepted fits,
// whether it can be compressed or not.
const maxPart = 45 << 10

// EvidenceBody is the body of an evidence entry: a part of a content, under the
// key of a customer. Without that key it says nothing about its content but the
// size.
type EvidenceBody struct {
	Kind   string `json:"kind"`   // one of decide.EvidenceEvent and so on
	Key    string `json:"key"`    // KeyID of the key that opens it
	Part   int    `json:"part"`   // from 1
	Parts  int    `json:"parts"`  // of this content
	Sealed []byte `json:"sealed"` // by Seal, in base64
}

// Content is evidence that was opened.
type Content struct {
	Kind     string // one of decide.EvidenceEvent and so on
	Sequence uint64 // of the entry that ends it
	At       time.Time
	Plain    []byte
}

// KeyID names a key without giving it away.
func KeyID(key [32]byte) string {
	id := derive(key, "makegood evidence key id v1")
	return hex.EncodeToString(id[:8])
}

// Keys are the evidence keys of customers, while entries are made.
type Keys interface {
	// Of returns the key of a customer, which may be empty, and makes one when there
	// is none.
	Of(customer string) ([32]byte, error)
	// Erase forgets the key of a customer: what comes after is under another one.
	Erase(customer string)
}

// Entries gives the items of a decision their places in the ledger, the first
// at sequence next. Evidence is encrypted under its customer's key, until an erasure
// comes. It has the version of the facts beside it.
func Entries(next uint64, items []decide.Item, keys Keys) ([]Entry, error) {
	entries := make([]Entry, 0, len(items))
	add := func(f decide.Fact) error {
		e := Entry{Seq: next + uint64(len(entries)), Fact: f}
		entries = append(entries, e)
		return e.Check()
	}
	version := firstVersion(items)
	for _, item := range items {
		if item.Fact != nil {
			version = item.Fact.Version
			if err := add(*item.Fact); err != nil {
				return nil, err
			}
			if err := erase(*item.Fact, keys); err != nil {
				return nil, err
			}
			continue
		}
		key, err := keys.Of(item.Evidence.Customer)
		if err != nil {
			return nil, fmt.Errorf("find evidence key: %w", err)
		}
		facts, err := SealEvidence(key, version, *item.Evidence)
		if err != nil {
			return nil, err
		}
		for _, f := range facts {
			if err := add(f); err != nil {
				return nil, err
			}
		}
	}
	return entries, nil
}

// erase forgets the key that a fact says was destroyed.
func erase(f decide.Fact, keys Keys) error {
	if f.Kind != decide.KindErasure {
		return nil
	}
	var body decide.ErasureFact
	if err := json.Unmarshal(f.Body, &body); err != nil {
		return fmt.Errorf("read erasure: %w", err)
	}
	keys.Erase(body.Customer)
	return nil
}

// firstVersion is the version before the first fact. Evidence is always made
// with a fact of the same input, so that it is that of the first fact.
func firstVersion(items []decide.Item) int {
	for _, item := range items {
		if item.Fact != nil {
			return item.Fact.Version
		}
	}
	return 0 // not an entry's: Check refuses it
}

// SealEvidence encrypts a content and returns its entries' facts, one a part.
func SealEvidence(key [32]byte, version int, ev decide.Evidence) ([]decide.Fact, error) {
	parts := max(1, (len(ev.Plain)+maxPart-1)/maxPart)
	facts := make([]decide.Fact, 0, parts)
	for part := 1; part <= parts; part++ {
		plain := ev.Plain[(part-1)*maxPart : min(part*maxPart, len(ev.Plain))]
		body, err := json.Marshal(EvidenceBody{
			Kind: ev.Kind, Key: KeyID(key), Part: part, Parts: parts,
			Sealed: Seal(key, evidenceContext(ev.Remedy, ev.Kind, part, parts), plain),
		})
		if err != nil {
			return nil, fmt.Errorf("encode evidence: %w", err)
		}
		facts = append(facts, decide.Fact{
			Kind: decide.KindEvidence, At: ev.At, Ordinal: ev.Ordinal, Version: version,
			Remedy: ev.Remedy, Rule: ev.Rule, Body: body,
		})
	}
	return facts, nil
}

// OpenEvidence decrypts one content from the facts of all its parts, in order.
func OpenEvidence(key [32]byte, facts []decide.Fact) (kind string, plain []byte, err error) {
	for i, f := range facts {
		var body EvidenceBody
		if err := json.Unmarshal(f.Body, &body); err != nil {
			return "", nil, fmt.Errorf("read evidence of remedy %s: %w", f.Remedy, err)
		}
		if body.Part != i+1 || body.Parts != len(facts) {
			return "", nil, fmt.Errorf("read evidence of remedy %s: part %d of %d, want part %d of %d",
				f.Remedy, body.Part, body.Parts, i+1, len(facts))
		}
		if body.Key != KeyID(key) {
			return "", nil, fmt.Errorf("read evidence of remedy %s: it is under key %s, not %s", f.Remedy, body.Key, KeyID(key))
		}
		part, err := OpenSealed(key, evidenceContext(f.Remedy, body.Kind, body.Part, body.Parts), body.Sealed)
		if err != nil {
			return "", nil, fmt.Errorf("read evidence of remedy %s: %w", f.Remedy, err)
		}
		kind, plain = body.Kind, append(plain, part...)
	}
	if len(facts) == 0 {
		return "", nil, errors.New("read evidence: no parts given")
	}
	return kind, plain, nil
}

// evidenceContext binds a ciphertext to its place, so that it opens nowhere else.
func evidenceContext(remedy uuid.UUID, kind string, part, parts int) []byte {
	return fmt.Appendf(nil, "evidence %s %q %d/%d", remedy, kind, part, parts)
}

// Seal encrypts plain with AES-256-GCM and authenticates aad with it. The nonce
// is a MAC of both under a key of its own: the same content gives the same
// bytes, which keeps replays equal, and two contents never share a nonce.
func Seal(key [32]byte, aad, plain []byte) []byte {
	nonceKey := derive(key, "makegood evidence nonce v1")
	mac := hmac.New(sha256.New, nonceKey[:])
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(aad)))
	mac.Write(n[:])
	mac.Write(aad)
	mac.Write(plain)
	aead := evidenceCipher(key)
	nonce := mac.Sum(nil)[:aead.NonceSize()]
	return aead.Seal(nonce, nonce, plain, aad)
}

// OpenSealed reverses Seal. It fails if the key, aad or a byte is another.
func OpenSealed(key [32]byte, aad, sealed []byte) ([]byte, error) {
	aead := evidenceCipher(key)
	if len(sealed) < aead.NonceSize() {
		return nil, errors.New("open sealed content: too short")
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], aad)
	if err != nil {
		return nil, fmt.Errorf("open sealed content: %w", err)
	}
	return plain, nil
}

func evidenceCipher(key [32]byte) cipher.AEAD {
	encryptionKey := derive(key, "makegood evidence encryption v1")
	block, err := aes.NewCipher(encryptionKey[:])
	if err != nil {
		panic(err) // only for a key of another length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for a cipher of another block size
	}
	return aead
}

// derive returns the subkey of a key for one purpose.
func derive(key [32]byte, purpose string) [32]byte {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(purpose))
	return [32]byte(mac.Sum(nil))
}

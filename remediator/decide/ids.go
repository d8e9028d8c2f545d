package decide

import (
	"crypto/sha1"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/dchest/siphash"
	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/rule"
)

// namespace is the root of every id that Makegood derives.
var namespace = uuid.MustParse("6d616b65-676f-5f64-8000-6d616b65676f")

// RemedyID derives a remedy's id from the scope of a rule and its canonical
// once_per key: UUIDv5(UUIDv5(makegood, scope), key). The rule's text is no part
// of it, so that no edit pays a key twice.
func RemedyID(scope, key string) uuid.UUID { return derive(scopeID(scope), key) }

func scopeID(scope string) uuid.UUID { return derive(namespace, "scope:"+scope) }

// remedyID is RemedyID for a rule, whose scope names many remedies.
func (f *Fold) remedyID(r *rule.Rule, key string) uuid.UUID {
	space, known := f.scopes[r.Scope]
	if !known {
		space = scopeID(r.Scope)
		f.scopes[r.Scope] = space
	}
	return derive(space, key)
}

// ActionID derives an action's id, which is the idempotency key at the
// provider: UUIDv5(remedy, step name).
func ActionID(remedy uuid.UUID, step string) uuid.UUID {
	return derive(remedy, step)
}

// derive is UUIDv5 (RFC 9562, 5.5), without allocating for names of the usual
// length.
func derive(space uuid.UUID, name string) (id uuid.UUID) {
	buf := append(make([]byte, 0, 256), space[:]...)
	sum := sha1.Sum(append(buf, name...))
	copy(id[:], sum[:])
	id[6] = id[6]&0x0f | 0x50
	id[8] = id[8]&0x3f | 0x80
	return id
}

// unkeyedRemedyID is the id of a remedy of a rule without once_per: one for each
// rule and input of a log.
func unkeyedRemedyID(scope, logID string, ordinal uint64) uuid.UUID {
	return RemedyID(scope, "input:"+logID+":"+strconv.FormatUint(ordinal, 10))
}

// hashKey keys the hashes of a log, so that nobody can choose ids that collide.
type hashKey struct{ k0, k1 uint64 }

func newHashKey(key []byte) hashKey {
	return hashKey{binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[8:])}
}

// short hashes a text to 64 bits, never to 0.
func (k hashKey) short(text string) uint64 {
	if h := siphash.Hash(k.k0, k.k1, []byte(text)); h != 0 {
		return h
	}
	return 1
}

// long hashes texts, each with its length, to 128 bits.
func (k hashKey) long(texts ...string) [16]byte {
	buf := make([]byte, 0, 256)
	for _, t := range texts {
		buf = binary.AppendUvarint(buf, uint64(len(t)))
		buf = append(buf, t...)
	}
	return k.hash128(buf)
}

func (k hashKey) hash128(buf []byte) (out [16]byte) {
	a, b := siphash.Hash128(k.k0, k.k1, buf)
	binary.BigEndian.PutUint64(out[:], a)
	binary.BigEndian.PutUint64(out[8:], b)
	return out
}

// event hashes what names an event, as long does, without allocating for names of
// the usual length.
func (k hashKey) event(source, id []byte) [16]byte {
	buf := make([]byte, 0, 512)
	for _, t := range [...][]byte{[]byte("event"), source, id} {
		buf = binary.AppendUvarint(buf, uint64(len(t)))
		buf = append(buf, t...)
	}
	return k.hash128(buf)
}

// window hashes the key of a window.
func (k hashKey) window(by string) uint64 {
	h := k.long("window", by)
	return binary.BigEndian.Uint64(h[:])
}

// inCanary reports whether a customer belongs to the given share of customers,
// always the same ones for a rule's scope. Nobody without an id does.
func (k hashKey) inCanary(scope, customer string, percent float64) bool {
	if customer == "" {
		return false
	}
	h := k.long("canary", scope, customer)
	return float64(binary.BigEndian.Uint64(h[:]))/float64(math.MaxUint64)*100 < percent
}

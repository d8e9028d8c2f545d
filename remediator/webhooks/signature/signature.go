// Package signature signs and verifies HTTP messages as the Standard Webhooks
// specification says, for webhooks that go out and for those that come in.
//
// A message has an id that stays the same when it is sent again, the time at which
// this attempt was sent, and a body of bytes. Its signature is the HMAC-SHA256 of
// "id.timestamp.body" under a secret that both sides know, written as "v1," and
// base64. While a secret is being changed, a message carries one signature for
// the new and one for the old secret, apart by a space; one that fits is enough.
//
//	webhook-id:        7f3a…
//	webhook-timestamp: 1674087231
//	webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= v1,…
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a message.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// Tolerance is how far a message's timestamp may be from the receiver's clock, in
// both directions: a message that somebody recorded cannot be played for ever.
const Tolerance = 5 * time.Minute

const (
	prefix  = "whsec_"
	version = "v1"
	// minSecret and maxSecret bound a secret in bytes, as the specification does.
	minSecret = 24
	maxSecret = 64
	// maxID bounds an id in bytes: it becomes part of an input's id.
	maxID = 256
	// maxSignatures bounds how many signatures of a message are looked at.
	maxSignatures = 16
)

// Errors of Verify, for errors.Is.
var (
	ErrHeader    = errors.New("a header is missing or has no legal value")
	ErrTimestamp = errors.New("the timestamp is too far from the time")
	ErrSignature = errors.New("no signature fits")
)

// Secret is a key that sender and receiver share. It never prints itself.
type Secret struct{ key []byte }

// String keeps a secret out of logs.
func (Secret) String() string { return prefix + "…" }

// GoString keeps a secret out of logs.
func (s Secret) GoString() string { return s.String() }

// ParseSecret reads a secret: base64, with whsec_ in front or without. Errors do
// not repeat it.
func ParseSecret(text string) (Secret, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(text), prefix))
	switch {
	case err != nil:
		return Secret{}, errors.New("a secret is whsec_ and base64, like the output of: echo whsec_$(openssl rand -base64 32)")
	case len(key) < minSecret || len(key) > maxSecret:
		return Secret{}, fmt.Errorf("a secret has %d to %d bytes, this one has %d: make one with: echo whsec_$(openssl rand -base64 32)", minSecret, maxSecret, len(key))
	}
	return Secret{key}, nil
}

// Sign returns the value of the signature header: one signature a secret.
func Sign(secrets []Secret, id string, at time.Time, body []byte) string {
	signatures := make([]string, len(secrets))
	for i, s := range secrets {
		signatures[i] = version + "," + base64.StdEncoding.EncodeToString(s.mac(id, strconv.FormatInt(at.Unix(), 10), body))
	}
	return strings.Join(signatures, " ")
}

// SetHeaders signs a message in its headers.
func SetHeaders(header http.Header, secrets []Secret, id string, at time.Time, body []byte) {
	header.Set(HeaderID, id)
	header.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(HeaderSignature, Sign(secrets, id, at, body))
}

func (s Secret) mac(id, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// Message is a message that was verified.
type Message struct {
	ID string
	At time.Time // when this attempt was sent, to the second
}

// Verify checks a message against the secrets, of which one must fit, and its
// timestamp against now. The signature comes first: only who knows a secret
// learns that a timestamp is wrong.
func Verify(secrets []Secret, header http.Header, body []byte, now time.Time) (Message, error) {
	id, timestamp := header.Get(HeaderID), header.Get(HeaderTimestamp)
	switch {
	case id == "" || timestamp == "" || header.Get(HeaderSignature) == "":
		return Message{}, fmt.Errorf("%w: send webhook-id, webhook-timestamp and webhook-signature", ErrHeader)
	case len(header.Values(HeaderID)) > 1 || len(header.Values(HeaderTimestamp)) > 1 || !legalID(id):
		return Message{}, fmt.Errorf("%w: webhook-id is one text of 1 to %d visible ASCII characters, webhook-timestamp one number", ErrHeader, maxID)
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || seconds < 0 || strconv.FormatInt(seconds, 10) != timestamp {
		return Message{}, fmt.Errorf("%w: webhook-timestamp is a whole number of seconds since 1970", ErrHeader)
	}
	if !fits(secrets, strings.Join(header.Values(HeaderSignature), " "), id, timestamp, body) {
		return Message{}, ErrSignature
	}
	// Compared in seconds, so that no timestamp overflows a duration.
	if off := now.Unix() - seconds; off > int64(Tolerance/time.Second) || off < -int64(Tolerance/time.Second) {
		return Message{}, fmt.Errorf("%w: it is %d s from the receiver's, %d s are allowed", ErrTimestamp, off, int64(Tolerance/time.Second))
	}
	return Message{ID: id, At: time.Unix(seconds, 0).UTC()}, nil
}

func legalID(id string) bool {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return len(id) <= maxID
}

// fits tries every signature with every secret, and takes as long for one that
// fits as for one that does not.
func fits(secrets []Secret, signatures, id, timestamp string, body []byte) bool {
	found := false
	for i, one := range strings.Fields(signatures) {
		if i == maxSignatures {
			break
		}
		name, encoded, _ := strings.Cut(one, ",")
		given, err := base64.StdEncoding.DecodeString(encoded)
		if name != version || err != nil {
			continue
		}
		for _, s := range secrets {
			if hmac.Equal(given, s.mac(id, timestamp, body)) {
				found = true
			}
		}
	}
	return found
}

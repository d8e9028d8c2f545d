package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/decide"
)

// secretDigits is how many base62 digits 256 bits need.
const secretDigits = 43

// NewSecret makes the secret of a token, and the digest by which it is known.
func NewSecret() (secret, digest string) {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // it never returns an error
	secret = fmt.Sprintf("mg_%0*s", secretDigits, new(big.Int).SetBytes(random).Text(62))
	sum := sha256.Sum256([]byte(secret))
	return secret, hex.EncodeToString(sum[:])
}

var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$`)

// CheckName reports why a token may not be somebody's: names of people are
// compared when two of them must agree, and stand in the ids of their commands.
func CheckName(text string) error {
	if !name.MatchString(text) {
		return fmt.Errorf("%.80q is no name: use 1 to 64 of A-Z a-z 0-9 . _ @ + -", text)
	}
	if slices.Contains([]string{Local, Admin, Emitter, decide.Restorer}, strings.ToLower(text)) {
		return fmt.Errorf("%q is whoever needs no token of their own: use the name of a person or a program", text)
	}
	return nil
}

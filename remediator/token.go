package remediator

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Names of the tokens of a service.
const (
	EmitterToken = "emitter" // to send events
	AdminToken   = "admin"   // to read the API and to redeem credit
)

// Token returns a token of the service of a data folder, by name. The first call
// makes it and reports that; it lies in the folder, readable by the owner only.
func Token(dataDir, name string) (token string, minted bool, err error) {
	path := filepath.Join(dataDir, name+".token")
	text, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(text)) != "" {
		return strings.TrimSpace(string(text)), false, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", false, fmt.Errorf("read %s token: %w", name, err)
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return "", false, fmt.Errorf("make data folder: %w", err)
	}
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return "", false, fmt.Errorf("make %s token: %w", name, err)
	}
	token = "mg_" + name + "_" + base64.RawURLEncoding.EncodeToString(random)
	if err := writeFile(path, token+"\n", 0o600); err != nil {
		return "", false, err
	}
	return token, true, nil
}

package lognats_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/makegood/makegood/remediator/store/lognats"
	"github.com/makegood/makegood/remediator/store/natstest"
)

// TestSecured keeps a log on a server that shows a certificate, wants one, and lets in
// who has credentials. The address names all files; without any one of them, or with
// that of another, nothing is opened.
func TestSecured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	authority(t, dir, "ours")
	authority(t, dir, "another")
	server := natstest.Single(t, natstest.Options{More: admitting(t, dir) + fmt.Sprintf("tls {\ncert_file: %q\nkey_file: %q\nca_file: %q\nverify: true\n}\n",
		filepath.Join(dir, "ours-server.pem"), filepath.Join(dir, "ours-server.key"), filepath.Join(dir, "ours-ca.pem"))})
	at := strings.Replace(withStream(server.URL()), "nats://", "tls://", 1)
	settings := map[string]string{
		"ca": filepath.Join(dir, "ours-ca.pem"), "cert": filepath.Join(dir, "ours-client.pem"), "key": filepath.Join(dir, "ours-client.key"),
		"credentials": filepath.Join(dir, "user.creds"),
	}
	with := func(change map[string]string) string {
		address := at
		for name, file := range settings {
			if other, changed := change[name]; changed {
				file = other
			}
			if file != "" {
				address += "&" + name + "=" + file
			}
		}
		return address
	}
	for what, change := range map[string]map[string]string{
		"no certificates of servers":   {"ca": ""},
		"certificates of others":       {"ca": filepath.Join(dir, "another-ca.pem")},
		"no certificate":               {"cert": "", "key": ""},
		"the certificate of another":   {"cert": filepath.Join(dir, "another-client.pem"), "key": filepath.Join(dir, "another-client.key")},
		"no credentials":               {"credentials": ""},
		"the credentials of another":   {"credentials": filepath.Join(dir, "stranger.creds")},
		"credentials that are missing": {"credentials": filepath.Join(dir, "missing.creds")},
	} {
		if l, err := lognats.Open(t.Context(), with(change), lognats.Options{MayBegin: mayBegin}); err == nil {
			t.Errorf("with %s a log is opened", what)
			_ = l.Close()
		}
	}
	l := open(t, with(nil), lognats.Options{})
	mustAppend(t, l, "first")
	if records, err := l.Read(t.Context(), 0, 10); err != nil || len(records) != 1 || string(records[0].Blob) != "first" {
		t.Errorf("read %v, %v", records, err)
	}
}

// TestPassword keeps a log on a server that wants a password, which no error shows.
func TestPassword(t *testing.T) {
	t.Parallel()
	server := natstest.Single(t, natstest.Options{More: `authorization { user: app, password: "secret-right" }`})
	named := func(who string) string { return strings.Replace(withStream(server.URL()), "nats://", "nats://"+who, 1) }
	mustAppend(t, open(t, named("app:secret-right@"), lognats.Options{}), "first")
	for _, who := range []string{"", "app:secret-wrong@", "other:secret-right@"} {
		_, err := lognats.Open(t.Context(), named(who), lognats.Options{MayBegin: mayBegin})
		if err == nil || !strings.Contains(err.Error(), "Authorization Violation") || strings.Contains(err.Error(), "secret") {
			t.Errorf("as %q: %v", who, err)
		}
	}
}

// authority makes the certificate of an authority, and those of a server and a client
// that it signs, in files that begin with its name.
func authority(t *testing.T, dir, name string) {
	t.Helper()
	issuer := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	issuerKey := certificate(t, filepath.Join(dir, name+"-ca"), issuer, issuer, nil)
	certificate(t, filepath.Join(dir, name+"-server"), &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, issuer, issuerKey)
	certificate(t, filepath.Join(dir, name+"-client"), &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, issuer, issuerKey)
}

// certificate signs a certificate, with its own key where there is no issuer's, and
// writes it and its key to files of one name.
func certificate(t *testing.T, path string, c, issuer *x509.Certificate, issuerKey *ecdsa.PrivateKey) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if issuerKey == nil {
		issuerKey = key
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: filepath.Base(path)}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	signed, err := x509.CreateCertificate(rand.Reader, c, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}))
	write(t, path+".key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}))
	return key
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// admitting is the configuration of a server that lets in a user of an account, whose
// credentials are written to user.creds. Those in stranger.creds are of an account that
// it does not know.
func admitting(t *testing.T, dir string) string {
	operator, system, account, unknown := keys(t, nkeys.CreateOperator), keys(t, nkeys.CreateAccount), keys(t, nkeys.CreateAccount), keys(t, nkeys.CreateAccount)
	for file, owner := range map[string]nkeys.KeyPair{"user.creds": account, "stranger.creds": unknown} {
		user := keys(t, nkeys.CreateUser)
		seed, err := user.Seed()
		if err != nil {
			t.Fatal(err)
		}
		token := statement(t, owner, user, map[string]any{"type": "user", "version": 2, "pub": map[string]any{}, "sub": map[string]any{}, "subs": -1, "data": -1, "payload": -1})
		write(t, filepath.Join(dir, file), fmt.Appendf(nil, "-----BEGIN NATS USER JWT-----\n%s\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n%s\n------END USER NKEY SEED------\n", token, seed))
	}
	limits := map[string]any{"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1}
	kept := map[string]any{"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}
	for name, n := range limits {
		kept[name] = n
	}
	of := func(owner nkeys.KeyPair, limits map[string]any) string {
		return fmt.Sprintf("%s: %q", public(t, owner), statement(t, operator, owner, map[string]any{"type": "account", "version": 2, "limits": limits}))
	}
	return fmt.Sprintf("operator: %q\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: {\n%s\n%s\n}\n",
		statement(t, operator, operator, map[string]any{"type": "operator", "version": 2}), public(t, system), of(system, limits), of(account, kept))
}

func keys(t *testing.T, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func public(t *testing.T, pair nkeys.KeyPair) string {
	t.Helper()
	key, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// statement is what one key says of another, as servers of NATS read it: a JSON Web
// Token that is signed with Ed25519.
func statement(t *testing.T, by, of nkeys.KeyPair, what map[string]any) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{"jti": public(t, of), "iat": time.Now().Unix(), "iss": public(t, by), "sub": public(t, of), "name": "test", "nats": what})
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"typ":"JWT","alg":"ed25519-nkey"}`)) + "." + encode(claims)
	signature, err := by.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(signature)
}

package queue

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader/batch"
	"github.com/raftlab/raftlab/grader/batch/queue/natstest"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// certificate writes NAME.pem and NAME.key into dir; signed by itself if by is nil.
func certificate(t *testing.T, dir, name string, by *authority) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: by == nil,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if by == nil {
		by = &authority{c, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &authority{c, key}
}

// A queue with TLS that asks for certificates works with those that its
// authority has signed, and refuses at once without them.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	ca := certificate(t, dir, "authority", nil)
	certificate(t, dir, "stranger", nil)
	certificate(t, dir, "server", ca)
	certificate(t, dir, "client", ca)
	s := natstest.Start(t, "--tls", "--tlscert", at("server.pem"), "--tlskey", at("server.key"), "--tlsverify", "--tlscacert", at("authority.pem"))
	url := strings.Replace(s.URL(), "nats:", "tls:", 1)
	fits := Options{URL: url, CA: at("authority.pem"), Cert: at("client.pem"), Key: at("client.key"), Patience: time.Minute}
	open(t, fits)
	for name, o := range map[string]Options{
		"an authority that is not known":      {URL: url, Cert: at("client.pem"), Key: at("client.key")},
		"another authority":                   {URL: url, CA: at("stranger.pem"), Cert: at("client.pem"), Key: at("client.key")},
		"no certificate":                      {URL: url, CA: at("authority.pem")},
		"a stranger's certificate":            {URL: url, CA: at("authority.pem"), Cert: at("stranger.pem"), Key: at("stranger.key")},
		"a key that is not the certificate's": {URL: url, CA: at("authority.pem"), Cert: at("client.pem"), Key: at("server.key")},
	} {
		o.Patience = time.Minute
		begin := time.Now()
		_, err := connect(t.Context(), o)
		var e *Error
		if !errors.As(err, &e) || e.Kind != Denied {
			t.Errorf("%s: %v after %v", name, err, time.Since(begin))
		}
	}
}

// The permissions that docs/scale.md names are enough for a batch and a worker;
// a user who lacks them is told so, and not kept waiting.
func TestPermissions(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "nats.conf")
	text := `authorization { users = [
	{ user: fits, password: p, permissions: {
		publish: ["raftlab.>", "$JS.API.>", "$JS.ACK.>", "$O.RAFTLAB_inputs.>", "$O.RAFTLAB_results.>", "_INBOX.>"]
		subscribe: ["raftlab.>", "_INBOX.>"] } }
	{ user: lacks, password: p, permissions: { publish: ["foo"], subscribe: ["_INBOX.>"] } }
] }
`
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := natstest.Start(t, "-c", conf)
	as := func(user string) Options {
		return Options{URL: strings.Replace(s.URL(), "//", fmt.Sprintf("//%s:p@", user), 1), Patience: time.Minute}
	}
	start(t, worker(t, as("fits")))
	if rec, err := send(t.Context(), as("fits"), job(t, batch.Version())); err != nil || rec.Verdict != batch.Nothing {
		t.Errorf("%v %v", rec, err)
	}
	_, err := connect(t.Context(), as("lacks"))
	var e *Error
	if !errors.As(err, &e) || e.Kind != Denied || !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
		t.Errorf("%v", err)
	}
}

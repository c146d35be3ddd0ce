package check

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/app/cli"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/journal"
	proofs "ringfence/internal/trust/proof"
)

// proofFiles writes a whole export of one event, its checkpoint, and the key.
func proofFiles(t *testing.T) (export, kept, key string) {
	t.Helper()
	no := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	no(err)
	signer := journal.Signer{Public: public, SignRaw: func(b []byte) ([]byte, error) { return ed25519.Sign(private, b), nil }}
	key, err = journal.VerifierKey(public)
	no(err)
	customer := id.New[id.Customer]()
	origin := journal.Origin(public, customer)
	line := journal.Line{Position: 1, ID: id.New[id.Event]().String(), At: 1, Code: "place.created", ActorKind: "system", ActorID: "test"}
	hash, err := line.Hash()
	no(err)
	head, err := signer.SignNote(journal.Checkpoint{Origin: origin, Size: 1, Root: hash, At: time.Now().UTC().Truncate(time.Second)}.Text())
	no(err)
	count, err := signer.SignNote(proofs.CountText(origin, 1, 0, nil))
	no(err)
	event, err := json.Marshal(line)
	no(err)
	var out bytes.Buffer
	w := proofs.NewWriter(&out)
	for name, content := range map[string][]byte{proofs.EventsName: append(event, '\n'), proofs.OpeningsName: nil, proofs.CountName: []byte(count), proofs.OlderName: nil, proofs.CheckpointName: []byte(head)} {
		no(w.Add(name, content))
	}
	no(w.Close(proofs.Manifest{Format: proofs.LogFormat, Origin: origin, Customer: customer.String(), Key: key, Size: 1, Whole: true}, signer.SignNote))
	dir := t.TempDir()
	export, kept = filepath.Join(dir, "log.zip"), filepath.Join(dir, "kept.txt")
	no(os.WriteFile(export, out.Bytes(), 0o600))
	no(os.WriteFile(kept, []byte(head), 0o600))
	return export, kept, key
}

func TestVerify(t *testing.T) {
	export, kept, key := proofFiles(t)
	_, foreign, other := proofFiles(t)
	b, err := os.ReadFile(export)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	altered := filepath.Join(t.TempDir(), "altered.zip")
	if err := os.WriteFile(altered, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"as it is":               {[]string{export}, 0, "Everything holds."},
		"with the key":           {[]string{"--key", key, export}, 0, "that is the key that you gave"},
		"flags after files":      {[]string{export, "--key", key}, 0, "that is the key that you gave"},
		"against a checkpoint":   {[]string{export, kept}, 0, "is what it was at this checkpoint"},
		"another key":            {[]string{"--key", other, export}, 1, "not the key that you gave"},
		"another log's":          {[]string{export, foreign}, 1, "not signed by the key"},
		"altered":                {[]string{altered}, 1, "DOES NOT"},
		"a checkpoint alone":     {[]string{kept}, 1, "give --key, or an export"},
		"a checkpoint and a key": {[]string{"--key", key, kept}, 0, "1 events"},
		"as JSON":                {[]string{"--json", export}, 0, `"holds": true`},
		"nothing":                {nil, 2, "which file"},
		"what is not there":      {[]string{"/nowhere"}, 2, "cannot be read"},
		"a folder":               {[]string{t.TempDir()}, 2, "cannot be read"},
		"an unknown flag":        {[]string{"--force", export}, 2, "-h explains"},
		"help":                   {[]string{"-h"}, 0, "exit code"},
	} {
		var out, errs bytes.Buffer
		code := cli.Dispatch(context.Background(), []cli.Command{{Name: "verify", Run: Verify}}, append([]string{"verify"}, c.args...), cli.Process{Stdout: &out, Stderr: &errs})
		if said := out.String() + errs.String(); code != c.code || !strings.Contains(strings.ToLower(said), strings.ToLower(c.says)) {
			t.Errorf("%s: %d, want %d: %s", name, code, c.code, said)
		}
	}
}

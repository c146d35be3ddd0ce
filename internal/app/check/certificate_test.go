package check

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/app/cli"
	"ringfence/internal/platform/paper"
	"ringfence/internal/trust/person"
)

// The certificate of a request is told from that of a destruction, checked, and read
// out; changed, or another's, it does not hold.
func TestVerifyTheCertificateOfARequest(t *testing.T) {
	no := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2026, 5, 3, 10, 0, 0, 0, time.UTC)
	key, _, err := paper.NewKey("Test installation", at)
	no(err)
	other, _, err := paper.NewKey("Another installation", at)
	no(err)
	text, err := json.Marshal(person.Certificate{
		Version: 1, Request: "prq_x", Right: person.Restrict, Article: 18, Received: at, Due: at, Ended: at, State: person.Answered,
		Acts: []person.Act{{At: at, What: "2 recordings restricted", Position: 812, Event: "evt_x"}},
	})
	no(err)
	signature, err := key.SignText(text)
	no(err)
	file, err := json.Marshal(paper.Envelope{What: person.WhatItIs, Certificate: string(text), Signature: signature})
	no(err)
	next := []byte(`{"version":2}`)
	signature, err = key.SignText(next)
	no(err)
	later, err := json.Marshal(paper.Envelope{What: person.WhatItIs, Certificate: string(next), Signature: signature})
	no(err)
	d := paper.New("Certificate", "Ringfence", at)
	d.Text("said")
	d.Attach("certificate.json", text)
	page, err := d.Bytes()
	no(err)
	pdf, err := key.Sign(page, "Certificate", at)
	no(err)
	dir := t.TempDir()
	put := func(name string, content []byte) string {
		name = filepath.Join(dir, name)
		no(os.WriteFile(name, content, 0o600))
		return name
	}
	cert := func(name string, k *paper.Key) string {
		return put(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate.Raw}))
	}
	whole, paged := put("request.json", file), put("request.pdf", pdf)
	mine, foreign := cert("mine.pem", key), cert("other.pem", other)
	changed := put("changed.json", bytes.Replace(file, []byte("2 recordings"), []byte("3 recordings"), 1))
	turned := bytes.Clone(pdf)
	turned[len(turned)/4] ^= 1
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"as it is":             {[]string{whole}, 0, "   812  2026-05-03 10:00:00 UTC  2 recordings restricted (evt_x)"},
		"late":                 {[]string{whole}, 0, "answered 2026-05-03 10:00:00 UTC, late"},
		"as PDF":               {[]string{paged}, 0, "   812  2026-05-03 10:00:00 UTC  2 recordings restricted (evt_x)"},
		"who signed it":        {[]string{paged}, 0, `unchanged since it was signed by "Test installation"`},
		"of this installation": {[]string{whole, "--certificate", mine}, 0, "signed by the installation of this certificate"},
		"of this, as PDF":      {[]string{paged, "--certificate", mine}, 0, "signed by the installation of this certificate"},
		"of another":           {[]string{whole, "--certificate", foreign}, 1, "another installation"},
		"changed":              {[]string{changed}, 1, "changed after it was signed"},
		"a changed PDF":        {[]string{put("turned.pdf", turned)}, 1, "changed after it was signed"},
		"another document":     {[]string{put("other.json", []byte(`{"what":"x"}`))}, 1, "this is no ringfence destruction certificate"},
		"of a version to come": {[]string{put("later.json", later)}, 1, "of version 2, which this program does not know"},
		"no such certificate":  {[]string{whole, "--certificate", "/nowhere"}, 1, "cannot be read"},
		"nothing":              {[]string{put("empty.json", nil)}, 1, "this is no ringfence destruction certificate"},
	} {
		var out, errs bytes.Buffer
		code := cli.Dispatch(context.Background(), []cli.Command{{Name: "certificate", Run: Certificate}}, append([]string{"certificate", "verify"}, c.args...), cli.Process{Stdout: &out, Stderr: &errs})
		if told := out.String() + errs.String(); code != c.code || !strings.Contains(told, c.says) {
			t.Errorf("%s: %d, want %d: %s", name, code, c.code, told)
		}
	}
}

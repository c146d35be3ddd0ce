package check

import (
	"bytes"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/app/cli"
	"ringfence/internal/platform/paper"
)

func TestReviewVerify(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var certs [2]string
	var pdf []byte
	for i := range certs {
		k, _, err := paper.NewKey("Beacon", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		certs[i] = write(k.Certificate.SerialNumber.String()+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate.Raw}))
		d := paper.New("Access review of Harbour", "Ringfence", time.Now())
		d.Text("x")
		plain, err := d.Bytes()
		if err == nil && i == 0 {
			pdf, err = k.Sign(plain, "test", time.Now())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	good := write("good.pdf", pdf)
	bad := write("bad.pdf", bytes.Replace(pdf, []byte("/Type /Page\n"), []byte("/Type /Pagf\n"), 1))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"verify", good}, 0, "compare with its certificate"},
		{[]string{"verify", good, "--certificate", certs[0]}, 0, "signed by the installation of this certificate"},
		{[]string{"verify", good, "--certificate", certs[1]}, 1, "another installation"},
		{[]string{"verify", bad}, 1, "changed after it was signed"},
		{[]string{"verify", certs[0]}, 1, "bears no signature"},
		{[]string{"verify"}, 2, "name the file"},
		{[]string{"sign", good}, 2, "unexpected"},
	} {
		var out bytes.Buffer
		code := cli.Dispatch(t.Context(), []cli.Command{{Name: "review", Run: Review}}, append([]string{"review"}, c.args...), cli.Process{Stdout: &out, Stderr: &out, Getenv: func(string) string { return "" }})
		if code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%v: %d %s", c.args, code, out.String())
		}
	}
}

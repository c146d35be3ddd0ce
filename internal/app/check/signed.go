// Package check verifies what Ringfence signed, offline: results of access
// reviews, statements of coverage, certificates of destruction, exports of the
// change log, evidence. It asks no server and believes only what was signed.
package check

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"ringfence/internal/app/cli"
	"ringfence/internal/base/fault"
)

// signature is what a signed file turned out to be.
type signature struct {
	by   *x509.Certificate
	on   string // when: "on 2026-01-31 ", or nothing
	says string // what the file says, in a line or more; or nothing
}

// verifySigned is a command that checks a signed file offline: COMMAND verify FILE
// [--certificate FILE].
func verifySigned(name, usage string, args []string, p cli.Process, verify func(text []byte) (signature, error)) error {
	f := cli.Flags(name, usage, p)
	certificate := f.String("certificate", "", "`file` with the installation's certificate (PEM)")
	if len(args) > 0 && args[0] == "verify" {
		args = args[1:]
	} else if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return cli.Misuse(fmt.Errorf("unexpected %q; -h explains", args[0]))
	}
	file := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		file, args = args[0], args[1:]
	}
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if file == "" {
		return cli.Misuse(errors.New("name the file to verify; -h explains"))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be read", file)
	}
	s, err := verify(text)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "unchanged since it was signed %sby %q\n", s.on, s.by.Subject.CommonName)
	if s.says != "" {
		fmt.Fprintln(p.Stdout, s.says)
	}
	if *certificate == "" {
		fmt.Fprintln(p.Stdout, "whether that is your installation: compare with its certificate, --certificate FILE")
		return nil
	}
	want, err := CertificateOf(*certificate)
	if err != nil {
		return err
	}
	if !want.Equal(s.by) {
		return fault.New(fault.Denied, "it was signed by another installation than the one of this certificate")
	}
	fmt.Fprintln(p.Stdout, "signed by the installation of this certificate")
	return nil
}

// CertificateOf reads an installation's certificate from a file (PEM).
func CertificateOf(name string) (*x509.Certificate, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "%s cannot be read", name)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fault.New(fault.Invalid, "%s holds no certificate in PEM form", name)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	return c, fault.Wrap(err, fault.Invalid, "%s holds no certificate that can be read", name)
}

package app

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/paper"
)

const reviewUsage = `
ringfence review verify checks the signed result of an access review: whether it
was changed since, and who signed it. It asks no server. With --certificate it
also checks that the signer is the installation whose certificate that is; the
portal offers it beside each result.

Usage: ringfence review verify FILE [--certificate FILE]`

func runReview(_ context.Context, args []string, p Process) error {
	f := flags("review", reviewUsage, p)
	certificate := f.String("certificate", "", "`file` with the installation's certificate (PEM)")
	if len(args) > 0 && args[0] == "verify" {
		args = args[1:]
	} else if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return usageError{fmt.Errorf("unexpected %q; -h explains", args[0])}
	}
	file := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		file, args = args[0], args[1:]
	}
	if err := parse(f, args); err != nil {
		return err
	}
	if file == "" {
		return usageError{errors.New("name the file to verify; -h explains")}
	}
	pdf, err := os.ReadFile(file)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be read", file)
	}
	s, err := paper.Verify(pdf)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "unchanged since it was signed on %s by %q\n", s.At.UTC().Format("2006-01-02 15:04 MST"), s.Certificate.Subject.CommonName)
	if *certificate == "" {
		fmt.Fprintln(p.Stdout, "whether that is your installation: compare with its certificate, --certificate FILE")
		return nil
	}
	want, err := certificateOf(*certificate)
	if err != nil {
		return err
	}
	if !want.Equal(s.Certificate) {
		return fault.New(fault.Denied, "it was signed by another installation than the one of this certificate")
	}
	fmt.Fprintln(p.Stdout, "signed by the installation of this certificate")
	return nil
}

func certificateOf(name string) (*x509.Certificate, error) {
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

package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"ringfence/internal/archive/coverage"
	"ringfence/internal/base/fault"
)

const coverageUsage = `
ringfence coverage verify checks a signed statement of coverage, JSON or PDF:
whether it was changed since, and who signed it. It asks no server. With
--certificate it also checks that the signer is the installation whose
certificate that is; the portal offers it beside the statements.

Usage: ringfence coverage verify FILE [--certificate FILE]`

func runCoverage(_ context.Context, args []string, p Process) error {
	f := flags("coverage", coverageUsage, p)
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
	text, err := os.ReadFile(file)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s cannot be read", file)
	}
	st, sig, err := coverage.Verify(text)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "unchanged since it was signed by %q\n", sig.Certificate.Subject.CommonName)
	if st != nil {
		c := st.Total
		fmt.Fprintf(p.Stdout, "%s statement of %s for %s: %d calls named, %d captured, %d excused, %d missing, %d erased, %d on their way, %d recordings not named\n",
			st.Kind, st.Day, st.Name, c.Named, c.Captured, c.Excused, c.Missing, c.Erased, c.Waiting, c.Unnamed)
	}
	if *certificate == "" {
		fmt.Fprintln(p.Stdout, "whether that is your installation: compare with its certificate, --certificate FILE")
		return nil
	}
	want, err := certificateOf(*certificate)
	if err != nil {
		return err
	}
	if !want.Equal(sig.Certificate) {
		return fault.New(fault.Denied, "it was signed by another installation than the one of this certificate")
	}
	fmt.Fprintln(p.Stdout, "signed by the installation of this certificate")
	return nil
}

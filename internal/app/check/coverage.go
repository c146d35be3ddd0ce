package check

import (
	"context"
	"fmt"

	"ringfence/internal/app/cli"
	"ringfence/internal/archive/coverage"
)

const coverageUsage = `
ringfence coverage verify checks a signed statement of coverage, JSON or PDF:
whether it was changed since, and who signed it. It asks no server. With
--certificate it also checks that the signer is the installation whose
certificate that is; the portal offers it beside the statements.

Usage: ringfence coverage verify FILE [--certificate FILE]`

// Coverage is `ringfence coverage`.
func Coverage(_ context.Context, args []string, p cli.Process) error {
	return verifySigned("coverage", coverageUsage, args, p, func(text []byte) (signature, error) {
		st, sig, err := coverage.Verify(text)
		if err != nil {
			return signature{}, err
		}
		out := signature{by: sig.Certificate}
		if st != nil {
			c := st.Total
			elsewhere := ""
			if c.Elsewhere > 0 {
				elsewhere = fmt.Sprintf(" (%d of them by another source)", c.Elsewhere)
			}
			out.says = fmt.Sprintf("%s statement of %s for %s: %d calls named, %d captured%s, %d excused, %d missing, %d erased, %d on their way, %d recordings not named",
				st.Kind, st.Day, st.Name, c.Named, c.Captured, elsewhere, c.Excused, c.Missing, c.Erased, c.Waiting, c.Unnamed)
		}
		return out, nil
	})
}

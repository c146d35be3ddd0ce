package check

import (
	"context"

	"ringfence/internal/app/cli"
	"ringfence/internal/platform/paper"
)

const reviewUsage = `
ringfence review verify checks the signed result of an access review: whether it
was changed since, and who signed it. It asks no server. With --certificate it
also checks that the signer is the installation whose certificate that is; the
portal offers it beside each result.

Usage: ringfence review verify FILE [--certificate FILE]`

// Review is `ringfence review`.
func Review(_ context.Context, args []string, p cli.Process) error {
	return verifySigned("review", reviewUsage, args, p, func(pdf []byte) (signature, error) {
		s, err := paper.Verify(pdf)
		if err != nil {
			return signature{}, err
		}
		return signature{by: s.Certificate, on: "on " + s.At.UTC().Format("2006-01-02 15:04 MST") + " "}, nil
	})
}

package check

import (
	"context"
	"fmt"

	"ringfence/internal/app/cli"
	"ringfence/internal/trust/destruction"
)

const certificateUsage = `
ringfence certificate verify checks a signed certificate of destruction, JSON or
PDF: whether it was changed since, who signed it, and what remains. It asks no
server. With --certificate it also checks that the signer is the installation
whose certificate that is; the portal offers it beside the certificates.

Usage: ringfence certificate verify FILE [--certificate FILE]`

// Certificate is `ringfence certificate`.
func Certificate(_ context.Context, args []string, p cli.Process) error {
	return verifySigned("certificate", certificateUsage, args, p, func(text []byte) (signature, error) {
		c, sig, err := destruction.Verify(text)
		if err != nil {
			return signature{}, err
		}
		out := signature{by: sig.Certificate}
		if c == nil {
			return out, nil
		}
		out.says = fmt.Sprintf("%d recordings of %s, destroyed by %s, ended %s", c.Total.Recordings, c.Name, c.By.Kind, c.Ended.UTC().Format("2006-01-02 15:04 MST"))
		for _, one := range c.Copies {
			out.says += "\n  " + one.What + ": " + one.State
			if one.Until != nil && one.State == "remaining" {
				out.says += " until " + one.Until.UTC().Format("2006-01-02")
			}
		}
		return out, nil
	})
}

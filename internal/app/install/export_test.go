package install

import (
	"context"
	"crypto/x509"
	"net"
	"time"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
)

// What tests outside this package need of its inside.

// InitWith is `ringfence init` that tells of each step that stored something.
func InitWith(ctx context.Context, args []string, p cli.Process, step func(string)) error {
	return (&setup{Process: p, step: step}).run(ctx, args)
}

// UpgradeWith is `ringfence upgrade` that tells of each step.
func UpgradeWith(ctx context.Context, args []string, p cli.Process, step func(string)) error {
	x := &exchange{Process: p}
	x.Step = step
	return x.command(ctx, args)
}

// ProveByAuthority gets a certificate as a proof, at a listener.
func ProveByAuthority(ctx context.Context, c config.Config, name string, roots *x509.CertPool, l net.Listener) (storage.Proof, error) {
	return tlsProof{cfg: c, name: name, roots: roots, now: time.Now()}.byAuthority(ctx, l)
}

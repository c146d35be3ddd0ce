package blob_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/blob/blobtest"
)

func TestSFTP(t *testing.T) {
	fresh := blobtest.OpenSSH(t)
	blobtest.Run(t, func(t *testing.T) blob.Bucket { return openConfig(t, fresh(t)) })
	t.Run("Refused", func(t *testing.T) {
		cfg := fresh(t)
		other := fresh(t)
		_, cfg.SFTP.HostKey = cfg.SFTP.HostKey, blobtest.PublicKey(t, other.SFTP.Key) // somebody else sits between
		unavailable(t, cfg)
		cfg = fresh(t)
		cfg.SFTP.Key = blobtest.PrivateKey(t)
		unavailable(t, cfg)
		cfg = fresh(t)
		cfg.SFTP.Address += "-never-made"
		unavailable(t, cfg)
		cfg = fresh(t)
		_, folder, _ := strings.Cut(strings.TrimPrefix(cfg.SFTP.Address, "sftp://"), "/")
		if err := os.WriteFile(filepath.Join("/", folder, "a-file"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg.SFTP.Address += "/a-file"
		unavailable(t, cfg)
		cfg = fresh(t)
		cfg.SFTP.HostKey = "no key"
		if _, err := blob.Open(t.Context(), cfg); !fault.Is(err, fault.Invalid) {
			t.Errorf("a host key that is none: %v", err)
		}
	})
}

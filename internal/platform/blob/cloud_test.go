package blob_test

import (
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/blob/blobtest"
)

func openConfig(t *testing.T, cfg blob.Config) blob.Bucket {
	t.Helper()
	b, err := blob.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestAzure(t *testing.T) {
	fresh := blobtest.Azurite(t)
	blobtest.Run(t, func(t *testing.T) blob.Bucket { return openConfig(t, fresh(t)) })
	t.Run("Vanished", func(t *testing.T) {
		cfg := fresh(t)
		cfg.Azure.Container += "-never-made"
		unavailable(t, cfg)
		cfg = fresh(t)
		cfg.Azure.Key = secret.NewText("d3Jvbmc=")
		unavailable(t, cfg)
	})
}

func TestS3(t *testing.T) {
	fresh := blobtest.Versity(t)
	blobtest.Run(t, func(t *testing.T) blob.Bucket { return openConfig(t, fresh(t)) })
	t.Run("MirrorOfFolderAndS3", func(t *testing.T) {
		blobtest.Run(t, func(t *testing.T) blob.Bucket { return blob.Mirror(openFolder(t), openConfig(t, fresh(t))) })
	})
	t.Run("Vanished", func(t *testing.T) {
		cfg := fresh(t)
		cfg.S3.Bucket += "-never-made"
		unavailable(t, cfg)
		cfg = fresh(t)
		cfg.S3.SecretKey = secret.NewText("wrong")
		unavailable(t, cfg)
	})
}

// unavailable wants a fault that is no surprise to the operator, at the start.
func unavailable(t *testing.T, cfg blob.Config) {
	t.Helper()
	b, err := blob.Open(t.Context(), cfg)
	if !fault.Is(err, fault.Unavailable) {
		if err == nil {
			b.Close()
		}
		t.Fatalf("Open gave %v, want fault.Unavailable", err)
	}
}

func TestConfigIsJudged(t *testing.T) {
	for name, cfg := range map[string]blob.Config{
		"nothing":               {},
		"two kinds":             {Folder: t.TempDir(), S3: &blob.S3{}},
		"http beyond loopback":  {Azure: &blob.Azure{Container: "http://account.example.com/c", Key: secret.NewText("a2V5")}},
		"http to a cloud":       {S3: &blob.S3{Endpoint: "http://10.0.0.1", Region: "r", Bucket: "b"}},
		"no URL":                {Azure: &blob.Azure{Container: "container"}},
		"no bucket":             {S3: &blob.S3{Region: "r"}},
		"no region":             {S3: &blob.S3{Bucket: "b"}},
		"a key that is no key":  {Azure: &blob.Azure{Container: "https://account.example.com/c", Key: secret.NewText("***")}},
		"host that looks local": {Azure: &blob.Azure{Container: "http://localhost.example.com/c", Key: secret.NewText("a2V5")}},
	} {
		if _, err := blob.Open(t.Context(), cfg); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want fault.Invalid", name, err)
		}
	}
}

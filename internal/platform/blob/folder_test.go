package blob_test

import (
	"testing"

	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/blob/blobtest"
)

func openFolder(t *testing.T) blob.Bucket {
	t.Helper()
	b, err := blob.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestFolder(t *testing.T) { blobtest.Run(t, openFolder) }

func TestMirrorOfFolders(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Bucket { return blob.Mirror(openFolder(t), openFolder(t)) })
}

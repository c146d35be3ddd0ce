package backup

import (
	"context"

	"ringfence/internal/platform/blob"
)

// readable is where a drill reads recordings: from the backup where they are in
// it, else from the live places for objects, which are their own second copy.
func (s *Service) readable() blob.Bucket {
	if !s.o.CopyObjects {
		return s.o.Objects
	}
	return &copied{Bucket: s.o.Data.b}
}

// copied shows the objects of a target under their own names.
type copied struct{ blob.Bucket }

// Open implements blob.Bucket.
func (c *copied) Open(ctx context.Context, name string) (blob.Object, error) {
	return c.Bucket.Open(ctx, "objects/"+name)
}

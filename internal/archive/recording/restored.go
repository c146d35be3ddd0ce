package recording

import (
	"context"
	"strconv"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/place"
)

// Opener gives keys against a receipt; a keyring is one.
type Opener interface {
	UseMany(ctx context.Context, r place.Receipt, keys []id.Key) (map[id.Key]secret.Key, error)
}

// Purge removes from a place that was restored what lies under a key that was
// destroyed since, as if it had been destroyed there: rows, search words and the
// right to be captured again. It is run before anybody can open the place.
func (s *Service) Purge(ctx context.Context, p *place.Place, dead []id.Key) (int, error) {
	gone := make(map[id.Key]bool, len(dead))
	for _, k := range dead {
		gone[k] = true
	}
	type row struct {
		ID      id.Recording `db:"id"`
		Content id.Key       `db:"content_key"`
		Card    id.Key       `db:"card_key"`
	}
	var found []id.Recording
	err := p.View(ctx, func(tx *place.Tx) error {
		for r, err := range place.Each[row](tx, `SELECT id, content_key, card_key FROM recordings`) {
			if err != nil {
				return err
			}
			if gone[r.Content] || gone[r.Card] {
				found = append(found, r.ID)
			}
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		return 0, err
	}
	const batch = 200
	for from := 0; from < len(found); from += batch {
		part := found[from:min(from+batch, len(found))]
		// Keys and objects are left as they are: they went when it was destroyed,
		// and a drill must not touch what is live.
		var left leftovers
		err := p.Change(ctx, actor.ForSystem("restore"), func(tx *place.Tx) error {
			for _, rec := range part {
				if err := s.purge(tx, rec, destruction{Reason: "destroyed before the restore"}, &left); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return from, err
		}
	}
	return len(found), nil
}

// Proof is what came of opening a sample of a restored place.
type Proof struct {
	Opened int
	Of     int      // recordings there are
	Failed []string // ids, and why
}

// Prove opens a sample of the recordings of a restored place and holds them
// against the hashes that were made when they were captured. Keys come from the
// opener, hashes from the restored rows, the openings into the journal of the
// live place: a drill leaves its line as listening does.
func (s *Service) Prove(ctx context.Context, live, restored *place.Place, keys Opener, objects blob.Bucket, n int) (Proof, error) {
	var out Proof
	proofs, err := s.sample(ctx, restored, n, &out)
	if err != nil || len(proofs) == 0 {
		return out, err
	}
	var all []id.Key
	for _, f := range proofs {
		all = append(all, f.key)
	}
	r, err := live.Receipt(ctx, actor.ForSystem("restore-drill"), place.Opening{
		Subject: "backup", Keys: all, What: "capture-check", Purpose: "restore drill: " + strconv.Itoa(len(all)) + " recordings of a restored copy",
	})
	if err != nil {
		return out, err
	}
	content, err := keys.UseMany(ctx, r, all)
	if err != nil {
		return out, err
	}
	reader := &Service{objects: objects, now: s.now, step: func(string) {}}
	err = restored.View(ctx, func(tx *place.Tx) error {
		for _, f := range proofs {
			var err error = errNoKey // destroyed ones were purged before
			if key := content[f.key]; !key.IsZero() {
				err = reader.readBack(ctx, restored.Customer(), key, f)
			}
			if err == nil {
				err = f.compare(tx)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				out.Failed = append(out.Failed, f.id.String()+": "+err.Error())
				continue
			}
			out.Opened++
		}
		return nil
	})
	return out, err
}

var errNoKey = fault.New(fault.Unavailable, "its key is not among those that came back")

// sample takes the newest recordings and some from the whole breadth.
func (s *Service) sample(ctx context.Context, p *place.Place, n int, out *Proof) (proofs []*proof, err error) {
	type part struct {
		N      int64        `db:"n"`
		ID     id.Recording `db:"id"`
		Key    id.Key       `db:"content_key"`
		Object id.Object    `db:"object"`
		Bytes  int64        `db:"bytes"`
		Plain  int64        `db:"plain"`
		Digest string       `db:"digest"`
		Token  []byte       `db:"token"`
	}
	type span struct {
		Least int64 `db:"least"`
		Most  int64 `db:"most"`
		All   int64 `db:"rows"`
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		of, err := place.Row[span](tx, `SELECT coalesce(min(n), 0) AS least, coalesce(max(n), 0) AS most, count(*) AS rows FROM recordings`)
		if err != nil || of.All == 0 {
			return err
		}
		out.Of = int(of.All)
		var ns []int64
		for i := range n {
			at := of.Most - int64(i)*(of.Most-of.Least)/int64(max(1, n-1))
			found, err := place.Rows[int64](tx, `SELECT n FROM recordings WHERE n <= ? ORDER BY n DESC LIMIT 1`, at)
			if err != nil {
				return err
			}
			ns = append(ns, found...)
		}
		byN := map[int64]*proof{}
		parts, err := place.Rows[part](tx, `SELECT r.n, r.id, r.content_key, d.object, d.bytes, d.plain, d.digest, d.token
			FROM recordings r JOIN renditions d ON d.n = r.n WHERE r.n IN (?) AND d.kind NOT IN ('transcript', 'outline', 'findings') ORDER BY r.n, d.ordinal`, place.List(ns))
		for _, r := range parts {
			f := byN[r.N]
			if f == nil {
				f = &proof{n: r.N, id: r.ID, key: r.Key, thorough: true}
				byN[r.N], proofs = f, append(proofs, f)
			}
			f.parts = append(f.parts, proofPart{object: r.Object, bytes: r.Bytes, plain: r.Plain, digest: r.Digest, token: r.Token})
		}
		return err
	})
	return proofs, err
}

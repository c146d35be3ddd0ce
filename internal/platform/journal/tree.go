package journal

import (
	"context"
	_ "embed"
	"errors"

	"golang.org/x/mod/sumdb/tlog"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

//go:embed tree.sql
var treeSchema string

// Migrations make the tables of the tree over a customer's events.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 31, Name: "tree over the events", SQL: treeSchema}}
}

// Housekeeping lists the tables that the tree is kept in: it follows from the
// events and is no event itself.
func Housekeeping() []string { return []string{"log_tiles", "log_state"} }

// height is that of a tile: 256 hashes, of which a full one is one hash in the
// tile above. Sixteen bytes more for each event than its hash, and a proof reads
// a handful of rows however many events there are.
const (
	height = 8
	width  = 1 << height
	atOnce = 2000 // events in one transaction: others wait no longer than that takes
)

// ErrBroken is a log that does not hold: an event was taken out, or the tree was
// damaged.
var ErrBroken = errors.New("the change log does not hold")

func broken(format string, args ...any) error {
	return fault.Wrap(ErrBroken, fault.Internal, format, args...)
}

// Sequence puts the events that are not in the tree yet into it, in their order,
// and says how many are in it. It runs behind the Changes: those pay nothing, and
// an operator who would alter an event before it is in the tree could alter it as
// well before the Change. What counts is the next checkpoint that leaves the
// house, and that has all events before it. Events of releases that had no tree
// come in the same way.
func Sequence(ctx context.Context, p *place.Place) (size int64, err error) {
	for {
		size, err = Size(ctx, p)
		if err != nil {
			return size, err
		}
		more := 0
		var hashes []tlog.Hash
		if hashes, err = next(ctx, p, size); err != nil || len(hashes) == 0 {
			return size, err
		}
		err = p.Keep(ctx, func(tx *place.Tx) error {
			more, err = appendLeaves(tx, size, hashes)
			return err
		})
		if err != nil {
			return size, err
		}
		size += int64(more)
		if len(hashes) < atOnce {
			return size, nil
		}
	}
}

// next hashes the events after a size. A gap is not passed over: whoever took an
// event out is found, not followed.
func next(ctx context.Context, p *place.Place, size int64) (hashes []tlog.Hash, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		all, err := Lines(tx, size, atOnce)
		if err != nil {
			return err
		}
		hashes = make([]tlog.Hash, len(all))
		for i, l := range all {
			if l.Position != size+int64(i)+1 {
				return broken("the change log has a gap: after position %d comes %d", size+int64(i), l.Position)
			}
			if hashes[i], err = l.Hash(); err != nil {
				return err
			}
		}
		return nil
	})
	return hashes, err
}

// appendLeaves adds leaves, unless another server has been faster.
func appendLeaves(tx *place.Tx, size int64, hashes []tlog.Hash) (int, error) {
	now, err := sizeOf(tx)
	if err != nil || now != size {
		return 0, err
	}
	t := &tiles{tx: tx, held: map[coordinate][]byte{}, changed: map[coordinate]bool{}}
	for i, h := range hashes {
		if err := t.add(0, size+int64(i), h); err != nil {
			return 0, err
		}
	}
	for c := range t.changed {
		_, err := tx.Exec(`INSERT INTO log_tiles (level, n, hashes) VALUES (?, ?, ?) ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes`, c.level, c.n, t.held[c])
		if err != nil {
			return 0, err
		}
	}
	_, err = tx.Exec(`INSERT INTO log_state (one, size) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET size = excluded.size`, size+int64(len(hashes)))
	return len(hashes), err
}

// Size is how many events are in the tree.
func Size(ctx context.Context, p *place.Place) (size int64, err error) {
	err = p.View(ctx, func(tx *place.Tx) (err error) {
		size, err = sizeOf(tx)
		return err
	})
	return size, err
}

func sizeOf(tx *place.Tx) (int64, error) {
	n, err := place.Row[int64](tx, `SELECT size FROM log_state`)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	return n, err
}

type coordinate struct {
	level int
	n     int64
}

// tiles reads and writes the tree. It serves one transaction.
type tiles struct {
	tx      *place.Tx
	held    map[coordinate][]byte
	changed map[coordinate]bool
}

// load gives a tile; one that is not there is empty.
func (t *tiles) load(c coordinate) ([]byte, error) {
	if b, ok := t.held[c]; ok {
		return b, nil
	}
	b, err := place.Row[[]byte](t.tx, `SELECT hashes FROM log_tiles WHERE level = ? AND n = ?`, c.level, c.n)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	t.held[c] = b
	return b, nil
}

// add puts the n-th hash of a level; a tile that is full by it is a hash of the
// level above.
func (t *tiles) add(level int, n int64, h tlog.Hash) error {
	c := coordinate{level, n >> height}
	b, err := t.load(c)
	if err != nil {
		return err
	}
	if int64(len(b)) != (n&(width-1))*tlog.HashSize {
		return broken("the tree of the change log is damaged: tile %d/%d has %d bytes at %d", level, c.n, len(b), n)
	}
	b = append(b, h[:]...)
	t.held[c], t.changed[c] = b, true
	if len(b) < width*tlog.HashSize {
		return nil
	}
	return t.add(level+1, c.n, join(b))
}

// join is the hash of the subtree over the hashes of a full tile.
func join(b []byte) tlog.Hash {
	if len(b) == tlog.HashSize {
		return tlog.Hash(b)
	}
	return tlog.NodeHash(join(b[:len(b)/2]), join(b[len(b)/2:]))
}

// loadFor reads the tiles of some hashes, those of one level together: on
// PostgreSQL each statement is a way there and back.
func (t *tiles) loadFor(indexes []int64) error {
	missing := map[int][]int64{}
	for _, x := range indexes {
		want := tlog.TileForIndex(height, x)
		c := coordinate{want.L, want.N}
		if _, ok := t.held[c]; !ok {
			t.held[c] = nil
			missing[c.level] = append(missing[c.level], c.n)
		}
	}
	type tile struct {
		N      int64  `db:"n"`
		Hashes []byte `db:"hashes"`
	}
	for level, ns := range missing {
		rows, err := place.Rows[tile](t.tx, `SELECT n, hashes FROM log_tiles WHERE level = ? AND n IN (?)`, level, place.List(ns))
		if err != nil {
			return err
		}
		for _, r := range rows {
			t.held[coordinate{level, r.N}] = r.Hashes
		}
	}
	return nil
}

// ReadHashes implements tlog.HashReader.
func (t *tiles) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	if err := t.loadFor(indexes); err != nil {
		return nil, err
	}
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		want := tlog.TileForIndex(height, x)
		b, err := t.load(coordinate{want.L, want.N})
		if err != nil {
			return nil, err
		}
		want.W = len(b) / tlog.HashSize
		if want.W == 0 {
			return nil, broken("the tree of the change log is damaged: tile %d/%d is missing", want.L, want.N)
		}
		if out[i], err = tlog.HashFromTile(want, b, x); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Tree reads the tree within one transaction.
type Tree struct{ t *tiles }

// TreeOf is the tree as a transaction sees it.
func TreeOf(tx *place.Tx) Tree { return Tree{&tiles{tx: tx, held: map[coordinate][]byte{}}} }

// Root is the hash of the tree when it had a size.
func (t Tree) Root(size int64) (tlog.Hash, error) { return tlog.TreeHash(size, t.t) }

// Inclusion proves that the event at a position is in the tree of a size.
func (t Tree) Inclusion(size, position int64) (tlog.RecordProof, error) {
	if position < 1 || position > size {
		return nil, fault.New(fault.Invalid, "position %d is not among the first %d", position, size)
	}
	return tlog.ProveRecord(size, position-1, t.t)
}

// Consistency proves that the tree of a size has that of an older size as its
// beginning.
func (t Tree) Consistency(size, older int64) (tlog.TreeProof, error) {
	if older < 1 || older > size {
		return nil, fault.New(fault.Invalid, "a log of %d events has no beginning of %d", size, older)
	}
	return tlog.ProveTree(size, older, t.t)
}

// Altered looks through all events that are in the tree for one that is not what
// it was when it came in. It gives the first; 0: none.
func Altered(ctx context.Context, p *place.Place) (position int64, err error) {
	for after := int64(0); ; after += atOnce {
		n := 0
		err := p.View(ctx, func(tx *place.Tx) error {
			size, err := sizeOf(tx)
			if err != nil {
				return err
			}
			all, err := Lines(tx, after, atOnce)
			t := &tiles{tx: tx, held: map[coordinate][]byte{}}
			for i, l := range all {
				at := after + int64(i) + 1
				if err != nil || at > size {
					return err
				}
				n++
				var got tlog.Hash
				var want []tlog.Hash
				if got, err = l.Hash(); err == nil {
					want, err = t.ReadHashes([]int64{tlog.StoredHashIndex(0, at-1)})
				}
				if err == nil && (l.Position != at || got != want[0]) {
					position = at
					return nil
				}
			}
			if err == nil && int64(len(all)) < min(atOnce, size-after) {
				position = after + int64(len(all)) + 1
			}
			return err
		})
		if err != nil || position != 0 || n < atOnce {
			return position, err
		}
	}
}

package proof

import (
	"fmt"
	"io"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"ringfence/internal/platform/journal"
)

// granted is the code of the event that every opening leaves before it happens.
const granted = "opening.granted"

// changeLog checks an export of the change log. A whole one is hashed anew from
// its first event; of a part, each event is proven.
func (r *Report) changeLog(b *bundle, m Manifest, c journal.Checkpoint, root tlog.Hash) {
	list := b.open(EventsName)
	if list == nil {
		r.bad(claimInclusion, "there is no %s", EventsName)
		return
	}
	given := &openings{granted: map[string]grant{}}
	ok := false
	if m.Whole {
		ok = r.whole(list, c, given)
	} else {
		ok = r.part(b, list, c, given)
	}
	if !r.older(b, m, c) || !ok {
		return
	}
	if m.Whole {
		r.counted(b, m, c, given)
	} else if given.twice != "" {
		r.bad(claimReceipts, "the receipt %s was used twice", given.twice)
	} else {
		r.good(claimReceipts, "%d openings, each with a receipt of its own; the key store's count is compared on a whole export only", len(given.granted))
	}
}

// whole hashes the tree anew.
func (r *Report) whole(list io.Reader, c journal.Checkpoint, given *openings) bool {
	var tree compact
	err := eachLine(list, func(l journal.Line) error {
		if l.Position != tree.n+1 {
			return fmt.Errorf("after position %d comes %d", tree.n, l.Position)
		}
		h, err := l.Hash()
		if err != nil {
			return err
		}
		tree.add(h)
		given.note(l)
		return nil
	})
	switch {
	case err != nil:
		return r.bad(claimInclusion, "%v", err)
	case tree.n != c.Size:
		return r.bad(claimInclusion, "it holds %d events, and the checkpoint is of %d", tree.n, c.Size)
	case tree.root() != c.Root:
		return r.bad(claimInclusion, "the events are not those of the checkpoint: at least one was altered, swapped, added or left out")
	}
	r.grows = tree.at
	r.good(claimInclusion, "all %d events are there, in their order, and are those that the checkpoint stands for", tree.n)
	return true
}

func (r *Report) part(b *bundle, list io.Reader, c journal.Checkpoint, given *openings) bool {
	p, err := r.proofs(b, c)
	if err != nil {
		return r.bad(claimInclusion, "%v", err)
	}
	last := int64(0)
	err = eachLine(list, func(l journal.Line) error {
		if l.Position <= last {
			return fmt.Errorf("position %d is out of order", l.Position)
		}
		last = l.Position
		given.note(l)
		return p.check(l)
	})
	if err != nil {
		return r.bad(claimInclusion, "%v", err)
	}
	if len(p.seen) != len(p.proofs) {
		return r.bad(claimInclusion, "there are proofs of events that are not here")
	}
	r.good(claimInclusion, "each of the %d events is in the log as it stands here", len(p.seen))
	return true
}

// compact is a tree of which only the right edge is kept, and the leaves' hashes
// for whoever asks for an older root.
type compact struct {
	n     int64
	edge  []tlog.Hash // of full subtrees, the largest first
	sizes []int64
	leafs []tlog.Hash
}

func (t *compact) add(h tlog.Hash) {
	t.leafs = append(t.leafs, h)
	t.edge, t.sizes = append(t.edge, h), append(t.sizes, 1)
	t.n++
	for k := len(t.edge); k > 1 && t.sizes[k-1] == t.sizes[k-2]; k = len(t.edge) {
		t.edge[k-2], t.sizes[k-2] = tlog.NodeHash(t.edge[k-2], t.edge[k-1]), 2*t.sizes[k-2]
		t.edge, t.sizes = t.edge[:k-1], t.sizes[:k-1]
	}
}

func (t *compact) root() tlog.Hash {
	if len(t.edge) == 0 {
		return tlog.Hash{}
	}
	h := t.edge[len(t.edge)-1]
	for k := len(t.edge) - 2; k >= 0; k-- {
		h = tlog.NodeHash(t.edge[k], h)
	}
	return h
}

// at is the root when the tree had a size.
func (t *compact) at(size int64) (string, bool) {
	if size < 1 || size > t.n {
		return "", false
	}
	var young compact
	for _, h := range t.leafs[:size] {
		young.add(h)
	}
	return young.root().String(), true
}

// openings are those that the log tells of.
type openings struct {
	granted map[string]grant
	twice   string
}

type grant struct {
	what     string
	keys     int64
	position int64
}

func (o *openings) note(l journal.Line) {
	if l.Code != granted {
		return
	}
	receipt := l.Facts["receipt"]
	if _, twice := o.granted[receipt]; twice {
		o.twice = receipt
	}
	keys, _ := strconv.ParseInt(l.Facts["keys"], 10, 64) // 0: it opens nothing
	o.granted[receipt] = grant{l.Facts["what"], keys, l.Position}
}

// counted holds the log against the key store's own list: for every key that was
// opened there is a receipt in the log, and none served twice.
func (r *Report) counted(b *bundle, m Manifest, c journal.Checkpoint, given *openings) {
	if given.twice != "" {
		r.bad(claimReceipts, "the receipt %s was used twice: the log has two openings with it", given.twice)
		return
	}
	list, err := b.read(OpeningsName)
	signed, err2 := b.read(CountName)
	if err != nil || err2 != nil {
		r.bad(claimReceipts, "the key store's own list is missing")
		return
	}
	used := map[string]bool{}
	err = eachLine(b.open(OpeningsName), func(o Opening) error {
		g, there := given.granted[o.Receipt]
		switch {
		case used[o.Receipt]:
			return fmt.Errorf("the receipt %s was used twice: the key store counts it twice", o.Receipt)
		case !there:
			return fmt.Errorf("a key was opened with the receipt %s, of which the log says nothing", o.Receipt)
		case g.what != o.What || g.keys < o.Keys:
			return fmt.Errorf("with the receipt %s more or something else was opened than the log says", o.Receipt)
		}
		used[o.Receipt] = true
		return nil
	})
	if err != nil {
		r.bad(claimReceipts, "%v", err)
		return
	}
	text, err := opened(string(signed), m.Key)
	if err != nil || text != CountText(m.Origin, c.Size, int64(len(used)), list) {
		r.bad(claimReceipts, "the key store's count is not signed, or is of another list")
		return
	}
	if c.Openings > int64(len(given.granted)) {
		r.bad(claimReceipts, "the checkpoint tells of %d openings, and the log of %d: openings were taken out of the log", c.Openings, len(given.granted))
		return
	}
	r.good(claimReceipts, "the key store opened %d times, each with a receipt that stands in the log once (%d in all)", len(used), len(given.granted))
}

package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
)

// Prove is what backups need of what lies in places.
type Prove interface {
	// Purge removes, in a place that is not open yet, what is under a key that
	// was destroyed, and what stands beside keys as emptied or erased.
	Purge(ctx context.Context, p *place.Place, dead []keyring.Buried) (Purged, error)

	// Sample opens recordings of a restored place and holds them against their
	// hashes. The openings stand in the journal of the live place.
	Sample(ctx context.Context, live, restored *place.Place, keys *keyring.Keyring, objects blob.Bucket, n int) (Sampled, error)
}

// Purged is what had gone since a place was copied, and went again.
type Purged struct {
	Recordings int
	Rows       int // requests of persons, breaches, and rows in which somebody was erased
}

// Sampled is what came of opening recordings.
type Sampled struct {
	Opened int      `json:"opened"`
	Of     int      `json:"of"` // recordings in the place
	Failed []string `json:"failed,omitempty"`
}

// Target is what is restored into.
type Target struct {
	Places  place.Config
	Schemas place.Schemas
	Keys    keyring.Options
	Objects blob.Bucket
	Tools   place.Tools
	State   string // file that says how far it came; the server does not start while it is there
	Prove   Prove
	Samples int // recordings opened in each place at the end
	Told    func(Step)
}

// Step is told while a restore goes on.
type Step struct {
	Doing string      `json:"doing"` // keys, place, purging, objects, checking, done
	Place id.Customer `json:"place,omitzero"`
	N     int         `json:"n"`
	Of    int         `json:"of"`
}

// Result is what a restore came to.
type Result struct {
	Places  []Restored    `json:"places"`
	Purged  int           `json:"purged"`  // recordings that were destroyed since
	Emptied int           `json:"emptied"` // requests of persons, breaches and rows about somebody that were emptied or erased since
	Objects int           `json:"objects"` // copied back
	Took    time.Duration `json:"took_ns"`
	Remarks []string      `json:"remarks,omitempty"`
	Reached time.Time     `json:"reached,omitzero"` // the newest event that came back
}

// Restored is one place that was made.
type Restored struct {
	Customer id.Customer   `json:"customer"`
	Events   int64         `json:"events"`
	Reached  time.Time     `json:"reached,omitzero"` // the newest event that came back
	Purged   int           `json:"purged"`
	Emptied  int           `json:"emptied"`
	Undone   []Undone      `json:"undone,omitempty"`  // done for persons since, and not any more
	Remarks  []string      `json:"remarks,omitempty"` // the same in words, for a restore of one customer
	Took     time.Duration `json:"took_ns"`
	Sampled
}

// state is how far a restore has come, in a file: run again, it goes on.
type state struct {
	Want Want     `json:"want"`
	Keys bool     `json:"keys"`
	Done []string `json:"done"`
}

// Restore makes the installation of a plan, into folders or databases that are
// empty or were being restored into. First come the tombstones, then the keys
// less what was destroyed, then registry and places; what lies under a destroyed
// key is purged before any place can be opened. It may be cut off at any moment
// and run again.
func (s Source) Restore(ctx context.Context, p Plan, w Want, t Target) (r Result, err error) {
	begun := time.Now()
	r.Remarks = p.Remarks
	st, err := t.begin(w)
	if err != nil {
		return r, err
	}
	if !st.Keys {
		t.tell(Step{Doing: "keys"})
		if err := s.restoreKeys(ctx, p, t); err != nil {
			return r, err
		}
		st.Keys = true
		if err := t.save(st); err != nil {
			return r, err
		}
	}
	keys, err := keyring.Open(ctx, t.Keys)
	if err != nil {
		return r, err
	}
	defer keys.Close()
	if err := s.restorePlaces(ctx, p, t, keys, &st); err != nil {
		return r, err
	}
	if err := s.finish(ctx, p, w, t, keys, &r); err != nil {
		return r, err
	}
	t.tell(Step{Doing: "done"})
	r.Took = time.Since(begun)
	return r, errors.Join(os.Remove(t.State), syncDir(filepath.Dir(t.State)))
}

func (t Target) tell(s Step) {
	if t.Told != nil {
		t.Told(s)
	}
}

// begin reads how far an earlier run came, if it was for the same.
func (t Target) begin(w Want) (st state, err error) {
	text, err := os.ReadFile(t.State)
	if errors.Is(err, os.ErrNotExist) {
		st.Want = w
		return st, t.save(st)
	}
	if err == nil {
		err = json.Unmarshal(text, &st)
	}
	if err != nil {
		return st, err
	}
	if st.Want.Point != w.Point || !st.Want.At.Equal(w.At) || st.Want.Customer != w.Customer {
		return st, fault.New(fault.Conflict, "another restore was begun here and not ended: run that one again, or empty the folders and remove %s", t.State)
	}
	return st, nil
}

func (t Target) save(st state) error {
	text, err := json.Marshal(st)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(t.State), 0o700); err != nil {
		return err
	}
	part := t.State + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close(), os.Rename(part, t.State), syncDir(filepath.Dir(t.State)))
}

// restoreKeys replays what was destroyed, then adds the keys that are left. Key
// stores that survived, a mirror for instance, are the better source; a copy
// adds what they lack.
func (s Source) restoreKeys(ctx context.Context, p Plan, t Target) error {
	dead := p.dead
	if p.keys != nil {
		for _, part := range p.keys.Parts {
			in := s.Keys.open(ctx, part.Content)
			var first []keyring.Buried
			if !part.Customer.IsZero() {
				first = dead[part.Customer]
			}
			if slices.Contains(p.Gone, part.Customer) {
				in.Close()
				continue
			}
			err := keyring.Import(ctx, t.Keys, part.Customer, first, in)
			in.Close()
			if err != nil {
				return err
			}
		}
	} else if err := keyring.Revive(ctx, t.Keys); err != nil {
		return err
	}
	keys, err := keyring.Open(ctx, t.Keys)
	if err != nil {
		return err
	}
	defer keys.Close()
	for c, all := range dead {
		if c.IsZero() {
			for _, b := range all {
				if err := keys.BuryCustomer(ctx, b); err != nil {
					return err
				}
			}
			continue
		}
		if slices.Contains(p.Gone, c) {
			continue
		}
		if err := keys.Bury(ctx, c, all); err != nil && !fault.Is(err, fault.Gone) && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}

func (s Source) restorePlaces(ctx context.Context, p Plan, t Target, keys *keyring.Keyring, st *state) error {
	cfg := t.Places
	cfg.Log = nil
	b, err := place.Build(ctx, cfg, t.Schemas, keys)
	if err != nil {
		return err
	}
	defer b.Close()
	for i, o := range p.origins {
		name := placeName(o.customer)
		t.tell(Step{Doing: "place", Place: o.customer, N: i + 1, Of: len(p.origins)})
		if slices.Contains(st.Done, name) {
			continue
		}
		if err := s.build(ctx, b, t.Tools, o); err != nil {
			return fmt.Errorf("%s: %w", placeLabel(o.customer), err)
		}
		st.Done = append(st.Done, name)
		if err := t.save(*st); err != nil {
			return err
		}
	}
	return nil
}

// build makes one place from its origin, and holds the copy against what it
// says of itself before the log is replayed on it.
func (s Source) build(ctx context.Context, b *place.Builder, tools place.Tools, o origin) error {
	if o.part == nil {
		if err := b.Empty(ctx, o.customer); err != nil {
			return err
		}
	} else {
		in := s.Data.open(ctx, o.part.Content)
		err := b.Load(ctx, o.customer, tools, in)
		in.Close()
		if err != nil {
			return err
		}
		got, err := b.Check(ctx, o.customer, 0)
		if err != nil {
			return err
		}
		if err := differs(got, o.part.Statement); err != nil {
			return err
		}
	}
	if !o.replay {
		return nil
	}
	_, err := b.Replay(ctx, o.customer, until(s.entries(ctx, o.customer, o.branch, o.after()), o.until))
	return err
}

// differs holds what was restored against the statement of the copy.
func differs(got, want place.Statement) error {
	if got.Position != want.Position || got.Journal != want.Journal {
		return fault.New(fault.Conflict, "the journal that came back is not the one that was copied (%d events, want %d)", got.Position, want.Position)
	}
	for table, n := range want.Rows {
		if got.Rows[table] != n {
			return fault.New(fault.Conflict, "the table %s came back with %d rows, want %d", table, got.Rows[table], n)
		}
	}
	return nil
}

// finish purges, brings objects back, and looks whether recordings open.
func (s Source) finish(ctx context.Context, p Plan, w Want, t Target, keys *keyring.Keyring, r *Result) error {
	cfg := t.Places
	cfg.Log = nil
	store, err := place.Open(ctx, cfg, t.Schemas, keys)
	if err != nil {
		return err
	}
	defer store.Close()
	all, err := store.Customers(ctx)
	if err != nil {
		return err
	}
	for i, c := range all {
		t.tell(Step{Doing: "checking", Place: c, N: i + 1, Of: len(all)})
		if slices.Contains(p.Gone, c) {
			if err := store.Destroy(ctx, c); err != nil {
				return err
			}
			continue
		}
		one, err := s.finishPlace(ctx, store, t, keys, c, r)
		if err != nil {
			return fmt.Errorf("%s: %w", placeLabel(c), err)
		}
		if one.Undone, err = s.undone(ctx, p, w, c); err != nil {
			return fmt.Errorf("%s: %w", placeLabel(c), err)
		}
		for _, line := range remarks(one.Undone) {
			r.Remarks = append(r.Remarks, placeLabel(c)+": "+line)
		}
		r.Places = append(r.Places, one)
	}
	return nil
}

func (s Source) finishPlace(ctx context.Context, store *place.Store, t Target, keys *keyring.Keyring, c id.Customer, r *Result) (one Restored, err error) {
	one.Customer = c
	p, err := store.Place(ctx, c)
	if err != nil {
		return one, err
	}
	if one.Events, one.Reached, err = lastEvent(ctx, p); err != nil {
		return one, err
	}
	if one.Reached.After(r.Reached) {
		r.Reached = one.Reached
	}
	dead, err := keys.Buried(ctx, c, time.Time{})
	if err != nil {
		return one, err
	}
	n, err := t.Prove.Purge(ctx, p, dead)
	if err != nil {
		return one, err
	}
	one.Purged, one.Emptied = n.Recordings, n.Rows
	r.Purged += n.Recordings
	r.Emptied += n.Rows
	if err := s.bringObjects(ctx, t, c, r); err != nil {
		return one, err
	}
	if one.Sampled, err = t.Prove.Sample(ctx, p, p, keys, t.Objects, t.Samples); err != nil {
		return one, err
	}
	if len(one.Failed) > 0 {
		r.Remarks = append(r.Remarks, fmt.Sprintf("%s: %d of %d recordings that were tried do not open", placeLabel(c), len(one.Failed), len(one.Failed)+one.Opened))
	}
	return one, nil
}

// bringObjects copies back what the target has and the bucket has not.
func (s Source) bringObjects(ctx context.Context, t Target, c id.Customer, r *Result) error {
	if s.Data == nil || t.Objects == nil {
		return nil
	}
	names, err := s.Data.List(ctx, "objects/"+blob.Prefix(c))
	if err != nil || len(names) == 0 {
		return err
	}
	have := map[string]bool{}
	err = t.Objects.List(ctx, blob.Prefix(c), func(name string, _ int64) error {
		have[name] = true
		return nil
	})
	if err != nil {
		return err
	}
	for _, n := range names {
		name := n[len("objects/"):]
		if have[name] {
			continue
		}
		o, err := s.Data.b.Open(ctx, n)
		if err != nil {
			return err
		}
		err = copyObject(ctx, t.Objects, name, o)
		o.Close()
		if err != nil {
			return err
		}
		r.Objects++
	}
	return nil
}

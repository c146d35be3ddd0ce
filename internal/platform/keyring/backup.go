package keyring

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// line is one row of an exported key store. Keys are wrapped as they were: an
// export is worth as much as a copy of the store, and nothing without the root
// key. Rows come in the order of their ids, so two exports of one store differ
// only where the store does.
type line struct {
	Kind     string `json:"k"` // state, customer-key, named-key, tombstone, key, opening, customer
	ID       []byte `json:"i,omitempty"`
	At       int64  `json:"a,omitempty"`
	Number   int64  `json:"n,omitempty"`
	Version  int64  `json:"v,omitempty"`
	Text     string `json:"t,omitempty"`
	Wrapped  []byte `json:"w,omitempty"`
	Finished int64  `json:"f,omitempty"`
	Edition  int64  `json:"e,omitempty"`
	Holder   string `json:"h,omitempty"`
	Held     string `json:"o,omitempty"`
}

// Buried is what is known of a destroyed key: no secret.
type Buried struct {
	ID     [16]byte  `json:"id"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Customers lists the customers whose keys are here, and those whose keys were
// destroyed.
func (k *Keyring) Customers(ctx context.Context) (living []id.Customer, dead []Buried, err error) {
	err = k.look(ctx, installation, func(tx *place.Tx) error {
		rows, err := place.Rows[customerRow](tx, `SELECT id, made_at, destroyed_at, reason FROM customers ORDER BY id`)
		for _, r := range rows {
			if r.DestroyedAt == 0 {
				living = append(living, id.Customer(r.ID))
			} else {
				dead = append(dead, Buried{r.ID, time.UnixMilli(r.DestroyedAt).UTC(), r.Reason})
			}
		}
		return err
	})
	return living, dead, err
}

// Buried lists what was destroyed of a customer since a time, in no order.
func (k *Keyring) Buried(ctx context.Context, c id.Customer, since time.Time) (all []Buried, err error) {
	err = k.look(ctx, c, func(tx *place.Tx) error {
		rows, err := place.Rows[tombstoneRow](tx, `SELECT id, at, reason FROM tombstones WHERE at >= ?`, since.UnixMilli())
		for _, r := range rows {
			all = append(all, Buried{r.ID, time.UnixMilli(r.At).UTC(), r.Reason})
		}
		return err
	})
	return all, err
}

// Export writes the key store of a customer, or the installation's for the zero
// customer, as it is in one snapshot.
func (k *Keyring) Export(ctx context.Context, c id.Customer, w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<16)
	enc := json.NewEncoder(b)
	err := k.look(ctx, c, func(tx *place.Tx) error {
		st, err := stateOf(tx, c)
		if err != nil {
			return err
		}
		if err := enc.Encode(line{Kind: "state", Text: st.Customer, At: st.MadeAt, Number: st.Seq}); err != nil {
			return err
		}
		return errors.Join(
			export(tx, enc, `SELECT id, at, reason FROM tombstones ORDER BY id`, func(r tombstoneRow) line {
				return line{Kind: "tombstone", ID: r.ID[:], At: r.At, Text: r.Reason}
			}),
			export(tx, enc, selectCustomerKeys, func(r customerKeyRow) line {
				return line{Kind: "customer-key", Version: r.Version, Text: r.Root, Wrapped: r.Wrapped, Edition: r.Edition, At: r.MadeAt, Holder: r.Holder, Held: r.Held}
			}),
			export(tx, enc, selectNamedKeys, func(r namedKeyRow) line {
				return line{Kind: "named-key", Number: int64(r.Kind), Version: r.Version, Wrapped: r.Wrapped, Edition: r.Edition, Text: r.Root}
			}),
			export(tx, enc, `SELECT id, kind, version, wrapped FROM keys ORDER BY id`, func(r keyRow) line {
				return line{Kind: "key", ID: r.ID[:], Number: int64(r.Kind), Version: r.Version, Wrapped: r.Wrapped}
			}),
			export(tx, enc, `SELECT receipt, at, what, keys FROM openings ORDER BY receipt`, func(r openingRow) line {
				return line{Kind: "opening", ID: r.Receipt[:], At: r.At, Text: r.What, Number: r.Keys}
			}),
			export(tx, enc, `SELECT id, made_at, destroyed_at, reason FROM customers ORDER BY id`, func(r customerRow) line {
				return line{Kind: "customer", ID: r.ID[:], At: r.MadeAt, Finished: r.DestroyedAt, Text: r.Reason}
			}),
		)
	})
	return errors.Join(err, b.Flush())
}

func export[T any](tx *place.Tx, enc *json.Encoder, text string, as func(T) line) error {
	for r, err := range place.Each[T](tx, text) {
		if err == nil {
			err = enc.Encode(as(r))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Import adds exported key stores to those that there are, before they are
// opened: the union of both, less what either has destroyed. Destroyed first
// names what must not come in again, whatever the export says. It may be done
// again after it was interrupted.
//
// A store that exists and was made apart from the exported one is refused.
func Import(ctx context.Context, o Options, c id.Customer, destroyed []Buried, r io.Reader) error {
	k, err := newKeyring(o)
	if err != nil {
		return err
	}
	defer k.Close()
	for _, s := range k.stores {
		if err := s.init(); err != nil {
			return err
		}
	}
	v := &vault{k: k, c: c}
	defer v.close()
	for _, s := range k.stores {
		db, err := s.open(ctx, c)
		if err != nil {
			return err
		}
		v.dbs = append(v.dbs, db)
	}
	// The first store takes the export, and the second is made equal to it.
	in := &importing{v: v, dead: map[[16]byte]bool{}}
	err = v.failed(0, v.dbs[0].Update(ctx, func(tx *place.Tx) error {
		for _, d := range destroyed {
			if err := in.tombstone(tx, d.ID[:], d.At.UnixMilli(), d.Reason); err != nil {
				return err
			}
		}
		return in.read(tx, r)
	}))
	if err != nil || len(v.dbs) == 1 {
		return err
	}
	return v.reconcile(ctx)
}

// Bury destroys keys of which a backup's record says that they were destroyed.
// Keys that are not here leave their tombstones all the same.
func (k *Keyring) Bury(ctx context.Context, c id.Customer, destroyed []Buried) error {
	for len(destroyed) > 0 {
		n := min(len(destroyed), pageSize)
		v, err := k.acquire(ctx, c, false)
		if err != nil {
			return err
		}
		err = v.update(ctx, func(_ int, tx *place.Tx) error {
			for _, d := range destroyed[:n] {
				if err := bury(tx, d.At.UnixMilli(), d.Reason, []id.Key{d.ID}); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			err = v.scrub(ctx)
		}
		k.release(v)
		if err != nil {
			return err
		}
		destroyed = destroyed[n:]
	}
	return nil
}

type importing struct {
	v     *vault
	dead  map[[16]byte]bool
	apart bool // the store was not made together with the exported one
}

var errExport = fault.New(fault.Conflict, "this backup of keys was written by another version of the program")

func (in *importing) read(tx *place.Tx, r io.Reader) error {
	dec := json.NewDecoder(bufio.NewReaderSize(r, 1<<16))
	for {
		var l line
		err := dec.Decode(&l)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = in.row(tx, l)
		}
		if err != nil {
			return err
		}
	}
}

func (in *importing) row(tx *place.Tx, l line) error {
	var key [16]byte
	copy(key[:], l.ID)
	switch l.Kind {
	case "state":
		return in.state(tx, l)
	case "tombstone":
		return in.tombstone(tx, l.ID, l.At, l.Text)
	case "customer-key":
		return in.customerKey(tx, l)
	case "named-key":
		return mergeNamedKey(tx, namedKeyRow{kind(l.Number), l.Version, l.Wrapped, l.Edition, l.Text})
	case "key":
		if in.dead[key] {
			return nil
		}
		_, err := tx.Exec(`INSERT INTO keys (id, kind, version, wrapped) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
			version = excluded.version, wrapped = excluded.wrapped WHERE excluded.version > keys.version`, l.ID, l.Number, l.Version, l.Wrapped)
		return err
	case "opening":
		_, err := count(tx, &openingRow{key, l.At, l.Text, l.Number})
		return err
	case "customer":
		// Destroyed wins, whichever side says so.
		_, err := tx.Exec(`INSERT INTO customers (id, made_at, destroyed_at, reason) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
			destroyed_at = excluded.destroyed_at, reason = excluded.reason WHERE customers.destroyed_at = 0`, l.ID, l.At, l.Finished, l.Text)
		return err
	}
	return errExport
}

// customerKey refuses to mix two stores that were made apart.
func (in *importing) customerKey(tx *place.Tx, l line) error {
	row := customerKeyRow{l.Version, l.Text, l.Wrapped, l.Edition, l.At, l.Holder, l.Held}
	have, err := place.Row[customerKeyRow](tx, `SELECT version, root, wrapped, edition, made_at, holder, held FROM customer_keys WHERE version = ?`, l.Version)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err == nil && !bytes.Equal(have.Wrapped, l.Wrapped) && (have.Edition == l.Edition || in.apart) {
		return fault.New(fault.Conflict, "the key store of %v is of another installation than the backup: name empty folders for keys", in.v.c)
	}
	return mergeCustomerKey(tx, row)
}

// state takes the name of the store, and makes its number higher than any:
// what is open elsewhere notices.
func (in *importing) state(tx *place.Tx, l line) error {
	if l.Text != in.v.c.String() {
		return fault.New(fault.Conflict, "this backup holds the keys of %s, not of %v", l.Text, in.v.c)
	}
	have, err := stateOf(tx, in.v.c)
	if err != nil {
		return err
	}
	in.apart = have.Customer != "" && have.MadeAt != l.At
	_, err = tx.Exec(`INSERT INTO state (one, customer, made_at, seq) VALUES (1, ?, ?, ?) ON CONFLICT (one) DO UPDATE SET
		seq = CASE WHEN excluded.seq > state.seq THEN excluded.seq ELSE state.seq END + 1`, l.Text, l.At, l.Number+1)
	if err != nil {
		return err
	}
	rows, err := place.Rows[tombstoneRow](tx, `SELECT id, at, reason FROM tombstones`)
	for _, r := range rows {
		in.dead[r.ID] = true
	}
	return err
}

func (in *importing) tombstone(tx *place.Tx, key []byte, at int64, reason string) error {
	in.dead[[16]byte(key)] = true
	if _, err := tx.Exec(`INSERT INTO tombstones (id, at, reason) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING`, key, at, reason); err != nil {
		return err
	}
	_, err := tx.Exec(`DELETE FROM keys WHERE id = ?`, key)
	return err
}

// Revive makes the key stores of an installation usable again when one of two
// places survived: the other is filled from it. It is fault.Unavailable if
// neither did.
func Revive(ctx context.Context, o Options) error {
	k, err := newKeyring(o)
	if err != nil {
		return err
	}
	found, database := false, false
	for i, s := range k.stores {
		database = database || s.dir == ""
		if s.present(i) == nil {
			has, err := s.has(installation)
			found = found || has && err == nil
		}
	}
	k.Close()
	if database { // whether a schema is there is not known before it is opened, which would make it
		open, err := Open(ctx, o)
		if err != nil {
			return err
		}
		return open.Close()
	}
	if !found {
		return fault.New(fault.Unavailable, "no key store is left and there is no copy of the keys: without keys nothing can be opened")
	}
	return Init(ctx, o)
}

package recordingtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
)

// Disk opens, or makes, a world in a folder as a server would: keys in two
// places, objects in two folders, places in SQLite, everything sealed by the
// keyring. A process that is killed leaves it as a server would, too. There is
// one customer, who keeps recordings for ever, and one folder source. Tables of
// other packages may come besides.
func Disk(ctx context.Context, dir string, o recording.Options, source recording.Source, more ...place.Schemas) (*World, error) {
	w := &World{Dir: filepath.Join(dir, "objects"), Who: actor.ForSystem("test")}
	if err := w.openKeys(ctx, dir); err != nil {
		return nil, err
	}
	var err error
	schemas := Schemas()
	for _, m := range more {
		schemas.Place, schemas.Housekeeping = append(schemas.Place, m.Place...), append(schemas.Housekeeping, m.Housekeeping...)
	}
	if w.Store, err = place.Open(ctx, place.Config{Dir: filepath.Join(dir, "places")}, schemas, w.Keys); err != nil {
		return nil, err
	}
	var halves []blob.Bucket
	for _, half := range []string{"a", "b"} {
		b, err := blob.OpenFolder(filepath.Join(w.Dir, half))
		if err != nil {
			return nil, err
		}
		halves = append(halves, b)
	}
	w.Bucket = blob.Mirror(halves[0], halves[1])
	o.Store, o.Keys = w.Store, w.Keys
	if o.Objects == nil {
		o.Objects = w.Bucket
	}
	w.Bucket = o.Objects
	w.Service = recording.New(o)
	return w, w.settle(ctx, source)
}

func (w *World) openKeys(ctx context.Context, dir string) error {
	file := filepath.Join(dir, "root.key")
	root, err := keyring.LoadRoot(file)
	if errors.Is(err, os.ErrNotExist) {
		root, err = keyring.CreateRoot(file)
	}
	if err != nil {
		return err
	}
	o := keyring.Options{Root: root, Stores: []keyring.Store{{Dir: filepath.Join(dir, "keys", "a")}, {Dir: filepath.Join(dir, "keys", "b")}}}
	if err := keyring.Init(ctx, o); err != nil {
		return err
	}
	w.Keys, err = keyring.Open(ctx, o)
	return err
}

// settle finds the customer and the source, or makes them.
func (w *World) settle(ctx context.Context, source recording.Source) error {
	all, err := w.Store.Customers(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		all = []id.Customer{id.New[id.Customer]()}
		if err := errors.Join(w.Keys.CreateCustomer(ctx, all[0]), w.Store.Create(ctx, all[0])); err != nil {
			return err
		}
	}
	if w.Place, err = w.Store.Place(ctx, all[0]); err != nil {
		return err
	}
	r, err := w.Service.Retention(ctx, w.Place)
	if err == nil && !r.Chosen {
		err = w.Service.SetRetention(ctx, w.Place, w.Who, 0)
	}
	if err != nil {
		return err
	}
	sources, err := w.Service.Sources(ctx, w.Place)
	if err != nil {
		return err
	}
	if len(sources) > 0 {
		w.Source = sources[0]
		return nil
	}
	source.Kind, source.Name, source.Country = recording.Folder, "drop", "GB"
	w.Source, err = w.Service.AddSource(ctx, w.Place, w.Who, source)
	return err
}

// Close closes what Disk opened.
func (w *World) Close() error {
	return errors.Join(w.Store.Close(), w.Keys.Close(), w.Bucket.Close())
}

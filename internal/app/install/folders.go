package install

import (
	"context"
	"log/slog"
	"os"
	"slices"

	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/keyring"
)

// beginFolders makes what is not there of the folders for keys and objects. The other
// place fills them: with keys as customers are opened, with objects in the night.
func beginFolders(ctx context.Context, c config.Config) error {
	root, err := keyring.LoadRoots(c.Keys.Root)
	if err != nil {
		return err
	}
	where, err := storage.KeyStores(c)
	if err != nil {
		return err
	}
	// With no keys at all there would be new ones, that open nothing.
	there := slices.ContainsFunc(where, func(s keyring.Store) bool {
		all, err := os.ReadDir(s.Dir)
		return s.Dir == "" || err == nil && len(all) > 0
	})
	if !there {
		return fault.New(fault.Unavailable, "no folder for keys is there: bring one back, or restore it")
	}
	if err := keyring.Init(ctx, keyring.Options{Root: root, Stores: where}); err != nil {
		return err
	}
	s, err := storage.Open(ctx, c, true)
	if err != nil {
		return err
	}
	s.Close(slog.New(slog.DiscardHandler))
	return nil
}

// Package storage opens what data lies in, as the configuration says: keys,
// places, objects, the log of changes and the places that backups go to. It also
// keeps the record of how a server was installed. Whoever opens stores closes
// them, in the reverse order.
package storage

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ringfence/internal/app/config"
	"ringfence/internal/archive/bulk"
	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/compact"
	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/intake"
	"ringfence/internal/archive/phonesystem"
	"ringfence/internal/archive/pickup"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/siprec"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/insight/search"
	"ringfence/internal/insight/speech"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/webhook"
	"ringfence/internal/tenancy/blueprint"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/tenancy/review"
	"ringfence/internal/tenancy/scim"
	"ringfence/internal/tenancy/sso"
	"ringfence/internal/trust/approval"
	"ringfence/internal/trust/backup"
	"ringfence/internal/trust/breach"
	"ringfence/internal/trust/custody"
	"ringfence/internal/trust/departure"
	"ringfence/internal/trust/destruction"
	"ringfence/internal/trust/health"
	"ringfence/internal/trust/monitor"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/person"
	"ringfence/internal/trust/privacy"
	"ringfence/internal/trust/pseudonym"
	"ringfence/internal/trust/receipt"
	"ringfence/internal/trust/redaction"
	"ringfence/internal/trust/witness"
)

// Schemas gathers what each package has to say about tables.
func Schemas() place.Schemas {
	return place.Schemas{
		Registry: slices.Concat(job.Migrations, org.Migrations(), health.Migrations(), collect.RegistryMigrations(), intake.RegistryMigrations(), blueprint.Migrations(), identity.RegistryMigrations(), review.RegistryMigrations(), monitor.Migrations(), custody.RegistryMigrations(), sso.RegistryMigrations(), departure.RegistryMigrations(), httpapi.Migrations()),
		Place: slices.Concat(job.Migrations, egress.Migrations(), webhook.Migrations(), identity.PlaceMigrations(), sso.PlaceMigrations(), httpapi.Migrations(), recording.Migrations(), redaction.Migrations(), pseudonym.Migrations(), compact.Migrations(),
			collect.Migrations(), bulk.Migrations(), phonesystem.Migrations(), intake.Migrations(), pickup.Migrations(), siprec.Migrations(), speech.Migrations(), search.Migrations(), scim.Migrations(), review.Migrations(), custody.PlaceMigrations(), receipt.Migrations(), person.Migrations(), breach.Migrations(), coverage.Migrations(), privacy.Migrations(), parcel.Migrations(), journal.Migrations(), witness.Migrations(), approval.Migrations(), destruction.Migrations(), departure.Migrations(), monitor.Migrations()),
		Housekeeping: slices.Concat(job.Housekeeping, egress.Housekeeping(), webhook.Housekeeping(), org.Housekeeping(), health.Housekeeping(), identity.Housekeeping(), sso.Housekeeping(),
			httpapi.Housekeeping(), recording.Housekeeping, redaction.Housekeeping, pseudonym.Housekeeping, compact.Housekeeping, collect.Housekeeping, pickup.Housekeeping, bulk.Housekeeping, phonesystem.Housekeeping, siprec.Housekeeping, search.Housekeeping(), scim.Housekeeping(), review.Housekeeping(), custody.Housekeeping(), coverage.Housekeeping(), person.Housekeeping(), parcel.Housekeeping(), journal.Housekeeping(), witness.Housekeeping(), destruction.Housekeeping, monitor.Housekeeping()),
	}
}

// Stores is what data lies in: keys, places and objects, in the order in which
// they are opened.
type Stores struct {
	Keys    *keyring.Keyring
	Roots   *keyring.RootFiles
	Places  *place.Store
	Objects blob.Bucket
	ledger  *backup.Ledger // nil: changes are not logged
}

// Open opens what there is. Only a set-up makes folders for objects that
// are not there: later a missing one is a disk that is not mounted.
func Open(ctx context.Context, c config.Config, setUp bool) (*Stores, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the data folder %s cannot be made", c.Data)
	}
	if err := WholeInstallation(c); err != nil {
		return nil, err
	}
	roots, err := keyring.LoadRoots(c.Keys.Root)
	if err != nil {
		return nil, err
	}
	where, err := KeyStores(c)
	if err != nil {
		return nil, err
	}
	s := &Stores{Roots: roots}
	if s.Keys, err = keyring.Open(ctx, keyring.Options{Root: roots, Stores: where}); err != nil {
		return nil, err
	}
	if s.ledger, err = OpenLedger(c, setUp); err == nil {
		s.Places, err = openPlaces(ctx, c, s.Keys, s.ledger)
	}
	if err == nil {
		s.Objects, err = OpenObjects(ctx, c, setUp)
	}
	if err != nil {
		s.Close(slog.New(slog.DiscardHandler))
		return nil, err
	}
	return s, nil
}

func openPlaces(ctx context.Context, c config.Config, keys *keyring.Keyring, log *backup.Ledger) (*place.Store, error) {
	cfg, err := PlacesAt(c)
	if err != nil {
		return nil, err
	}
	if log != nil {
		cfg.Log = log
	}
	return place.Open(ctx, cfg, Schemas(), keys)
}

// PlacesAt is where places lie.
func PlacesAt(c config.Config) (place.Config, error) {
	if c.Database.PostgresFile == "" {
		return place.Config{Dir: filepath.Join(c.Data, "places")}, nil
	}
	url, err := SecretFile("database.postgres_file", c.Database.PostgresFile)
	return place.Config{Postgres: url}, err
}

// KeyStores is where keys lie: one place or two, each a folder or a database.
func KeyStores(c config.Config) ([]keyring.Store, error) {
	var all []keyring.Store
	for _, at := range []struct{ path, file, folder string }{
		{"keys.postgres_file", c.Keys.PostgresFile, c.Keys.Store},
		{"keys.mirror_postgres_file", c.Keys.MirrorPostgresFile, c.Keys.Mirror},
	} {
		switch {
		case at.file != "":
			url, err := SecretFile(at.path, at.file)
			if err != nil {
				return nil, err
			}
			all = append(all, keyring.Store{Postgres: url})
		case at.folder != "":
			all = append(all, keyring.Store{Dir: at.folder})
		}
	}
	return all, nil
}

// OpenObjects opens the one place for objects, or two as one.
func OpenObjects(ctx context.Context, c config.Config, setUp bool) (blob.Bucket, error) {
	a, err := openBucket(ctx, "objects.first", c.FirstObjects(), setUp)
	if err != nil || c.Objects.Second == (config.Bucket{}) {
		return a, err
	}
	b, err := openBucket(ctx, "objects.second", c.Objects.Second, setUp)
	if err != nil {
		a.Close()
		return nil, err
	}
	return blob.Mirror(a, b), nil
}

func openBucket(ctx context.Context, path string, b config.Bucket, setUp bool) (blob.Bucket, error) {
	if b.Folder != "" {
		return blob.Open(ctx, blob.Config{Folder: b.Folder, Made: !setUp})
	}
	text, err := SecretFile(path+".secret_file", b.SecretFile)
	if err != nil {
		return nil, err
	}
	if b.AzureContainer != "" {
		return blob.Open(ctx, blob.Config{Azure: &blob.Azure{Container: b.AzureContainer, Key: text}})
	}
	access, key, ok := strings.Cut(text.Reveal(), "\n")
	if !ok {
		return nil, fault.Field(path+".secret_file", "want two lines, the access key and the secret key")
	}
	return blob.Open(ctx, blob.Config{S3: &blob.S3{
		Endpoint: b.S3Endpoint, Region: b.S3Region, Bucket: b.S3Bucket,
		AccessKey: strings.TrimSpace(access), SecretKey: secret.NewText(strings.TrimSpace(key)),
	}})
}

// Close closes in the reverse order of opening. Errors are logged: nothing
// else is left to be done about them.
func (s *Stores) Close(log *slog.Logger) {
	for _, part := range []struct {
		name  string
		close func() error
	}{
		{"objects", func() error { return closeIf(s.Objects) }},
		{"places", func() error { return closeIf(s.Places) }},
		{"log", func() error { return closeIf(s.ledger) }},
		{"keys", func() error { return closeIf(s.Keys) }},
	} {
		if err := part.close(); err != nil {
			log.Error("closing failed", "part", part.name, "cause", err)
		}
	}
}

func closeIf[C interface {
	comparable
	Close() error
}](c C) error {
	var none C
	if c == none {
		return nil
	}
	return c.Close()
}

// SecretFile reads a secret that the configuration names. A file that others
// may read is refused: its secret is none.
func SecretFile(path, file string) (secret.Text, error) {
	info, err := os.Stat(file)
	if err != nil {
		return secret.Text{}, fault.Wrap(err, fault.Invalid, "%s: the file cannot be read", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return secret.Text{}, fault.New(fault.Invalid, "%s: others may read %s; run: chmod 600 %s", path, file, file)
	}
	b, err := os.ReadFile(file)
	return secret.NewText(strings.TrimSpace(string(b))), fault.Wrap(err, fault.Invalid, "%s: the file cannot be read", path)
}

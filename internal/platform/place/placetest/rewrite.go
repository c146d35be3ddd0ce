package placetest

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"

	"ringfence/internal/platform/place"
)

// Rewrite has PostgreSQL write every table anew and onto the disk, as an operator
// does with VACUUM FULL, and gives the folder in which tables lie; for SQLite the
// folder of the files, which need nothing. The cluster's log is beside it.
func Rewrite(t testing.TB, cfg place.Config) (dir string) {
	t.Helper()
	if cfg.Postgres.Reveal() == "" {
		return cfg.Dir
	}
	u, err := url.Parse(cfg.Postgres.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", cfg.Postgres.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{"VACUUM FULL", "CHECKPOINT"} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(u.Query().Get("host"), "data", "base")
}

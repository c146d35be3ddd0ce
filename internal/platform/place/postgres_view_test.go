package place_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// What begins a View on PostgreSQL travels with its first question. Whatever
// that question is and however it ends, the next View on the same connection
// must be a View like any other.
func TestViewsOneAfterTheOther(t *testing.T) {
	placetest.Run(t, place.Schemas{Place: place.Migrations{{Number: 1000, Name: "t", SQL: `CREATE TABLE t (n {{int}} PRIMARY KEY, b {{bytes}})`}}}, func(t *testing.T, s *place.Store) {
		p := placetest.Customer(t, s)
		who := tester
		if err := p.Change(t.Context(), who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "test"})
			for n := range 300 {
				if _, err := tx.Exec(`INSERT INTO t (n, b) VALUES (?, ?)`, n, []byte{0, 1, byte(n), 0xff}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		fine := func() {
			t.Helper()
			err := p.View(t.Context(), func(tx *place.Tx) error {
				ns, err := place.Rows[int64](tx, `SELECT n FROM t ORDER BY n`)
				if err != nil || len(ns) != 300 || ns[299] != 299 {
					t.Errorf("%d rows, %v", len(ns), err)
				}
				b, err := place.Row[[]byte](tx, `SELECT b FROM t WHERE n = ?`, 7)
				if err != nil || len(b) != 4 || b[2] != 7 || b[3] != 0xff {
					t.Errorf("%v, %v", b, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		cancelled, cancel := context.WithCancel(t.Context())
		gone, leave := context.WithCancel(t.Context())
		leave()
		stop := errors.New("stop")
		for name, view := range map[string]struct {
			ctx context.Context
			fn  func(tx *place.Tx) error
			is  func(error) bool
		}{
			"nothing is asked":         {t.Context(), func(*place.Tx) error { return nil }, func(err error) bool { return err == nil }},
			"it gives up before":       {t.Context(), func(*place.Tx) error { return stop }, func(err error) bool { return errors.Is(err, stop) }},
			"the first finds nothing":  {t.Context(), asks(`SELECT n FROM t WHERE n < 0`), func(err error) bool { return fault.Is(err, fault.NotFound) }},
			"the first is wrong":       {t.Context(), asks(`SELECT nothing FROM t`), func(err error) bool { return err != nil && strings.Contains(err.Error(), "nothing") }},
			"the first fails on a row": {t.Context(), asks(`SELECT 1 / (n - 200) FROM t ORDER BY n`), func(error) bool { return true }}, // SQLite gives NULL
			"a wrong one comes later": {t.Context(), func(tx *place.Tx) error {
				return errors.Join(asks(`SELECT n FROM t LIMIT 1`)(tx), asks(`SELECT nothing FROM t`)(tx))
			}, func(err error) bool { return err != nil }},
			"it writes":                {t.Context(), func(tx *place.Tx) error { _, err := tx.Exec(`DELETE FROM t`); return err }, func(err error) bool { return err != nil }},
			"it reads after a refusal": {t.Context(), func(tx *place.Tx) error { tx.Exec(`DELETE FROM t`); return asks(`SELECT n FROM t LIMIT 1`)(tx) }, func(err error) bool { return err != nil }},
			"often, alone":             {t.Context(), often(`SELECT n FROM t WHERE n = 5`), func(err error) bool { return err == nil }},
			"often finds nothing":      {t.Context(), often(`SELECT n FROM t WHERE n < 0`), func(err error) bool { return fault.Is(err, fault.NotFound) }},
			"often is wrong":           {t.Context(), often(`SELECT nothing FROM t`), func(err error) bool { return err != nil && strings.Contains(err.Error(), "nothing") }},
			"often fails on a row":     {t.Context(), often(`SELECT 1 / (n - 200) FROM t ORDER BY n DESC`), func(error) bool { return true }},
			"often gives up halfway":   {t.Context(), often(`SELECT n FROM t`), func(err error) bool { return err == nil }}, // of 300 rows one is read
			"more comes after often": {t.Context(), func(tx *place.Tx) error {
				return errors.Join(often(`SELECT n FROM t LIMIT 1`)(tx), asks(`SELECT n FROM t LIMIT 1`)(tx), often(`SELECT n FROM t LIMIT 1`)(tx))
			}, func(err error) bool { return err == nil }},
			"a writer after often": {t.Context(), func(tx *place.Tx) error {
				return errors.Join(often(`SELECT n FROM t LIMIT 1`)(tx), second(tx.Exec(`DELETE FROM t`)))
			}, func(err error) bool { return err != nil }},
			"often, and the server goes":     {t.Context(), often(`SELECT pg_terminate_backend(pg_backend_pid())`), func(err error) bool { return err != nil }},
			"often, and half an answer":      {t.Context(), often(`SELECT set_config('bytea_output', 'escape', true), b FROM t`), func(err error) bool { return err != nil }}, // bytes in another form than is read
			"often, and its reader has gone": {gone, often(`SELECT n FROM t LIMIT 1`), func(err error) bool { return errors.Is(err, context.Canceled) }},
			"its reader has gone":            {cancelled, func(tx *place.Tx) error { cancel(); return asks(`SELECT n FROM t LIMIT 1`)(tx) }, func(err error) bool { return err != nil }},
		} {
			if err := p.View(view.ctx, view.fn); !view.is(err) {
				t.Errorf("%s: %v", name, err)
			}
			for range 3 {
				fine()
			}
		}
	})
}

func asks(text string) func(tx *place.Tx) error {
	return func(tx *place.Tx) error {
		_, err := place.Row[*int64](tx, text)
		return err
	}
}

func often(text string) func(tx *place.Tx) error {
	return func(tx *place.Tx) error {
		_, err := place.Often[*int64](tx, text)
		return err
	}
}

func second(_ int64, err error) error { return err }

// A setting may stand before the first question and after it.
func TestSettingsOfAView(t *testing.T) {
	s := placetest.Open(t, place.Config{Postgres: placetest.Postgres(t)}, place.Schemas{})
	p := placetest.Customer(t, s)
	for range 2 {
		err := p.View(t.Context(), func(tx *place.Tx) error {
			for _, want := range []string{"off", "on"} {
				if _, err := tx.Exec(`SET LOCAL jit = ` + want); err != nil {
					return err
				}
				if got, err := place.Row[string](tx, `SELECT current_setting('jit')`); err != nil || got != want {
					t.Errorf("jit is %q, %v; want %q", got, err, want)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, ask := range []func(*place.Tx, string, ...any) (string, error){place.Row[string], place.Often[string]} {
			err := p.View(t.Context(), inItsRole(t, ask))
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// inItsRole is a View of which each question is asked in a way.
func inItsRole(t *testing.T, ask func(*place.Tx, string, ...any) (string, error)) func(*place.Tx) error {
	return func(tx *place.Tx) error {
		for range 2 {
			role, err := ask(tx, `SELECT current_user`)
			if err != nil || !strings.HasPrefix(role, "rf_") {
				t.Errorf("the View runs as %q, %v: not as the place's role", role, err)
			}
			if ro, err := ask(tx, `SELECT current_setting('transaction_read_only')`); err != nil || ro != "on" {
				t.Errorf("read only is %q, %v", ro, err)
			}
		}
		return nil
	}
}

package place

import (
	"context"
	"slices"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// Carried is one table of a place as it is carried to another installation, of
// either engine: names of columns, and rows of int64, float64, string, []byte
// and nil.
type Carried struct {
	Table   string
	Columns []string
}

// notCarried are tables of this package that mean nothing elsewhere.
var notCarried = map[string]bool{"migrations": true, "redo": true, "intents": true, "needs": true}

// Carry reads the tables of a place in one snapshot, in the order of their names,
// and states what is in them. What virtual tables and other packages keep in a
// form of the engine's own is for those packages: leave answers true for it.
func (p *Place) Carry(ctx context.Context, leave func(table string) bool, begin func(Carried) error, row func([]any) error) (s Statement, err error) {
	err = p.View(ctx, func(tx *Tx) error {
		if s, err = stateAll(tx, 0); err != nil {
			return err
		}
		shadows, err := shadowTables(tx)
		if err != nil {
			return err
		}
		var names []string
		for name := range s.Rows {
			if notCarried[name] || shadows[name] || leave(name) {
				delete(s.Rows, name)
				continue
			}
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			cols, err := columnsOf(tx, name)
			if err != nil {
				return err
			}
			t := Carried{Table: name}
			for _, c := range cols {
				t.Columns = append(t.Columns, c.Name)
			}
			if err := begin(t); err != nil {
				return err
			}
			if err := carryRows(tx, t, cols, row); err != nil {
				return err
			}
		}
		return nil
	})
	s.Customer, s.At = p.customer, p.s.now().UTC()
	return s, err
}

func carryRows(tx *Tx, t Carried, cols []column, row func([]any) error) error {
	rows, err := tx.sql.QueryContext(tx.ctx, `SELECT `+quoted(t.Columns)+` FROM `+quoted([]string{t.Table}))
	if err != nil {
		return err
	}
	defer rows.Close()
	values, cells := make([]any, len(cols)), make([]any, len(cols))
	for i := range values {
		cells[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(cells...); err != nil {
			return err
		}
		for i, c := range cols {
			if values[i] == nil && c.NotNull { // SQLite gives no bytes at all as NULL
				values[i] = []byte{}
			}
		}
		if err := row(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

type column struct {
	Name    string `db:"name"`
	NotNull bool   `db:"fixed"`
	Default bool   `db:"given"` // it needs no value
}

func columnsOf(tx *Tx, table string) ([]column, error) {
	if tx.d == SQLite {
		return Rows[column](tx, `SELECT name, "notnull" AS fixed, dflt_value IS NOT NULL AS given FROM pragma_table_info(?) ORDER BY cid`, table)
	}
	return Rows[column](tx, `SELECT column_name AS name, CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END AS fixed, CASE WHEN column_default IS NULL THEN 0 ELSE 1 END AS given
		FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position`, table)
}

// shadowTables are those in which SQLite's virtual tables keep what is theirs.
func shadowTables(tx *Tx) (map[string]bool, error) {
	out := map[string]bool{}
	if tx.d != SQLite {
		return out, nil
	}
	names, err := Rows[string](tx, `SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%'`)
	for _, n := range names {
		for _, end := range []string{"_data", "_idx", "_docsize", "_config", "_content"} {
			out[n+end] = true
		}
	}
	return out, err
}

func quoted(names []string) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = `"` + strings.ReplaceAll(n, `"`, ``) + `"`
	}
	return strings.Join(all, ", ")
}

// Filler writes carried tables into a place that nobody can reach yet.
type Filler struct {
	pl    *pool
	tx    *Tx
	table string
	text  string
	width int
	held  int
}

// Fill makes a place anew, with the tables of this program, and has fn write into
// it what was carried from elsewhere. A place that was not filled to its end is
// made anew by the next Fill. What the tables hold from their making is removed
// from those that are carried.
func (b *Builder) Fill(ctx context.Context, c id.Customer, fn func(*Filler) error) error {
	if err := b.Empty(ctx, c); err != nil {
		return err
	}
	pl, err := b.s.engine.open(ctx, c)
	if err != nil {
		return err
	}
	defer pl.close()
	if err := pl.migrate(ctx, b.s.schemas.Place, b.s.now()); err != nil {
		return err
	}
	f := &Filler{pl: pl}
	if err := f.begin(ctx); err != nil {
		return err
	}
	defer f.end()
	if err := fn(f); err != nil {
		return err
	}
	return f.tx.sql.Commit()
}

func (f *Filler) begin(ctx context.Context) error {
	t, err := f.pl.begin(ctx, bare, f.pl.enterOwner)
	if err != nil {
		return err
	}
	f.tx, f.held = &Tx{ctx: ctx, sql: t, d: f.pl.d, mode: bare}, 0
	return nil
}

func (f *Filler) end() {
	if f.tx != nil {
		f.tx.sql.Rollback()
		f.tx = nil
		<-f.pl.gate
	}
}

// Tx is the transaction in which a package writes what it keeps in the engine's
// own form. It is good until the next Table or Row.
func (f *Filler) Tx() *Tx { return f.tx }

// Table begins a table. It is fault.Conflict if this program has none like it, or
// needs of each row what the other program did not have.
func (f *Filler) Table(t Carried) error {
	cols, err := columnsOf(f.tx, t.Table)
	if err != nil {
		return err
	}
	if len(cols) == 0 {
		return fault.New(fault.Conflict, "the bundle holds %q, which this program does not know: bring it to the release that wrote the bundle, or a later one", t.Table)
	}
	for _, name := range t.Columns {
		if !slices.ContainsFunc(cols, func(c column) bool { return c.Name == name }) {
			return fault.New(fault.Conflict, "the bundle holds %q of %q, which this program does not know: bring it to the release that wrote the bundle, or a later one", name, t.Table)
		}
	}
	for _, c := range cols {
		if c.NotNull && !c.Default && !slices.Contains(t.Columns, c.Name) {
			return fault.New(fault.Conflict, "the bundle has no %q of %q, without which this program cannot be: import it into the release that wrote it, and upgrade that", c.Name, t.Table)
		}
	}
	f.table, f.width = t.Table, len(t.Columns)
	f.text = `INSERT INTO ` + quoted([]string{t.Table}) + ` (` + quoted(t.Columns) + `) VALUES (` + strings.TrimSuffix(strings.Repeat("?, ", f.width), ", ") + `)`
	n, err := Row[int64](f.tx, `SELECT count(*) FROM `+quoted([]string{t.Table}))
	if err != nil || n == 0 { // journals refuse to lose anything, and have nothing from their making
		return err
	}
	_, err = f.tx.Exec(`DELETE FROM ` + quoted([]string{t.Table}))
	return err
}

// Row writes one row of the table that was begun.
func (f *Filler) Row(values []any) error {
	if len(values) != f.width {
		return fault.New(fault.Invalid, "a row of %q has %d values, want %d", f.table, len(values), f.width)
	}
	if _, err := f.tx.Exec(f.text, values...); err != nil {
		return err
	}
	if f.held++; f.held < filledAtOnce {
		return nil
	}
	ctx := f.tx.ctx
	if err := f.tx.sql.Commit(); err != nil {
		return err
	}
	f.end()
	return f.begin(ctx)
}

// filledAtOnce is how many rows share a transaction.
const filledAtOnce = 5000

package place

import (
	"database/sql"
	"fmt"
	"iter"
	"reflect"
	"strconv"
	"sync"

	"ringfence/internal/base/fault"
)

// Rows reads all rows. T is a struct whose fields carry `db:"column"`, or a
// single value. NULL reads as the zero value, or nil in a pointer. A column
// without a field is an error; a field without a column stays zero.
func Rows[T any](tx *Tx, text string, args ...any) ([]T, error) {
	var all []T
	for v, err := range Each[T](tx, text, args...) {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// Row reads the first row, or is fault.NotFound.
func Row[T any](tx *Tx, text string, args ...any) (T, error) {
	for v, err := range Each[T](tx, text, args...) {
		return v, err
	}
	var zero T
	return zero, fault.New(fault.NotFound, "there is no such thing")
}

// Often is Row for the few statements that every request runs. On SQLite they
// stay prepared for as long as the place is open: to parse one takes longer than
// to run it. Each costs memory in every open place, so it is for the gate alone.
// On PostgreSQL the first statement of a View that is asked in this way is a View
// of its own, in one message: what is asked after it sees a moment that is later,
// never earlier.
func Often[T any](tx *Tx, text string, args ...any) (T, error) {
	tx.often = true
	defer func() { tx.often = false }()
	return Row[T](tx, text, args...)
}

// Each reads rows one by one, for what may not fit in memory. No other
// statement may run on the transaction until the loop has ended.
func Each[T any](tx *Tx, text string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		st, err := tx.statement(text)
		if err != nil {
			yield(zero, err)
			return
		}
		rows, done, err := tx.query(st, args)
		defer done()
		if err != nil {
			yield(zero, tx.fail(err, st))
			return
		}
		defer rows.Close()
		plan, err := planFor[T](rows)
		if err != nil {
			yield(zero, fmt.Errorf("%w in %s", err, st.short()))
			return
		}
		cells := make([]any, len(plan))
		for rows.Next() {
			var v T
			whole := reflect.ValueOf(&v).Elem()
			for i, path := range plan {
				cells[i] = cell{at(whole, path)}
			}
			if err := rows.Scan(cells...); err != nil {
				yield(zero, fmt.Errorf("%w in %s", err, st.short()))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(zero, tx.fail(err, st))
		}
	}
}

func at(v reflect.Value, path []int) reflect.Value {
	if path == nil {
		return v
	}
	return v.FieldByIndex(path)
}

var scanner = reflect.TypeFor[sql.Scanner]()

// planFor says into which field each column goes.
func planFor[T any](rows answer) ([][]int, error) {
	cols, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(scanner) {
		if len(cols) != 1 {
			return nil, fmt.Errorf("%d columns for one %v", len(cols), t)
		}
		return [][]int{nil}, nil
	}
	fields := fieldsOf(t)
	plan := make([][]int, len(cols))
	for i, c := range cols {
		path, ok := fields[c]
		if !ok {
			return nil, fmt.Errorf("%v has no field for the column %q", t, c)
		}
		plan[i] = path
	}
	return plan, nil
}

var knownFields sync.Map // reflect.Type → map[string][]int

func fieldsOf(t reflect.Type) map[string][]int {
	if m, ok := knownFields.Load(t); ok {
		return m.(map[string][]int)
	}
	m := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get("db"); name != "" && f.IsExported() {
			m[name] = f.Index
		}
	}
	knownFields.Store(t, m)
	return m
}

// cell takes one value from the driver.
type cell struct{ to reflect.Value }

// Scan implements sql.Scanner.
func (c cell) Scan(src any) error {
	to := c.to
	if src == nil {
		to.SetZero()
		return nil
	}
	if to.Kind() == reflect.Pointer {
		fresh := reflect.New(to.Type().Elem())
		if err := (cell{fresh.Elem()}).Scan(src); err != nil {
			return err
		}
		to.Set(fresh)
		return nil
	}
	if s, ok := to.Addr().Interface().(sql.Scanner); ok {
		return s.Scan(src)
	}
	var ok bool
	switch to.Kind() {
	case reflect.String:
		ok = setString(to, src)
	case reflect.Slice:
		ok = setBytes(to, src)
	case reflect.Bool:
		var n int64
		if n, ok = integer(src); ok {
			to.SetBool(n != 0)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		var n int64
		if n, ok = integer(src); ok {
			ok = !to.OverflowInt(n)
			to.SetInt(n)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		var n int64
		if n, ok = integer(src); ok {
			ok = n >= 0 && !to.OverflowUint(uint64(n))
			to.SetUint(uint64(n))
		}
	case reflect.Float32, reflect.Float64:
		ok = setFloat(to, src)
	case reflect.Array:
		if b, is := src.([]byte); is && to.Type().Elem().Kind() == reflect.Uint8 && len(b) == to.Len() {
			reflect.Copy(to, reflect.ValueOf(b))
			ok = true
		}
	}
	if !ok {
		return fmt.Errorf("a %T does not fit a %v", src, to.Type())
	}
	return nil
}

func setString(to reflect.Value, src any) bool {
	switch v := src.(type) {
	case string:
		to.SetString(v)
	case []byte:
		to.SetString(string(v))
	default:
		return false
	}
	return true
}

func setBytes(to reflect.Value, src any) bool {
	if to.Type().Elem().Kind() != reflect.Uint8 {
		return false
	}
	switch v := src.(type) {
	case []byte: // the driver may use its buffer again
		to.SetBytes(append(make([]byte, 0, len(v)), v...))
	case string:
		to.SetBytes([]byte(v))
	default:
		return false
	}
	return true
}

// integer also reads text: PostgreSQL's sum over BIGINT is a NUMERIC.
func integer(src any) (int64, bool) {
	switch v := src.(type) {
	case int64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case float64:
		return int64(v), float64(int64(v)) == v
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil
	case []byte:
		n, err := strconv.ParseInt(string(v), 10, 64)
		return n, err == nil
	default:
		return 0, false
	}
}

func setFloat(to reflect.Value, src any) bool {
	switch v := src.(type) {
	case float64:
		to.SetFloat(v)
	case int64:
		to.SetFloat(float64(v))
	case string:
		f, err := strconv.ParseFloat(v, 64)
		to.SetFloat(f)
		return err == nil
	default:
		return false
	}
	return true
}

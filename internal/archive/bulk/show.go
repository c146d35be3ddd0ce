package bulk

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Get gives one import with its figures, or fault.NotFound.
func (s *Service) Get(ctx context.Context, p *place.Place, i id.Import) (out Import, err error) {
	hears := s.o.Hears(ctx, p)
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := read(tx, i)
		if err != nil {
			return err
		}
		out, err = show(tx, r, hears)
		return err
	})
	return out, err
}

// List gives the imports of a place, the latest first.
func (s *Service) List(ctx context.Context, p *place.Place) (out []Import, err error) {
	hears := s.o.Hears(ctx, p)
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, `SELECT `+columns+` FROM imports ORDER BY id DESC LIMIT 200`)
		for _, r := range rows {
			one, err := show(tx, r, hears)
			if err != nil {
				return err
			}
			out = append(out, one)
		}
		return err
	})
	return out, err
}

func show(tx *place.Tx, r row, hears float64) (out Import, err error) {
	out = Import{
		ID: r.ID, Source: r.Source, State: State(r.State), Note: r.Note, CreatedAt: time.UnixMilli(r.Created).UTC(), CreatedBy: r.By,
		StartedAt: instant(r.Started), EndedAt: instant(r.Ended),
	}
	if out.Draft, err = r.draft(tx); err != nil {
		return out, err
	}
	out.Totals, err = totals(tx, r)
	if hears > 0 {
		out.Totals.Speech = time.Duration(float64(out.Totals.NewLength) / hears)
	}
	return out, err
}

// totals counts the rows of an import.
func totals(tx *place.Tx, r row) (t Totals, err error) {
	type count struct {
		Verdict string `db:"verdict"`
		Outcome string `db:"outcome"`
		N       int64  `db:"n"`
		Bytes   int64  `db:"bytes"`
		Millis  int64  `db:"millis"`
	}
	t = Totals{Listed: r.Listed != 0, Others: r.Others, Yielding: r.Yielding != 0, Preview: map[Outcome]int64{}, Outcomes: map[Outcome]int64{}}
	rows, err := place.Rows[count](tx, `SELECT verdict, outcome, count(*) AS n, coalesce(sum(size), 0) AS bytes, coalesce(sum(millis), 0) AS millis
		FROM import_files WHERE import = ? GROUP BY verdict, outcome`, r.ID)
	if err != nil {
		return t, err
	}
	for _, c := range rows {
		t.Files, t.Bytes = t.Files+c.N, t.Bytes+c.Bytes
		if c.Verdict != "" {
			t.Looked += c.N
			t.Preview[Outcome(c.Verdict)] += c.N
		}
		if Outcome(c.Verdict) == New {
			t.NewBytes += c.Bytes
			t.NewLength += time.Duration(c.Millis) * time.Millisecond
		}
		if c.Outcome != "" {
			t.Done += c.N
			t.Outcomes[Outcome(c.Outcome)] += c.N
		}
	}
	t.Calls, err = place.Row[int64](tx, `SELECT count(DISTINCT call) FROM import_files WHERE import = ? AND verdict = 'new'`, r.ID)
	return t, err
}

// File is one file of an import, for showing.
type File struct {
	N       int64
	Path    string
	Size    int64
	ModTime time.Time
	Verdict Outcome
	Outcome Outcome
	Reason  string
}

// Files lists files of an import after a number, those of one verdict or outcome, or all with "".
func (s *Service) Files(ctx context.Context, p *place.Place, i id.Import, what Outcome, after int64, limit int) (out []File, err error) {
	limit = min(max(limit, 1), 500)
	err = p.View(ctx, func(tx *place.Tx) error {
		if _, err := read(tx, i); err != nil {
			return err
		}
		return eachFile(tx, i, what, after, limit, func(f File) error {
			f.Path = capture.Shown(f.Path)
			out = append(out, f)
			return nil
		})
	})
	return out, err
}

func eachFile(tx *place.Tx, i id.Import, what Outcome, after int64, limit int, each func(File) error) error {
	type fileRowOf struct {
		N        int64  `db:"n"`
		Path     []byte `db:"path"`
		Size     int64  `db:"size"`
		Modified int64  `db:"modified_at"`
		Verdict  string `db:"verdict"`
		Outcome  string `db:"outcome"`
		Reason   string `db:"reason"`
	}
	rows, err := place.Rows[fileRowOf](tx, `SELECT n, path, size, modified_at, verdict, outcome, reason FROM import_files
		WHERE import = ? AND n > ? AND (? = '' OR outcome = ? OR outcome = '' AND verdict = ?) ORDER BY n LIMIT ?`, i, after, string(what), string(what), string(what), limit)
	for _, r := range rows {
		plain, err := tx.Unseal(place.FieldImportFile, fileRow(i, r.N), r.Path)
		if err != nil {
			return err
		}
		f := File{N: r.N, Path: string(plain), Size: r.Size, ModTime: time.UnixMilli(r.Modified).UTC(), Verdict: Outcome(r.Verdict), Outcome: Outcome(r.Outcome), Reason: r.Reason}
		if err := each(f); err != nil {
			return err
		}
	}
	return err
}

// CSV writes every file with what would become, and what became, of it. It reads in pieces: half a million rows cost no memory.
func (s *Service) CSV(ctx context.Context, p *place.Place, i id.Import, w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"file", "size", "modified_at", "preview", "outcome", "reason"}); err != nil {
		return err
	}
	for after, n := int64(0), 1; n > 0; {
		n = 0
		err := p.View(ctx, func(tx *place.Tx) error {
			return eachFile(tx, i, "", after, 1000, func(f File) error {
				n, after = n+1, f.N
				return out.Write([]string{harmless(capture.Shown(f.Path)), strconv.FormatInt(f.Size, 10), f.ModTime.Format(time.RFC3339), string(f.Verdict), string(f.Outcome), f.Reason})
			})
		})
		if err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// harmless keeps a spreadsheet from taking a file's name for a formula.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// finish ends an import and signs what came of it. It is refused when the totals do not add up: that would be a fault of the program.
func (s *Service) finish(ctx context.Context, p *place.Place, r row, state State) error {
	sum, err := s.listDigest(ctx, p, r.ID)
	if err != nil {
		return err
	}
	var t Totals
	var d Draft
	if err := p.View(ctx, func(tx *place.Tx) error {
		if t, err = totals(tx, r); err == nil {
			d, err = r.draft(tx)
		}
		return err
	}); err != nil {
		return err
	}
	all := int64(0)
	for _, o := range Outcomes() {
		all += t.Outcomes[o]
	}
	if all != t.Files || t.Done != t.Files {
		return fault.New(fault.Internal, "%d files were listed, and %d have an outcome", t.Files, all)
	}
	text := reportText(p.Customer(), r, d, t, s.o.Now(), sum)
	var signature []byte
	if s.o.Sign != nil {
		if signature, err = s.o.Sign(ctx, []byte(text)); err != nil {
			return err
		}
	}
	s.o.Step("finish")
	return p.Change(ctx, actor.ForSystem("import"), func(tx *place.Tx) error {
		sealed, err := tx.Seal(place.FieldImportReport, r.ID, []byte(text))
		if err != nil {
			return err
		}
		facts := map[string]string{"files": strconv.FormatInt(t.Files, 10)}
		for _, o := range Outcomes() {
			facts[string(o)] = strconv.FormatInt(t.Outcomes[o], 10)
		}
		tx.Record(place.Event{Code: "import.ended", Subject: r.ID.String(), Facts: facts})
		tx.Notify(Topic)
		_, err = tx.Exec(`UPDATE imports SET state = ?, note = '', yielding = 0, ended_at = ?, report = ?, signature = ? WHERE id = ? AND state IN ('running', 'stopped')`,
			string(state), tx.At().UnixMilli(), sealed, signature, r.ID)
		return err
	})
}

// reportText is the statement of an ended import.
func reportText(c id.Customer, r row, d Draft, t Totals, at time.Time, sum string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Ringfence: report of an import\nimport: %s\ncustomer: %s\nname: %s\nended: %s\n", r.ID, c, d.Name, at.UTC().Format(time.RFC3339))
	fmt.Fprintf(&b, "files: %d\nbytes: %d\n", t.Files, t.Bytes)
	for _, o := range Outcomes() {
		fmt.Fprintf(&b, "%s: %d\n", o, t.Outcomes[o])
	}
	fmt.Fprintf(&b, "list-sha256: %s\n", sum)
	return b.String()
}

// Report is the statement of an ended import with its signature (PKCS #7 in DER); fault.NotFound before it has ended.
func (s *Service) Report(ctx context.Context, p *place.Place, i id.Import) (text, signature []byte, err error) {
	type stored struct {
		Report    []byte `db:"report"`
		Signature []byte `db:"signature"`
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[stored](tx, `SELECT report, signature FROM imports WHERE id = ?`, i)
		if err != nil {
			return err
		}
		if r.Report == nil {
			return fault.New(fault.NotFound, "the import has not ended")
		}
		signature = r.Signature
		text, err = tx.Unseal(place.FieldImportReport, i, r.Report)
		return err
	})
	return text, signature, err
}

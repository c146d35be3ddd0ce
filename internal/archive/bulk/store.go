package bulk

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
)

// row is an import as it is stored.
type row struct {
	ID       id.Import `db:"id"`
	Source   id.Source `db:"source"`
	State    string    `db:"state"`
	Goes     string    `db:"goes"` // what it does when it goes on: looking or running
	Note     string    `db:"note"`
	Settings []byte    `db:"settings"`
	Created  int64     `db:"created_at"`
	By       string    `db:"created_by"`
	Started  *int64    `db:"started_at"`
	Ended    *int64    `db:"ended_at"`
	Listed   int64     `db:"listed"`
	Others   int64     `db:"others"`
	Next     int64     `db:"next"`
	Yielding int64     `db:"yielding"`
}

const columns = `id, source, state, goes, note, settings, created_at, created_by, started_at, ended_at, listed, others, next, yielding`

func (r row) draft(tx *place.Tx) (d Draft, err error) {
	plain, err := tx.Unseal(place.FieldImport, r.ID, r.Settings)
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(plain, &d)
}

func read(tx *place.Tx, i id.Import) (row, error) {
	r, err := place.Row[row](tx, `SELECT `+columns+` FROM imports WHERE id = ?`, i)
	if err != nil {
		return r, fault.Wrap(err, fault.KindOf(err), "there is no such import")
	}
	return r, nil
}

// fileRow is what binds a sealed path to its row.
func fileRow(i id.Import, n int64) (out [16]byte) {
	copy(out[:8], i[:8])
	binary.BigEndian.PutUint64(out[8:], uint64(n))
	return out
}

func instant(ms *int64) *time.Time {
	if ms == nil {
		return nil
	}
	t := time.UnixMilli(*ms).UTC()
	return &t
}

// Check finds all faults of a draft at once.
func (d *Draft) Check() error {
	bad := &fault.Error{Kind: fault.Invalid, Text: "the import is not valid"}
	wrong := func(path, text string) { bad.Details = append(bad.Details, fault.Detail{Path: path, Text: text}) }
	if d.Name = strings.TrimSpace(d.Name); d.Name == "" || len([]rune(d.Name)) > 100 {
		wrong("name", "a name has 1 to 100 letters")
	}
	if (d.Folder == "") == (d.Drop == "") {
		wrong("folder", "give a folder of this server, or a source that files were pushed to")
	}
	if d.PerMinute < 0 {
		wrong("per_minute", "must not be negative")
	}
	if _, err := time.LoadLocation(d.TimeZone); err != nil || d.TimeZone == "" || d.TimeZone == "Local" {
		wrong("time_zone", "must be an IANA time zone such as Europe/London")
	}
	if d.Transcribe && d.Language == "" {
		wrong("language", "say what is spoken, for example en-GB, or do not transcribe")
	}
	columns := map[string]string{}
	for from, to := range d.Columns {
		if from = strings.ToLower(strings.TrimSpace(from)); from == "" || len(from) > 100 || !capture.IsField(to) {
			wrong("columns", "a column has a name, and a meaning among "+capture.Fields())
			break
		}
		columns[from] = to
	}
	d.Columns = columns
	if _, err := capture.New(capture.Options{Profile: d.Profile, Folder: "/", Pattern: d.Pattern, Country: d.Country}); err != nil {
		for _, detail := range fault.Of(err).Details {
			wrong(detail.Path, detail.Text)
		}
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return nil
}

// Create prepares an import and begins to look at its files. Nothing is taken in before Start.
func (s *Service) Create(ctx context.Context, p *place.Place, who actor.Actor, d Draft) (Import, error) {
	if err := d.Check(); err != nil {
		return Import{}, err
	}
	language := ""
	if d.Transcribe {
		language = d.Language
	}
	// Its recordings are kept under a source of their own: two imports never take each other's files for their own.
	src, err := s.o.Recordings.AddSource(ctx, p, who, recording.Source{
		Kind: recording.Import, Name: d.Name, Profile: d.Profile, Folder: d.Folder, Logs: d.Logs, TimeZone: d.TimeZone, Language: language,
		Country: d.Country, Pattern: d.Pattern, Raw: d.Raw, After: recording.Keep,
	})
	if err != nil {
		return Import{}, err
	}
	i := id.New[id.Import]()
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		plain, err := json.Marshal(d)
		if err != nil {
			return err
		}
		sealed, err := tx.Seal(place.FieldImport, i, plain)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "import.created", Subject: i.String(), Facts: map[string]string{"profile": d.Profile, "source": src.ID.String()}, Personal: map[string]string{"name": d.Name}})
		tx.Notify(Topic)
		if _, err := tx.Exec(`INSERT INTO imports (id, source, state, goes, note, settings, created_at, created_by, listed, others, next, yielding)
			VALUES (?, ?, 'looking', 'looking', '', ?, ?, ?, 0, 0, 1, 0)`, i, src.ID, sealed, tx.At().UnixMilli(), who.ID); err != nil {
			return err
		}
		if err := addDir(tx, i, ".", false); err != nil {
			return err
		}
		return enqueue(tx, i, tx.At())
	})
	if err != nil {
		return Import{}, err
	}
	return s.Get(ctx, p, i)
}

// args are the arguments of the job.
type args struct {
	Import id.Import `json:"import"`
}

func enqueue(tx *place.Tx, i id.Import, at time.Time) error {
	_, err := job.Enqueue(tx, Job, args{i}, job.Once(i.String()), job.At(at))
	return err
}

// addDir notes a folder to list, or a list that may name files.
func addDir(tx *place.Tx, i id.Import, path string, list bool) error {
	token, err := tx.Blind(place.FieldImportFile, path)
	if err != nil {
		return err
	}
	n, err := place.Row[int64](tx, `SELECT count(*) FROM import_dirs WHERE import = ?`, i)
	if err != nil {
		return err
	}
	sealed, err := tx.Seal(place.FieldImportFile, fileRow(i, -1-n), []byte(path))
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO import_dirs (import, token, n, list, done, path) VALUES (?, ?, ?, ?, 0, ?) ON CONFLICT (import, token) DO NOTHING`,
		i, token, n, flag(list), sealed)
	return err
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// dirsOf gives folders that were not listed yet, or lists.
func dirsOf(tx *place.Tx, i id.Import, list bool, limit int) (paths []string, err error) {
	type dir struct {
		N    int64  `db:"n"`
		Path []byte `db:"path"`
	}
	rows, err := place.Rows[dir](tx, `SELECT n, path FROM import_dirs WHERE import = ? AND list = ? AND done = 0 ORDER BY n LIMIT ?`, i, flag(list), limit)
	for _, r := range rows {
		plain, err := tx.Unseal(place.FieldImportFile, fileRow(i, -1-r.N), r.Path)
		if err != nil {
			return nil, err
		}
		paths = append(paths, string(plain))
	}
	return paths, err
}

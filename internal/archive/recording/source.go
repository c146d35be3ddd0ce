package recording

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Source is where recordings come from. Each way in keeps settings of its own
// beside it, by the source's id.
type Source struct {
	ID             id.Source
	Kind           SourceKind
	Profile        string // asterisk, generic
	Name           string
	Folder         string            // on this server, or beside the collector
	Logs           string            // folder of CDR, CEL and queue_log; "": none
	TimeZone       string            // IANA
	Language       string            // BCP 47, of what is spoken
	QueueLanguages map[string]string // by queue, where it is another
	Country        string            // ISO 3166, for numbers in national form
	Pattern        string            // of file names, for the generic profile
	Raw            Raw               // of files without a header
	After          After
	State          string // active, paused, failing
	Note           string // why it is failing, or what the operator should know
	CreatedAt      time.Time
	LastCapturedAt *time.Time
	FolderSince    time.Time // when Folder was changed last; 1970: never
}

// SourceKind is who brings the recordings of a source.
type SourceKind string

// The kinds of source.
const (
	Folder    SourceKind = "folder"    // this server watches a folder
	Collector SourceKind = "collector" // a program beside the telephone system sends them
	Drop      SourceKind = "drop"      // others push files to this server, by SFTP or HTTPS
	Pickup    SourceKind = "pickup"    // this server fetches files from elsewhere, by SFTP or FTPS
	System    SourceKind = "system"    // this server asks the telephone system's API
	Siprec    SourceKind = "siprec"    // a session recording client calls this server
	Import    SourceKind = "import"    // old recordings, taken in once
)

// Kinds are all kinds of source.
func Kinds() []SourceKind {
	return []SourceKind{Folder, Collector, Drop, Pickup, System, Siprec, Import}
}

// After is what becomes of a source file once its recording is verified.
type After string

// What can become of it.
const (
	Keep   After = "keep"
	Move   After = "move" // into the folder .ringfence-done beside the files
	Delete After = "delete"
)

// Raw says how files without a header are written.
type Raw struct {
	Codec    string `json:"codec,omitempty"`
	Rate     int    `json:"rate,omitempty"`
	Channels int    `json:"channels,omitempty"`
}

// settings is the sealed part of a source: folders and patterns may hold names.
type settings struct {
	Name    string `json:"name"`
	Folder  string `json:"folder,omitempty"`
	Logs    string `json:"logs,omitempty"`
	Pattern string `json:"pattern,omitempty"`
	Raw     Raw    `json:"raw"`

	QueueLanguages map[string]string `json:"queue_languages,omitempty"`

	FolderSince int64 `json:"folder_since,omitempty"` // when the folder was changed last, in milliseconds
}

type sourceRow struct {
	ID       id.Source `db:"id"`
	Kind     string    `db:"kind"`
	Profile  string    `db:"profile"`
	After    string    `db:"after_capture"`
	TimeZone string    `db:"time_zone"`
	Language string    `db:"language"`
	Country  string    `db:"country"`
	State    string    `db:"state"`
	Note     string    `db:"note"`
	Settings []byte    `db:"settings"`
	Created  int64     `db:"created_at"`
	Last     *int64    `db:"last_captured_at"`
}

const sourceColumns = `id, kind, profile, after_capture, time_zone, language, country, state, note, settings, created_at, last_captured_at`

// Sources lists the sources of a place, the oldest first.
func (s *Service) Sources(ctx context.Context, p *place.Place) (all []Source, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[sourceRow](tx, `SELECT `+sourceColumns+` FROM sources WHERE removed_at IS NULL ORDER BY id`)
		for _, r := range rows {
			src, err := r.source(tx)
			if err != nil {
				return err
			}
			all = append(all, src)
		}
		return err
	})
	return all, err
}

// Source gives one source, or fault.NotFound.
func (s *Service) Source(ctx context.Context, p *place.Place, i id.Source) (src Source, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		src, err = s.sourceIn(tx, i)
		return err
	})
	return src, err
}

func (s *Service) sourceIn(tx *place.Tx, i id.Source) (Source, error) {
	r, err := place.Row[sourceRow](tx, `SELECT `+sourceColumns+` FROM sources WHERE id = ? AND removed_at IS NULL`, i)
	if err != nil {
		return Source{}, fault.Wrap(err, fault.KindOf(err), "there is no such source")
	}
	return r.source(tx)
}

// SourceName is the name that a source has, or had until it was removed; "" where
// there never was one of this id.
func (s *Service) SourceName(tx *place.Tx, i id.Source) (string, error) {
	r, err := place.Row[sourceRow](tx, `SELECT `+sourceColumns+` FROM sources WHERE id = ?`, i)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	src, err := r.source(tx)
	return src.Name, err
}

func (r sourceRow) source(tx *place.Tx) (Source, error) {
	plain, err := tx.Unseal(place.FieldSource, r.ID, r.Settings)
	if err != nil {
		return Source{}, err
	}
	var set settings
	if err := json.Unmarshal(plain, &set); err != nil {
		return Source{}, err
	}
	src := Source{
		ID: r.ID, Kind: SourceKind(r.Kind), Profile: r.Profile, Name: set.Name, Folder: set.Folder, Logs: set.Logs, TimeZone: r.TimeZone,
		Language: r.Language, Country: r.Country, Pattern: set.Pattern, Raw: set.Raw, QueueLanguages: set.QueueLanguages, After: After(r.After), State: r.State, Note: r.Note,
		CreatedAt: fromMillis(r.Created), FolderSince: fromMillis(set.FolderSince),
	}
	if r.Last != nil {
		t := fromMillis(*r.Last)
		src.LastCapturedAt = &t
	}
	return src, nil
}

// AddSource adds a source. Its settings were checked by the package that reads
// it; here only what is stored is.
func (s *Service) AddSource(ctx context.Context, p *place.Place, who actor.Actor, src Source) (Source, error) {
	src.ID = id.New[id.Source]()
	if err := src.Check(); err != nil {
		return Source{}, err
	}
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		src.State, src.CreatedAt = "active", tx.At()
		sealed, err := src.seal(tx)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "source.added", Subject: src.ID.String(), Facts: src.facts(), Personal: map[string]string{"name": src.Name}})
		tx.Notify("sources")
		_, err = tx.Exec(`INSERT INTO sources (id, kind, profile, after_capture, time_zone, language, country, state, note, settings, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?)`, src.ID, string(src.Kind), src.Profile, string(src.After), src.TimeZone, src.Language,
			src.Country, src.State, sealed, millis(tx.At()))
		return err
	})
	return src, err
}

// ChangeSource writes all settings of a source but its kind.
func (s *Service) ChangeSource(ctx context.Context, p *place.Place, who actor.Actor, src Source) (Source, error) {
	if err := src.Check(); err != nil {
		return Source{}, err
	}
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		was, err := s.sourceIn(tx, src.ID)
		if err != nil {
			return err
		}
		if src.FolderSince = was.FolderSince; src.Folder != was.Folder {
			src.FolderSince = tx.At()
			if err := s.forsake(tx, src.ID); err != nil {
				return err
			}
		}
		sealed, err := src.seal(tx)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "source.changed", Subject: src.ID.String(), Facts: src.facts(), Personal: map[string]string{"name": src.Name}})
		tx.Notify("sources")
		_, err = tx.Exec(`UPDATE sources SET profile = ?, after_capture = ?, time_zone = ?, language = ?, country = ?, state = ?, settings = ? WHERE id = ?`,
			src.Profile, string(src.After), src.TimeZone, src.Language, src.Country, src.State, sealed, src.ID)
		return err
	})
	return src, err
}

// RemoveSource ends a source. What was captured from it stays.
func (s *Service) RemoveSource(ctx context.Context, p *place.Place, who actor.Actor, i id.Source) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		if _, err := s.sourceIn(tx, i); err != nil {
			return err
		}
		tx.Record(place.Event{Code: "source.removed", Subject: i.String()})
		tx.Notify("sources")
		if err := s.forsake(tx, i); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM files WHERE source = ? AND state = 'attention'`, i); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE sources SET removed_at = ? WHERE id = ?`, millis(tx.At()), i)
		return err
	})
}

// NoteSource says how a source is doing; unchanged, it writes nothing.
func (s *Service) NoteSource(ctx context.Context, p *place.Place, i id.Source, state, note string) error {
	src, err := s.Source(ctx, p, i)
	if err != nil || src.State == state && src.Note == note {
		return err
	}
	return p.Change(ctx, actor.ForSystem("capture"), func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "source.state-changed", Subject: i.String(), Facts: map[string]string{"state": state, "note": note}})
		tx.Notify("sources")
		_, err := tx.Exec(`UPDATE sources SET state = ?, note = ? WHERE id = ?`, state, note, i)
		return err
	})
}

func (src Source) seal(tx *place.Tx) ([]byte, error) {
	plain, err := json.Marshal(settings{src.Name, src.Folder, src.Logs, src.Pattern, src.Raw, src.QueueLanguages, max(0, millis(src.FolderSince))})
	if err != nil {
		return nil, err
	}
	return tx.Seal(place.FieldSource, src.ID, plain)
}

func (src Source) facts() map[string]string {
	return map[string]string{"kind": string(src.Kind), "profile": src.Profile, "after": string(src.After), "time_zone": src.TimeZone}
}

// Check finds all faults of what a person set, at once.
func (src *Source) Check() error {
	bad := &fault.Error{Kind: fault.Invalid, Text: "the source is not valid"}
	wrong := func(path, text string) { bad.Details = append(bad.Details, fault.Detail{Path: path, Text: text}) }
	if src.Name == "" {
		wrong("name", "give it a name")
	}
	if !slices.Contains(Kinds(), src.Kind) {
		wrong("kind", "must be folder, collector, drop, pickup, system, siprec or import")
	}
	if src.Kind == Folder && src.Folder == "" {
		wrong("folder", "must be a folder on this server")
	}
	if src.After == "" {
		src.After = Keep
	}
	if src.After != Keep && src.After != Move && src.After != Delete {
		wrong("after", "must be keep, move or delete")
	}
	if src.TimeZone == "" {
		src.TimeZone = "UTC"
	}
	if _, err := time.LoadLocation(src.TimeZone); err != nil || src.TimeZone == "Local" {
		wrong("time_zone", "must be an IANA time zone such as Europe/London")
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return nil
}

package recording

import (
	"slices"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/place"
)

// Authority says by what right recordings are destroyed. It goes into signed
// certificates and holds nothing personal: ids and words of this program.
type Authority struct {
	Kind     string         `json:"kind"`               // person, retention, erasure, departure; lower case, no space
	Rule     string         `json:"rule,omitempty"`     // id of the rule, if one ordered it
	Request  string         `json:"request,omitempty"`  // id of the request, if one did
	Approval string         `json:"approval,omitempty"` // id of the second person's approval, if it needed one
	Run      id.Destruction `json:"run,omitzero"`       // groups what one night or one request destroys; zero: by itself
}

// Destroyed is what one recording was when its destruction was ordered: counts
// and ids, nothing of its content. A certificate is made from it.
type Destroyed struct {
	Recording id.Recording `json:"recording"`
	Source    id.Source    `json:"source"`
	Kind      SourceKind   `json:"kind"`
	After     After        `json:"after"` // what the source does with a file once that is verified
	Verified  bool         `json:"verified"`
	StartedAt int64        `json:"started_at"` // in milliseconds
	Keys      []id.Key     `json:"keys"`
	Sounds    int          `json:"sounds"` // stored forms of the sound
	Texts     int          `json:"texts"`  // of the transcript
	Bytes     int64        `json:"bytes"`
	Paths     [][]byte     `json:"paths,omitempty"` // blinded names of its files at the sources
	// Others are further sources at which the same sound lay.
	Others []Elsewhere `json:"others,omitempty"`
	// Moved are files that watched folders move aside: the watcher removes them.
	Moved []Moved `json:"moved,omitempty"`
}

// Elsewhere is a source at which the sound of a recording lay, too.
type Elsewhere struct {
	Source id.Source  `json:"source"`
	Kind   SourceKind `json:"kind"`
	After  After      `json:"after"`
}

// Ending is a destruction that has ended: keys and objects are gone, and its
// rows go in this Change.
type Ending struct {
	Run        id.Destruction
	By         Authority
	Who        string // kind of the actor who ordered it
	OrderedAt  int64
	Items      []Destroyed
	TwoKeys    bool // keys were kept in two places, and are gone from both
	TwoObjects bool
}

// OnEnded registers who is told in the Change that removes the rows of a
// destruction. It may be told twice of one, with the same run and recordings.
// Register before the first use.
func (s *Service) OnEnded(fn func(tx *place.Tx, e Ending) error) { s.onEnded = append(s.onEnded, fn) }

func (s *Service) ending(d destruction) Ending {
	return Ending{
		Run: d.By.Run, By: d.By, Who: d.Who, OrderedAt: d.OrderedAt, Items: d.Items,
		TwoKeys: s.keys.Copies() >= 2, TwoObjects: len(blob.Replicas(s.objects)) >= 2,
	}
}

// told writes down what a recording is before it goes, and names its objects.
func told(tx *place.Tx, r Row) (Destroyed, []id.Object, error) {
	type form struct {
		Object id.Object `db:"object"`
		Kind   string    `db:"kind"`
		Bytes  int64     `db:"bytes"`
	}
	forms, err := place.Rows[form](tx, `SELECT object, kind, bytes FROM renditions WHERE n = ?`, r.N)
	if err != nil {
		return Destroyed{}, nil, err
	}
	type about struct {
		Source   id.Source `db:"source"`
		Kind     string    `db:"kind"`
		After    string    `db:"after_capture"`
		Started  int64     `db:"started_at"`
		Verified *int64    `db:"verified_at"`
	}
	a, err := place.Row[about](tx, `SELECT r.source, s.kind, s.after_capture, r.started_at, r.verified_at FROM recordings r JOIN sources s ON s.id = r.source WHERE r.n = ?`, r.N)
	if err != nil {
		return Destroyed{}, nil, err
	}
	d := Destroyed{
		Recording: r.ID, Source: a.Source, Kind: SourceKind(a.Kind), After: After(a.After), Verified: a.Verified != nil, StartedAt: a.Started,
		Keys: []id.Key{r.ContentKey, r.CardKey},
	}
	var objects []id.Object
	for _, f := range forms {
		objects = append(objects, f.Object)
		d.Bytes += f.Bytes
		if k := Kind(f.Kind); k == transcript || k == outline || k == findings {
			d.Texts++
		} else {
			d.Sounds++
		}
	}
	type file struct {
		Path   []byte    `db:"path"`
		Source id.Source `db:"source"`
		Kind   string    `db:"kind"`
		After  string    `db:"after_capture"`
		Size   int64     `db:"size"`
		Time   int64     `db:"modified_at"`
		Since  int64     `db:"since"`
		Ended  bool      `db:"ended"`
	}
	files, err := place.Rows[file](tx, `SELECT f.path, f.source, s.kind, s.after_capture, f.size, f.modified_at, f.since, s.removed_at IS NOT NULL AS ended
		FROM files f JOIN sources s ON s.id = f.source WHERE f.n = ? ORDER BY f.id`, r.N)
	for _, f := range files {
		d.Paths = append(d.Paths, f.Path)
		if SourceKind(f.Kind) == Folder && After(f.After) == Move && !f.Ended {
			d.Moved = append(d.Moved, Moved{r.ID, f.Source, f.Path, f.Size, f.Time, f.Since})
		}
		one := Elsewhere{f.Source, SourceKind(f.Kind), After(f.After)}
		if f.Source != d.Source && !slices.Contains(d.Others, one) {
			d.Others = append(d.Others, one)
		}
	}
	return d, objects, err
}

// DoomAll marks all recordings as to be destroyed, for a customer who leaves: a
// hold that is placed from now on comes too late for them. It is ErrHeld if any is
// under a hold.
func (s *Service) DoomAll(tx *place.Tx) error {
	held, err := s.HeldCount(tx)
	if err == nil && held > 0 {
		err = ErrHeld
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO recording_doomed (n) SELECT r.n FROM recordings r WHERE NOT EXISTS (SELECT 1 FROM recording_doomed x WHERE x.n = r.n)`)
	return err
}

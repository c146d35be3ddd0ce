// Package pickup fetches recordings from elsewhere, by SFTP or by FTP over TLS,
// into the drop of a source.
//
//	schedule ─▶ connect (who it is was confirmed) ─▶ list ─▶ what is new and stands still ─▶ drop
//	                                                archived and verified ─▶ delete or move there, if so set
//
// Nothing is deleted or moved at the other side before its recording was read
// back in an archive that keeps everything in two places, and then only if the
// file there still is what was fetched. Nothing is fetched from a host whose key
// or certificate nobody has confirmed, or that shows another one than before.
// Plain FTP is refused.
//
// Addresses of the inner network are reached only where the operator allows
// them. Whom this program has contacted, when and with what result stands in the
// account of each source; names of files are sealed and never logged.
package pickup

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"net"
	"path"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// Protocol is how the other side is spoken to.
type Protocol string

// The protocols.
const (
	SFTP         Protocol = "sftp"
	FTPS         Protocol = "ftps"          // TLS after a request, port 21
	FTPSImplicit Protocol = "ftps-implicit" // TLS from the first byte, port 990
)

// Settings are where files are fetched from, and how.
type Settings struct {
	Protocol   Protocol  `json:"protocol"`
	Host       string    `json:"host"` // host:port
	User       string    `json:"user"`
	Password   string    `json:"password,omitempty"`
	PrivateKey string    `json:"private_key,omitempty"` // PEM, made here
	PublicKey  string    `json:"public_key,omitempty"`  // to be let in over there
	Pin        string    `json:"pin,omitempty"`         // fingerprint that was confirmed
	Folder     string    `json:"folder"`                // over there
	Patterns   []string  `json:"patterns,omitempty"`    // of file names, such as *.wav; none: all
	Dated      string    `json:"dated,omitempty"`       // subfolders by date, such as 2006/01/02; "": all subfolders
	Since      time.Time `json:"since"`                 // files written before stay where they are; zero: all
	Minutes    int       `json:"minutes"`               // between two looks
	KBps       int       `json:"kbps,omitempty"`        // at most so many KiB a second; 0: no limit
	MoveTo     string    `json:"move_to,omitempty"`     // folder over there, where the source is set to move
}

// Standing is how fetching has gone.
type Standing struct {
	LookedAt time.Time // last
	Fault    string    // of that look; "": it went well
	Failing  time.Time // since when no look went well; zero: the last one did
	Shown    string    // fingerprint that waits to be confirmed
	Changed  bool      // it is another one than was confirmed
	Refused  bool      // the other side did not take user and secret
	Found    int64     // files that the last look saw and that are wanted
	Fetched  int64     // since the source was set up
	Bytes    int64
	Waiting  int64 // seen, not fetched yet
	Running  bool
}

// Migrations make the tables of this package in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 615, Name: "pick-up", SQL: `
		-- Where files are fetched from, sealed, and how that has gone.
		CREATE TABLE pickups (
		  source     {{id}}    PRIMARY KEY,
		  settings   {{bytes}} NOT NULL,
		  looked_at  {{int}}   NOT NULL,
		  fault      {{text}}  NOT NULL,
		  shown      {{text}}  NOT NULL,
		  found      {{int}}   NOT NULL,
		  fetched    {{int}}   NOT NULL,
		  bytes      {{int}}   NOT NULL,
		  waiting    {{int}}   NOT NULL
		);
		-- What was fetched already, by a keyed hash of its path.
		CREATE TABLE pickup_files (
		  source      {{id}}    NOT NULL,
		  path        {{bytes}} NOT NULL,
		  size        {{int}}   NOT NULL,
		  modified_at {{int}}   NOT NULL,
		  state       {{text}}  NOT NULL,
		  PRIMARY KEY (source, path)
		);
		-- Whom this program has contacted for a source, by day.
		CREATE TABLE pickup_contacts (
		  source {{id}}   NOT NULL,
		  day    {{text}} NOT NULL,
		  host   {{text}} NOT NULL,
		  times  {{int}}  NOT NULL,
		  failed {{int}}  NOT NULL,
		  files  {{int}}  NOT NULL,
		  bytes  {{int}}  NOT NULL,
		  PRIMARY KEY (source, day, host)
		);`}, {Number: 616, Name: "pick-ups that fail", SQL: `
		-- Since when no look has gone well; 0: the last one did.
		ALTER TABLE pickups ADD COLUMN failing_since {{int}} NOT NULL DEFAULT 0;`}}
}

// Housekeeping are the tables that are written without an event.
var Housekeeping = []string{"pickups", "pickup_files", "pickup_contacts"}

type pickupRow struct {
	Source   id.Source `db:"source"`
	Settings []byte    `db:"settings"`
	LookedAt int64     `db:"looked_at"`
	Fault    string    `db:"fault"`
	Failing  int64     `db:"failing_since"`
	Shown    string    `db:"shown"`
	Found    int64     `db:"found"`
	Fetched  int64     `db:"fetched"`
	Bytes    int64     `db:"bytes"`
	Waiting  int64     `db:"waiting"`
}

// Get gives the settings of a source and how fetching has gone; fault.NotFound
// before they were set.
func (s *Service) Get(ctx context.Context, p *place.Place, source id.Source) (set Settings, st Standing, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		set, st, err = get(tx, source)
		return err
	})
	st.Running = s.running(source)
	return set, st, err
}

// Faults gives what went wrong at the last look, for each source of which something did.
func (s *Service) Faults(ctx context.Context, p *place.Place) (map[id.Source]string, error) {
	type row struct {
		Source id.Source `db:"source"`
		Fault  string    `db:"fault"`
	}
	all := map[id.Source]string{}
	err := p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[row](tx, `SELECT source, fault FROM pickups WHERE fault <> ''`)
		for _, r := range rows {
			all[r.Source] = r.Fault
		}
		return err
	})
	return all, err
}

func get(tx *place.Tx, source id.Source) (set Settings, st Standing, err error) {
	r, err := place.Row[pickupRow](tx, `SELECT source, settings, looked_at, fault, failing_since, shown, found, fetched, bytes, waiting FROM pickups WHERE source = ?`, source)
	if err != nil {
		return set, st, fault.Wrap(err, fault.KindOf(err), "it was not set yet where files are fetched from")
	}
	text, err := tx.Unseal(place.FieldPickup, source, r.Settings)
	if err == nil {
		err = json.Unmarshal(text, &set)
	}
	st = Standing{Fault: r.Fault, Shown: r.Shown, Changed: r.Shown != "" && set.Pin != "" && r.Shown != set.Pin, Refused: r.Fault == notTaken || r.Fault == notTakenPassword, Found: r.Found, Fetched: r.Fetched, Bytes: r.Bytes, Waiting: r.Waiting}
	if r.LookedAt != 0 {
		st.LookedAt = time.UnixMilli(r.LookedAt).UTC()
	}
	if r.Failing != 0 {
		st.Failing = time.UnixMilli(r.Failing).UTC()
	}
	return set, st, err
}

// Set writes where files are fetched from. An empty password keeps the one there
// is, for the same host and user: a secret goes to nobody it was not given for.
// Without a password a key is made whose public half Get shows.
func (s *Service) Set(ctx context.Context, p *place.Place, who actor.Actor, source id.Source, set Settings) (Settings, error) {
	if err := set.check(); err != nil {
		return set, err
	}
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		old, _, err := get(tx, source)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		set.Pin = ""
		same := err == nil && old.Host == set.Host && old.Protocol == set.Protocol
		if same {
			set.Pin = old.Pin
			if old.User == set.User && set.Password == "" {
				set.Password, set.PrivateKey, set.PublicKey = old.Password, old.PrivateKey, old.PublicKey
			}
		}
		if set.Password == "" && set.Protocol != SFTP {
			return fault.Field("password", "FTP needs a password")
		}
		if set.Password == "" && set.PrivateKey == "" {
			if set.PrivateKey, set.PublicKey, err = newKey(); err != nil {
				return err
			}
		}
		tx.Record(place.Event{Code: "pickup.set", Subject: source.String(), Facts: map[string]string{"protocol": string(set.Protocol), "host": set.Host}})
		tx.Notify("sources")
		if err := write(tx, source, set); err != nil {
			return err
		}
		// What the last look found is about where it looked.
		if _, err := tx.Exec(`UPDATE pickups SET fault = '', failing_since = 0 WHERE source = ?`, source); err != nil || same {
			return err
		}
		_, err = tx.Exec(`UPDATE pickups SET shown = '' WHERE source = ?`, source)
		return err
	})
	if err == nil {
		s.Look(source)
	}
	return set, err
}

// Confirm says that the other side is who it should be, by the fingerprint that
// it has shown. It is fault.Conflict for another one.
func (s *Service) Confirm(ctx context.Context, p *place.Place, who actor.Actor, source id.Source, fingerprint string) error {
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		set, st, err := get(tx, source)
		if err != nil {
			return err
		}
		if fingerprint == "" || st.Shown != fingerprint {
			return fault.New(fault.Conflict, "the other side has not shown this fingerprint; test the connection and compare again")
		}
		set.Pin = fingerprint
		tx.Record(place.Event{Code: "pickup.confirmed", Subject: source.String(), Facts: map[string]string{"host": set.Host, "fingerprint": fingerprint}})
		tx.Notify("sources")
		if _, err := tx.Exec(`UPDATE pickups SET shown = '', fault = '', failing_since = 0 WHERE source = ?`, source); err != nil {
			return err
		}
		return write(tx, source, set)
	})
	if err == nil {
		s.Look(source)
	}
	return err
}

func write(tx *place.Tx, source id.Source, set Settings) error {
	text, err := json.Marshal(set)
	if err != nil {
		return err
	}
	closed, err := tx.Seal(place.FieldPickup, source, text)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO pickups (source, settings, looked_at, fault, shown, found, fetched, bytes, waiting) VALUES (?, ?, 0, '', '', 0, 0, 0, 0)
		ON CONFLICT (source) DO UPDATE SET settings = excluded.settings`, source, closed)
	return err
}

func newKey() (private, public string, err error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", "", err
	}
	block, err := ssh.MarshalPrivateKey(key, "ringfence")
	if err != nil {
		return "", "", err
	}
	k, err := ssh.NewPublicKey(pub)
	if err != nil {
		return "", "", err
	}
	return string(pem.EncodeToMemory(block)), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k))) + " ringfence", nil
}

// check finds all faults at once.
func (set *Settings) check() error {
	bad := &fault.Error{Kind: fault.Invalid, Text: "the settings are not valid"}
	wrong := func(path, text string) { bad.Details = append(bad.Details, fault.Detail{Path: path, Text: text}) }
	port := map[Protocol]string{SFTP: "22", FTPS: "21", FTPSImplicit: "990"}[set.Protocol]
	if port == "" {
		wrong("protocol", "must be sftp, ftps or ftps-implicit; plain FTP is not spoken, because it shows names, sound and password to everybody on the way")
	}
	set.Host = strings.TrimSpace(set.Host)
	if _, _, err := net.SplitHostPort(set.Host); err != nil && port != "" {
		set.Host = net.JoinHostPort(strings.Trim(set.Host, "[]"), port)
	}
	if h := hostOf(set.Host); h == "" || strings.ContainsAny(h, "/@ ") {
		wrong("host", "want a name or address, with its port where it is not the usual one: pbx.example.com or 203.0.113.7:2222")
	}
	if set.User == "" {
		wrong("user", "give the user to sign in as")
	}
	if set.Folder = path.Clean("/" + set.Folder); strings.ContainsAny(set.Folder, "\r\n\x00") {
		wrong("folder", "must be a folder")
	}
	for _, p := range set.Patterns {
		if _, err := path.Match(p, "x"); err != nil || strings.Contains(p, "/") {
			wrong("patterns", "want patterns of file names, such as *.wav")
			break
		}
	}
	if set.Dated != "" && time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC).Format(set.Dated) == set.Dated {
		wrong("dated", "write the folders as those of 2 January 2006, for example 2006/01/02")
	}
	if set.Minutes < 1 || set.Minutes > 24*60 {
		wrong("minutes", "want a number from 1 to 1440")
	}
	if set.KBps < 0 {
		wrong("kbps", "want 0 for no limit, or KiB a second")
	}
	if set.MoveTo != "" {
		if set.MoveTo = path.Clean("/" + set.MoveTo); set.MoveTo == set.Folder || set.MoveTo == "/" {
			wrong("move_to", "must be another folder than the one that is looked at")
		}
	}
	if len(bad.Details) > 0 {
		return bad
	}
	return nil
}

package collect

import (
	"bytes"
	"context"
	"crypto/ed25519"
	_ "embed"
	"encoding/json"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

//go:embed migrations/collect.sql
var firstSchema string

// Migrations make the tables of this package in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{
		{Number: 600, Name: "collectors", SQL: firstSchema},
		{Number: 601, Name: "where collectors come from", SQL: `
		ALTER TABLE collect_devices ADD COLUMN seen_from {{bytes}};`},
		{Number: 602, Name: "releases of collectors", SQL: `
		ALTER TABLE collect_devices ADD COLUMN release {{text}} NOT NULL DEFAULT '';
		ALTER TABLE collect_devices ADD COLUMN protocol {{int}} NOT NULL DEFAULT 1;
		ALTER TABLE collect_devices ADD COLUMN platform {{text}} NOT NULL DEFAULT '';
		ALTER TABLE collect_devices ADD COLUMN clock_ms {{int}};
		ALTER TABLE collect_devices ADD COLUMN oldest_at {{int}};
		ALTER TABLE collect_devices ADD COLUMN upgrades {{text}} NOT NULL DEFAULT 'ask';
		ALTER TABLE collect_devices ADD COLUMN upgrade_to {{text}} NOT NULL DEFAULT '';
		ALTER TABLE collect_devices ADD COLUMN upgrade_failed {{text}} NOT NULL DEFAULT '';`},
		{Number: 902, Name: "room of spools", SQL: `
		ALTER TABLE collect_devices ADD COLUMN spool_room {{int}} NOT NULL DEFAULT 0;`},
		{Number: 953, Name: "removals on boxes", SQL: removalsSchema},
		{Number: 997, Name: "farewells of boxes", SQL: farewellSchema},
	}
}

// Housekeeping are the tables that are written without an event: when a box was
// last seen, and how far an upload has come. Who may enrol, and what was
// archived, is changed with events.
var Housekeeping = []string{"collect_devices", "collect_uploads", "collect_releases"}

// codeFor is how long an enrolment code can be used.
const codeFor = 24 * time.Hour

// Device is a box beside a telephone system.
type Device struct {
	ID         id.Device
	Source     id.Source
	Name       string
	CreatedAt  time.Time
	EnrolledAt time.Time // zero: the code was not used yet
	RevokedAt  time.Time
	SeenAt     time.Time // to the minute
	SeenFrom   string    // address of that visit
	CodeUntil  time.Time // while it is not enrolled
	Waiting    int       // files on the box that are not archived yet, as it last said
	Spooled    int64     // bytes in its spool
	SpoolRoom  int64     // bytes that it may hold; 0: it never said

	Release       string         // that it last said it is; "": it never said hello (release 0.1)
	Protocol      int            // that both last agreed on; 0: it is too old
	Platform      string         // "linux/amd64"
	Clock         *time.Duration // its clock minus the server's; nil: not measured
	OldestAt      time.Time      // since when the oldest of what waits has waited
	Upgrades      string         // UpgradesAsk or UpgradesAlways
	UpgradeTo     string         // it was asked to take this release and has not yet
	UpgradeFailed string         // "release: reason" of the upgrade that it last rolled back
	Offered       string         // release that it could take; "": none is newer

	Unanswered Unanswered // destroyed recordings whose files it was asked for
}

// State is "waiting" for its enrolment, "enrolled" or "revoked".
func (d Device) State() string {
	switch {
	case !d.RevokedAt.IsZero():
		return "revoked"
	case d.EnrolledAt.IsZero():
		return "waiting"
	}
	return "enrolled"
}

type deviceRow struct {
	ID         id.Device `db:"id"`
	Source     id.Source `db:"source"`
	Name       []byte    `db:"name"`
	Code       []byte    `db:"code"`
	CodeUntil  int64     `db:"code_until"`
	PublicKey  []byte    `db:"public_key"`
	CreatedAt  int64     `db:"created_at"`
	EnrolledAt int64     `db:"enrolled_at"`
	RevokedAt  int64     `db:"revoked_at"`
	SeenAt     int64     `db:"seen_at"`
	SeenFrom   []byte    `db:"seen_from"`
	Waiting    int       `db:"waiting"`
	Spooled    int64     `db:"spooled"`
	SpoolRoom  int64     `db:"spool_room"`

	Release       string `db:"release"`
	Protocol      int    `db:"protocol"`
	Platform      string `db:"platform"`
	Clock         *int64 `db:"clock_ms"`
	OldestAt      int64  `db:"oldest_at"`
	Upgrades      string `db:"upgrades"`
	UpgradeTo     string `db:"upgrade_to"`
	UpgradeFailed string `db:"upgrade_failed"`
}

const deviceColumns = `SELECT id, source, name, code, code_until, public_key, created_at, enrolled_at, revoked_at, seen_at, seen_from, waiting, spooled, spool_room,
	release, protocol, platform, clock_ms, oldest_at, upgrades, upgrade_to, upgrade_failed FROM collect_devices`

func (r deviceRow) device(tx *place.Tx) (Device, error) {
	name, err := tx.Unseal(place.FieldDeviceName, r.ID, r.Name)
	if err != nil {
		return Device{}, err
	}
	var from []byte
	if len(r.SeenFrom) > 0 {
		from, err = tx.Unseal(place.FieldDeviceFrom, r.ID, r.SeenFrom)
	}
	d := Device{
		ID: r.ID, Source: r.Source, Name: string(name), CreatedAt: instant(r.CreatedAt), EnrolledAt: instant(r.EnrolledAt),
		RevokedAt: instant(r.RevokedAt), SeenAt: instant(r.SeenAt), SeenFrom: string(from), CodeUntil: instant(r.CodeUntil), Waiting: r.Waiting, Spooled: r.Spooled, SpoolRoom: r.SpoolRoom,
		Release: r.Release, Protocol: r.Protocol, Platform: r.Platform, OldestAt: instant(r.OldestAt), Upgrades: r.Upgrades, UpgradeTo: r.UpgradeTo, UpgradeFailed: r.UpgradeFailed,
	}
	if r.Clock != nil {
		c := time.Duration(*r.Clock) * time.Millisecond
		d.Clock = &c
	}
	return d, err
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Add names a box for a source and gives the code that enrols it once. The
// caller has checked that who may manage devices and that the source exists.
func (s *Server) Add(ctx context.Context, p *place.Place, who actor.Actor, name string, src id.Source) (Device, secret.Text, error) {
	if name == "" || len(name) > 200 {
		return Device{}, secret.Text{}, fault.Field("name", "give the box a name of at most 200 characters")
	}
	key, err := s.keys.SigningKey(ctx)
	if err != nil {
		return Device{}, secret.Text{}, err
	}
	code := newCode(p.Customer(), key)
	var d Device
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		d = Device{ID: id.New[id.Device](), Source: src, Name: name, CreatedAt: tx.At(), CodeUntil: tx.At().Add(codeFor), Upgrades: UpgradesAsk}
		closed, err := tx.Seal(place.FieldDeviceName, d.ID, []byte(name))
		if err != nil {
			return err
		}
		hash, err := tx.Blind(place.FieldDeviceCode, code)
		if err != nil {
			return err
		}
		tx.Record(place.Event{Code: "device.added", Subject: d.ID.String(), Facts: map[string]string{"source": src.String()}, Personal: map[string]string{"name": name}})
		_, err = tx.Exec(`INSERT INTO collect_devices (id, source, name, code, code_until, created_at, waiting, spooled) VALUES (?, ?, ?, ?, ?, ?, 0, 0)`,
			d.ID, src, closed, hash, d.CodeUntil.UnixMilli(), d.CreatedAt.UnixMilli())
		return err
	})
	return d, secret.NewText(code), err
}

// Devices lists the boxes of a customer, revoked ones included.
func (s *Server) Devices(ctx context.Context, p *place.Place) (ds []Device, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		rows, err := place.Rows[deviceRow](tx, deviceColumns+` ORDER BY id`)
		if err != nil {
			return err
		}
		unanswered, err := s.Unanswered(tx)
		for _, r := range rows {
			d, err := r.device(tx)
			if err != nil {
				return err
			}
			if o, ok := s.offered(r); ok {
				d.Offered = o.Release
			}
			d.Unanswered = unanswered[r.ID]
			ds = append(ds, d)
		}
		return err
	})
	return ds, err
}

// Revoke refuses whatever a box sends from now on, or takes back a code that
// was not used. It cannot be undone: the box enrols anew with another key.
func (s *Server) Revoke(ctx context.Context, p *place.Place, who actor.Actor, d id.Device) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := tx.Exec(`UPDATE collect_devices SET revoked_at = ?, code = NULL WHERE id = ? AND revoked_at IS NULL`, tx.At().UnixMilli(), d)
		if err != nil {
			return err
		}
		if n == 0 {
			return errNoDevice
		}
		tx.Record(place.Event{Code: "device.revoked", Subject: d.String()})
		return s.retell(tx, d)
	})
}

// enrolDevice takes a box's key against a code. The same key with the same code
// again gives the same device: the first answer may have been lost.
func (s *Server) enrolDevice(ctx context.Context, p *place.Place, from string, e Enrolment) (dev deviceRow, err error) {
	who := actor.Actor{Kind: actor.Device, ID: "enrolling", From: from}
	again := false
	err = p.View(ctx, func(tx *place.Tx) error {
		dev, err = deviceByCode(tx, e)
		if err == nil {
			err = s.admitted(tx, from, errCode)
		}
		again = err == nil && bytes.Equal(dev.PublicKey, e.PublicKey)
		return err
	})
	if err != nil || again {
		return dev, err
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		if dev, err = deviceByCode(tx, e); err != nil {
			return err
		}
		if len(dev.PublicKey) > 0 && !bytes.Equal(dev.PublicKey, e.PublicKey) {
			return errCode
		}
		tx.Record(place.Event{Code: "device.enrolled", Subject: dev.ID.String(), Facts: map[string]string{"key": fingerprint(e.PublicKey)}})
		_, err := tx.Exec(`UPDATE collect_devices SET public_key = ?, enrolled_at = ? WHERE id = ?`, e.PublicKey, tx.At().UnixMilli(), dev.ID)
		return err
	})
	return dev, err
}

// deviceByCode finds the device of a code that still counts. Which of the
// reasons it is that a code does not count is not told.
func deviceByCode(tx *place.Tx, e Enrolment) (deviceRow, error) {
	hash, err := tx.Blind(place.FieldDeviceCode, e.Code)
	if err != nil {
		return deviceRow{}, err
	}
	d, err := place.Row[deviceRow](tx, deviceColumns+` WHERE code = ? AND revoked_at IS NULL AND code_until > ?`, hash, tx.At().UnixMilli())
	if err != nil && !fault.Is(err, fault.NotFound) {
		return d, err
	}
	if err != nil || len(e.PublicKey) != ed25519.PublicKeySize || !ed25519.Verify(e.PublicKey, enrolProof(e.Code, e.PublicKey), e.Proof) ||
		(len(d.PublicKey) > 0 && !bytes.Equal(d.PublicKey, e.PublicKey)) {
		return deviceRow{}, errCode
	}
	return d, nil
}

type uploadRow struct {
	ID       id.Upload `db:"id"`
	Device   id.Device `db:"device"`
	State    State     `db:"state"`
	Bytes    int64     `db:"bytes"`
	Digest   []byte    `db:"digest"` // SHA-256 of the manifest
	Manifest []byte    `db:"manifest"`
	Receipt  []byte    `db:"receipt"` // Signed, as JSON
}

const uploadColumns = `SELECT id, device, state, bytes, digest, manifest, receipt FROM collect_uploads`

// findUpload gives an upload of this very device, or fault.NotFound.
func findUpload(ctx context.Context, p *place.Place, d id.Device, u id.Upload) (r uploadRow, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err = place.Row[uploadRow](tx, uploadColumns+` WHERE id = ? AND device = ?`, u, d)
		return err
	})
	return r, err
}

// saveReceipt keeps the server's last word on an upload.
func saveReceipt(ctx context.Context, p *place.Place, u id.Upload, state State, receipt Signed) error {
	text, err := json.Marshal(receipt)
	if err != nil {
		return err
	}
	return p.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE collect_uploads SET state = ?, receipt = ?, manifest = NULL, touched_at = ? WHERE id = ?`,
			string(state), text, tx.At().UnixMilli(), u)
		return err
	})
}

func forgetUpload(ctx context.Context, p *place.Place, u id.Upload) error {
	return p.Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`DELETE FROM collect_uploads WHERE id = ?`, u)
		return err
	})
}

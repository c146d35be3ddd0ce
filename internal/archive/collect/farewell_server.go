package collect

import (
	"context"
	"errors"
	"net/http"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

const farewellSchema = `
-- Boxes that were asked for all that they have of a customer who leaves, and what they signed.
CREATE TABLE collect_farewells (
  device      {{id}}  NOT NULL PRIMARY KEY,
  source      {{id}}  NOT NULL,
  ordered_at  {{int}} NOT NULL,
  answered_at {{int}},
  body        {{bytes}},
  signature   {{bytes}}
);`

// FarewellWord is what is known of all that a box has.
type FarewellWord struct {
	Device   id.Device
	Source   id.Source
	State    Fate // FateWaiting, FateOld, FateRevoked; FateSaid: it has answered
	Key      []byte
	Said     Signed
	Farewell Farewell // what it said
}

// FateSaid means that a box has spoken for all that it had.
const FateSaid Fate = "said"

// Farewell orders, in the Change that makes it final that a customer leaves, all
// that its boxes have. Twice changes nothing.
func (s *Server) Farewell(tx *place.Tx) error {
	_, err := tx.Exec(`INSERT INTO collect_farewells (device, source, ordered_at)
		SELECT id, source, ? FROM collect_devices WHERE enrolled_at IS NOT NULL AND revoked_at IS NULL ON CONFLICT DO NOTHING`, tx.At().UnixMilli())
	return err
}

// Farewells are what is known of each box that was asked.
func (s *Server) Farewells(tx *place.Tx) (all []FarewellWord, err error) {
	type row struct {
		Device    id.Device `db:"device"`
		Source    id.Source `db:"source"`
		Answered  int64     `db:"answered_at"`
		Body      []byte    `db:"body"`
		Signature []byte    `db:"signature"`
		Key       []byte    `db:"public_key"`
		Revoked   int64     `db:"revoked_at"`
		Protocol  int       `db:"protocol"`
	}
	rows, err := place.Rows[row](tx, `SELECT f.device, f.source, f.answered_at, f.body, f.signature, d.public_key, d.revoked_at, d.protocol
		FROM collect_farewells f JOIN collect_devices d ON d.id = f.device ORDER BY f.device`)
	for _, r := range rows {
		w := FarewellWord{Device: r.Device, Source: r.Source, State: FateWaiting}
		switch {
		case r.Answered != 0:
			w.State, w.Key, w.Said = FateSaid, r.Key, Signed{r.Body, r.Signature}
			if w.Farewell, err = OpenFarewell(w.Said, w.Key); err != nil {
				return nil, err
			}
		case r.Revoked != 0:
			w.State = FateRevoked
		case r.Protocol < farewellProtocol:
			w.State = FateOld
		}
		all = append(all, w)
	}
	return all, err
}

// asked reports whether a customer's boxes were told that it leaves, and whether
// one of them has not answered.
func (s *Server) asked(ctx context.Context, p *place.Place, d id.Device) (leaves, open bool, err error) {
	type row struct {
		N    int `db:"n"`
		Open int `db:"open"`
	}
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Row[row](tx, `SELECT count(*) AS n, coalesce(sum(CASE WHEN device = ? AND answered_at IS NULL THEN 1 ELSE 0 END), 0) AS open FROM collect_farewells`, d)
		leaves, open = r.N > 0, r.Open > 0
		return err
	})
	return leaves, open, err
}

const leavesText = "the customer leaves: nothing is captured any more, and what is here of it is removed"

// farewell takes what a box says of all that it had: its own word, once, and only
// if it was asked.
func (s *Server) farewell(v *visit, w http.ResponseWriter, r *http.Request) error {
	var in Signed
	if err := v.body(r, maxManifest, &in); err != nil {
		return err
	}
	said, err := OpenFarewell(in, v.device.PublicKey)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the answer is not signed by this device, or not understood")
	}
	if said.Customer != v.place.Customer() || said.Device != v.device.ID {
		return fault.New(fault.Invalid, "the answer is of another device")
	}
	s.step("farewell")
	err = v.place.Change(r.Context(), v.who, func(tx *place.Tx) error {
		before, err := place.Row[int64](tx, `SELECT coalesce(answered_at, 0) FROM collect_farewells WHERE device = ?`, v.device.ID)
		switch {
		case fault.Is(err, fault.NotFound):
			return fault.New(fault.Invalid, "this box was not asked")
		case err != nil:
			return err
		case before != 0:
			return errSaid
		}
		tx.Record(place.Event{Code: "device.parted", Subject: v.device.ID.String()})
		_, err = tx.Exec(`UPDATE collect_farewells SET answered_at = ?, body = ?, signature = ? WHERE device = ?`, tx.At().UnixMilli(), in.Body, in.Signature, v.device.ID)
		return err
	})
	if errors.Is(err, errSaid) {
		err = s.sameFarewell(r.Context(), v, in)
	}
	if err != nil {
		return err
	}
	s.step("farewell kept")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// sameFarewell lets a box say the same again, as after an answer that was lost.
func (s *Server) sameFarewell(ctx context.Context, v *visit, in Signed) error {
	return v.place.View(ctx, func(tx *place.Tx) error {
		body, err := place.Row[[]byte](tx, `SELECT body FROM collect_farewells WHERE device = ?`, v.device.ID)
		if err == nil && string(body) != string(in.Body) {
			err = fault.New(fault.Conflict, "this box has said otherwise before")
		}
		return err
	})
}

// Unstage removes what boxes of a customer have begun to bring and never ended.
func (s *Server) Unstage(c id.Customer) error { return s.staging.RemoveAll(c.String()) }

package collect

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

// enrol answers POST enrol: the one request that no device has signed. Its code
// has 130 random bits, so that guessing needs no limit of its own.
func (s *Server) enrol(w http.ResponseWriter, r *http.Request) {
	c, err := s.enrolled(w, r)
	if err == nil {
		err = answer(w, http.StatusCreated, c)
	}
	if err != nil {
		s.fail(w, r, err)
	}
}

func (s *Server) enrolled(w http.ResponseWriter, r *http.Request) (Signed, error) {
	var e Enrolment
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return Signed{}, fault.Wrap(err, fault.Invalid, "the body is no enrolment")
	}
	c, err := codeCustomer(e.Code)
	if err != nil {
		return Signed{}, err
	}
	p, err := s.store.Place(r.Context(), c)
	if fault.Is(err, fault.NotFound) {
		return Signed{}, errCode
	}
	if err != nil {
		return Signed{}, err
	}
	s.step("enrol")
	d2, err := s.enrolDevice(r.Context(), p, from(r), e)
	if err != nil {
		return Signed{}, err
	}
	return s.signedConfig(r.Context(), p, d2)
}

func (s *Server) config(v *visit, w http.ResponseWriter, r *http.Request) error {
	c, err := s.signedConfig(r.Context(), v.place, v.device)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, c)
}

// signedConfig says what a box is to do.
func (s *Server) signedConfig(ctx context.Context, p *place.Place, d deviceRow) (Signed, error) {
	src, err := s.archive.Source(ctx, p, d.Source)
	if err != nil {
		return Signed{}, err
	}
	key, err := s.keys.SigningKey(ctx)
	if err != nil {
		return Signed{}, err
	}
	public, err := s.keys.Public(ctx, p.Customer())
	if err != nil {
		return Signed{}, err
	}
	hold, err := s.hold(ctx, p)
	if err != nil {
		return Signed{}, err
	}
	leaves, open, err := s.asked(ctx, p, d.ID)
	if err != nil {
		return Signed{}, err
	}
	if leaves {
		hold = leavesText
	}
	var named Device
	err = p.View(ctx, func(tx *place.Tx) error {
		named, err = d.device(tx)
		return err
	})
	if err != nil {
		return Signed{}, err
	}
	c := Config{
		Customer: p.Customer(), Device: d.ID, Source: d.Source, Name: named.Name, ServerKey: key, PublicKey: public,
		Profile: src.Profile, TimeZone: src.TimeZone, Country: src.Country, Pattern: src.Pattern, After: After(src.After),
		Copies: 1, Hold: hold, Chunk: chunkBytes, Farewell: open && d.Protocol >= farewellProtocol,
	}
	if s.archive.TwoPlaces() {
		c.Copies = 2
	}
	if s.shelf != nil {
		c.ReleaseKeys = s.shelf.Keys().Texts()
	}
	if src.Raw != (recording.Raw{}) {
		if c.Raw, err = json.Marshal(Raw{Codec: src.Raw.Codec, Rate: src.Raw.Rate, Channels: src.Raw.Channels}); err != nil {
			return Signed{}, err
		}
	}
	return s.signDocument(ctx, configLabel, c)
}

// hold is why a customer's boxes must not capture now, or "".
func (s *Server) hold(ctx context.Context, p *place.Place) (string, error) {
	r, err := s.archive.Retention(ctx, p)
	if err != nil {
		return "", err
	}
	if !r.Chosen {
		return "nothing is captured until an administrator has chosen in the portal how long recordings are kept", nil
	}
	err = s.archive.Admit(ctx, p)
	if fault.Is(err, fault.Unavailable) {
		return fault.Of(err).Text + "; what the box has sealed waits in its spool", nil
	}
	return "", err
}

// standing takes what a box says of itself: what waits, and which files need
// attention. What it no longer names is settled.
func (s *Server) standing(v *visit, w http.ResponseWriter, r *http.Request) error {
	var st Standing
	if err := v.body(r, maxManifest, &st); err != nil {
		return err
	}
	long := func(a Attention) bool {
		return len(a.File) > 4096 || len(a.Reason) > 500 || len(a.Advice) > 500 || a.File == ""
	}
	if st.Waiting < 0 || st.Spooled < 0 || st.Room < 0 || len(st.Attention) > maxAttention || slices.ContainsFunc(st.Attention, long) {
		return fault.New(fault.Invalid, "at most %d files with short reasons, and no negative counts", maxAttention)
	}
	if err := s.attention(r.Context(), v, st); err != nil {
		return err
	}
	err := v.place.Keep(r.Context(), func(tx *place.Tx) error {
		oldest := any(nil)
		if st.Oldest != nil {
			oldest = st.Oldest.UnixMilli()
		}
		if odd(st.Spooled, st.Room, st.Clock) || odd(v.device.Spooled, v.device.SpoolRoom, v.device.Clock) {
			tx.Notify(place.Conditions)
		}
		if _, err := tx.Exec(`UPDATE collect_devices SET waiting = ?, spooled = ?, spool_room = ?, oldest_at = ? WHERE id = ?`, st.Waiting, st.Spooled, st.Room, oldest, v.device.ID); err != nil || st.Clock == nil || !bounded(*st.Clock) {
			return err
		}
		_, err := tx.Exec(`UPDATE collect_devices SET clock_ms = ? WHERE id = ?`, *st.Clock, v.device.ID)
		return err
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// odd says that a box may have to be told of, as package trust/detect judges: its
// spool fills, or its clock (in milliseconds) is off.
func odd(spooled, room int64, clock *int64) bool {
	return room > 0 && float64(spooled) >= 0.8*float64(room) || clock != nil && (*clock > 2000 || *clock < -2000)
}

// attention brings the list of files that need attention up to date. What
// stands there already is not written again each minute.
func (s *Server) attention(ctx context.Context, v *visit, st Standing) error {
	all, err := s.archive.Attention(ctx, v.place, v.device.Source)
	if err != nil {
		return err
	}
	listed := map[string]string{} // of this source: file → reason
	for _, a := range all {
		listed[a.Path] = a.Reason
	}
	for _, a := range st.Attention {
		reason, ok := listed[a.File]
		delete(listed, a.File)
		if ok && reason == a.Reason {
			continue
		}
		err := s.archive.Report(ctx, v.place, v.who, recording.Report{
			Source: v.device.Source, Path: a.File, Size: a.Size, Reason: a.Reason, Todo: a.Advice,
		})
		if err != nil {
			return err
		}
	}
	if st.More > 0 || len(listed) == 0 {
		return nil // a list that was cut says nothing of the files beyond it
	}
	return s.archive.Settle(ctx, v.place, v.device.Source, slices.Collect(maps.Keys(listed))...)
}

// Sweep drops uploads that did not go on for a week and forgets those that
// ended a month ago. A box that comes back begins again; its source is there,
// as it was never told "verified".
func (s *Server) Sweep(ctx context.Context, p *place.Place, at time.Time) error {
	stale := at.Add(-staleFor)
	var old []id.Upload
	err := p.View(ctx, func(tx *place.Tx) (err error) {
		old, err = place.Rows[id.Upload](tx, `SELECT id FROM collect_uploads WHERE (state = 'open' AND touched_at < ?) OR touched_at < ? LIMIT 1000`,
			stale.UnixMilli(), at.Add(-recallFor).UnixMilli())
		return err
	})
	if err != nil {
		return err
	}
	for _, u := range old {
		if err := s.sweepUpload(ctx, p, u, stale); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) sweepUpload(ctx context.Context, p *place.Place, u id.Upload, stale time.Time) error {
	defer s.take(u)()
	name := filepath.Join(p.Customer().String(), u.String())
	// Chunks touch the file, not the row.
	if info, err := s.staging.Stat(name); err == nil && info.ModTime().After(stale) {
		return nil
	}
	if err := forgetUpload(ctx, p, u); err != nil {
		return err
	}
	if err := s.staging.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

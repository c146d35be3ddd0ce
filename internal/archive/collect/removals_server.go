package collect

import (
	"context"
	"net/http"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
)

const removalsSchema = `
-- What boxes were asked to remove, as it was destroyed, and what they signed.
CREATE TABLE collect_removals (
  recording   {{id}}   NOT NULL,
  device      {{id}}   NOT NULL,
  source      {{id}}   NOT NULL,
  ordered_at  {{int}}  NOT NULL,
  fate        {{text}} NOT NULL,
  answered_at {{int}},
  body        {{bytes}},
  signature   {{bytes}},
  PRIMARY KEY (recording, device)
);
CREATE INDEX collect_removals_waiting ON collect_removals (device, recording) WHERE fate = '';`

// Word is what is known of the files that a box has of a destroyed recording.
type Word struct {
	Recording id.Recording
	Device    id.Device
	Source    id.Source
	Fate      Fate
	OrderedAt time.Time
	Key       []byte // of the box; it signed
	Said      Signed // a Removal; empty while it has said nothing
}

// OnWord registers who is told in the transaction in which more becomes known of
// what boxes have. Register before the first use.
func (s *Server) OnWord(fn func(tx *place.Tx, words []Word) error) { s.onWord = append(s.onWord, fn) }

// Remove orders what the boxes of some sources have of a recording, in the Change
// that destroys it, and gives what is known of them. Twice changes nothing.
func (s *Server) Remove(tx *place.Tx, rec id.Recording, sources []id.Source) ([]Word, error) {
	_, err := tx.Exec(`INSERT INTO collect_removals (recording, device, source, ordered_at, fate)
		SELECT ?, id, source, ?, '' FROM collect_devices WHERE source IN (?) AND enrolled_at IS NOT NULL AND revoked_at IS NULL ON CONFLICT DO NOTHING`,
		rec, tx.At().UnixMilli(), place.List(sources))
	if err != nil {
		return nil, err
	}
	return s.Words(tx, []id.Recording{rec})
}

type wordRow struct {
	Recording id.Recording `db:"recording"`
	Device    id.Device    `db:"device"`
	Source    id.Source    `db:"source"`
	Ordered   int64        `db:"ordered_at"`
	Fate      string       `db:"fate"`
	Body      []byte       `db:"body"`
	Signature []byte       `db:"signature"`
	Key       []byte       `db:"public_key"`
	Revoked   int64        `db:"revoked_at"`
	Protocol  int          `db:"protocol"`
}

const wordColumns = `SELECT r.recording, r.device, r.source, r.ordered_at, r.fate, r.body, r.signature, d.public_key, d.revoked_at, d.protocol
	FROM collect_removals r JOIN collect_devices d ON d.id = r.device`

func (r wordRow) word() Word {
	w := Word{Recording: r.Recording, Device: r.Device, Source: r.Source, Fate: Fate(r.Fate), OrderedAt: instant(r.Ordered), Key: r.Key, Said: Signed{r.Body, r.Signature}}
	switch {
	case w.Fate != FateWaiting:
	case r.Revoked != 0:
		w.Fate = FateRevoked
	case r.Protocol < removalProtocol:
		w.Fate = FateOld
	}
	return w
}

// Words are what is known of some recordings that were destroyed.
func (s *Server) Words(tx *place.Tx, recs []id.Recording) ([]Word, error) {
	rows, err := place.Rows[wordRow](tx, wordColumns+` WHERE r.recording IN (?) ORDER BY r.recording, r.device`, place.List(recs))
	return wordsOf(rows), err
}

func wordsOf(rows []wordRow) []Word {
	all := make([]Word, len(rows))
	for i, r := range rows {
		all[i] = r.word()
	}
	return all
}

// retell tells what is known of all that a box has not answered: it was revoked,
// or speaks another protocol now.
func (s *Server) retell(tx *place.Tx, d id.Device) error {
	rows, err := place.Rows[wordRow](tx, wordColumns+` WHERE r.recording IN (SELECT recording FROM collect_removals WHERE device = ? AND fate = '') ORDER BY r.recording, r.device`, d)
	if err != nil || len(rows) == 0 {
		return err
	}
	return s.tell(tx, wordsOf(rows))
}

func (s *Server) tell(tx *place.Tx, words []Word) error {
	for _, fn := range s.onWord {
		if err := fn(tx, words); err != nil {
			return err
		}
	}
	return nil
}

// removals answers which recordings of a box were destroyed and not answered for.
func (s *Server) removals(v *visit, w http.ResponseWriter, r *http.Request) error {
	out := Removals{Version: removalVersion, Customer: v.place.Customer(), Device: v.device.ID, At: s.now().UTC().Truncate(time.Second)}
	err := v.place.View(r.Context(), func(tx *place.Tx) (err error) {
		out.Recordings, err = place.Rows[id.Recording](tx, `SELECT recording FROM collect_removals WHERE device = ? AND fate = '' ORDER BY recording LIMIT ?`, v.device.ID, removalsAtOnce+1)
		return err
	})
	if err != nil {
		return err
	}
	if out.More = len(out.Recordings) > removalsAtOnce; out.More {
		out.Recordings = out.Recordings[:removalsAtOnce]
	}
	signed, err := s.signDocument(r.Context(), orderLabel, out)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, signed)
}

// removed takes what a box says of what was destroyed: all of it or, with one
// answer that is not its own or was not asked for, nothing.
func (s *Server) removed(v *visit, w http.ResponseWriter, r *http.Request) error {
	var in removed
	if err := v.body(r, maxManifest, &in); err != nil {
		return err
	}
	if len(in.Answers) == 0 || len(in.Answers) > removalsAtOnce {
		return fault.New(fault.Invalid, "1 to %d answers at once", removalsAtOnce)
	}
	all := make([]Removal, len(in.Answers))
	for i, one := range in.Answers {
		said, err := OpenRemoval(one, v.device.PublicKey)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "an answer is not signed by this device, or not understood")
		}
		// An answer of another box or customer, sent on by this one.
		if said.Customer != v.place.Customer() || said.Device != v.device.ID {
			return fault.New(fault.Invalid, "an answer is of another device")
		}
		all[i] = said
	}
	s.step("removed")
	if err := s.keepRemoved(r.Context(), v, all, in.Answers); err != nil {
		return err
	}
	s.step("removed kept")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// errSaid undoes a Change in which nothing was new.
var errSaid = fault.New(fault.Conflict, "all of this was said before")

// keepRemoved keeps answers. The first word stands: the same again changes
// nothing, another one is refused.
func (s *Server) keepRemoved(ctx context.Context, v *visit, all []Removal, signed []Signed) error {
	err := v.place.Change(ctx, v.who, func(tx *place.Tx) error {
		var fresh []id.Recording
		for i, one := range all {
			before, err := place.Row[string](tx, `SELECT fate FROM collect_removals WHERE recording = ? AND device = ?`, one.Recording, one.Device)
			switch {
			case fault.Is(err, fault.NotFound):
				return fault.New(fault.Invalid, "this box was not asked for one of these recordings")
			case err != nil:
				return err
			case Fate(before) == one.Fate:
				continue
			case before != "":
				return fault.New(fault.Conflict, "this box has said otherwise before")
			}
			if _, err := tx.Exec(`UPDATE collect_removals SET fate = ?, answered_at = ?, body = ?, signature = ? WHERE recording = ? AND device = ?`,
				string(one.Fate), tx.At().UnixMilli(), signed[i].Body, signed[i].Signature, one.Recording, one.Device); err != nil {
				return err
			}
			fresh = append(fresh, one.Recording)
			tx.Record(place.Event{Code: "device.removed", Subject: one.Device.String(), Facts: map[string]string{"recording": one.Recording.String(), "fate": string(one.Fate)}})
		}
		if len(fresh) == 0 {
			return errSaid
		}
		words, err := s.Words(tx, fresh)
		if err != nil {
			return err
		}
		return s.tell(tx, words)
	})
	if err == errSaid {
		return nil
	}
	return err
}

// Unanswered is how many destroyed recordings a box has not answered for, and
// since when the oldest of them waits.
type Unanswered struct {
	Recordings int
	Since      time.Time
}

// Unanswered counts by box. Boxes that cannot answer are left out: of what they
// have nothing will be known.
func (s *Server) Unanswered(tx *place.Tx) (map[id.Device]Unanswered, error) {
	type row struct {
		Device id.Device `db:"device"`
		N      int       `db:"n"`
		Since  int64     `db:"since"`
	}
	rows, err := place.Rows[row](tx, `SELECT r.device, count(*) AS n, min(r.ordered_at) AS since FROM collect_removals r JOIN collect_devices d ON d.id = r.device
		WHERE r.fate = '' AND d.revoked_at IS NULL AND d.protocol >= ? GROUP BY r.device`, removalProtocol)
	out := map[id.Device]Unanswered{}
	for _, r := range rows {
		out[r.Device] = Unanswered{r.N, instant(r.Since)}
	}
	return out, err
}

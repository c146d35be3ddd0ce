package server_test

import (
	"encoding/pem"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/app/apptest"
	"ringfence/internal/app/server"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/siprec"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/departure"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/redaction"
)

// What one part does to a recording reaches the others: exports that hold it end,
// whether it is redacted, its names are replaced or it is destroyed; and the night
// takes away what each part keeps for a time of its own.
func TestThePartsAreTold(t *testing.T) {
	w := integrate(t, nil)
	ctx, who := t.Context(), actor.ForSystem("test")
	list, err := w.s.Recordings.List(ctx, w.place, who, recording.Filter{Scope: recording.Scope{All: true}}, recording.PageAsk{Limit: 50})
	apptest.No(t, err)
	if len(list.Items) != 3 {
		t.Fatalf("%d recordings", len(list.Items))
	}
	var exports []id.Parcel
	w.write(`DELETE FROM jobs`) // theirs would be nothing but noise
	for _, r := range list.Items {
		exports = append(exports, id.New[id.Parcel]())
		w.write(`INSERT INTO parcels (id, kind, state, actor_kind, actor_id, estimate, asked_at, until_at) VALUES (?, 'none', 'ready', 'system', 'test', 1, 1, ?)`, exports[len(exports)-1], time.Now().AddDate(1, 0, 0).UnixMilli())
		w.write(`INSERT INTO parcel_subjects (subject, parcel) VALUES (?, ?)`, r.ID.String(), exports[len(exports)-1])
	}
	over := func(i int) bool {
		return w.count(`SELECT count(*) FROM parcels WHERE id = ? AND until_at <= ?`, exports[i], time.Now().UnixMilli()) == 1
	}

	apptest.No(t, w.s.Redaction().Apply(ctx, w.place, who, list.Items[0].ID, redaction.Order{
		Stretches: []redaction.Stretch{{To: 300 * time.Millisecond, Channel: recording.EveryChannel}}, Days: 30, Reason: "a test",
	}))
	if !over(0) {
		t.Error("the export of what was redacted can be taken still")
	}
	apptest.No(t, w.s.Recordings.Destroy(ctx, w.place, who, list.Items[1].ID, "a test"))
	if !over(1) {
		t.Error("the export of what was destroyed can be taken still")
	}
	if over(2) {
		t.Error("an export of neither has ended")
	}

	kept := map[string]string{
		"recording_originals": `UPDATE recording_originals SET until_at = 1`,
		"breaches":            `INSERT INTO breaches (id, kind, subject, from_at, to_at, aware_at, opened_at, opened_by, closed_at, sealed) VALUES (?, 'token', 'x', 1, 1, 1, 1, 'x', 1, '')`,
		"person_requests":     `INSERT INTO person_requests (id, kind, state, received_at, zone, due_at, opened_at, opened_by, ended_at, checked_at, sealed) VALUES (?, 'access', 'done', 1, 'UTC', 1, 1, 'x', 1, 0, '')`,
		"pauses":              `INSERT INTO pauses (id, source, kind, token, from_at, noted_at, applied) VALUES (?, ?, 'call', '', 1, 1, 0)`,
	}
	w.write(kept["recording_originals"])
	w.write(kept["breaches"], id.New[id.Breach]())
	w.write(kept["person_requests"], id.New[id.PersonRequest]())
	w.write(kept["pauses"], id.New[id.Pause](), list.Items[0].Source)
	w.write(`INSERT INTO pseudonym_rule (one, days, silence, agents, chosen_at, chosen_by) VALUES (1, 1, 0, 0, 1, 'x')`)
	apptest.No(t, w.s.Night(ctx, w.place))
	for table := range kept {
		if n := w.count(`SELECT count(*) FROM ` + table); n != 0 {
			t.Errorf("%s: %d rows are kept after their time", table, n)
		}
	}
	apptest.Eventually(t, 30*time.Second, "the names are replaced, and the export that held them ends", func() bool { return over(2) })
}

// A recording session hears of pauses while it runs, and is a call that is
// expected once it has ended.
func TestRecordingSessionsAreWired(t *testing.T) {
	w := integrate(t, nil)
	ctx, who, sessions := t.Context(), actor.ForSystem("test"), w.s.Sessions()
	src, err := w.s.Recordings.AddSource(ctx, w.place, who, recording.Source{Kind: recording.Siprec, Name: "SBC", Profile: "generic", TimeZone: "UTC", Country: "GB"})
	apptest.No(t, err)
	_, err = sessions.Set(ctx, w.place, who, src.ID, siprec.Settings{Peers: []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}})
	apptest.No(t, err)
	may := sessions.Candidates(siprec.Caller{From: netip.MustParseAddr("203.0.113.7")})
	if len(may) != 1 {
		t.Fatalf("%d sources take its calls", len(may))
	}
	tape, err := sessions.Begin(ctx, may[0], siprec.Fact{What: siprec.Invited, At: time.Now(), Streams: []siprec.Media{{Label: "1", Taken: true}}}, siprec.ALaw, nil)
	apptest.No(t, err)
	live := func() siprec.Live { return sessions.Status(src.ID).Live[0] }
	_, err = w.s.Redaction().NotePause(ctx, w.place, who, redaction.Pause{Source: src.ID, Call: live().Name})
	apptest.No(t, err)
	apptest.Eventually(t, 30*time.Second, "the session is silenced", func() bool { return live().Hushed })
	tape.Fact(siprec.Fact{What: siprec.Left, At: time.Now()})
	apptest.Eventually(t, 30*time.Second, "the call is expected", func() bool {
		return w.count(`SELECT count(*) FROM expectations WHERE source = ? AND named = 1`, src.ID) == 1
	})
}

// A running server writes a customer's bundle as an export, and puts it into the
// customer's journal that it does.
func TestABundleIsInTheJournal(t *testing.T) {
	w := integrate(t, nil)
	root, err := keyring.CreateRoot(filepath.Join(t.TempDir(), "root.key"))
	apptest.No(t, err)
	public, err := root.ReceiveKey()
	apptest.No(t, err)
	key := string(pem.EncodeToMemory(&pem.Block{Type: server.ReceiveBlock, Bytes: public}))
	_, err = w.s.Parcels().Ask(t.Context(), w.place, actor.ForSystem("test"), parcel.Order{Kind: departure.Export, Name: "x.zip", Args: departure.Order{ReceiveKey: key}, Purpose: "a move"})
	apptest.No(t, err)
	apptest.Eventually(t, 30*time.Second, "the bundle is made", func() bool { return w.count(`SELECT count(*) FROM parcels WHERE state = 'ready'`) == 1 })
	if n := w.count(`SELECT count(*) FROM events WHERE code = 'customer.handed-over'`); n != 1 {
		t.Errorf("%d entries say so", n)
	}
}

func (w *integrated) write(text string, args ...any) {
	w.Helper()
	apptest.No(w, w.place.Change(w.Context(), actor.ForSystem("test"), func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "customer.created", Subject: w.customer})
		_, err := tx.Exec(text, args...)
		return err
	}))
}

func (w *integrated) count(text string, args ...any) (n int) {
	w.Helper()
	apptest.No(w, w.place.View(w.Context(), func(tx *place.Tx) (err error) {
		n, err = place.Row[int](tx, text, args...)
		return err
	}))
	return n
}

package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/app/apptest"
	"ringfence/internal/app/config"
	"ringfence/internal/app/server"
	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/trust/destruction"
)

// A real box brings a call to a real server; what is destroyed there is asked for
// at the box, and the certificate waits for its word.
func TestADestructionReachesTheBox(t *testing.T) {
	w := integrate(t, nil)
	ctx, who := t.Context(), actor.ForSystem("test")
	boxes, certificates := w.s.Destroying()
	src, err := w.s.Recordings.AddSource(ctx, w.place, who, recording.Source{
		Kind: recording.Collector, Name: "PBX Leeds", Profile: "generic", TimeZone: "Europe/London", Country: "GB", Pattern: "{direction}-{caller}-{extension}",
	})
	apptest.No(t, err)
	_, code, err := boxes.Add(ctx, w.place, who, "box", src.ID)
	apptest.No(t, err)
	state, from := filepath.Join(t.TempDir(), "state"), t.TempDir()
	_, err = collect.Enrol(ctx, w.s.URL(), code.Reveal(), state, "")
	apptest.No(t, err)
	file := filepath.Join(from, "in-01614960152-204.wav")
	apptest.No(t, os.WriteFile(file, recordingtest.Tone(77, 1, time.Second), 0o600))
	old := time.Now().Add(-time.Hour)
	apptest.No(t, os.Chtimes(file, old, old))
	run := func() {
		t.Helper()
		apptest.No(t, collect.Run(ctx, collect.Options{State: state, From: from, Once: true, Wait: 30 * time.Second, NoUpgrades: true}))
	}
	run()
	list, err := w.s.Recordings.List(ctx, w.place, who, recording.Filter{Scope: recording.Scope{All: true}}, recording.PageAsk{Limit: 50})
	apptest.No(t, err)
	var rec id.Recording
	for _, r := range list.Items {
		if r.Source == src.ID {
			rec = r.ID
		}
	}
	apptest.No(t, w.s.Recordings.Destroy(ctx, w.place, who, rec, "asked for"))
	sourceCopy := func() destruction.Copy {
		t.Helper()
		_, err := certificates.IssueNow(ctx, w.place)
		apptest.No(t, err)
		all, _, err := certificates.List(ctx, w.place, id.Certificate{}, 1)
		apptest.No(t, err)
		text, err := certificates.Document(ctx, w.place, all[0].ID, false)
		apptest.No(t, err)
		c, _, err := destruction.Verify(text)
		apptest.No(t, err)
		return c.Copies[len(c.Copies)-1]
	}
	if got := sourceCopy(); got.State != "waiting" {
		t.Errorf("before the box was there: %+v", got)
	}
	run()
	if got := sourceCopy(); got.State != "remaining" || !strings.Contains(got.Detail, "PBX Leeds: 1") || strings.Contains(got.Detail, "01614960152") {
		t.Errorf("after it: %+v", got)
	}
}

// A day on which the last backup from before a destruction was to go is believed
// only when it has gone: nights without a backup keep the older ones longer.
func TestUntilWhenABackupLasts(t *testing.T) {
	destroyed := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	until := destroyed.AddDate(0, 0, 30)
	for name, c := range map[string]struct {
		now, oldest time.Time
		some        bool
		later       bool
	}{
		"the day has not come":         {until.AddDate(0, 0, -1), destroyed.AddDate(0, 0, -3), true, false},
		"it has gone":                  {until, destroyed.Add(time.Second), true, false},
		"there is none at all":         {until, time.Time{}, false, false},
		"it is there still":            {until, destroyed.AddDate(0, 0, -3), true, true},
		"it was made in that second":   {until, destroyed, true, true},
		"nobody has looked yet":        {until, time.Time{}, true, true},
		"it is there weeks afterwards": {until.AddDate(0, 0, 40), destroyed.AddDate(0, 0, -3), true, true},
	} {
		got := server.ReallyUntil(until, destroyed, c.now, c.oldest, c.some)
		if got.After(c.now) != (c.later || c.now.Before(until)) {
			t.Errorf("%s: until %v at %v", name, got, c.now)
		}
	}
	if got := server.ReallyUntil(time.Time{}, destroyed, until, destroyed, true); !got.IsZero() {
		t.Error("no backups last until", got)
	}
}

// Where nobody has said where copies of keys go, it is not known here how long
// they last: no day may be named, and none may come on which they are "gone".
func TestKeysThatAreCopiedByOtherMeans(t *testing.T) {
	destroyed := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	c := config.Backup{Data: config.Target{Folder: "/backup"}, Daily: 7, KeyCopies: 2}
	if b := server.Nominally(c, destroyed); !b.On || b.Places.IsZero() || !b.Keys.IsZero() {
		t.Errorf("no place for copies of keys: %+v", b)
	}
	c.Keys = config.Target{Folder: "/keys"}
	if b := server.Nominally(c, destroyed); !b.Keys.Equal(destroyed.AddDate(0, 0, 3)) {
		t.Errorf("two copies of keys: %+v", b)
	}
}

package detect_test

import (
	"slices"
	"testing"
	"time"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/intake"
	"ringfence/internal/archive/pickup"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/detect"
	"ringfence/internal/trust/monitor"
)

func TestMain(m *testing.M) { placetest.Main(m) }

var admin = actor.ForSystem("test")

// world is a customer with what the detectors of its ways in look at.
type world struct {
	*recordingtest.World
	collect *collect.Server
	pickups *pickup.Service
	monitor *monitor.Service
}

func openWorld(t testing.TB, engine placetest.Engine) *world {
	t.Helper()
	schemas := recordingtest.Schemas(pickup.Migrations(), intake.Migrations(), collect.Migrations(), monitor.Migrations())
	schemas.Registry = slices.Concat(schemas.Registry, collect.RegistryMigrations(), monitor.Migrations())
	schemas.Housekeeping = slices.Concat(schemas.Housekeeping, pickup.Housekeeping, collect.Housekeeping, monitor.Housekeeping())
	w := &world{World: recordingtest.On(t, placetest.Open(t, engine.Config(t), schemas), recording.Options{})}
	var err error
	w.pickups, err = pickup.New(pickup.Options{Store: w.Store, Recordings: w.Service})
	no(t, err)
	w.collect, err = collect.NewServer(collect.ServerOptions{Store: w.Store, Keys: w.Keys, Recordings: w.Service, Staging: t.TempDir()})
	no(t, err)
	t.Cleanup(w.collect.Stop)
	w.monitor = monitor.New(monitor.Options{Store: w.Store})
	return w
}

func no(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// set writes what a box or a pick-up would have written.
func (w *world) set(t *testing.T, text string, args ...any) {
	t.Helper()
	no(t, w.Place.Keep(t.Context(), func(tx *place.Tx) error {
		_, err := tx.Exec(text, args...)
		return err
	}))
}

// found is what the detector of a kind finds now.
func (w *world) found(t *testing.T, k monitor.Kind) (all []monitor.Condition) {
	t.Helper()
	for _, d := range (detect.Parts{Monitor: w.monitor, Recordings: w.Service, Collect: w.collect, Pickups: w.pickups}).Customer() {
		if !slices.Contains(d.Kinds, k) {
			continue
		}
		list, _, err := d.Look(t.Context(), monitor.In(w.Place), time.Now())
		no(t, err)
		for _, c := range list {
			if c.Kind == k {
				all = append(all, c)
			}
		}
	}
	return all
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	for _, e := range placetest.Engines {
		t.Run(e.Name, func(t *testing.T) { fn(t, openWorld(t, e)) })
	}
}

// A pick-up whose other side shows another key than was confirmed, or does not
// let it in any more, is told; one that is being set up is not.
func TestTheOtherSideHasChanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		src, err := w.Service.AddSource(t.Context(), w.Place, admin, recording.Source{Name: "PBX", Kind: recording.Pickup, Profile: "generic", TimeZone: "UTC", After: recording.Keep})
		no(t, err)
		if _, err := w.pickups.Set(t.Context(), w.Place, admin, src.ID, pickup.Settings{Protocol: pickup.SFTP, Host: "pbx.example.com:22", User: "r", Password: "p", Folder: "/", Minutes: 5}); err != nil {
			t.Fatal(err)
		}
		shows := func(key, text string) {
			w.set(t, `UPDATE pickups SET shown = ?, fault = ? WHERE source = ?`, key, text, src.ID)
		}
		shows("SHA256:first", "not confirmed")
		if got := w.found(t, monitor.HostChanged); len(got) != 0 {
			t.Error("told while it is being set up:", got)
		}
		no(t, w.pickups.Confirm(t.Context(), w.Place, admin, src.ID, "SHA256:first"))
		shows("SHA256:second", "another key")
		if got := w.found(t, monitor.HostChanged); len(got) != 1 || got[0].Subject != src.ID.String() {
			t.Error("a changed key:", got)
		}
		no(t, w.pickups.Confirm(t.Context(), w.Place, admin, src.ID, "SHA256:second"))
		if got := w.found(t, monitor.HostChanged); len(got) != 0 {
			t.Error("after it was confirmed:", got)
		}
		shows("", "the other side does not take this user with this key or password")
		if got := w.found(t, monitor.SignInRefused); len(got) != 1 {
			t.Error("a refused sign-in:", got)
		}
		shows("", "the folder is not there")
		if got := w.found(t, monitor.SignInRefused); len(got) != 0 {
			t.Error("another fault:", got)
		}
	})
}

// A pick-up that has not got anything for a while is told as a source that cannot
// be read; a short pause of the line, and what is told as something else, is not.
func TestNothingCanBeFetched(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		src, err := w.Service.AddSource(t.Context(), w.Place, admin, recording.Source{Name: "PBX", Kind: recording.Pickup, Profile: "generic", TimeZone: "UTC", After: recording.Keep})
		no(t, err)
		if _, err := w.pickups.Set(t.Context(), w.Place, admin, src.ID, pickup.Settings{Protocol: pickup.SFTP, Host: "pbx.example.com:22", User: "r", Password: "p", Folder: "/", Minutes: 5}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what         string
			failing      time.Duration
			fault, shown string
			told         int
		}{
			{"it goes well", 0, "", "", 0},
			{"for a moment", time.Minute, "no connection", "", 0},
			{"for long", 6 * time.Minute, "no connection", "", 1},
			{"waits to be confirmed", time.Hour, "not confirmed", "SHA256:first", 0},
			{"refused", time.Hour, "the other side does not take this user with this key or password", "", 0},
		} {
			since := int64(0)
			if c.failing > 0 {
				since = time.Now().Add(-c.failing).UnixMilli()
			}
			w.set(t, `UPDATE pickups SET shown = ?, fault = ?, failing_since = ? WHERE source = ?`, c.shown, c.fault, since, src.ID)
			if got := w.found(t, monitor.FilesFailing); len(got) != c.told {
				t.Errorf("%s: %v", c.what, got)
			}
		}
	})
}

// A box that was asked to remove what was destroyed is told of once it has not
// answered for a week; one that cannot answer, or was revoked, is not.
func TestABoxDoesNotAnswer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d, _, err := w.collect.Add(t.Context(), w.Place, admin, "Box", w.Source.ID)
		no(t, err)
		w.set(t, `UPDATE collect_devices SET enrolled_at = ?, seen_at = ?, protocol = 3 WHERE id = ?`, time.Now().UnixMilli(), time.Now().UnixMilli(), d.ID)
		no(t, w.Place.Change(t.Context(), admin, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "recording.destroyed"})
			_, err := w.collect.Remove(tx, id.New[id.Recording](), []id.Source{w.Source.ID})
			return err
		}))
		age := func(days int) {
			no(t, w.Place.Change(t.Context(), admin, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: "recording.destroyed"})
				_, err := tx.Exec(`UPDATE collect_removals SET ordered_at = ?`, time.Now().AddDate(0, 0, -days).UnixMilli())
				return err
			}))
		}
		for days, told := range map[int]int{1: 0, 6: 0, 8: 1} {
			age(days)
			if got := w.found(t, monitor.RemovalUnanswered); len(got) != told {
				t.Errorf("after %d days: %v", days, got)
			}
		}
		age(8)
		w.set(t, `UPDATE collect_devices SET protocol = 2`)
		if got := w.found(t, monitor.RemovalUnanswered); len(got) != 0 {
			t.Error("a box that cannot answer:", got)
		}
	})
}

// A spool is told from 80 % of what it may hold; a box that never said how much
// that is, is not.
func TestASpoolFills(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		d, _, err := w.collect.Add(t.Context(), w.Place, admin, "Box", id.New[id.Source]())
		no(t, err)
		for _, c := range []struct {
			spooled, room int64
			told, urgent  bool
		}{{7 << 30, 0, false, false}, {7 << 20, 10 << 20, false, false}, {8 << 20, 10 << 20, true, false}, {10 << 20, 10 << 20, true, true}} {
			w.set(t, `UPDATE collect_devices SET enrolled_at = ?, seen_at = ?, spooled = ?, spool_room = ? WHERE id = ?`, time.Now().UnixMilli(), time.Now().UnixMilli(), c.spooled, c.room, d.ID)
			got := w.found(t, monitor.SpoolFilling)
			if (len(got) == 1) != c.told || c.told && got[0].Urgent != c.urgent {
				t.Errorf("%+v: %v", c, got)
			}
		}
	})
}

// A disk that failed under what is pushed is told of the installation, with when
// it began and how many it concerns, and no longer once it was mended.
func TestADiskFailsUnderDrops(t *testing.T) {
	failing := map[id.Customer]time.Time{}
	h := detect.Host{Drops: func() map[id.Customer]time.Time { return failing }}
	look := func() (all []monitor.Condition) {
		for _, d := range h.Detectors() {
			if slices.Contains(d.Kinds, monitor.DiskFailing) {
				list, _, err := d.Look(t.Context(), monitor.Where{}, time.Now())
				no(t, err)
				all = append(all, list...)
			}
		}
		return all
	}
	if got := look(); len(got) != 0 {
		t.Fatal(got)
	}
	first := time.Now().Add(-time.Hour)
	failing[id.New[id.Customer]()], failing[id.New[id.Customer]()] = time.Now(), first
	if got := look(); len(got) != 1 || !got[0].Since.Equal(first) || got[0].Facts["customers"] != "2" {
		t.Fatal(got)
	}
	if r, ok := monitor.RuleOf(monitor.DiskFailing); !ok || r.Severity != monitor.Urgent {
		t.Fatal(r)
	}
}

// Folders on one disk fill up together: that is one alert, which names them all.
func TestOneDiskIsOneAlert(t *testing.T) {
	free := map[string]int64{"1": 50, "2": 50}
	h := detect.Host{
		Disks:  map[string]string{"data": "/d", "objects": "/o", "the second copy of the keys": "/k"},
		Device: func(dir string) (string, error) { return map[string]string{"/d": "1", "/o": "1", "/k": "2"}[dir], nil },
	}
	h.Room = func(dir string) (int64, int64, error) { d, err := h.Device(dir); return free[d], 100, err }
	for _, c := range []struct {
		one, two int64
		want     []string
	}{
		{50, 50, nil},
		{20, 50, []string{"The disk that holds data and objects is at least 80 % full"}},
		{50, 1, []string{"The disk that holds the second copy of the keys is at least 95 % full"}},
		{3, 20, []string{"The disk that holds data and objects is at least 95 % full", "The disk that holds the second copy of the keys is at least 80 % full"}},
	} {
		free["1"], free["2"] = c.one, c.two
		var got []string
		for _, d := range h.Detectors() {
			if slices.Contains(d.Kinds, monitor.DiskFull) {
				list, _, err := d.Look(t.Context(), monitor.Where{}, time.Now())
				no(t, err)
				for _, one := range list {
					got = append(got, one.Facts["text"])
				}
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

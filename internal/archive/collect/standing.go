package collect

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/disk"
	"ringfence/internal/base/id"
	"ringfence/internal/base/release"
)

// Status is how a running box stands, as it writes it into its state folder for
// "collect status" and for its launcher. It holds no name of a file.
type Status struct {
	Release   string    `json:"release"`
	Protocol  int       `json:"protocol"`
	PID       int       `json:"pid"`
	StartedAt time.Time `json:"started_at"`
	At        time.Time `json:"at"` // when this was written

	Server      string     `json:"server"`
	Name        string     `json:"name"`
	Device      id.Device  `json:"device"`
	GreetedAt   time.Time  `json:"greeted_at"`   // when the server last knew this program by its release
	ContactAt   time.Time  `json:"contact_at"`   // of the server's last answer, whatever it was
	Trouble     string     `json:"trouble"`      // why the server could not be asked, the last time; "": it could
	Pin         string     `json:"pin"`          // SHA-256 of the public key of the server's certificate
	PinUntil    time.Time  `json:"pin_until"`    // when that certificate ends
	ClockMS     *int64     `json:"clock_ms"`     // this box's clock minus the server's; null: not measured
	Hold        string     `json:"hold"`         // why the server wants nothing now
	Waiting     int        `json:"waiting"`      // recordings that are not in the archive yet
	OldestAt    *time.Time `json:"oldest_at"`    // since when the oldest of them has waited
	Spooled     int64      `json:"spooled"`      // bytes sealed on this box
	SpoolLimit  int64      `json:"spool_limit"`  //
	Attention   int        `json:"attention"`    // files that somebody has to look at
	Offered     string     `json:"offered"`      // release that the server offers
	UpgradeSaid string     `json:"upgrade_said"` // what became of the last one that was asked for on this box
}

const (
	statusFile  = "status.json"
	statusEvery = 5 * time.Second
)

// writeStatus says how the box stands. It is not worth a sync: the next one is
// written in seconds.
func (b *box) writeStatus(s *scanner) {
	now := b.now().UTC()
	seen := b.up.contact()
	oldest := b.oldest(s)
	b.mu.Lock()
	st := Status{
		Release: release.Number(), Protocol: max(b.greeting.Protocol, 1), PID: os.Getpid(), StartedAt: b.began, At: now,
		Server: b.dev.Server, Name: b.conf.Name, Device: b.dev.Device, GreetedAt: b.greetedAt, ContactAt: seen.at.UTC(), Trouble: b.trouble,
		Pin: seen.pin, PinUntil: seen.until, Hold: b.conf.Hold, Waiting: len(b.taken), SpoolLimit: b.SpoolLimit,
		Attention: len(b.attention), UpgradeSaid: b.upgradeSaid,
	}
	if s != nil {
		st.Waiting += len(s.todo) + len(s.partial)
	}
	if b.greeting.Offer != nil {
		st.Offered = b.greeting.Offer.Release
	}
	b.mu.Unlock()
	st.Spooled = b.spool.bytes()
	if !oldest.IsZero() {
		st.OldestAt = &oldest
	}
	if d, ok := b.up.drift(); ok {
		ms := d.Milliseconds()
		st.ClockMS = &ms
	}
	text, err := json.Marshal(st)
	if err != nil {
		return
	}
	path := filepath.Join(b.dev.dir, statusFile)
	if os.WriteFile(path+".new", append(text, '\n'), 0o600) == nil {
		_ = os.Rename(path+".new", path) // the next one is written in seconds
	}
}

// oldest is since when the oldest of what is not in the archive has waited.
func (b *box) oldest(s *scanner) (at time.Time) {
	older := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t.UTC().Truncate(time.Second)
		}
	}
	if s != nil {
		for _, item := range s.todo {
			for _, f := range item.Files {
				older(f.ModTime)
			}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.taken {
		older(e.Made)
	}
	return at
}

// ReadStatus reads what a running box last wrote.
func ReadStatus(state string) (s Status, err error) {
	return s, readJSON(filepath.Join(state, statusFile), &s)
}

// Enrolled is who a state folder's box is.
type Enrolled struct {
	Server      string
	Customer    id.Customer
	Device      id.Device
	ReleaseKeys []string
}

// Who reads who the box of a state folder is; an error says what to do.
func Who(state string) (Enrolled, error) {
	d, err := openDevice(state)
	if err != nil {
		return Enrolled{}, err
	}
	return Enrolled{d.Server, d.Customer, d.Device, d.ReleaseKeys}, nil
}

// TrustReleases pins further keys for releases, given by a person on the box.
func TrustReleases(state string, keys ...string) error {
	path := filepath.Join(state, identityFile)
	var who identity
	if err := readJSON(path, &who); err != nil {
		return err
	}
	who.ReleaseKeys = append(who.ReleaseKeys, keys...)
	return writeJSON(path, who)
}

// Reach asks the server once, and gives its settings for this box.
func Reach(ctx context.Context, state string) (Config, error) {
	up, err := uplinkOf(state)
	if err != nil {
		return Config{}, err
	}
	return up.config(ctx)
}

func uplinkOf(state string) (*uplink, error) {
	d, err := openDevice(state)
	if err != nil {
		return nil, err
	}
	return newUplink(d.identity, d.key)
}

// Leave has the server refuse this box from now on.
func Leave(ctx context.Context, state string) error {
	up, err := uplinkOf(state)
	if err != nil {
		return err
	}
	return up.post(ctx, "/leave", struct{}{}, nil)
}

// Undelivered counts what is sealed on a box and not in the archive. It changes
// nothing; while the box runs, the answer is old when it is given.
func Undelivered(state string) (n int, bytes int64, err error) {
	dir := filepath.Join(state, "spool")
	names, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return 0, 0, nil
	}
	for _, name := range names {
		if strings.HasSuffix(name.Name(), unfinished) {
			continue
		}
		if e, err := readEntry(filepath.Join(dir, name.Name())); err == nil {
			n, bytes = n+1, bytes+e.manifest.size()
		}
	}
	return n, bytes, err
}

// Running reports whether a collector uses a state folder at this moment.
func Running(state string) bool {
	held, err := disk.Lock(filepath.Join(state, "lock"))
	if err == nil {
		held.Release()
	}
	return errors.Is(err, disk.ErrHeld)
}

// fetch gets the bytes of a release.
func (u *uplink) fetch(ctx context.Context, o upgrade.Offer) (io.ReadCloser, error) {
	r, err := u.request(ctx, http.MethodGet, "/releases/"+o.Release+"/"+o.OS+"/"+o.Arch, nil)
	if err != nil {
		return nil, err
	}
	u.sign(r, nil)
	resp, err := u.hc.Do(r)
	if err != nil {
		return nil, explain(err, u.base.Host)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		b, err := io.ReadAll(io.LimitReader(resp.Body, answerMax))
		if err != nil {
			return nil, err
		}
		return nil, u.refused(resp, b)
	}
	return resp.Body, nil
}

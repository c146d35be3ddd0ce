package collect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/disk"
)

// Options are what Run is asked to do.
type Options struct {
	State      string        // folder of the enrolled device
	From       string        // folder of the sound files
	Logs       string        // folder of the telephone system's logs, or ""
	Profile    string        // instead of what the server says; "" follows it
	After      After         // likewise
	Once       bool          // end when all that is there has been dealt with
	SpoolLimit int64         // bytes of ciphertext; 0 is 8 GiB
	Every      time.Duration // between two looks at the folder; 0 is 2 s
	Uploads    int           // at the same time; 0 is 16, of which 4 may be large
	Patience   time.Duration // with Once: how long a server may be away; 0 is 10 minutes
	Wait       time.Duration // with Once: how long files may take to prove that they are whole
	Events     func(Event)   // what happens, one at a time; may be nil
	Trial      bool          // this program is on trial: see package upgrade
	NoUpgrades bool          // take no upgrade by itself, whatever the server allows
	Managed    bool          // a launcher starts this program anew when it asks for it

	crash   func(step string) // tests end the process here
	small   int64             // largest recording that travels in one request, instead of maxWhole
	chunk   int64             // largest chunk, instead of what the server says
	now     func() time.Time
	pause   time.Duration                   // before the second attempt; 0 is 1 s
	silence time.Duration                   // until a server that says nothing is given up
	free    func(dir string) (int64, error) // bytes free on the disk
	profile func(capture.Options) (capture.Profile, error)
}

// Event is one thing that happened on the box. File names appear here, on the
// box's own terminal, and nowhere in the state folder.
type Event struct {
	At        time.Time `json:"at"`
	What      string    `json:"event"` // sealed, uploading, stored, verified, erased, destroyed, refused, kept, attention, waiting, away, idle
	File      string    `json:"file,omitempty"`
	Upload    string    `json:"upload,omitempty"`
	Recording string    `json:"recording,omitempty"`
	Duplicate bool      `json:"duplicate,omitempty"`
	Bytes     int64     `json:"bytes,omitempty"`
	Sent      int64     `json:"sent,omitempty"`
	Waiting   int       `json:"waiting,omitempty"`
	Text      string    `json:"text,omitempty"`
	Advice    string    `json:"what_to_do,omitempty"`
}

// reserveBytes stay free on the disk for the telephone system.
const reserveBytes = 512 << 20

// box is a running collector.
type box struct {
	Options
	dev    *device
	up     *uplink
	spool  *spool
	done   *done
	ledger *ledger
	root   *os.Root
	held   *disk.Held

	size, sizeMax atomic.Int64  // of a chunk
	again         atomic.Bool   // look at everything anew
	changed       atomic.Bool   // what needs attention is not what the server was told
	unsent        atomic.Int64  // entries that were dropped as the customer leaves
	parted        chan struct{} // closed once the customer leaves
	partOnce      sync.Once

	mu          sync.Mutex
	conf        Config
	greeting    Greeting
	greetedAt   time.Time
	began       time.Time
	trouble     string            // why the server could not be asked, the last time
	upgradeSaid string            // what became of the last upgrade
	names       map[mark16]string // where the sources of taken entries lie; in memory only
	taken       map[mark16]*entry // which files stand in the spool
	refused     map[mark16]bool   // until the next start
	anew        map[mark16]int    // how often a file was sealed anew
	walked      bool
	attention   map[string]trouble // by file as it is shown

	wholeMax int64
	large    chan struct{} // one for each large upload under way
	queue    chan *entry
	pending  sync.WaitGroup // entries not yet settled
	eventMu  sync.Mutex
	told     map[string]time.Time // what was said lately, so as not to say it again
}

// Run collects until ctx ends, or with Once until all that was found is dealt
// with. It returns an error when the box cannot go on by itself: not enrolled,
// revoked, a folder that is not there. A server that is away is no such reason.
func Run(ctx context.Context, o Options) error {
	b, entries, err := openBox(o)
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.configure(ctx); err != nil {
		return err
	}
	return b.run(ctx, entries)
}

func openBox(o Options) (_ *box, _ []*entry, err error) {
	o.fill()
	b := &box{
		Options: o, names: map[mark16]string{}, taken: map[mark16]*entry{}, refused: map[mark16]bool{},
		anew:      map[mark16]int{},
		attention: map[string]trouble{}, told: map[string]time.Time{}, queue: make(chan *entry, 1024),
		large: make(chan struct{}, 4), wholeMax: maxWhole, parted: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.dev, err = openDevice(o.State); err != nil {
		return nil, nil, err
	}
	if b.held, err = lock(filepath.Join(o.State, "lock")); err != nil {
		return nil, nil, err
	}
	if b.up, err = newUplink(b.dev.identity, b.dev.key); err != nil {
		return nil, nil, err
	}
	b.up.now, b.began = o.now, o.now().UTC()
	b.up.transport.ResponseHeaderTimeout = o.silence
	if b.root, err = os.OpenRoot(o.From); err != nil {
		return nil, nil, fmt.Errorf("the folder of the recordings cannot be opened (%w); check --from", err)
	}
	if b.done, err = openDone(filepath.Join(o.State, "done.log")); err != nil {
		return nil, nil, err
	}
	if b.ledger, err = b.dev.openLedger(); err != nil {
		return nil, nil, err
	}
	var entries []*entry
	if b.spool, entries, err = openSpool(filepath.Join(o.State, "spool"), o.SpoolLimit, reserveBytes); err != nil {
		return nil, nil, err
	}
	b.spool.free = o.free
	for _, e := range entries {
		b.accept(e, nil)
	}
	b.setChunk(chunkBytes)
	if o.small > 0 {
		b.wholeMax = o.small
	}
	return b, entries, nil
}

func (o *Options) fill() {
	if o.SpoolLimit == 0 {
		o.SpoolLimit = 8 << 30
	}
	if o.Every == 0 {
		o.Every = 2 * time.Second
	}
	if o.Uploads == 0 {
		o.Uploads = 16
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Minute
	}
	if o.crash == nil {
		o.crash = func(string) {}
	}
	if o.now == nil {
		o.now = time.Now
	}
	if o.pause == 0 {
		o.pause = time.Second
	}
	if o.silence == 0 {
		o.silence = silenceFor
	}
	if o.free == nil {
		o.free = disk.Free
	}
	if o.profile == nil {
		o.profile = capture.New
	}
}

func (b *box) close() {
	if b.done != nil {
		b.done.Close()
	}
	if b.ledger != nil {
		b.ledger.Close()
	}
	if b.root != nil {
		b.root.Close()
	}
	if b.held != nil {
		b.held.Release()
	}
}

// configure asks the server who we are and what to do; while it is away, the
// last answer holds.
func (b *box) configure(ctx context.Context) error {
	_, err := b.greet(ctx)
	var c Config
	if err == nil {
		c, err = b.up.config(ctx)
	}
	b.noteTrouble(err)
	if err == nil {
		if err := b.believe(c); err != nil {
			return err
		}
		return writeJSON(filepath.Join(b.dev.dir, configFile), c)
	}
	if final(err) {
		return b.left(err)
	}
	b.report(Event{What: "away", Text: err.Error()})
	b.mu.Lock()
	known := !b.conf.Customer.IsZero()
	b.mu.Unlock()
	if known {
		return nil
	}
	if err := readJSON(filepath.Join(b.dev.dir, configFile), &c); err != nil {
		return err
	}
	c.Farewell = false // what cannot be undone is believed of the server's signature alone
	return b.believe(c)
}

// noteTrouble remembers why the server could not be asked, for "collect status".
func (b *box) noteTrouble(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trouble = ""; err != nil {
		b.trouble = err.Error()
	}
}

// believe takes over a configuration, but never one that would send recordings
// to another customer or have receipts signed by another key.
func (b *box) believe(c Config) error {
	if c.Customer != b.dev.Customer || c.Device != b.dev.Device || string(c.ServerKey) != string(b.dev.ServerKey) {
		return errors.New("the server is not the one that this box was enrolled with (another customer, device or key); nothing was sent. If the server was set up anew, enrol the box anew")
	}
	b.mu.Lock()
	b.conf = c
	b.mu.Unlock()
	b.setChunk(int64(c.Chunk))
	return nil
}

func (b *box) setChunk(n int64) {
	if b.Options.chunk > 0 {
		n = b.Options.chunk
	}
	n = min(max(n, minChunk), maxChunk)
	b.sizeMax.Store(n)
	b.size.Store(n)
}

func (b *box) config() Config {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.conf
}

func (b *box) after() After {
	if b.Options.After != "" {
		return b.Options.After
	}
	return b.config().After
}

// final reports whether an error will not go away by waiting.
func final(err error) bool {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		return false
	}
	switch r.Code {
	case codeClock, codeReplay:
		return false // the clock is set while we wait; the next request is another one
	case codeDevice:
		return true
	}
	return r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden
}

// accept notes that an entry stands in the spool and where its sources are.
func (b *box) accept(e *entry, files []recording.File) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range e.Sources {
		b.taken[s.Path] = e
		if files != nil {
			b.names[s.Path] = files[i].Path
		}
	}
}

// forget drops an entry that has ended.
func (b *box) forget(e *entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range e.Sources {
		if b.taken[s.Path] == e {
			delete(b.taken, s.Path)
			delete(b.names, s.Path)
		}
	}
}

// known reports whether this version of a file needs no sealing: dealt with,
// in the spool, or refused since the start.
func (b *box) known(name string, size int64) bool {
	m := b.dev.pathMark(name)
	info, err := b.root.Stat(filepath.FromSlash(name))
	if err != nil || info.Size() != size {
		return false
	}
	at := info.ModTime().UnixNano()
	if _, ok := b.done.has(m, size, at); ok {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refused[m] {
		return true
	}
	if e := b.taken[m]; e != nil {
		for _, s := range e.Sources {
			if s.Path == m && s.Size == size && s.ModTime == at {
				return true
			}
		}
	}
	return false
}

// refuse lists what the server will not take under needs attention.
func (b *box) refuse(e *entry, reason string) {
	b.mu.Lock()
	name := ""
	for _, s := range e.Sources {
		b.refused[s.Path] = true
		if n := b.names[s.Path]; n != "" && name == "" {
			name = n
		}
	}
	b.mu.Unlock()
	b.needs(capture.Shown(name), name, reason, "the file is tried again when the collector is started anew; its source was not touched", e.manifest.size())
}

// sayAgain is after how long the same trouble is worth another line.
const sayAgain = 5 * time.Minute

func (b *box) report(e Event) {
	if b.Events == nil {
		return
	}
	b.eventMu.Lock()
	defer b.eventMu.Unlock()
	e.At = b.now().UTC()
	if e.What == "away" || e.What == "waiting" {
		if at, ok := b.told[e.Text]; ok && e.At.Sub(at) < sayAgain {
			return
		}
		clear(b.told) // it is the last thing said that must not be repeated
		b.told[e.Text] = e.At
	}
	b.Events(e)
}

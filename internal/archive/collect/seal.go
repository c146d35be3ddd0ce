package collect

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/sealed"
)

// card is what the box tells of a recording. It travels sealed under the card
// key; the plain hashes stand in it and nowhere else, as a hash of short sound
// (silence, an announcement) tells what the sound is.
type card struct {
	Key       string               `json:"key"`
	Call      recording.Call       `json:"call"`
	Sound     recording.SoundState `json:"sound"`
	StartedAt time.Time            `json:"started_at"` // of the sound; zero: with the call
	Files     []cardFile           `json:"files"`      // one per object of the manifest, in the same order
}

// cardFile is one rendition's file as it was when it was sealed.
type cardFile struct {
	Path    string         `json:"path,omitempty"`
	Raw     []byte         `json:"path_bytes,omitempty"` // instead of path where that is not UTF-8
	Shown   string         `json:"shown,omitempty"`      // the path for people; older boxes say none
	Kind    recording.Kind `json:"kind"`
	Size    int64          `json:"size"`
	ModTime time.Time      `json:"modified_at"`
	Probed  sound.Probed   `json:"probed"`
	SHA256  []byte         `json:"sha256"`
}

// errChanging means that a file was not what it had been when it was found; it
// will be found again.
var errChanging = errors.New("the file is still changing")

// sealInto seals one recording into the spool. When it returns, the keys exist
// only within the capsule; after the spool's next sync the entry survives a
// power cut. Space of the spool is taken here and given back by remove.
func (b *box) sealInto(ctx context.Context, conf Config, item recording.Item) (*entry, error) {
	space := int64(0)
	for _, f := range item.Files {
		space += sealed.SealedSize(f.Size)
	}
	if len(item.Files) == 0 || len(item.Files) > maxObjects || space > maxUpload {
		return nil, fmt.Errorf("a recording has 1 to %d files and at most %d GiB", maxObjects, int64(maxUpload)>>30)
	}
	if err := b.spool.reserveSpace(space); err != nil {
		return nil, err
	}
	e := &entry{Upload: id.New[id.Upload](), Made: b.now().UTC().Truncate(time.Millisecond)}
	if err := b.sealFiles(ctx, conf, item, e); err != nil {
		b.spool.discard(e.Upload, space)
		return nil, err
	}
	return e, nil
}

func (b *box) sealFiles(ctx context.Context, conf Config, item recording.Item, e *entry) error {
	out, err := b.spool.create(e.Upload)
	if err != nil {
		return err
	}
	defer out.Close()
	content, cardKey := secret.NewKey(), secret.NewKey()
	c := card{Key: item.Key, Call: item.Call, Sound: item.Sound, StartedAt: item.StartedAt}
	e.manifest = Manifest{
		Version: version, Customer: b.dev.Customer, Device: b.dev.Device, Upload: e.Upload,
		Recording: recordingID(b.dev.Device, e.Upload),
	}
	for i, f := range item.Files {
		o, plain, err := sealFile(ctx, out, f, content, b.dev.Customer, objectID(b.dev.Device, e.Upload, i))
		if err != nil {
			return err
		}
		e.manifest.Objects = append(e.manifest.Objects, o)
		c.Files = append(c.Files, describe(f, plain))
		e.Sources = append(e.Sources, source{b.dev.pathMark(f.Path), f.Size, f.ModTime.UnixNano(), b.dev.contentMark(plain)})
	}
	b.crash("sealed")
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	e.manifest.Card = sealed.Field(cardKey, cardInfo(b.dev.Customer, e.Upload), text)
	e.manifest.Capsule, err = keyring.Capsule(conf.PublicKey, capsuleInfo(b.dev.Customer, b.dev.Device, e.Upload), content, cardKey)
	if err != nil {
		return err
	}
	e.Signed, err = signDocument(manifestLabel, e.manifest, func(m []byte) ([]byte, error) { return ed25519.Sign(b.dev.key, m), nil })
	if err != nil {
		return err
	}
	return b.spool.commit(out, e)
}

// sealFile appends one sealed object to out.
func sealFile(ctx context.Context, out *os.File, f recording.File, key secret.Key, c id.Customer, own id.Object) (o Object, plain [32]byte, err error) {
	in, err := f.Open()
	if err != nil {
		return o, plain, err
	}
	defer in.Close()
	o.ID = own
	closed, clear := sha256.New(), sha256.New()
	count := &counter{w: io.MultiWriter(out, closed)}
	w, err := sealed.NewWriter(count, key, recording.ObjectAAD(c, o.ID))
	if err != nil {
		return o, plain, err
	}
	// One byte more than expected is asked for, to notice a file that grew.
	n, err := io.Copy(io.MultiWriter(w, clear), &interruptible{ctx, io.LimitReader(in, f.Size+1)})
	if err != nil {
		return o, plain, err
	}
	if n != f.Size {
		return o, plain, errChanging
	}
	if err := w.Close(); err != nil {
		return o, plain, err
	}
	o.Bytes, o.SHA256 = count.n, closed.Sum(nil)
	return o, [32]byte(clear.Sum(nil)), nil
}

// counter counts what is written through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// interruptible ends reading when its context does: a recording can be large.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

func describe(f recording.File, plain [32]byte) cardFile {
	d := cardFile{Shown: f.Shown, Kind: f.Kind, Size: f.Size, ModTime: f.ModTime.UTC(), Probed: f.Probed, SHA256: plain[:]}
	if utf8.ValidString(f.Path) {
		d.Path = f.Path
	} else {
		d.Raw = []byte(f.Path)
	}
	return d
}

// path is the name byte for byte as it was on the box.
func (d *cardFile) path() string {
	if d.Raw != nil {
		return string(d.Raw)
	}
	return d.Path
}

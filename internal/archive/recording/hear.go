package recording

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"time"

	"ringfence/internal/archive/sound"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/sealed"
)

// reader opens an object of the recording. Where it lies in two places and one
// copy is damaged or gone, the other is read.
func (o *Opening) reader(ctx context.Context, object id.Object) (*objectReader, error) {
	var errs []error
	for _, bucket := range blob.Replicas(o.s.objects) {
		r, err := o.readerFrom(ctx, bucket, object)
		if err == nil {
			return r, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	err := errors.Join(errs...)
	if fault.Is(err, fault.NotFound) {
		// Rows name it. Whoever reads that there is none would do without it for ever.
		err = fault.Wrap(err, fault.Unavailable, "a part of this recording does not lie where it should: the disk or store of objects is not there, or has lost it")
	}
	return nil, err
}

func (o *Opening) readerFrom(ctx context.Context, bucket blob.Bucket, object id.Object) (*objectReader, error) {
	key, err := o.lasting(ctx)
	if err != nil {
		return nil, err
	}
	c := o.p.Customer()
	obj, err := bucket.Open(ctx, ObjectName(c, object))
	if err != nil {
		return nil, err
	}
	r, err := sealed.NewReaderAt(obj, obj.Size(), key, ObjectAAD(c, object))
	if err != nil {
		obj.Close()
		return nil, err
	}
	return &objectReader{o, r, obj}, nil
}

// lasting gives the key while the opening lasts and the customer key is lent.
func (o *Opening) lasting(ctx context.Context) (secret.Key, error) {
	key, err := o.current()
	if err != nil {
		return key, err
	}
	return key, o.s.keys.Still(ctx, o.p.Customer())
}

// objectReader reads a sealed object for as long as its opening lasts.
type objectReader struct {
	o *Opening
	*sealed.ReaderAt
	obj blob.Object
}

// ReadAt asks before each piece: an opening ends, and so does what the customer's
// own key server has lent, in the middle of a stream too.
func (r *objectReader) ReadAt(p []byte, off int64) (int, error) {
	if _, err := r.o.lasting(context.Background()); err != nil {
		return 0, err
	}
	return r.ReaderAt.ReadAt(p, off)
}

func (r *objectReader) Close() error { return r.obj.Close() }

// openPCM is decoded sound that closes the object below it.
type openPCM struct {
	sound.PCM
	below []io.Closer
}

func (p openPCM) Close() error {
	err := p.PCM.Close()
	for _, c := range p.below {
		err = errors.Join(err, c.Close())
	}
	return err
}

// sides finds the two sides of a recording that was made in two files.
func (o *Opening) sides() (caller, agent Rendition, both bool) {
	if !o.wanted.IsZero() {
		return
	}
	var c, a bool
	for _, r := range o.Forms {
		switch r.Kind {
		case Caller:
			caller, c = r, true
		case AgentSide:
			agent, a = r, true
		}
	}
	return caller, agent, c && a && caller.Probed.Rate == agent.Probed.Rate
}

// PCM gives the sound: the rendition that was asked for, else both sides as
// left (caller) and right, else the preferred one. Close it; it is for one
// goroutine.
func (o *Opening) PCM(ctx context.Context) (sound.PCM, error) {
	if !ways[o.What] {
		return nil, fault.New(fault.Denied, "this opening is for the transcript, not for the sound")
	}
	if len(o.Forms) == 0 {
		return nil, errMissing
	}
	if caller, agent, both := o.sides(); both {
		left, err := o.PCMOf(ctx, caller)
		if err != nil {
			return nil, err
		}
		right, err := o.PCMOf(ctx, agent)
		if err != nil {
			return nil, errors.Join(err, left.Close())
		}
		return sound.Combine(left, right)
	}
	for _, r := range o.Forms {
		if r.ID == o.wanted {
			return o.PCMOf(ctx, r)
		}
	}
	return o.PCMOf(ctx, o.Forms[0])
}

// PCMOf gives the sound of one rendition.
func (o *Opening) PCMOf(ctx context.Context, r Rendition) (sound.PCM, error) {
	obj, err := o.reader(ctx, r.Object)
	if err != nil {
		return nil, err
	}
	pcm, err := sound.OpenPCM(ctx, obj, r.Probed)
	if err != nil {
		return nil, errors.Join(err, obj.Close())
	}
	return openPCM{pcm, []io.Closer{obj}}, nil
}

// WAV gives the sound as a file of 16-bit WAV, any part of which can be read.
// It is for one request: close it.
func (o *Opening) WAV(ctx context.Context) (*sound.WAV, error) {
	pcm, err := o.PCM(ctx)
	if err != nil {
		return nil, err
	}
	return sound.NewWAV(pcm), nil
}

// Peaks is the outline of the sound for drawing, from 0 to 1.
type Peaks struct {
	Seconds  float64        `json:"seconds"`
	Channels []PeaksChannel `json:"channels"`
}

// PeaksChannel is the outline of one channel.
type PeaksChannel struct {
	Label string    `json:"label"` // mix, caller, agent, left, right
	Peaks []float64 `json:"peaks"`
}

const (
	outlineParts = 1800             // as many as a wide screen shows
	outlineAfter = 10 * time.Minute // sound shorter than this is outlined faster than an outline is opened
)

// Peaks draws the outline. That of long sound is kept, sealed like the sound.
func (o *Opening) Peaks(ctx context.Context) (Peaks, error) {
	long := o.Length >= outlineAfter && o.wanted.IsZero()
	if long {
		if text, err := o.attached(ctx, outline); err == nil {
			var kept Peaks
			return kept, json.Unmarshal(text, &kept)
		} else if !fault.Is(err, fault.NotFound) {
			return Peaks{}, err
		}
	}
	pcm, err := o.PCM(ctx)
	if err != nil {
		return Peaks{}, err
	}
	defer pcm.Close()
	loud, err := sound.Peaks(ctx, pcm, outlineParts)
	if err != nil {
		return Peaks{}, err
	}
	peaks := Peaks{Seconds: Seconds(o.Length)}
	for i, channel := range loud {
		c := PeaksChannel{Label: o.label(i, len(loud)), Peaks: make([]float64, len(channel))}
		for j, v := range channel {
			c.Peaks[j] = math.Round(float64(v)*1000) / 1000
		}
		peaks.Channels = append(peaks.Channels, c)
	}
	if long {
		if text, err := json.Marshal(peaks); err == nil {
			if err := o.attach(ctx, outline, text, nil); err != nil {
				o.s.log.WarnContext(ctx, "the outline of a recording could not be kept", "recording", o.Recording, "error", err)
			}
		}
	}
	return peaks, nil
}

func (o *Opening) label(i, of int) string {
	switch {
	case of == 1 && o.Layout == string(sound.Caller):
		return "caller"
	case of == 1 && o.Layout == string(sound.Agent):
		return "agent"
	case of == 1:
		return "mix"
	case o.Layout == string(sound.Sides):
		return []string{"caller", "agent"}[min(i, 1)]
	default:
		return []string{"left", "right"}[min(i, 1)]
	}
}

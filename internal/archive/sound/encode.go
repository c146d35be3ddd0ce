package sound

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os/exec"
	"strconv"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/span"
)

// Bit rates of Opus in kbit/s for each channel: below, speech suffers; above, nobody hears a difference in a telephone call.
const (
	LeastOpus = 8
	MostOpus  = 64
	UsualOpus = 24
)

// EncodeOpus writes all of the sound as Opus in Ogg (RFC 7845), through ffmpeg. kbit is for each channel. The child gets PCM through a
// pipe and gives Opus through another; it opens neither files nor the network, has no environment, and dies with the context, or when it
// has taken nothing for twenty seconds. Telephone sound needs no more than one thread: what waits beside it comes first.
func EncodeOpus(ctx context.Context, out io.Writer, p PCM, kbit int) error {
	if kbit < LeastOpus || kbit > MostOpus {
		return fault.Field("kbit", "must be between %d and %d kbit/s for each channel", LeastOpus, MostOpus)
	}
	tool, err := exec.LookPath("ffmpeg")
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "Opus needs ffmpeg, which is not installed on this machine")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, "-nostdin", "-hide_banner", "-loglevel", "quiet", "-protocol_whitelist", "pipe", "-threads", "1",
		"-f", "s16le", "-ar", strconv.Itoa(p.Rate()), "-ac", strconv.Itoa(p.Channels()), "-i", "pipe:0",
		"-map_metadata", "-1", "-fflags", "+bitexact", "-c:a", "libopus", "-b:a", strconv.Itoa(kbit*p.Channels())+"k", "-vbr", "on",
		"-application", "voip", "-frame_duration", "20", "-f", "ogg", "pipe:1")
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	cmd.WaitDelay = time.Second
	cmd.Stdout = out
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the encoder for Opus could not be started")
	}
	_, run := span.Begin(ctx, "child ffmpeg", span.Attr{Key: "kind", Value: "encode opus"})
	stall := time.AfterFunc(childStall, cancel)
	defer stall.Stop()
	fed := feed(ctx, in, p, func() { stall.Reset(childStall) })
	if err := in.Close(); fed == nil {
		fed = err
	}
	if fed != nil {
		cancel()
	}
	if err := cmd.Wait(); err != nil && fed == nil {
		fed = fmt.Errorf("the encoder for Opus ended with: %w", err)
	}
	run.End(fed)
	return fed
}

// feed writes the sound as 16-bit PCM and says after each piece that it went on.
func feed(ctx context.Context, to io.Writer, p PCM, gone func()) error {
	raw := make([]byte, 16<<10)
	return each(ctx, p, make([]int16, len(raw)/2), func(got []int16) error {
		for i, s := range got {
			binary.LittleEndian.PutUint16(raw[2*i:], uint16(s))
		}
		_, err := to.Write(raw[:2*len(got)])
		gone()
		return err
	})
}

// alikeParts is into how many parts sounds are cut to be compared.
const alikeParts = 400

// Alike compares two decoded sounds by length and loudness: whether b may stand for a. A codec may move samples and round them; it may not
// lose the end, a channel or a stretch, or swap the sides. It reads both to their ends.
func Alike(ctx context.Context, a, b PCM) (bool, error) {
	la, lb := float64(a.Frames())/float64(a.Rate()), float64(b.Frames())/float64(b.Rate())
	if a.Channels() != b.Channels() || math.Abs(la-lb) > 0.2 {
		return false, nil
	}
	pa, err := Peaks(ctx, a, alikeParts)
	if err != nil {
		return false, err
	}
	pb, err := Peaks(ctx, b, alikeParts)
	if err != nil {
		return false, err
	}
	for c := range pa {
		if !alike(pa[c], pb[c]) {
			return false, nil
		}
	}
	return true, nil
}

// alike holds two outlines against each other: silence to silence, speech to speech that rises and falls with it.
func alike(a, b []float32) bool {
	const quiet = 0.02 // peaks below are as good as silence; at low rates a codec hums that much
	var ma, mb, top float64
	for i := range a {
		ma, mb, top = ma+float64(a[i]), mb+float64(b[i]), max(top, float64(a[i]))
	}
	n := float64(len(a))
	ma, mb = ma/n, mb/n
	if top < quiet {
		return mb < 2*quiet
	}
	var xy, xx, yy float64
	for i := range a {
		x, y := float64(a[i])-ma, float64(b[i])-mb
		xy, xx, yy = xy+x*y, xx+x*x, yy+y*y
	}
	level := mb / max(ma, 1e-9)
	if level < 0.5 || level > 2 {
		return false
	}
	// An even tone has no rise or fall to compare.
	return xx/n < 1e-4 || xy/math.Sqrt(xx*max(yy, 1e-12)) > 0.8
}

package sound

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os/exec"
	"strconv"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/span"
)

// childStall is how long the decoder may take to give its next piece before it is killed: a damaged file must not hold a process for ever.
const childStall = 20 * time.Second

// childSkip is how far ahead, in seconds of sound, is read and thrown away rather than starting the decoder anew.
const childSkip = 5

// compressed decodes MP3 and Opus through ffmpeg. The child gets the sound through a pipe and gives PCM through another; it may open
// neither files nor the network, has no environment, and dies with the context. A seek starts it anew a little before the place wanted.
type compressed struct {
	ctx  context.Context // of the opening: ends the child
	r    io.ReaderAt
	p    Probed
	kind string // ffmpeg's name of the container
	// from says where to begin feeding so that frame at is decoded soundly: what to feed first, the position after which all follows,
	// and the frame of the first sample that comes out.
	from func(at int64) (prefix, start, frame int64)

	child *child
	next  int64 // the frame that the child gives next
	stall time.Duration
}

type child struct {
	ctx    context.Context
	cancel context.CancelFunc
	cmd    *exec.Cmd
	out    *bufio.Reader
	stall  *time.Timer
	span   span.Span
}

// newMP3Reader notes where every 64th frame stands, so that a seek is exact for any bit rate.
func newMP3Reader(ctx context.Context, r io.ReaderAt, p Probed) (PCM, error) {
	const every, warmUp = 64, 10 // a frame may refer back to the bytes of up to nine before it (the bit reservoir)
	var marks []int64
	full := p
	var samples int64
	if err := scanMP3(r, &full, func(frame, at int64) {
		if frame%every == 0 {
			marks = append(marks, at)
		}
	}); err != nil {
		return nil, err
	}
	if full.Frames > 0 && len(marks) > 0 {
		var h [4]byte
		if _, err := r.ReadAt(h[:], marks[0]); err == nil {
			f, _ := parseMP3Frame(h[:])
			samples = int64(f.samples)
		}
	}
	if samples == 0 {
		return nil, fault.New(fault.Invalid, "the MP3 file holds no whole frame")
	}
	c := &compressed{ctx: ctx, r: r, p: p, kind: "mp3", stall: childStall}
	c.from = func(at int64) (int64, int64, int64) {
		i := min(max(0, at/samples-warmUp)/every, int64(len(marks)-1))
		return 0, marks[i], i * every * samples
	}
	return c, nil
}

// newOpusReader finds pages by halving: each page tells the position of its end.
func newOpusReader(ctx context.Context, r io.ReaderAt, p Probed) (PCM, error) {
	head, err := readOpusHead(r, p.Size)
	if err != nil {
		return nil, err
	}
	const preRoll = opusRate * 80 / 1000 // RFC 7845 §4.6
	c := &compressed{ctx: ctx, r: r, p: p, kind: "ogg", stall: childStall}
	c.from = func(at int64) (int64, int64, int64) {
		want := at - preRoll
		start, frame := head.audioAt, int64(0)
		lo, hi := head.audioAt, p.DataOffset+p.DataBytes
		for hi-lo > oggSearchBack/2 {
			mid := (lo + hi) / 2
			pos, page, ok := nextOggPage(r, hi, mid, head.serial)
			if !ok || page.granule > want {
				hi = mid
				continue
			}
			lo = pos + page.header + page.body
			start, frame = lo, page.granule
		}
		for { // what is left is short: page by page
			page, ok := readOggPage(r, p.Size, lo)
			if !ok || page.granule < 0 || page.granule > want {
				return head.audioAt, start, frame
			}
			lo += page.header + page.body
			start, frame = lo, page.granule
		}
	}
	return c, nil
}

// nextOggPage finds the first page at or after a position that has a granule position.
func nextOggPage(r io.ReaderAt, end, from int64, serial uint32) (int64, oggPage, bool) {
	buf := make([]byte, min(oggSearchBack/2, end-from))
	n, err := r.ReadAt(buf, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, oggPage{}, false
	}
	for i := 0; i+27 <= n; i++ {
		if buf[i] != 'O' || string(buf[i:i+4]) != "OggS" {
			continue
		}
		if page, ok := readOggPage(r, end, from+int64(i)); ok && page.serial == serial && page.granule >= 0 {
			return from + int64(i), page, true
		}
	}
	return 0, oggPage{}, false
}

func (c *compressed) Rate() int     { return c.p.Rate }
func (c *compressed) Channels() int { return c.p.Channels }
func (c *compressed) Frames() int64 { return c.p.Frames }

func (c *compressed) ReadFrames(p []int16, at int64) (int, error) {
	want := min(int64(len(p)/c.p.Channels), c.p.Frames-at)
	if at < 0 || want <= 0 {
		return 0, io.EOF
	}
	if c.child == nil || at < c.next || at-c.next > childSkip*int64(c.p.Rate) {
		if err := c.start(at); err != nil {
			return 0, err
		}
	}
	frame := int64(c.p.Channels) * 2
	c.child.stall.Reset(c.stall)
	defer c.child.stall.Stop()
	if skip := (at - c.next) * frame; skip > 0 {
		n, err := c.child.out.Discard(int(skip))
		c.next += int64(n) / frame
		if err != nil {
			return c.silence(p, want, err)
		}
	}
	raw := make([]byte, min(want*frame, 32<<10/frame*frame))
	n, err := io.ReadFull(c.child.out, raw)
	got := int64(n) / frame
	c.next += got
	for i := range got * int64(c.p.Channels) {
		p[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	if got > 0 {
		return int(got), nil
	}
	return c.silence(p, want, err)
}

// silence fills what the decoder does not give although the file's length promises it: a damaged end, or samples that an encoder padded.
// Without it the length told by the header of a virtual WAV would not be that of its data.
func (c *compressed) silence(p []int16, want int64, err error) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	if c.child.ctx.Err() != nil {
		return 0, errors.Join(c.Close(), fault.New(fault.Unavailable, "the decoder of the %s sound gave nothing for %s and was stopped", c.p.Codec, c.stall))
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, err
	}
	if c.next == 0 {
		return 0, fault.New(fault.Invalid, "the %s sound cannot be decoded", c.p.Codec)
	}
	clear(p[:want*int64(c.p.Channels)])
	c.next += want
	return int(want), nil
}

// start runs the decoder from a little before a frame.
func (c *compressed) start(at int64) error {
	if err := c.Close(); err != nil {
		return err
	}
	tool, err := exec.LookPath("ffmpeg")
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "MP3 and Opus need ffmpeg, which is not installed on this machine")
	}
	prefix, start, frame := c.from(at)
	ctx, cancel := context.WithCancel(c.ctx)
	cmd := exec.CommandContext(ctx, tool, "-nostdin", "-hide_banner", "-loglevel", "quiet", "-protocol_whitelist", "pipe",
		"-f", c.kind, "-i", "pipe:0", "-map", "0:a:0", "-vn", "-f", "s16le", "-acodec", "pcm_s16le",
		"-ac", strconv.Itoa(c.p.Channels), "-ar", strconv.Itoa(c.p.Rate), "pipe:1")
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	cmd.WaitDelay = time.Second
	in := io.MultiReader(io.NewSectionReader(c.r, 0, prefix), io.NewSectionReader(c.r, start, c.p.Size-start))
	cmd.Stdin = in
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return fault.Wrap(err, fault.Unavailable, "the decoder for MP3 and Opus could not be started")
	}
	_, s := span.Begin(ctx, "child ffmpeg", span.Attr{Key: "kind", Value: c.kind})
	c.child = &child{ctx: ctx, cancel: cancel, cmd: cmd, out: bufio.NewReaderSize(out, 32<<10), span: s}
	c.child.stall = time.AfterFunc(c.stall, cancel)
	c.next = frame
	return nil
}

// Close kills the child and waits for it.
func (c *compressed) Close() error {
	if c.child == nil {
		return nil
	}
	c.child.stall.Stop()
	c.child.cancel()
	_ = c.child.cmd.Wait() // killed on purpose: its answer says nothing
	c.child.span.End(nil)
	c.child = nil
	return nil
}

package sound

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"ringfence/internal/base/fault"
)

// mp3Frame is the header of one frame (ISO 11172-3 §2.4.1.3).
type mp3Frame struct {
	rate, channels, samples, size int
	side                          int // bytes of side information after the header, where a Xing tag would stand
}

var mp3Bitrates = [2][16]int{ // kbit/s of layer III; MPEG-1, then MPEG-2 and 2.5
	{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0},
	{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0},
}

var mp3Rates = [3]int{44100, 48000, 32000}

// parseMP3Frame reads the four bytes of a frame's header. Layers I and II, free bit rates and reserved values are no frame.
func parseMP3Frame(b []byte) (f mp3Frame, ok bool) {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return f, false
	}
	version, layer := b[1]>>3&3, b[1]>>1&3 // version 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
	if version == 1 || layer != 1 || b[2]>>2&3 == 3 {
		return f, false
	}
	f.rate = mp3Rates[b[2]>>2&3]
	table, scale := 0, 144
	f.samples, f.channels = 1152, 2
	if b[3]>>6 == 3 {
		f.channels = 1
	}
	f.side = 32
	if f.channels == 1 {
		f.side = 17
	}
	if version != 3 {
		table, scale, f.samples = 1, 72, 576
		f.rate /= 2
		f.side = 17
		if f.channels == 1 {
			f.side = 9
		}
		if version == 0 {
			f.rate /= 2
		}
	}
	bitrate := mp3Bitrates[table][b[2]>>4]
	if bitrate == 0 {
		return f, false
	}
	f.size = scale*bitrate*1000/f.rate + int(b[2]>>1&1)
	return f, f.size > 4
}

// Limits of how far an MP3 file is searched for its first frame, and scanned to count frames before its length is estimated.
const (
	mp3SyncWithin = 256 << 10
	mp3ScanWithin = 64 << 20
)

// mp3Start finds the first frame after any ID3 tag: a header that is followed by another one of the same kind.
func mp3Start(r io.ReaderAt, size int64) (int64, mp3Frame, error) {
	off := id3Size(r, size)
	buf := make([]byte, mp3SyncWithin)
	n, err := r.ReadAt(buf[:max(0, min(int64(len(buf)), size-off))], off)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, mp3Frame{}, err
	}
	for i := 0; i+4 <= n; i++ {
		f, ok := parseMP3Frame(buf[i:n])
		if !ok {
			continue
		}
		next := i + f.size
		if next == n && int64(n) == size-off {
			return off + int64(i), f, nil // a single frame
		}
		if g, ok := parseMP3Frame(buf[min(next, n):n]); ok && g.rate == f.rate && g.samples == f.samples {
			return off + int64(i), f, nil
		}
	}
	return 0, mp3Frame{}, fault.New(fault.Invalid, "no MP3 frame was found; the file holds %s", looksLike(buf[:min(n, 16)]))
}

// id3Size is the length of ID3v2 tags at the start (id3.org, ID3v2.4 §3.1). Tags that claim more than the file are not believed.
func id3Size(r io.ReaderAt, size int64) int64 {
	var off int64
	for range 4 {
		var h [10]byte
		if off+10 > size {
			break
		}
		if _, err := r.ReadAt(h[:], off); err != nil || string(h[:3]) != "ID3" {
			break
		}
		n := int64(h[6]&0x7f)<<21 | int64(h[7]&0x7f)<<14 | int64(h[8]&0x7f)<<7 | int64(h[9]&0x7f)
		if off+10+n > size {
			break
		}
		off += 10 + n
	}
	return off
}

// probeMP3 counts frames: from a Xing or Info tag that fits the file, else by walking the frames, and by estimate beyond a limit.
func probeMP3(r io.ReaderAt, p *Probed) error {
	p.Container, p.Codec = "mp3", MP3
	off, first, err := mp3Start(r, p.Size)
	if err != nil {
		return err
	}
	p.Rate, p.Channels, p.Header = first.rate, first.channels, Absent
	p.DataOffset = off
	frames, bytes, tagged := xing(r, p.Size, off, first)
	if tagged {
		p.DataOffset = off + int64(first.size)
		avail := p.Size - p.DataOffset
		// A tag is believed only where the frames it promises can be there: at least 24 bytes each.
		if frames > 0 && frames*24 <= avail && (bytes == 0 || bytes <= p.Size-off+128) {
			p.DataBytes, p.Frames, p.Header = avail, frames*int64(first.samples), Agrees
			return nil
		}
		p.Header = Long
	}
	return scanMP3(r, p, nil)
}

// xing reads the tag that a variable bit rate encoder leaves in the first frame.
func xing(r io.ReaderAt, size, off int64, f mp3Frame) (frames, bytes int64, ok bool) {
	var b [16]byte
	at := off + 4 + int64(f.side)
	if at+16 > size {
		return 0, 0, false
	}
	if _, err := r.ReadAt(b[:], at); err != nil || string(b[:4]) != "Xing" && string(b[:4]) != "Info" {
		return 0, 0, false
	}
	flags, rest := b[7], b[8:]
	if flags&1 != 0 {
		frames, rest = int64(binary.BigEndian.Uint32(rest)), rest[4:]
	}
	if flags&2 != 0 {
		bytes = int64(binary.BigEndian.Uint32(rest))
	}
	return frames, bytes, true
}

// scanMP3 walks the frames from DataOffset and sets Frames and DataBytes. Each frame's position is told to note, if there is one.
func scanMP3(r io.ReaderAt, p *Probed, note func(frame int64, at int64)) error {
	end := p.Size
	if note == nil {
		end = min(end, p.DataOffset+mp3ScanWithin)
	}
	br := bufio.NewReaderSize(io.NewSectionReader(r, p.DataOffset, end-p.DataOffset), 64<<10)
	at, samples, count := p.DataOffset, int64(0), int64(0)
	for {
		h, err := br.Peek(4)
		if err != nil {
			break
		}
		f, ok := parseMP3Frame(h)
		if !ok || f.rate != p.Rate {
			if string(h[:3]) == "TAG" { // ID3v1 at the end
				break
			}
			if _, err := br.Discard(1); err != nil {
				break
			}
			at++
			continue
		}
		n, err := br.Discard(f.size)
		if err != nil && int64(n) < int64(f.size) {
			break // the last frame is cut
		}
		if note != nil {
			note(count, at)
		}
		at, samples, count = at+int64(f.size), samples+int64(f.samples), count+1
	}
	if read := at - p.DataOffset; end < p.Size && read > 0 {
		samples = int64(float64(samples) / float64(read) * float64(p.Size-p.DataOffset))
		at = p.Size
	}
	p.DataBytes, p.Frames = at-p.DataOffset, samples
	return nil
}

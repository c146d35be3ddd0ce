package sound

import (
	"encoding/binary"
	"errors"
	"io"

	"ringfence/internal/base/fault"
)

// oggPage is the header of one page (RFC 3533 §6).
type oggPage struct {
	granule  int64
	serial   uint32
	sequence uint32
	flags    byte
	header   int64 // bytes of the page's header with its segment table
	body     int64
}

const (
	oggFirst = 2
	oggLast  = 4
)

func readOggPage(r io.ReaderAt, size, off int64) (p oggPage, ok bool) {
	var b [27 + 255]byte
	n, err := r.ReadAt(b[:max(0, min(int64(len(b)), size-off))], off)
	if err != nil && !errors.Is(err, io.EOF) || n < 27 || string(b[:4]) != "OggS" || b[4] != 0 {
		return p, false
	}
	segments := int(b[26])
	if n < 27+segments {
		return p, false
	}
	p.flags = b[5]
	p.granule = int64(binary.LittleEndian.Uint64(b[6:]))
	p.serial = binary.LittleEndian.Uint32(b[14:])
	p.sequence = binary.LittleEndian.Uint32(b[18:])
	p.header = 27 + int64(segments)
	for _, s := range b[27 : 27+segments] {
		p.body += int64(s)
	}
	return p, true
}

// opusHead is the identification header (RFC 7845 §5.1).
type opusHead struct {
	channels int
	preSkip  int64
	audioAt  int64 // the first page after the two header packets
	serial   uint32
}

// opusRate is the rate of Opus granules and of decoded Opus (RFC 7845 §4), whatever the input once was.
const opusRate = 48000

// oggSearchBack is how far from the end the last page is searched; a page is at most 65,307 bytes.
const oggSearchBack = 128 << 10

func probeOgg(r io.ReaderAt, p *Probed) error {
	p.Container, p.Codec, p.Rate, p.Header = "ogg", Opus, opusRate, Open
	head, err := readOpusHead(r, p.Size)
	if err != nil {
		return err
	}
	p.Channels, p.DataOffset = head.channels, head.audioAt
	if p.Channels > maxChannels {
		return fault.New(fault.Invalid, "Opus with %d channels is not supported", p.Channels)
	}
	first, ok := readOggPage(r, p.Size, head.audioAt)
	if !ok {
		return nil // headers without sound
	}
	last, at, ok := lastOggPage(r, p.Size, head)
	if !ok || last.granule < 0 {
		return fault.New(fault.Invalid, "no whole page of Opus sound was found")
	}
	if last.flags&oggLast != 0 {
		p.Header = Agrees
	}
	// A stream cut out of a longer one does not start at 0 (RFC 7845 §4.3): what the first page ends with is then its beginning.
	base := int64(0)
	if first.granule > 10*opusRate && first.sequence > 2 {
		base = first.granule
	}
	p.DataBytes = at + last.header + last.body - head.audioAt
	p.Frames = min(max(0, last.granule-base-head.preSkip), 1<<45)
	return nil
}

// readOpusHead reads the first two packets. Vorbis, Speex and FLAC in Ogg are refused by name.
func readOpusHead(r io.ReaderAt, size int64) (opusHead, error) {
	var h opusHead
	page, ok := readOggPage(r, size, 0)
	if !ok || page.flags&oggFirst == 0 {
		return h, fault.New(fault.Invalid, "the Ogg file does not begin with a whole page")
	}
	var b [64]byte
	n, err := r.ReadAt(b[:max(0, min(int64(len(b)), page.body, size-page.header))], page.header)
	if err != nil && !errors.Is(err, io.EOF) {
		return h, err
	}
	switch s := string(b[:n]); {
	case len(s) >= 7 && s[:7] == "\x01vorbis":
		return h, fault.New(fault.Invalid, "Ogg with Vorbis sound is not supported; Opus is")
	case len(s) >= 8 && s[:8] == "Speex   ":
		return h, fault.New(fault.Invalid, "Ogg with Speex sound is not supported; Opus is")
	case n < 19 || s[:8] != "OpusHead":
		return h, fault.New(fault.Invalid, "the Ogg file holds no Opus sound")
	}
	h.channels = int(b[9])
	h.preSkip = int64(binary.LittleEndian.Uint16(b[10:]))
	h.serial = page.serial
	if h.channels == 0 {
		return h, fault.New(fault.Invalid, "the Opus header names no channels")
	}
	// The comment header may span pages; sound starts with the first page that has a granule position (RFC 7845 §3).
	off := page.header + page.body
	for range 64 {
		h.audioAt = off
		page, ok = readOggPage(r, size, off)
		if !ok || page.granule != 0 && page.granule != -1 {
			return h, nil
		}
		off += page.header + page.body
	}
	return h, fault.New(fault.Invalid, "the comments of the Opus file do not end")
}

// lastOggPage finds the last page of the stream that is whole and has a position.
func lastOggPage(r io.ReaderAt, size int64, head opusHead) (last oggPage, at int64, ok bool) {
	from := max(head.audioAt, size-oggSearchBack)
	buf := make([]byte, size-from)
	n, err := r.ReadAt(buf, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return last, 0, false
	}
	for i := n - 27; i >= 0; i-- {
		if buf[i] != 'O' || string(buf[i:i+4]) != "OggS" {
			continue
		}
		page, whole := readOggPage(r, size, from+int64(i))
		if whole && page.serial == head.serial && page.granule >= 0 && from+int64(i)+page.header+page.body <= size {
			return page, from + int64(i), true
		}
	}
	return last, 0, false
}

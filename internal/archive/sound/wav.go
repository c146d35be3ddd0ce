package sound

import (
	"encoding/binary"
	"errors"
	"io"

	"ringfence/internal/base/fault"
)

// A WAV file may hold other chunks before its sound. More than these limits is no recorder's work but an attempt to keep us busy.
const (
	maxChunks      = 64
	maxBeforeSound = 4 << 20
)

// probeWAV walks the chunks of a WAV or RF64 file to its sound and compares the sizes in the header with the file.
func probeWAV(r io.ReaderAt, p *Probed) error {
	p.Container = "wav"
	var riff [12]byte
	if _, err := r.ReadAt(riff[:], 0); err != nil {
		return err
	}
	w := wavHeader{riffSize: int64(binary.LittleEndian.Uint32(riff[4:])), large: string(riff[:4]) != "RIFF"}
	off, found := int64(12), false
	for range maxChunks {
		var h [8]byte
		if off+8 > p.Size || off > maxBeforeSound {
			break
		}
		if _, err := r.ReadAt(h[:], off); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		size := int64(binary.LittleEndian.Uint32(h[4:]))
		switch string(h[:4]) {
		case "fmt ":
			if err := w.readFormat(r, p, off+8, size); err != nil {
				return err
			}
		case "ds64":
			if err := w.readSizes(r, p.Size, off+8, size); err != nil {
				return err
			}
		case "data":
			found = true
			w.dataSize = size
		}
		if found {
			break
		}
		off += 8 + size + size&1
	}
	if w.codec == 0 || !found {
		return w.unfinished(p, off)
	}
	p.DataOffset = off + 8
	return w.compare(r, p)
}

// wavHeader is what the chunks before the sound say.
type wavHeader struct {
	riffSize, dataSize int64
	codec              uint16
	large              bool // RF64: sizes are in a ds64 chunk
	largeData          int64
}

// unfinished is for a file whose header is not all there: cut so early that there is no sound is Empty, anything else is refused.
func (w *wavHeader) unfinished(p *Probed, off int64) error {
	if p.Size <= 128 {
		p.Header = Open
		if p.Codec == "" {
			p.Codec, p.Rate, p.Channels = PCM16, 8000, 1
		}
		p.DataOffset = p.Size
		return nil
	}
	if w.codec == 0 && off <= p.Size {
		return fault.New(fault.Invalid, "the WAV header does not say how the sound is written (no fmt chunk)")
	}
	return fault.New(fault.Invalid, "the WAV header leads to no sound (no data chunk)")
}

func (w *wavHeader) readFormat(r io.ReaderAt, p *Probed, off, size int64) error {
	var b [40]byte
	n, err := r.ReadAt(b[:max(0, min(size, 40, p.Size-off))], off)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if n < 16 {
		if p.Size <= 128 {
			return nil
		}
		return fault.New(fault.Invalid, "the fmt chunk of the WAV header is too short")
	}
	w.codec = binary.LittleEndian.Uint16(b[0:])
	p.Channels = int(binary.LittleEndian.Uint16(b[2:]))
	p.Rate = int(min(binary.LittleEndian.Uint32(b[4:]), 1<<30))
	bits := binary.LittleEndian.Uint16(b[14:])
	if w.codec == 0xfffe && n >= 26 {
		w.codec = binary.LittleEndian.Uint16(b[24:])
	}
	switch {
	case w.codec == 1 && bits == 8:
		p.Codec = PCM8
	case w.codec == 1 && bits == 16:
		p.Codec = PCM16
	case w.codec == 1:
		return fault.New(fault.Invalid, "WAV with %d bits a sample is not supported; 8 and 16 are", bits)
	case w.codec == 6:
		p.Codec = ALaw
	case w.codec == 7:
		p.Codec = MuLaw
	case w.codec == 0x31:
		p.Codec = GSM
	case wavNames[w.codec] != "":
		return fault.New(fault.Invalid, "WAV with format 0x%04x (%s) is not supported", w.codec, wavNames[w.codec])
	default:
		return fault.New(fault.Invalid, "WAV with format 0x%04x is not supported", w.codec)
	}
	return nil
}

// wavNames are formats that exist in the field and are refused by name.
var wavNames = map[uint16]string{
	0: "unknown", 2: "MS ADPCM", 3: "floating point", 0x11: "IMA ADPCM", 0x22: "TrueSpeech", 0x38: "TrueSpeech", 0x42: "G.723.1",
	0x45: "G.726", 0x55: "MP3 in WAV", 0x64: "G.726", 0x65: "G.722", 0x83: "G.729", 0x161: "WMA",
}

func (w *wavHeader) readSizes(r io.ReaderAt, size, off, chunk int64) error {
	var b [16]byte
	if chunk < 16 || off+16 > size {
		return fault.New(fault.Invalid, "the ds64 chunk of the RF64 header is too short")
	}
	if _, err := r.ReadAt(b[:], off); err != nil {
		return err
	}
	w.riffSize = int64(binary.LittleEndian.Uint64(b[0:]) & (1<<62 - 1))
	w.largeData = int64(binary.LittleEndian.Uint64(b[8:]) & (1<<62 - 1))
	return nil
}

// unknownSize is the least value by which a writer to a pipe says "not known": ffmpeg writes 0xffffffff, sox 0x7ffff000 and near it.
const unknownSize = 0x7ffff000

// compare decides how the header's sizes agree with the file. Sound is played to the end of the data that is there: a size of 0 is that of
// a writer that has not finished (or was killed), and a size smaller than the file that no other chunk explains is not believed either.
func (w *wavHeader) compare(r io.ReaderAt, p *Probed) error {
	avail := p.Size - p.DataOffset
	said := w.dataSize
	if w.large && said == 0xffffffff {
		said = w.largeData
	}
	switch {
	case said == avail, said+said&1 == avail:
		p.Header = Agrees
		if avail == 0 && w.riffSize == 0 {
			p.Header = Open
		}
		return p.measure(min(said, avail))
	case said == 0, !w.large && said >= unknownSize && said > avail:
		p.Header = Open
	case said > avail:
		p.Header = Long
	case w.chunksFollow(r, p, said):
		p.Header = Agrees
		return p.measure(said)
	default:
		p.Header = Short
	}
	return p.measure(avail)
}

// chunksFollow reports that what comes after the sound is one more chunk that fits the file, as tags at the end do.
func (w *wavHeader) chunksFollow(r io.ReaderAt, p *Probed, said int64) bool {
	at := p.DataOffset + said + said&1
	var h [8]byte
	if at+8 > p.Size {
		return false
	}
	if _, err := r.ReadAt(h[:], at); err != nil {
		return false
	}
	for _, c := range h[:4] {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return at+8+int64(binary.LittleEndian.Uint32(h[4:])) <= p.Size
}

// WAVHeaderSize is the length of the header that WAVHeader writes.
const WAVHeaderSize = 44

// WAVHeader is the header of a WAV file of 16-bit PCM. A size beyond four gigabytes is written as "not known", which players read as
// "to the end".
func WAVHeader(channels, rate int, frames int64) []byte {
	data := frames * int64(channels) * 2
	riff := data + WAVHeaderSize - 8
	if riff > 0xfffffffe {
		riff, data = 0xffffffff, 0xffffffff
	}
	b := make([]byte, 0, WAVHeaderSize)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(riff))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels*2))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*2))
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	return binary.LittleEndian.AppendUint32(b, uint32(data))
}

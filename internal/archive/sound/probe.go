package sound

import (
	"bytes"
	"errors"
	"io"
	"path"
	"strings"

	"ringfence/internal/base/fault"
)

// Rates and channels outside these are refused: no telephone makes them, and sizes computed from them could overflow.
const (
	minRate     = 4000
	maxRate     = 192000
	maxChannels = 2
)

// Probe says what a file of sound is, without decoding it or reading it whole. The name (without folders) tells apart files without
// header; what is in the file wins over the name. A file without any sound is no error: it is Empty. Text, pictures and formats that
// cannot be decoded are fault.Invalid, with a text that says what was found.
func Probe(r io.ReaderAt, size int64, name string, hint Hint) (Probed, error) {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	var head [16]byte
	n, err := r.ReadAt(head[:min(size, int64(len(head)))], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Probed{}, err
	}
	p := Probed{Size: size}
	p.Layout = layoutOf(name, hint)
	switch b := head[:n]; {
	case len(b) >= 12 && (string(b[:4]) == "RIFF" || string(b[:4]) == "RF64" || string(b[:4]) == "BW64") && string(b[8:12]) == "WAVE":
		err = probeWAV(r, &p)
	case len(b) >= 4 && string(b[:4]) == "OggS":
		err = probeOgg(r, &p)
	case len(b) >= 3 && string(b[:3]) == "ID3", ext == "mp3" && n > 0:
		err = probeMP3(r, &p)
	case ext == "wav" || ext == "wav49" || ext == "ogg" || ext == "opus" || ext == "oga" || ext == "mp3":
		err = notSound(&p, ext, b)
	default:
		err = probeBare(r, &p, ext, hint)
	}
	if err != nil {
		return Probed{}, err
	}
	if p.Channels == 2 {
		p.Layout = Sides
	}
	p.Seconds = seconds(p.Frames, p.Rate)
	return p, nil
}

// notSound is for files whose name promises a header that is not there: nothing at all, a header cut short, or something else.
func notSound(p *Probed, ext string, b []byte) error {
	if len(b) == 0 || bytes.HasPrefix([]byte("RIFF"), b[:min(4, len(b))]) && p.Size < 12 || allZero(b) && p.Size <= 44 {
		p.Container, p.Codec, p.Rate, p.Channels, p.Header = "wav", PCM16, 8000, 1, Open
		if ext != "wav" && ext != "wav49" {
			p.Container = "none"
		}
		return nil
	}
	return fault.New(fault.Invalid, "the name ends in .%s but the file holds %s", ext, looksLike(b))
}

func allZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// looksLike names what is at the start of a file, in words for a person; it never repeats the bytes themselves, which may be anything.
func looksLike(b []byte) string {
	for _, k := range []struct{ magic, name string }{
		{"PK\x03\x04", "a ZIP archive"},
		{"\x1f\x8b", "gzip data"},
		{"%PDF", "a PDF document"},
		{"\x89PNG", "a picture"},
		{"\xff\xd8\xff", "a picture"},
		{"fLaC", "FLAC sound, which is not read here"},
		{"#!AMR", "AMR sound, which is not read here"},
		{"\x7fELF", "a program"},
		{"<html", "a web page"},
		{"<!DOC", "a web page"},
		{"FORM", "AIFF sound, which is not read here"},
		{".snd", "AU sound, which is not read here"},
		{"ID3", "MP3 sound"},
		{"OggS", "Ogg sound"},
		{"RIFF", "a RIFF file that is no WAV"},
	} {
		if bytes.HasPrefix(b, []byte(k.magic)) {
			return k.name
		}
	}
	for _, c := range b {
		if c < 0x09 || c > 0x7e || (c > 0x0d && c < 0x20) {
			return "something that is not known as sound"
		}
	}
	return "text"
}

// layoutOf goes by the end of the name, where MixMonitor and Monitor say which side they kept.
func layoutOf(name string, hint Hint) Layout {
	base := strings.ToLower(strings.TrimSuffix(name, path.Ext(name)))
	switch {
	case strings.HasSuffix(base, "-rx"), strings.HasSuffix(base, "-in"):
		return Caller
	case strings.HasSuffix(base, "-tx"), strings.HasSuffix(base, "-out"):
		return Agent
	case hint.Layout != "":
		return hint.Layout
	}
	return Mix
}

// bareCodecs are the names of headerless files, as Asterisk gives them.
var bareCodecs = map[string]struct {
	codec Codec
	rate  int
}{
	"ulaw": {MuLaw, 8000}, "ul": {MuLaw, 8000}, "mu": {MuLaw, 8000}, "ulw": {MuLaw, 8000}, "mulaw": {MuLaw, 8000}, "pcm": {MuLaw, 8000},
	"alaw": {ALaw, 8000}, "al": {ALaw, 8000}, "alw": {ALaw, 8000},
	"raw": {PCM16, 8000}, "sln": {PCM16, 8000}, "sln12": {PCM16, 12000}, "sln16": {PCM16, 16000}, "sln24": {PCM16, 24000},
	"sln32": {PCM16, 32000}, "sln44": {PCM16, 44100}, "sln48": {PCM16, 48000}, "sln96": {PCM16, 96000}, "sln192": {PCM16, 192000},
	"gsm": {GSM33, 8000},
}

// probeBare reads a file without header: only its name and the settings of the source say what it is.
func probeBare(r io.ReaderAt, p *Probed, ext string, hint Hint) error {
	known, ok := bareCodecs[ext]
	if !ok && hint.Codec == "" {
		var head [16]byte
		n, _ := r.ReadAt(head[:min(p.Size, 16)], 0)
		return fault.New(fault.Invalid, "the format of .%s is not known and the file holds %s; give the source a raw format if it is sound", ext, looksLike(head[:n]))
	}
	p.Container, p.Header, p.Codec, p.Rate, p.Channels = "none", Absent, known.codec, known.rate, 1
	if !ok || ext == "raw" && hint.Codec != "" {
		p.Codec, p.Rate = hint.Codec, 8000
	}
	if (!ok || ext == "raw") && hint.Rate != 0 {
		p.Rate = hint.Rate
	}
	switch {
	case hint.Channels != 0 && (!ok || ext == "raw"):
		p.Channels = hint.Channels
	case ext == "raw":
		p.Channels = 2
	}
	switch p.Codec {
	case PCM8, PCM16, ALaw, MuLaw, GSM33, GSM:
	default:
		return fault.New(fault.Invalid, "%q cannot be the format of a file without header", p.Codec)
	}
	return p.measure(p.Size)
}

// measure sets how many whole samples are in the given number of bytes from DataOffset, and checks the format's limits.
func (p *Probed) measure(avail int64) error {
	if p.Rate < minRate || p.Rate > maxRate {
		return fault.New(fault.Invalid, "a sample rate of %d Hz is not supported", p.Rate)
	}
	if p.Channels < 1 || p.Channels > maxChannels {
		return fault.New(fault.Invalid, "%d channels are not supported", p.Channels)
	}
	bytesPer, framesPer := p.block()
	if framesPer != 1 && p.Channels != 1 {
		return fault.New(fault.Invalid, "GSM with %d channels is not supported", p.Channels)
	}
	blocks := max(avail, 0) / bytesPer
	p.DataBytes, p.Frames = blocks*bytesPer, blocks*framesPer
	return nil
}

// block is the smallest unit that can be decoded: its bytes and samples per channel.
func (f Format) block() (size, frames int64) {
	switch f.Codec {
	case PCM16:
		return 2 * int64(f.Channels), 1
	case GSM:
		return 65, 320
	case GSM33:
		return 33, 160
	}
	return int64(f.Channels), 1
}

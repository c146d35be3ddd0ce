// Package sound reads what telephone systems record: it tells formats apart, says how long a recording is and whether its header tells
// the truth, and gives its sound as 16-bit PCM with random access, so that a seek in a two-hour recording costs as much as its start.
//
// Everything is read through an io.ReaderAt and nothing is ever read whole: memory does not grow with the size of a file. Headers are
// not believed: sizes in them are compared with the bytes that are there. MP3 and Ogg/Opus are decoded by ffmpeg as a child process
// without network or files; all else is decoded here.
package sound

import "math"

// Codec is how sound is written down.
type Codec string

// The codecs that are understood.
const (
	PCM8  Codec = "pcm_u8"    // 8-bit linear, unsigned, as in WAV
	PCM16 Codec = "pcm_s16le" // 16-bit linear, little endian: .wav, .sln, .raw
	ALaw  Codec = "alaw"      // G.711 A-law
	MuLaw Codec = "mulaw"     // G.711 µ-law
	GSM   Codec = "gsm_ms"    // GSM 06.10 in blocks of 65 bytes for 320 samples (WAV49): the upper-case .WAV of Asterisk
	GSM33 Codec = "gsm"       // GSM 06.10 in frames of 33 bytes for 160 samples: a .gsm file
	MP3   Codec = "mp3"
	Opus  Codec = "opus"
)

// Layout says which parties are heard in which channel.
type Layout string

// The layouts.
const (
	Mix    Layout = "mono-mix"     // both parties in one channel: they cannot be told apart
	Sides  Layout = "stereo-sides" // left the calling party, right the other
	Caller Layout = "caller"       // only the calling party (-rx, -in)
	Agent  Layout = "agent"        // only the party that was called (-tx, -out)
)

// Format is where the sound lies in a file and how it is written.
type Format struct {
	Container  string `json:"container"` // "wav", "none", "mp3", "ogg"
	Codec      Codec  `json:"codec"`
	Channels   int    `json:"channels"`
	Rate       int    `json:"rate"`
	Layout     Layout `json:"layout"`
	DataOffset int64  `json:"data_offset"`
	DataBytes  int64  `json:"data_bytes"` // bytes of sound that are really there and whole
}

// Header says how a file's header compares with the file.
type Header string

// What a header can be.
const (
	Agrees Header = "agrees" // the sizes in it are those of the file: it was closed
	Open   Header = "open"   // it says 0 or "unknown": the writer has not closed it, or was cut off
	Short  Header = "short"  // it promises less than is there
	Long   Header = "long"   // it promises more than is there: the end is missing
	Absent Header = "absent" // there is none: nothing in the file tells whether it is whole
)

// Probed is what could be learned of a file without decoding it.
type Probed struct {
	Format
	Size    int64   `json:"size"`
	Seconds float64 `json:"seconds"`
	Header  Header  `json:"header"`
	Frames  int64   `json:"frames"` // samples per channel
}

// Empty reports that there is no sound: a header alone, or less than one sample.
func (p Probed) Empty() bool { return p.Frames == 0 }

// Hint is what the settings of a source say of files that have no header. The zero Hint goes by the file's name.
type Hint struct {
	Codec    Codec  // of a file without header and without a telling name
	Rate     int    // of headerless files; 0 is 8000
	Channels int    // of headerless files; 0 is 1, and 2 for .raw
	Layout   Layout // "" goes by channels and by the end of the name (-rx, -in, -tx, -out)
}

// seconds rounds to a millisecond, so that the same file always shows the same length.
func seconds(frames int64, rate int) float64 {
	if rate <= 0 {
		return 0
	}
	return math.Round(float64(frames)/float64(rate)*1000) / 1000
}

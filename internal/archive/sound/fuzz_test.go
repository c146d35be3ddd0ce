package sound

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
)

// FuzzProbe reads anything as any kind of file. It must neither fail badly nor promise more sound than is there, and what it promises must
// be there to be read.
func FuzzProbe(f *testing.F) {
	whole := wavOf(8000, 1, make([]int16, 40))
	open := bytes.Clone(whole)
	binary.LittleEndian.PutUint32(open[40:], 0)
	gsm := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x14\x00\x00\x00\x31\x00\x01\x00\x40\x1f\x00\x00\x59\x06\x00\x00\x41\x00\x00\x00\x02\x00\x40\x01data\x00\x00\x00\x00"), make([]byte, 200)...)
	ogg := []byte("OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x13OpusHead\x01\x01\x38\x01\x40\x1f\x00\x00\x00\x00\x00" +
		"OggS\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x08OpusTags" +
		"OggS\x00\x04\x80\xbb\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01\x02ab")
	mp3 := bytes.Repeat(append([]byte{0xff, 0xfb, 0x90, 0xc4}, make([]byte, 413)...), 3)
	for _, b := range [][]byte{nil, whole, open, whole[:30], gsm, ogg, mp3, append([]byte("ID3\x04\x00\x00\x00\x00\x00\x05hello"), mp3...), []byte("text")} {
		for kind := range uint8(6) {
			f.Add(b, kind)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, kind uint8) {
		name := []string{"a.wav", "a.WAV", "a-rx.ulaw", "a.raw", "a.mp3", "a.opus", "a.gsm", "a"}[kind%8]
		hint := Hint{}
		if kind&8 != 0 {
			hint = Hint{Codec: PCM16, Rate: 16000, Channels: 2}
		}
		p, err := Probe(bytes.NewReader(b), int64(len(b)), name, hint)
		if err != nil {
			return
		}
		if p.Frames < 0 || p.DataBytes < 0 || p.DataOffset < 0 || p.DataOffset+p.DataBytes > int64(len(b)) && p.DataBytes > 0 || p.Seconds < 0 {
			t.Fatalf("%+v of %d bytes", p, len(b))
		}
		if p.Codec == MP3 || p.Codec == Opus {
			return // a child process for each would be slow; its own tests run it
		}
		pcm, err := OpenPCM(t.Context(), bytes.NewReader(b), p)
		if err != nil {
			t.Fatal(err)
		}
		got := int64(0)
		buf := make([]int16, 4096)
		for {
			n, err := pcm.ReadFrames(buf, got)
			got += int64(n)
			if n == 0 {
				if err != io.EOF {
					t.Fatalf("after %d of %d frames: %v", got, p.Frames, err)
				}
				break
			}
		}
		if got != p.Frames {
			t.Fatalf("%d frames of %d", got, p.Frames)
		}
		w := NewWAV(pcm)
		if n, err := w.ReadAt(make([]byte, 100), w.Size()-50); w.Size() >= 50 && (n != 50 || err != io.EOF) {
			t.Fatalf("%d, %v", n, err)
		}
	})
}

// FuzzGSM decodes any bits: each block is a valid one for the decoder, and none may leave its arithmetic.
func FuzzGSM(f *testing.F) {
	f.Add(make([]byte, 65))
	f.Add(bytes.Repeat([]byte{0xff}, 130))
	f.Add(bytes.Repeat([]byte{0x55, 0xaa, 0x0f}, 70))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, codec := range []Codec{GSM, GSM33} {
			p := Probed{Format: Format{Codec: codec, Channels: 1, Rate: 8000}}
			if err := p.measure(int64(len(b))); err != nil {
				t.Fatal(err)
			}
			all := make([]int16, p.Frames)
			if n, _ := newGSMReader(bytes.NewReader(b), p).ReadFrames(all, 0); int64(n) != p.Frames {
				t.Fatalf("%d of %d", n, p.Frames)
			}
			for _, v := range all {
				if v&7 != 0 {
					t.Fatalf("%d is no 13-bit sample", v)
				}
			}
		}
	})
}

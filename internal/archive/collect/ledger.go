package collect

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"ringfence/internal/base/disk"
	"ringfence/internal/base/id"
)

// ledger is the box's memory of the files that a recording was made from, for the
// day on which the archive destroys it. It lies on the disk only, and is read
// from its start when the server names what was destroyed. It holds ids and
// keyed marks: neither names nor numbers.
//
// A recording has one record for each upload of it, which says whether the box
// deletes the files, and a last one with what was answered. What was answered is
// dropped from the file, but for the answer, when the box starts.
type ledger struct {
	records
	path string
}

// kept is what the ledger has of a recording.
type kept struct {
	sources map[source]bool // true: this box has deleted it, or was about to
	said    Fate            // once it was answered; it is the same word whenever it is asked for
}

const (
	hadRecord     = 'h'
	deletesRecord = 'd'
	saidRecord    = 's'
	ledgerHead    = 1 + 16 + 1 // kind, recording, and how many sources or which fate
	sourceSize    = 16 + 8 + 8 + 16
)

// openLedger cuts off what a power cut left, and drops the files of recordings
// that were answered for.
func openLedger(path string) (*ledger, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	l := &ledger{records: records{f: f}, path: path}
	said, drop := map[id.Recording]bool{}, false
	if l.end, err = readLedger(f, func(kind byte, rec id.Recording, _ []byte) {
		if kind == saidRecord {
			said[rec] = true
		}
	}); err == nil {
		_, err = readLedger(f, func(kind byte, rec id.Recording, _ []byte) { drop = drop || kind != saidRecord && said[rec] })
	}
	if err == nil && drop {
		err = l.rewrite(said)
	}
	if err == nil {
		err = l.f.Truncate(l.end)
	}
	if err != nil {
		return nil, errors.Join(err, l.f.Close())
	}
	return l, nil
}

// rewrite leaves out the files of what was answered for.
func (l *ledger) rewrite(said map[id.Recording]bool) error {
	var b bytes.Buffer
	if _, err := readLedger(l.f, func(kind byte, rec id.Recording, whole []byte) {
		if kind == saidRecord || !said[rec] {
			b.Write(whole)
		}
	}); err != nil {
		return err
	}
	// Closed first: on Windows a file that is open keeps its name.
	if err := errors.Join(l.f.Close(), writeDurably(l.path, b.Bytes())); err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_RDWR, 0o600)
	l.f, l.end = f, int64(b.Len())
	return err
}

// readLedger gives all whole records from the start, and where they end.
func readLedger(f *os.File, each func(kind byte, rec id.Recording, whole []byte)) (end int64, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	r := bufio.NewReaderSize(f, 1<<16)
	b := make([]byte, ledgerHead+255*sourceSize+4)
	for {
		if _, err = io.ReadFull(r, b[:ledgerHead]); err != nil {
			break
		}
		size := ledgerHead + 4
		if b[0] == hadRecord || b[0] == deletesRecord {
			size += int(b[ledgerHead-1]) * sourceSize
		}
		if _, err = io.ReadFull(r, b[ledgerHead:size]); err != nil {
			break
		}
		if crc32.ChecksumIEEE(b[:size-4]) != binary.BigEndian.Uint32(b[size-4:]) {
			return end, nil
		}
		each(b[0], id.Recording(b[1:17]), b[:size])
		end += int64(size)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return end, err
}

// had remembers which files a recording was made from, before the box deletes
// them or leaves them; durable on return.
func (l *ledger) had(rec id.Recording, sources []source, deletes bool) error {
	return l.add(noteOf(rec, sources, deletes))
}

func noteOf(rec id.Recording, sources []source, deletes bool) []byte {
	kind := byte(hadRecord)
	if deletes {
		kind = deletesRecord
	}
	b := append([]byte{kind}, rec[:]...)
	b = append(b, byte(len(sources)))
	for _, s := range sources {
		b = append(b, s.Path[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(s.Size))
		b = binary.BigEndian.AppendUint64(b, uint64(s.ModTime))
		b = append(b, s.Content[:]...)
	}
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// unsaid are all recordings that were not answered for by themselves.
func (l *ledger) unsaid() ([]id.Recording, error) {
	f, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	known := map[id.Recording]bool{} // true: it was answered for
	_, err = readLedger(f, func(kind byte, rec id.Recording, _ []byte) { known[rec] = known[rec] || kind == saidRecord })
	all := make([]id.Recording, 0, len(known))
	for rec, said := range known {
		if !said {
			all = append(all, rec)
		}
	}
	return all, err
}

// clear forgets everything.
func (l *ledger) clear() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	err := l.f.Truncate(0)
	if err == nil {
		l.end, err = 0, l.f.Sync()
	}
	return err
}

// answered remembers what became of the files of recordings; durable on return.
func (l *ledger) answered(said map[id.Recording]Fate) error {
	var all []byte
	for rec, fate := range said {
		b := append([]byte{saidRecord}, rec[:]...)
		b = append(b, fateCodes[fate])
		all = append(all, binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))...)
	}
	return l.add(all)
}

// find gives what is known of some recordings.
func (l *ledger) find(wanted map[id.Recording]bool) (map[id.Recording]kept, error) {
	found := map[id.Recording]kept{}
	f, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	_, err = readLedger(f, func(kind byte, rec id.Recording, whole []byte) {
		if !wanted[rec] {
			return
		}
		k := found[rec]
		if kind == saidRecord {
			k.said = fateOf(whole[ledgerHead-1])
		} else {
			if k.sources == nil {
				k.sources = map[source]bool{}
			}
			for b := whole[ledgerHead : len(whole)-4]; len(b) > 0; b = b[sourceSize:] {
				s := source{Path: mark16(b[:16]), Size: int64(binary.BigEndian.Uint64(b[16:])), ModTime: int64(binary.BigEndian.Uint64(b[24:])), Content: mark16(b[32:48])}
				k.sources[s] = k.sources[s] || kind == deletesRecord
			}
		}
		found[rec] = k
	})
	return found, err
}

const ledgerFile = "ledger.log"

func (d *device) openLedger() (*ledger, error) {
	l, err := openLedger(filepath.Join(d.dir, ledgerFile))
	if err == nil {
		err = disk.SyncDir(d.dir) // its name survives a power cut
	}
	return l, err
}

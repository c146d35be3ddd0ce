package backup

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"sync"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/sealed"
)

const (
	fixedChunk = 256 << 10 // of a SQLite file: a multiple of its pages, so that a changed page changes one chunk
	minChunk   = 128 << 10 // of a stream, cut where its content says
	maxChunk   = 2 << 20
	cutMask    = 1<<19 - 1 // a cut comes every 512 KiB on average
	listChunk  = 16 << 10  // refs in one list: 512 KiB

	writers = 4 // puts under way at once: a cloud answers slowly
)

// stream cuts what is written to it into chunks and stores them. A stream that
// is cut by its content gives mostly the same chunks when something was put in
// or taken out, as in a dump of a database.
type stream struct {
	ctx   context.Context
	repo  *Repo
	fixed bool
	buf   []byte
	hash  uint64
	read  func(int) // told of bytes taken

	total int64
	refs  []ref

	slots chan struct{}
	wg    sync.WaitGroup
	mu    sync.Mutex
	err   error
}

func (r *Repo) stream(ctx context.Context, fixed bool, read func(int)) *stream {
	return &stream{ctx: ctx, repo: r, fixed: fixed, read: read, slots: make(chan struct{}, writers)}
}

// gear gives each byte a number of its own, made by splitmix64 so that the
// table need not stand here. Changing it would only cost space.
var gear = func() (t [256]uint64) {
	x := uint64(0x52696e6766656e63)
	for i := range t {
		x += 0x9e3779b97f4a7c15
		z := x
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		t[i] = z ^ z>>31
	}
	return t
}()

// Write implements io.Writer.
func (s *stream) Write(p []byte) (int, error) {
	if s.read != nil {
		s.read(len(p))
	}
	s.total += int64(len(p))
	if s.fixed {
		for rest := p; len(rest) > 0; {
			n := min(fixedChunk-len(s.buf), len(rest))
			s.buf = append(s.buf, rest[:n]...)
			rest = rest[n:]
			if len(s.buf) == fixedChunk {
				s.cut()
			}
		}
		return len(p), s.failed()
	}
	from := 0
	for i, c := range p {
		s.hash = s.hash<<1 + gear[c]
		size := len(s.buf) + i + 1 - from
		if size >= minChunk && (s.hash>>32)&cutMask == 0 || size >= maxChunk {
			s.buf = append(s.buf, p[from:i+1]...)
			from = i + 1
			s.cut()
		}
	}
	s.buf = append(s.buf, p[from:]...)
	return len(p), s.failed()
}

func (s *stream) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// cut hands a chunk to a writer.
func (s *stream) cut() {
	chunk := s.buf
	s.buf, s.hash = make([]byte, 0, len(chunk)+1024), 0
	s.mu.Lock()
	at := len(s.refs)
	s.refs = append(s.refs, ref{})
	s.mu.Unlock()
	s.slots <- struct{}{}
	s.wg.Go(func() {
		defer func() { <-s.slots }()
		one, err := s.repo.putChunk(s.ctx, chunk)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil && s.err == nil {
			s.err = err
		}
		s.refs[at] = one
	})
}

// end stores the last chunk and the lists of chunks, and gives the names of the
// lists.
func (s *stream) end() (Content, error) {
	if len(s.buf) > 0 {
		s.cut()
	}
	s.wg.Wait()
	if err := s.failed(); err != nil {
		return Content{}, err
	}
	c := Content{Bytes: s.total}
	for from := 0; from < len(s.refs); from += listChunk {
		part := s.refs[from:min(from+listChunk, len(s.refs))]
		list := make([]byte, 0, len(part)*len(ref{}))
		for _, r := range part {
			list = append(list, r[:]...)
		}
		one, err := s.repo.putChunk(s.ctx, list)
		if err != nil {
			return c, err
		}
		c.Lists = append(c.Lists, one.path())
	}
	return c, nil
}

// Content is something that was stored as chunks.
type Content struct {
	Bytes int64    `json:"bytes"`
	Lists []string `json:"lists"` // chunks that list the chunks
}

// chunksOf gives the names of all chunks of a content, lists included.
func (r *Repo) chunksOf(ctx context.Context, c Content, fn func(one ref, list bool) error) error {
	for _, name := range c.Lists {
		one, ok := refFrom(name)
		if !ok {
			return sealed.ErrAltered
		}
		if err := fn(one, true); err != nil {
			return err
		}
		list, err := r.getChunk(ctx, one)
		if err != nil {
			return err
		}
		if len(list)%len(ref{}) != 0 {
			return sealed.ErrAltered
		}
		for len(list) > 0 {
			if err := fn(ref(list[:len(ref{})]), false); err != nil {
				return err
			}
			list = list[len(ref{}):]
		}
	}
	return nil
}

// open reads a content from its beginning.
func (r *Repo) open(ctx context.Context, c Content) io.ReadCloser {
	pr, pw := io.Pipe()
	go func() {
		total := int64(0)
		ahead := newAhead(ctx, r)
		defer ahead.stop()
		err := r.chunksOf(ctx, c, func(one ref, list bool) error {
			if list {
				return nil
			}
			return ahead.ask(one, func(b []byte) error {
				total += int64(len(b))
				_, err := pw.Write(b)
				return err
			})
		})
		if err == nil {
			err = ahead.drain(func(b []byte) error {
				total += int64(len(b))
				_, err := pw.Write(b)
				return err
			})
		}
		if err == nil && total != c.Bytes {
			err = sealed.ErrAltered
		}
		pw.CloseWithError(err)
	}()
	return pr
}

// ahead fetches chunks before they are wanted, in order: a cloud answers slowly.
type ahead struct {
	ctx   context.Context
	stop  context.CancelFunc
	r     *Repo
	queue []chan fetched
}

type fetched struct {
	b   []byte
	err error
}

func newAhead(ctx context.Context, r *Repo) *ahead {
	ctx, stop := context.WithCancel(ctx)
	return &ahead{ctx: ctx, stop: stop, r: r}
}

func (a *ahead) ask(one ref, take func([]byte) error) error {
	ch := make(chan fetched, 1)
	go func() {
		b, err := a.r.getChunk(a.ctx, one)
		ch <- fetched{b, err}
	}()
	a.queue = append(a.queue, ch)
	if len(a.queue) < writers {
		return nil
	}
	return a.next(take)
}

func (a *ahead) next(take func([]byte) error) error {
	f := <-a.queue[0]
	a.queue = a.queue[1:]
	if f.err != nil {
		return f.err
	}
	return take(f.b)
}

func (a *ahead) drain(take func([]byte) error) error {
	for len(a.queue) > 0 {
		if err := a.next(take); err != nil {
			return err
		}
	}
	return nil
}

// inventory is a list of objects: 16 bytes of id and the size.
type inventoryWriter struct{ w io.Writer }

func (i inventoryWriter) add(object [16]byte, size int64) error {
	var b [24]byte
	copy(b[:], object[:])
	binary.BigEndian.PutUint64(b[16:], uint64(size))
	_, err := i.w.Write(b[:])
	return err
}

func readInventory(r io.Reader, fn func(o id.Object, size int64)) error {
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		var b [24]byte
		_, err := io.ReadFull(in, b[:])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		fn(id.Object(b[:16]), int64(binary.BigEndian.Uint64(b[16:])))
	}
}

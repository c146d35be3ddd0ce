package sip

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/archive/siprec"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/platform/sealed"
)

// The server under load is this test binary, told by its environment what to be,
// with one processor for all that it does.
const (
	benchVar = "RINGFENCE_SIP_BENCH" // "server" or "bare"
	benchDir = "RINGFENCE_SIP_BENCH_DIR"
)

var (
	benchCalls = flag.Int("calls", 200, "calls at once")
	benchFor   = flag.Duration("for", 20*time.Second, "how long they talk")
)

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(benchVar) {
	case "server":
		err = benchServer()
	case "bare":
		err = benchBare()
	default:
		placetest.Main(m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// processor is the time that this process has had.
func processor() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// serveUntilTold answers "cpu" with the processor time so far, and ends with its
// input.
func serveUntilTold(figures func() string) {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		fmt.Println(processor().Nanoseconds(), figures())
	}
}

func benchServer() error {
	ctx, dir := context.Background(), os.Getenv(benchDir)
	more := place.Schemas{Place: siprec.Migrations(), Housekeeping: siprec.Housekeeping}
	w, err := recordingtest.Disk(ctx, dir, recording.Options{}, recording.Source{Folder: "/nowhere", Profile: "generic"}, more)
	if err != nil {
		return err
	}
	s, err := siprec.New(siprec.Options{Store: w.Store, Recordings: w.Service, Spool: filepath.Join(dir, "spool")})
	if err == nil {
		err = s.Start(ctx)
	}
	if err != nil {
		return err
	}
	src, err := w.Service.AddSource(ctx, w.Place, w.Who, recording.Source{Kind: recording.Siprec, Name: "sbc", Profile: "generic"})
	if err != nil {
		return err
	}
	set := loopback()
	set.MaxCalls = 5000
	if _, err := s.Set(ctx, w.Place, w.Who, src.ID, set); err != nil {
		return err
	}
	server, err := New(Options{Listen: "127.0.0.1:0", LowPort: 16384, HighPort: 24575, MaxCalls: 5000, Service: s, Address: netip.MustParseAddr("127.0.0.1")})
	if err == nil {
		err = server.Start(ctx)
	}
	if err != nil {
		return err
	}
	_, tcp, _ := server.Addresses()
	fmt.Println(tcp, siprec.Address(src.ID))
	serveUntilTold(func() string {
		var packets, lost, late uint64
		for _, l := range s.Status(src.ID).Live {
			for _, m := range l.Streams {
				packets, lost, late = packets+m.Packets, lost+m.Lost, late+m.Late
			}
		}
		return fmt.Sprint(packets, lost, late)
	})
	server.Stop()
	s.Stop()
	return w.Close()
}

// benchBare does the least that could be done: it reads as many sockets and
// seals what comes, 0.4 seconds at a time.
func benchBare() error {
	var ports []string
	var got [1 << 10]uint64
	var all sync.WaitGroup
	for i := range 2 * *benchCalls {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return err
		}
		if err := c.SetReadBuffer(receiveBuffer); err != nil {
			return err
		}
		ports = append(ports, itoa(c.LocalAddr().(*net.UDPAddr).Port))
		box := sealed.NewBox(secret.NewKey())
		all.Go(func() {
			b, held := make([]byte, 2048), make([]byte, 0, 3200)
			for {
				n, _, err := c.ReadFromUDPAddrPort(b)
				if err != nil {
					return
				}
				got[i]++
				if held = append(held, b[12:n]...); len(held) >= 3200 {
					box.Seal(nil, held)
					held = held[:0]
				}
			}
		})
	}
	fmt.Println(strings.Join(ports, ","))
	serveUntilTold(func() string {
		var n uint64
		for _, g := range got {
			n += g
		}
		return fmt.Sprint(n)
	})
	return nil
}

// loaded is a child with one processor.
type loaded struct {
	cmd   *exec.Cmd
	out   *bufio.Scanner
	in    *os.File
	first string
}

func startLoaded(b *testing.B, what string) *loaded {
	b.Helper()
	c := exec.Command(os.Args[0], "-calls", itoa(*benchCalls))
	c.Env = append(os.Environ(), benchVar+"="+what, benchDir+"="+b.TempDir(), "GOMAXPROCS=1")
	c.Stderr = os.Stderr
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	c.Stdin = r
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	l := &loaded{cmd: c, in: w, out: bufio.NewScanner(out)}
	b.Cleanup(func() { w.Close(); c.Wait(); r.Close() })
	l.first = l.line()
	return l
}

func (l *loaded) line() string {
	l.out.Scan()
	return l.out.Text()
}

// figures asks for the processor time and the counters.
func (l *loaded) figures() (cpu time.Duration, counters []uint64) {
	fmt.Fprintln(l.in, "cpu")
	f := strings.Fields(l.line())
	for i, s := range f {
		var n uint64
		fmt.Sscan(s, &n)
		if i == 0 {
			cpu = time.Duration(n)
			continue
		}
		counters = append(counters, n)
	}
	return cpu, counters
}

// pour sends 50 packets a second to every port, spread over each 20 ms, and says
// how many it has sent.
func pour(b *testing.B, ports []int, for_ time.Duration) (sent uint64) {
	b.Helper()
	conns := make([]net.Conn, len(ports))
	for i, p := range ports {
		c, err := net.Dial("udp4", "127.0.0.1:"+itoa(p))
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
	}
	sound := tone(440, 20*time.Millisecond)
	const steps = 20
	begun := time.Now()
	for n := range int(for_ / (20 * time.Millisecond)) {
		for step := range steps {
			time.Sleep(time.Until(begun.Add(time.Duration(n)*20*time.Millisecond + time.Duration(step)*time.Millisecond)))
			for i := step; i < len(conns); i += steps {
				p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: uint16(n), Timestamp: uint32(n * 160), SSRC: uint32(i + 1)}, Payload: sound}
				if text, err := p.Marshal(); err == nil {
					if _, err := conns[i].Write(text); err == nil {
						sent++
					}
				}
			}
		}
	}
	time.Sleep(500 * time.Millisecond)
	return sent
}

// BenchmarkSiprec records calls of two streams at once in a process with one
// processor, and counts what was sent against what came. The bound is a process
// that does nothing but read and seal.
func BenchmarkSiprec(b *testing.B) {
	for b.Loop() {
		bare := startLoaded(b, "bare")
		var ports []int
		for p := range strings.SplitSeq(bare.first, ",") {
			var n int
			fmt.Sscan(p, &n)
			ports = append(ports, n)
		}
		before, _ := bare.figures()
		pour(b, ports, *benchFor)
		after, _ := bare.figures()
		bound := after - before

		l := startLoaded(b, "server")
		at, user, _ := strings.Cut(l.first, " ")
		calls := make([]*client, *benchCalls)
		ports = ports[:0]
		rang := time.Now()
		for i := range calls {
			c := dial(b, "tcp", at, user, nil)
			if i > 0 { // one connection for all, as recording clients have
				c.conn.Close()
				c.conn = calls[0].conn
			}
			if code, text := c.invite(c.offerOf(2, "", "sendonly")); code != 200 {
				b.Fatal(code, text)
			}
			calls[i], ports = c, append(ports, c.ports...)
		}
		b.ReportMetric(time.Since(rang).Seconds()*1000/float64(len(calls)), "ms/invite")
		before, _ = l.figures()
		sent := pour(b, ports, *benchFor)
		after, counters := l.figures()
		took := after - before
		b.ReportMetric(float64(sent), "sent")
		b.ReportMetric(float64(sent-counters[0]), "missing")
		b.ReportMetric(float64(counters[2]), "late")
		b.ReportMetric(100*took.Seconds()/benchFor.Seconds(), "%core")
		b.ReportMetric(1000*took.Seconds()/benchFor.Seconds()/float64(*benchCalls), "ms-CPU/s/call")
		b.ReportMetric(100*bound.Seconds()/benchFor.Seconds(), "bare-%core")
		b.ReportMetric(float64(took)/float64(bound), "siprec/bare")
		for _, c := range calls {
			if code, _ := c.bye(); code != 200 {
				b.Error("a call did not end")
			}
		}
	}
}

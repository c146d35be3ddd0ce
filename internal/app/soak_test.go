package app_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/app/apptest"
	"ringfence/internal/base/disk/disktest"
)

// A day of a customer with three telephone systems, lived in minutes: one pushes
// by SFTP, one has a collector beside it, one writes into a folder of the server.
// Meanwhile everything goes wrong that does go wrong in a year. In the end each
// call is captured exactly once, or somebody is told why not.
//
//	make test    600 calls
//	make soak    20,000 calls (scripts/soak.d/calls)
//
// Server and collector are processes of their own. The clock that is stepped is
// that of the telephone systems: their logs, names and file times. The machine's
// own clock is not touched, as other tests run beside this one.
var soakCalls = flag.Int("soak", 600, "calls of the day in TestADayOfCalls")

// soakDay is that customer, and all that its calls pass through.
type soakDay struct {
	*testing.T
	dir      string // on the disk that fills up: the server's and the collector's
	small    bool   // there is such a disk, and it is filled
	relay    *apptest.Relayed
	config   string
	web      string // address of the server's own listener
	proxies  map[string]*cutter
	server   *program
	box      *program
	watched  *watched
	cora     *apptest.Browser
	sam      *apptest.Browser
	customer string
	sources  map[way]string // their ids
	login    pushLogin
	folder   *telephoneSystem
	beside   *telephoneSystem // the collector's
	calls    []*soakCall
	sent     chan *soakCall // to be pushed by SFTP
	pushed   sync.WaitGroup
	heard    *refusals
	tried    atomic.Int64 // attempts to push
}

func TestADayOfCalls(t *testing.T) {
	d := &soakDay{T: t, proxies: map[string]*cutter{}, sources: map[way]string{}, heard: &refusals{said: map[string]int{}}}
	d.dir = t.TempDir()
	if err := disktest.Mount(t, d.dir, 1536<<20); err != nil {
		t.Logf("no disk is filled, as none can be mounted: %v", err)
	} else {
		d.small = true
	}
	d.begin()
	d.calls = callsOfADay(time.Now(), *soakCalls)
	d.live()
	d.settle()
	d.account()
	d.watched.flat(t, *soakCalls)
}

// soakPace is how many calls there are in a second: a day of 20,000 takes four minutes.
const soakPace = 80

// live lets the calls come, in the order of their ends, and the faults between them.
func (d *soakDay) live() {
	d.Helper()
	faults := []struct {
		at   float64 // part of the day
		what func()
	}{
		{0.15, d.serverDies},
		{0.25, d.diskFills},
		{0.35, d.serverDies},
		{0.45, d.boxDies},
		{0.50, d.rotate},
		{0.55, d.serverDies},
		{0.65, d.rotateByCopy},
	}
	d.sent = make(chan *soakCall, len(d.calls))
	for range 8 {
		d.pushed.Go(d.pusher)
	}
	stop := make(chan struct{})
	var cutting, acting sync.WaitGroup
	cutting.Go(func() { d.cutConnections(stop) })
	due := make(chan func(), len(faults))
	acting.Go(func() {
		for what := range due { // one after the other, while calls go on
			what()
		}
	})
	begin, next := time.Now(), 0
	for i, c := range d.calls {
		part := float64(i) / float64(len(d.calls))
		for ; next < len(faults) && part >= faults[next].at; next++ {
			what := faults[next].what
			if next == 4 || next == 6 { // what the telephone system does between two calls
				what()
				continue
			}
			due <- what
		}
		time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / soakPace)))
		d.watched.reached(part)
		d.happens(c)
	}
	close(due)
	acting.Wait()
	close(d.sent)
	d.pushed.Wait()
	close(stop)
	cutting.Wait()
	d.Logf("%d calls in %v; %d connections cut", len(d.calls), time.Since(begin).Round(time.Second), d.proxies["sftp"].cuts()+d.proxies["http"].cuts())
}

// happens has a call end where it was made.
func (d *soakDay) happens(c *soakCall) {
	switch c.way {
	case bySFTP:
		d.sent <- c
	case byCollector:
		apptest.No(d, d.beside.record(c))
	case byFolder:
		apptest.No(d, d.folder.record(c))
	}
}

// serverDies is a power cut of the server, which starts again at once.
func (d *soakDay) serverDies() {
	d.server.kill()
	d.server.run()
	d.ready()
}

// boxDies is the same of the collector.
func (d *soakDay) boxDies() {
	d.box.kill()
	d.box.run()
}

// diskFills leaves no byte on the disk of server and collector for some seconds.
func (d *soakDay) diskFills() {
	if !d.small {
		return
	}
	before := int64(0)
	apptest.No(d, fill(d.dir, 4*time.Second, func() { before = d.tried.Load() }))
	tried, told := d.tried.Load()-before, d.heard.count("disk")
	d.Logf("the disk was full: of %d attempts to push %d were told so", tried, told)
	if told == 0 && tried > 50 { // some are cut off before they hear it; on a slow machine all calls may have been sent by then
		d.Error("nobody who pushed was told that the disk is full")
	}
}

func (d *soakDay) rotate() {
	apptest.No(d, d.folder.rotate())
	apptest.No(d, d.beside.rotate())
}

func (d *soakDay) rotateByCopy() {
	apptest.No(d, d.folder.rotateByCopy())
	apptest.No(d, d.beside.rotateByCopy())
}

// cutConnections tears what is open, every second, in the middle of what it does.
func (d *soakDay) cutConnections(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Second):
		}
		for _, p := range d.proxies {
			p.cut()
		}
	}
}

// settle waits until nothing is under way any more. A recording that its log was
// read before waits two minutes for another line.
func (d *soakDay) settle() {
	d.Helper()
	want := 0
	for _, c := range d.calls {
		if c.fate == kept {
			want++
		}
	}
	begin, last, since := time.Now(), -1, time.Now()
	for time.Since(since) < 150*time.Second {
		var u struct{ Recordings, Unverified int }
		d.cora.Must(200, "GET", "/api/v1/customers/"+d.customer+"/usage", nil, &u)
		if u.Recordings >= want && u.Unverified == 0 {
			break
		}
		if u.Recordings != last {
			last, since = u.Recordings, time.Now()
		}
		time.Sleep(500 * time.Millisecond)
	}
	d.Logf("after %v nothing is under way", time.Since(begin).Round(time.Second))
	d.box.stop()
	d.box.args = append(d.box.args, "--once", "--wait", "60s") // says what it has not said yet, and ends
	d.box.run()
	d.box.wait(leftSome) // what is damaged and in no log waits longer than this run does
}

// leftSome is the exit code of a collector that ended while files waited for their
// logs.
const leftSome = 3

// program is a process that is killed and started again.
type program struct {
	*testing.T
	name string
	args []string
	log  string
	mu   sync.Mutex
	cmd  *exec.Cmd
}

func (d *soakDay) program(name string, args ...string) *program {
	p := &program{T: d.T, name: name, args: args, log: filepath.Join(d.TempDir(), name+".log")}
	d.Cleanup(func() {
		if cmd := p.current(); cmd != nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
		if d.Failed() {
			d.Logf("the end of the log of %s:\n%s", name, tail(p.log))
		}
	})
	return p
}

func (p *program) current() *exec.Cmd {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd
}

// pid is zero while it does not run.
func (p *program) pid() int {
	if cmd := p.current(); cmd != nil {
		return cmd.Process.Pid
	}
	return 0
}

func (p *program) run() {
	p.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	apptest.No(p, err)
	defer log.Close()
	cmd := exec.Command("ringfence", p.args...)
	cmd.Stdout, cmd.Stderr = log, log
	apptest.No(p, cmd.Start())
	p.mu.Lock()
	p.cmd = cmd
	p.mu.Unlock()
}

// taken is the process, which nobody watches any more.
func (p *program) taken() *exec.Cmd {
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd := p.cmd
	p.cmd = nil
	return cmd
}

func (p *program) kill() {
	p.Helper()
	cmd := p.taken()
	apptest.No(p, cmd.Process.Signal(syscall.SIGKILL))
	_ = cmd.Wait() // it was killed, and says so
}

func (p *program) stop() {
	p.Helper()
	cmd := p.taken()
	apptest.No(p, cmd.Process.Signal(syscall.SIGTERM))
	if err := cmd.Wait(); err != nil {
		p.Errorf("%s, told to stop: %v", p.name, err)
	}
}

// wait waits for the end, which is well with exit code 0 or one of those allowed.
func (p *program) wait(allowed ...int) {
	p.Helper()
	cmd := p.taken()
	late := time.AfterFunc(5*time.Minute, func() { cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil && !slices.Contains(allowed, cmd.ProcessState.ExitCode()) {
		p.Fatalf("%s: %v", p.name, err)
	}
}

// wellDone are lines of the collector about what went well.
var wellDone = regexp.MustCompile(`(?m)^.*"event":"(sealed|uploading|stored|verified|away)".*\n`)

// tail is the end of a log without what went well.
func tail(file string) string {
	b, _ := os.ReadFile(file)
	lines := strings.SplitAfter(string(wellDone.ReplaceAll(apptest.Quiet.ReplaceAll(b, nil), nil)), "\n")
	return strings.Join(lines[max(0, len(lines)-80):], "")
}

// fill leaves nothing of a disk for some time from the moment that it is full, which
// begins is told of, also of what others give free meanwhile. It takes piece by piece: one that others leave
// no room for is given back whole.
func fill(dir string, lasting time.Duration, begins func()) error {
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	const little = 64 << 10
	var full time.Time
	for size := int64(0); full.IsZero() || time.Since(full) < lasting; {
		var st syscall.Statfs_t
		if err := syscall.Statfs(dir, &st); err != nil {
			return err
		}
		n := int64(st.Bavail) * st.Bsize
		if n <= little && full.IsZero() {
			full = time.Now()
			begins()
		}
		if n > little {
			n /= 2
		}
		if n == 0 || syscall.Fallocate(int(f.Fd()), 0, size, n) != nil {
			time.Sleep(time.Millisecond)
			continue
		}
		size += n
	}
	return nil
}

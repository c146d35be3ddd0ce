package sftp_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/archive/intake"
	"ringfence/internal/edge/sftp"
)

// BenchmarkIntake sends one file by Debian's sftp to this server and, in the
// same run, to OpenSSH's: that is the bound.
func BenchmarkIntake(b *testing.B) {
	w := newWorld(b, func(_ *sftp.Options, i *intake.Options) { i.Bytes = 100 << 30 })
	const size = 256 << 20
	w.file("large.bin", size)
	sshd := w.openSSHD()
	for b.Loop() {
		ours, theirs := time.Duration(1<<62), time.Duration(1<<62)
		for range 3 {
			begin := time.Now()
			if out, err := w.openssh("put large.bin\n", "-q"); err != nil {
				b.Fatal(err, out)
			}
			ours = min(ours, time.Since(begin))
			begin = time.Now()
			_, port, _ := net.SplitHostPort(sshd)
			if out, err := w.try("put large.bin copy.bin\n", "sftp", "-q", "-b", "-", "-P", port, "-i", w.key, "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "root@127.0.0.1:"+w.dir); err != nil {
				b.Fatal(err, out)
			}
			theirs = min(theirs, time.Since(begin))
		}
		b.ReportMetric(size/1e6/ours.Seconds(), "MB/s")
		b.ReportMetric(size/1e6/theirs.Seconds(), "OpenSSH-MB/s")
		b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
	}
}

// openSSHD starts a throwaway server of OpenSSH.
func (w *world) openSSHD() string {
	w.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	host := filepath.Join(w.dir, "sshd.key")
	w.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host)
	conf := fmt.Sprintf("ListenAddress %s\nPort %s\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nPidFile none\nUsePAM no\nPermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n", "127.0.0.1", port, host, w.key+".pub")
	if err := os.WriteFile(filepath.Join(w.dir, "sshd.conf"), []byte(conf), 0o600); err != nil {
		w.Fatal(err)
	}
	_ = os.MkdirAll("/run/sshd", 0o755) // it refuses to start without; where it cannot be made, it says so
	c := exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", filepath.Join(w.dir, "sshd.conf"))
	if err := c.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { c.Process.Kill(); c.Wait() })
	for range 100 {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return address
		}
		time.Sleep(20 * time.Millisecond)
	}
	w.Fatal("sshd does not listen")
	return ""
}

// BenchmarkSources has two hundred sources push at once and reports what the
// process, clients and all, needs of memory.
func BenchmarkSources(b *testing.B) {
	w := newWorld(b, func(o *sftp.Options, i *intake.Options) { o.PerSource = 300 })
	body := make([]byte, 1<<20)
	for b.Loop() {
		var all sync.WaitGroup
		begin := make(chan struct{})
		var ready sync.WaitGroup
		for i := range 200 {
			ready.Add(1)
			all.Go(func() {
				s, _, err := w.connect()
				ready.Done()
				if err != nil {
					b.Error(err)
					return
				}
				defer s.Close()
				<-begin
				f, err := s.Create(strconv.Itoa(i) + ".wav")
				if err == nil {
					if _, err = f.Write(body); err == nil {
						err = f.Close()
					}
				}
				if err != nil {
					b.Error(err)
				}
			})
		}
		ready.Wait()
		close(begin)
		all.Wait()
		b.ReportMetric(200/b.Elapsed().Seconds(), "files/s")
		b.ReportMetric(float64(peak()), "RSS-MiB")
		b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
	}
}

// peak is the most memory that this process ever held, in MiB.
func peak() int {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.Atoi(strings.Fields(rest)[0])
			return n >> 10
		}
	}
	return 0
}

package capture

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// busyDay is 20,000 calls in a day: 40,000 CDR rows and 300,000 CEL rows, with up to a hundred calls at once.
func busyDay() *pbx {
	from := time.Date(2024, 11, 22, 0, 0, 0, 0, time.UTC)
	p := newPBX(from)
	for i := range busyCalls {
		p.at = from.Add(time.Duration(i) * 86_000 * time.Second / busyCalls)
		talks := time.Duration(20+i*7919%400) * time.Second
		p.queued([]string{"care", "sales", "support"}[i%3], fmt.Sprintf("07700%06d", i*31%900_000), "01614960516", fmt.Sprint(200+i%80), fmt.Sprintf("Agent %d", i%80), time.Duration(1+i%9)*time.Second, talks)
	}
	return p
}

const busyCalls = 20_000

// BenchmarkJoinBusyDay joins the logs of a busy day: at most 20 s of processor time and 300 MiB.
func BenchmarkJoinBusyDay(b *testing.B) {
	dir := b.TempDir()
	p := busyDay()
	cdrs, cels := len(p.rows[kindCDR]), len(p.rows[kindCEL])
	p.write(b, dir)
	p = nil
	runtime.GC()
	opt := Options{Profile: "asterisk", Folder: b.TempDir(), Logs: dir, DryRun: true}
	var peak uint64
	var spent time.Duration
	for b.Loop() {
		profile := newAsterisk(mustCheck(b, opt))
		calls, began := 0, busy(b)
		problems, err := profile.poll(b.Context(), time.Now(), func(c Call) {
			if calls++; calls%500 == 0 {
				peak = max(peak, inUse())
			}
			if !c.Ended || c.Disposition != Answered || len(c.Agents) != 1 {
				b.Fatalf("%+v", c)
			}
		})
		spent = busy(b) - began
		if err != nil || len(problems) != 0 || calls != busyCalls {
			b.Fatalf("%d calls, %d problems, %v", calls, len(problems), err)
		}
	}
	b.ReportMetric(spent.Seconds(), "cpu-s/day")
	b.ReportMetric(float64(peak)/(1<<20), "MiB")
	b.ReportMetric(float64(cdrs), "CDR-rows")
	b.ReportMetric(float64(cels), "CEL-rows")
	if spent > 20*time.Second || peak > 300<<20 {
		b.Fatalf("%v and %d MiB: more than 20 s or 300 MiB", spent, peak>>20)
	}
}

// busy is the processor time of this process: other work on the machine must not decide whether a bound holds.
func busy(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func inUse() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

func mustCheck(b *testing.B, opt Options) Options {
	if err := opt.check(); err != nil {
		b.Fatal(err)
	}
	opt.Zone = time.UTC
	opt.StillFor = 2 * time.Minute
	return opt
}

// BenchmarkJoinOneMoreCall appends one call to the logs of a busy day that were read already, and reads that: at most 100 ms.
func BenchmarkJoinOneMoreCall(b *testing.B) {
	dir, folder := b.TempDir(), b.TempDir()
	day := busyDay()
	day.write(b, dir)
	profile := newAsterisk(mustCheck(b, Options{Profile: "asterisk", Folder: folder, Logs: dir}))
	now := time.Now()
	for told := 1; told > 0; {
		told = 0
		if _, err := profile.poll(b.Context(), now, func(c Call) {
			told++
			profile.Done(c.ID)
		}); err != nil {
			b.Fatal(err)
		}
	}
	at, number := day.at, day.number
	day = nil
	more := newPBX(at.Add(time.Minute))
	more.number = number
	var worst time.Duration
	for b.Loop() {
		b.StopTimer()
		more.rows = [3][]stampedRow{}
		in := more.queued("care", "01614960152", "01614960516", "204", "Agent 204", 2*time.Second, time.Minute)
		more.wait(time.Second)
		for k, name := range map[logKind]string{kindCEL: "cel-custom/Master.csv", kindCDR: "cdr-csv/Master.csv", kindQueue: "queue_log"} {
			if err := appendTo(filepath.Join(dir, name), []byte(more.text(k))); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("q-care-01614960152-20241122-235900-%s.wav", in.uid)), wav(1, 1), 0o644); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		got, began := 0, busy(b)
		if _, err := profile.poll(b.Context(), now, func(c Call) {
			if c.ID == in.uid && c.Ended && len(c.Files) == 1 && c.Files[0].State == Complete {
				got++
			}
		}); err != nil || got != 1 {
			b.Fatalf("told %d times: %v", got, err)
		}
		worst = max(worst, busy(b)-began)
		profile.Done(in.uid)
	}
	b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
	if worst > 100*time.Millisecond {
		b.Fatalf("%v for one more call", worst)
	}
}

// Package metrics gives figures to whoever watches the installation, in the
// format of OpenMetrics, on a listener of its own.
//
// Labels are constants of the code: patterns of routes, kinds of jobs, outcomes.
// No label carries a name, an address, a number or an id, so that what a
// monitoring system stores is nobody's data; a figure for each customer is not
// given at all, which also bounds the number of series. What a part wants shown
// it registers with Gauge, Counter or GaugeBy: figures are read when they are
// asked for and cost nothing until then.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ringfence/internal/base/secret"
)

// prefix keeps our figures apart from those of others.
const prefix = "ringfence_"

// mostSeries bounds what one GaugeBy gives: what is beyond is summed as "other".
const mostSeries = 50

// Metrics is all figures of one process. Its methods are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	jobs     *prometheus.HistogramVec
	webhooks *prometheus.HistogramVec
	egress   *prometheus.HistogramVec
	captures *prometheus.CounterVec
	sound    prometheus.Counter
}

// New makes them; version says which program it is.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.requests = m.histogram("http_request_seconds", "How long requests took, by the pattern of their route.", []float64{.005, .02, .1, .5, 2, 10}, "route", "method", "status")
	m.jobs = m.histogram("job_seconds", "How long jobs ran, by kind and how they ended.", []float64{.01, .1, 1, 10, 60, 600}, "kind", "outcome")
	m.webhooks = m.histogram("webhook_seconds", "How long receivers of webhooks took to answer.", []float64{.05, .2, 1, 5, 15}, "event", "outcome")
	m.egress = m.histogram("egress_seconds", "How long others' servers took to answer, by what they were asked for.", []float64{.05, .2, 1, 5, 30, 300}, "engine", "outcome")
	m.captures = prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "captured_total", Help: "Recordings taken in since the start."}, []string{"replaced"})
	m.sound = prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + "captured_sound_seconds_total", Help: "Sound taken in since the start."})
	m.registry.MustRegister(m.captures, m.sound)
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + "build", Help: "Which program runs.", ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()}})
	info.Set(1)
	m.registry.MustRegister(info)
	return m
}

func (m *Metrics) histogram(name, help string, bounds []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: bounds}, labels)
	m.registry.MustRegister(h)
	return h
}

// Request counts one request; route is the pattern, never the path.
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	if _, path, ok := strings.Cut(route, " "); ok {
		route = path
	}
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, known(method), strconv.Itoa(status/100)+"xx").Observe(took.Seconds())
}

// known keeps callers from inventing methods, each of which would be a series.
func known(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// Job counts one run of a job.
func (m *Metrics) Job(kind, outcome string, took time.Duration) {
	m.jobs.WithLabelValues(kind, outcome).Observe(took.Seconds())
}

// Webhook counts one attempt.
func (m *Metrics) Webhook(event, outcome string, took time.Duration) {
	m.webhooks.WithLabelValues(event, outcome).Observe(took.Seconds())
}

// Egress counts one request that left for somebody else's server.
func (m *Metrics) Egress(engine, outcome string, took time.Duration) {
	m.egress.WithLabelValues(engine, outcome).Observe(took.Seconds())
}

// Captured counts one recording.
func (m *Metrics) Captured(length time.Duration, replaced bool) {
	m.captures.WithLabelValues(strconv.FormatBool(replaced)).Inc()
	m.sound.Add(length.Seconds())
}

// Gauge shows a figure that goes up and down. The name has no prefix yet.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: prefix + name, Help: help}, read))
}

// Counter shows a figure that only goes up while the program runs. OpenMetrics
// wants the name of such a one to end with _total, which is added.
func (m *Metrics) Counter(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: prefix + name + "_total", Help: help}, read))
}

// GaugeBy shows a figure for each value of one label: kinds, states, parts;
// nothing that people chose. Beyond fifty values the rest is "other".
func (m *Metrics) GaugeBy(name, help, label string, read func() map[string]float64) {
	m.registry.MustRegister(&family{prometheus.NewDesc(prefix+name, help, []string{label}, nil), read})
}

type family struct {
	desc *prometheus.Desc
	read func() map[string]float64
}

// Describe implements prometheus.Collector.
func (f *family) Describe(to chan<- *prometheus.Desc) { to <- f.desc }

// Collect implements prometheus.Collector.
func (f *family) Collect(to chan<- prometheus.Metric) {
	other, n := 0.0, 0
	for value, x := range f.read() {
		if n++; n > mostSeries {
			other += x
			continue
		}
		to <- prometheus.MustNewConstMetric(f.desc, prometheus.GaugeValue, x, value)
	}
	if n > mostSeries {
		to <- prometheus.MustNewConstMetric(f.desc, prometheus.GaugeValue, other, "other")
	}
}

// Handler answers GET /metrics, and nothing else. With a token, only who shows
// it as a bearer is answered.
func (m *Metrics) Handler(token secret.Text, log *slog.Logger) http.Handler {
	give := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: 4, Timeout: 20 * time.Second, ErrorHandling: promhttp.ContinueOnError,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !token.IsZero() && (!strings.EqualFold(scheme, "Bearer") || !token.Equal(secret.NewText(strings.TrimSpace(shown)))) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "show the token of metrics.token_file", http.StatusUnauthorized)
			return
		}
		give.ServeHTTP(w, r)
	})
	return mux
}

// Soon keeps what is dear to read for a while, so that many who ask cost no more
// than one. The read gets a context with a limit.
func Soon[T any](keep time.Duration, now func() time.Time, read func(ctx context.Context) T) func() T {
	type kept struct {
		at    time.Time
		value T
	}
	turn := make(chan *kept, 1)
	turn <- nil
	return func() T {
		last := <-turn
		if last == nil || now().Sub(last.at) >= keep {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			last = &kept{now(), read(ctx)}
		}
		turn <- last
		return last.value
	}
}

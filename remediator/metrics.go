package remediator

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/makegood/makegood/remediator/ingest"
)

// scrapeTimeout bounds how long a scrape reads the stores.
const scrapeTimeout = 5 * time.Second

// metrics answers with what a service has counted, in Prometheus' text format. It
// counts nothing itself: a scrape reads the parts that do. No metric has a label, so
// that no emitter can make many of one.
func (s *Service) metrics(events *ingest.Handler) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&scrape{service: s, events: events})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// scrape reads a service for one answer.
type scrape struct {
	service *Service
	events  *ingest.Handler
}

// metric describes one number of a service.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value float64
}

// Describe implements prometheus.Collector. It says nothing: what there is, is read.
func (c *scrape) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *scrape) Collect(found chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	stored, err := c.stored(ctx)
	for _, m := range append(c.counted(), stored...) {
		found <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value)
	}
	if err != nil {
		found <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
	}
}

func count(name, help string, n uint64) metric {
	return metric{prometheus.NewDesc("makegood_"+name, help, nil, nil), prometheus.CounterValue, float64(n)}
}

func gauge(name, help string, value float64) metric {
	return metric{prometheus.NewDesc("makegood_"+name, help, nil, nil), prometheus.GaugeValue, value}
}

// counted is what the running service knows by itself.
func (c *scrape) counted() []metric {
	in := c.events.Stats()
	ready := 0.0
	if c.service.readiness() == nil {
		ready = 1
	}
	leads := 0.0
	if c.service.decider.leads.Load() {
		leads = 1
	}
	signIns, wrong := c.service.console.SignIns()
	return []metric{
		count("sign_ins_total", "Sign-ins to the console since the start.", signIns),
		count("sign_ins_refused_total", "Tries to sign in that came to nothing.", wrong),
		gauge("ready", "1 when the service takes events.", ready),
		gauge("leads", "1 on the node that decides.", leads),
		gauge("folded_inputs", "Inputs of the log that this node has folded, its own decisions or another's.", float64(c.service.decider.folded.Load())),
		count("ingest_requests_total", "Requests with events that were answered.", in.Requests),
		count("ingest_refused_total", "Requests with events that were refused as a whole.", in.Refused),
		count("ingest_events_accepted_total", "Events that are durable, repeats included.", in.Accepted),
		count("ingest_events_rejected_total", "Events that were refused one by one.", in.Rejected),
		count("ingest_bytes_total", "Bytes of bodies with events, after decompression.", in.Bytes),
		gauge("sdk_clients", "Clients of the SDK that are remembered.", float64(c.service.decider.clients.Load())),
	}
}

// stored is what the stores know.
func (c *scrape) stored(ctx context.Context) ([]metric, error) {
	s := c.service
	head, err := s.log.Head(ctx)
	if err != nil {
		return nil, err
	}
	at, err := s.ledger.Position(ctx)
	if err != nil {
		return nil, err
	}
	unsettled, err := s.ledger.Unsettled(ctx)
	if err != nil {
		return nil, err
	}
	gaps, err := s.ledger.Gaps(ctx)
	if err != nil {
		return nil, err
	}
	totals, err := s.ledger.Totals(ctx)
	if err != nil {
		return nil, err
	}
	var windows, parts uint64
	for _, l := range totals.WindowsLost {
		windows, parts = windows+l.Windows, parts+l.Parts
	}
	missing := 0.0
	for _, g := range gaps {
		missing += float64(g.Missing)
	}
	return []metric{
		count("decided_inputs_total", "Inputs of the log that were decided, since it began.", at.Ordinal),
		gauge("decided_log_time_seconds", "Log time of the last input that was decided, since the Unix epoch.", float64(at.At)/float64(time.Second)),
		gauge("decide_lag_records", "Records of the log that are not decided yet.", float64(max(head, at.Record)-at.Record)),
		gauge("actions_unsettled", "Actions without a final outcome.", float64(unsettled)),
		count("windows_forgotten_total", "Windows of keys that were forgotten before their time, because a rule had too many.", windows),
		count("window_parts_forgotten_total", "Parts of windows that were forgotten before their time, because there were too many.", parts),
		gauge("sdk_gaps", "Clients of the SDK that accepted events which did not come.", float64(len(gaps))),
		gauge("sdk_events_missing", "Events that clients of the SDK accepted and that did not come.", missing),
	}, nil
}

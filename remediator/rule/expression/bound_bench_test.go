package expression_test

import (
	"testing"
	"time"
)

// BenchmarkBound evaluates conditions by closures, and as a ratio how much
// longer CEL takes for the same over maps that are decoded already.
func BenchmarkBound(b *testing.B) {
	const raw = `{"specversion":"1.0","id":"1","source":"/s","type":"com.example.ab","customer":"c-1","data":{"n":3,"h":0.5,"s":"ab","paid":"10.01 USD","at":"2026-03-01T09:00:00Z","ip":"10.1.2.3","yes":true,` +
		`"deep":{"a":{"b":1}}}}`
	s := newSetting(b)
	for name, text := range map[string]string{
		"text-equal": "data.s == 'ab'", "text-other": "data.s == 'x'", "in": "data.s in ['a', 'b', 'ab']", "range": "data.n > 1", "deep": "data.deep.a.b >= 1", "prefix": "data.s.startsWith('a')",
		"two": "data.s == 'ab' && data.n > 1", "ratio": "data.n / data.h > 0.1", "optional": "data.?gone.orValue('') != 'x'", "fold": "data.s.lowerAscii() == 'ab'",
		"time": "timestamp(data.at) - timestamp('2026-03-01T08:00:00Z') >= duration('15m')", "money": "money(data.paid) > money('5.00 USD')", "network": "cidr('10.0.0.0/8').containsIP(data.ip)",
		"absent": "data.gone == 'a'", "exists": "[1, 2].exists(x, x > data.n)",
	} {
		b.Run(name, func(b *testing.B) {
			p, issues := s.scope.Compile(text, nil)
			if issues != nil {
				b.Fatal(issues)
			}
			both := newSides(b, s, p)
			decoded := both.read(b, raw, nil)
			bound := p.Bind(both.plan)
			frame := &both.frame
			const rounds = 20_000
			begin := time.Now()
			for range rounds {
				_, _ = p.Eval(decoded)
			}
			cel := float64(time.Since(begin).Nanoseconds()) / rounds
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				frame.Enter(both.bound)
				bound.Truth(frame)
			}
			perOp := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			b.ReportMetric(cel/perOp, "times-faster-than-cel")
		})
	}
}

package event_test

import (
	"bytes"
	"testing"

	"github.com/makegood/makegood/remediator/event"
)

// sample is an event of the usual size, about 550 bytes.
const sample = `{"specversion":"1.0","id":"0190a1b2-7e4f-7c3a-9d5e-4f1a2b3c4d5e","source":"/video/playback","type":"com.example.video.playback.finished","subject":"rental/77120934","customer":"c-48211","time":"2026-01-02T03:04:05.678901Z","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","data":{"rental":"r-77120934","title":"Casablanca","payment":"pi_3MtwBwLkdIwHu7ix28a3tqPa","paid":"2.99 USD","watch_s":6120.5,"stall_s":912.25,"stalls":14,"user_pauses":2,"device":"tv","region":"eu-central","bitrates":[800,1200,2400],"player":{"name":"web","version":"4.12.1"}}}`

func BenchmarkDecode(b *testing.B) {
	raw := []byte(sample)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	raw := []byte(sample)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Check(raw, event.MaxBytes); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeData(b *testing.B) {
	e, err := event.Decode([]byte(sample))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(e.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.DecodeData(e.Data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkView reads the sample with plans of eight paths and of one; Floor is
// what it costs to touch each byte once, Check what it costs to judge the event.
func BenchmarkView(b *testing.B) {
	eight := [][]string{
		{"data", "rental"}, {"data", "payment"}, {"data", "paid"}, {"data", "watch_s"},
		{"data", "stall_s"}, {"data", "stalls"}, {"data", "user_pauses"}, {"data", "device"},
	}
	for _, plan := range []struct {
		name  string
		paths [][]string
	}{{"Paths8", eight}, {"Paths1", eight[5:6]}} {
		b.Run(plan.name, func(b *testing.B) {
			wanted := event.NewPlan(plan.paths)
			benchmarkView(b, func([]byte) *event.Plan { return wanted })
		})
	}
	b.Run("Nothing", func(b *testing.B) { benchmarkView(b, nil) })
	b.Run("Check", BenchmarkCheck)
	b.Run("Floor", func(b *testing.B) {
		raw := []byte(sample)
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			if bytes.IndexByte(raw, 0) >= 0 {
				b.Fatal("the sample has a NUL")
			}
		}
	})
}

func benchmarkView(b *testing.B, planFor func([]byte) *event.Plan) {
	raw := []byte(sample)
	var view event.View
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if err := view.Read(raw, planFor); err != nil {
			b.Fatal(err)
		}
	}
}
